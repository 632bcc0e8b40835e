//! `mcp-fastd migrate CONFIG`: from HTTP+SSE to Streamable HTTP.
//!
//! ```text
//!   CONFIG ──▶ edits ──▶ the same file without HTTP+SSE
//!     │ where it listens
//!     ▼
//!   /metrics ──▶ who still comes the old way ──▶ what each would gain, as measured
//! ```

mod clients;
mod edits;
mod measured;
mod usage;
mod write;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mcp_fastd::config::file::{RawConfig, Settings};

use super::Problem;

const HELP: &str = "\
Examples:
  mcp-fastd migrate fastd.toml                    Write fastd.streamable.toml, and say what follows
  mcp-fastd migrate fastd.toml --output -         The new settings to standard output
  mcp-fastd migrate fastd.toml --metrics old.txt  Count clients in what /metrics said last week
  mcp-fastd migrate claude_desktop_config.json    A client's file: entries of type sse become http

Settings of HTTP+SSE become those of Streamable HTTP: paths, limits and time-outs; all else stays
as it is, comments included. Who still uses HTTP+SSE is asked of the server that runs with CONFIG,
at /metrics. CONFIG itself is not changed.

Exit codes: 0 done, 1 failed, 2 wrong arguments.";

#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct MigrateArguments {
    /// The configuration: a server's (.toml or .json), or a client's (.json with `mcpServers`)
    pub(crate) config: PathBuf,
    /// Where to write; `-` is standard output [default: beside CONFIG, as NAME.streamable.ENDING]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// What a server counted: the URL of its /metrics (http://…), or a file [default: of the server
    /// that listens where CONFIG says]
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) metrics: Option<String>,
}

/// Translates, writes, and reports.
pub(crate) fn migrate(arguments: &MigrateArguments) -> Result<ExitCode, Problem> {
    let config = &arguments.config;
    let text = std::fs::read_to_string(config)
        .map_err(|error| Problem(format!("cannot read {}: {error}", config.display())))?;
    let (written, report) = match clients::translate(config, &text) {
        Some(translated) => translated?,
        None => of_a_server(arguments, &text)?,
    };
    if arguments.output.as_deref() == Some(Path::new("-")) {
        let mut out = std::io::stdout().lock();
        out.write_all(written.as_bytes()).and_then(|()| out.flush())?;
        eprint!("{report}");
        return Ok(ExitCode::SUCCESS);
    }
    let output = arguments.output.clone().unwrap_or_else(|| beside(config));
    save(&output, &written, arguments.force)?;
    super::say(&format!("Wrote {}.\n\n{report}", output.display()));
    Ok(ExitCode::SUCCESS)
}

/// `fastd.toml` → `fastd.streamable.toml`.
fn beside(config: &Path) -> PathBuf {
    let ending = config.extension().unwrap_or_default().to_string_lossy();
    config.with_extension(format!("streamable.{ending}"))
}

fn save(output: &Path, text: &str, force: bool) -> Result<(), Problem> {
    let mut options = std::fs::File::options();
    options.write(true).create(true);
    match force {
        true => options.truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(output).and_then(|mut file| {
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "; --force writes over it, --output elsewhere",
            _ => "",
        };
        Problem(format!("cannot write {}: {error}{hint}", output.display()))
    })
}

/// The new settings, and what follows from them.
fn of_a_server(arguments: &MigrateArguments, text: &str) -> Result<(String, String), Problem> {
    let raw = RawConfig::read(&arguments.config)?;
    if raw.http_sse.enabled == Some(false) {
        let problem = "http_sse.enabled is false already: nothing to do";
        return Err(Problem(format!("{}: {problem}", arguments.config.display())));
    }
    let edits = edits::of(&raw);
    let written = write::apply(&edits, &arguments.config, text)?;
    // What was written has to be understood, and to mean what was meant.
    let Settings { config: new, .. } = write::read(&arguments.config, &written)?.settled()?;
    new.check().map_err(Problem)?;
    let Settings { config: old, .. } = raw.settled()?;
    let mut report = String::new();
    // A text cannot refuse to be written to.
    let _ = writeln!(report, "On the server:");
    for edit in &edits {
        let _ = writeln!(report, "  {edit}");
    }
    let scheme = if old.tls.is_on() { "https" } else { "http" };
    let base = format!("{scheme}://{}", super::greeting::reachable(old.bind));
    let from = format!("{base}{}", old.http_sse.sse_endpoint);
    let to = format!("{base}{}", new.path);
    report.push_str(&clients::advice(&from, &to));
    let source = arguments.metrics.clone().unwrap_or_else(|| format!("{base}/metrics"));
    let measured = measured::figures();
    match usage::read(&source) {
        Ok(usage) => report.push_str(&usage::report(&usage, &source, measured.as_ref())),
        Err(problem) => {
            let _ = writeln!(
                report,
                "\nWho still uses HTTP+SSE is not known: {source}: {problem}\n\
                 (run this while the server runs, or name what it said with --metrics)"
            );
        }
    }
    report.push_str(&measured::report(measured.as_ref()));
    Ok((written, report))
}
