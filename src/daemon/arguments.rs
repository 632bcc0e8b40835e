//! The command line. What clap refuses ends with exit code 2 and says what was expected.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

use clap::{Args, Parser, Subcommand};
use mcp_fastd::config::file;
use mcp_fastd::{LogFormat, Transports, limits};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::check::CheckArguments;
use super::connect::ConnectArguments;
use super::health::HealthArguments;
use super::install::InstallArguments;
use super::key::KeyArguments;
use super::migrate::MigrateArguments;

const EXAMPLES: &str = "\
Examples:
  mcp-fastd                                 Serve this project's own documentation
  mcp-fastd import library.db ~/notes       Put a folder into a dataset (again: only what changed)
  mcp-fastd library.db                      Serve it on http://127.0.0.1:8080/mcp
  mcp-fastd --bind 127.0.0.1:0 library.db   Take a free port; the first line says which
  mcp-fastd --config fastd.toml             Take settings from a file
  mcp-fastd --transport stdio library.db    Serve the client that starts this program
  mcp-fastd --bind 0.0.0.0:8080 --public-url https://mcp.example.com library.db
                                            Serve other machines, which call it by this name

Settings come from flags, then from the environment (MCP_FASTD__BIND=127.0.0.1:9000,
MCP_FASTD__HTTP__BODY_BYTES_MAX=1048576), then from the file; the first that says something wins.
A file in TOML:

  dataset = \"library.db\"
  bind = \"127.0.0.1:8080\"
  cores = 2
  idle_timeout = \"75s\"
  allowed_origins = [\"https://app.example\"]

  [http]
  body_bytes_max = 4194304

  [tls]
  cert = \"fastd.pem\"
  key = \"fastd.key\"

A certificate for this machine, to try HTTPS with (clients must be told to trust fastd.pem):
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \\
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \\
    -addext basicConstraints=critical,CA:FALSE \\
    -keyout fastd.key -out fastd.pem

`mcp-fastd check fastd.toml` says all that is wrong with such a file.

Signals: TERM and INT finish what is under way and end, within shutdown_grace; a second one ends at
once. HUP reads the settings again (what needs a restart is logged; a broken file changes nothing).
USR1 opens the files of logs again. USR2 starts the program again with the same arguments, and
hands the sockets over to it without losing a request. Under systemd, Type=notify, the watchdog and
socket activation are served.

Exit codes: 0 stopped by a signal (or by the end of standard input, where that is served), 1 could
not start, or left lines of a log unwritten, 2 wrong arguments.";

const IMPORT_HELP: &str = "\
Examples:
  mcp-fastd import library.db ~/notes README.md
  mcp-fastd import --prune library.db ~/notes   Also forget files that are gone

Text, Markdown, HTML, source code, JSON and CSV are imported; what .gitignore or .ignore names is
not, nor hidden files. A daemon may serve the dataset meanwhile. What was imported before and has
not changed is not read again. Killed at any moment, it leaves whole documents only: run it again.

Exit codes: 0 done (the summary lists what was skipped), 1 failed, 2 wrong arguments, 130
interrupted.";

/// An MCP server at the speed of the socket, over a dataset of documents with full-text search.
#[derive(Parser)]
#[command(name = "mcp-fastd", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArguments,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Put files and folders into a dataset
    Import(ImportArguments),
    /// Let a client that starts its servers itself use one that is reached over HTTP
    Connect(ConnectArguments),
    /// Print or write what makes a client use this program: claude-desktop, cursor, vscode,
    /// claude-code
    Install(InstallArguments),
    /// Make an API key, and what the server has to know of it
    Key(KeyArguments),
    /// Say all that is wrong with settings, or what would be served
    Check(Box<CheckArguments>),
    /// Ask a server whether it is well: exit code 0 if it says so
    Health(HealthArguments),
    /// Move from HTTP+SSE to Streamable HTTP: settings, clients, and who still comes
    Migrate(MigrateArguments),
}

#[derive(Args, Clone, Default)]
pub(crate) struct ServeArguments {
    /// The dataset to serve: one SQLite file, created if missing. Without it, this project's own
    /// documentation is served, from memory
    pub(crate) dataset: Option<PathBuf>,
    /// Threads that serve connections, each on a CPU of its own [default: one for each CPU]
    #[arg(long, value_name = "N", value_parser = cores)]
    pub(crate) cores: Option<usize>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = file::address)]
    pub(crate) bind: Option<SocketAddr>,
    /// Over what clients come: http; stdio, for a client that starts this program; or both, which
    /// serve one dataset at once [default: http]
    #[arg(long, value_name = "WAY", value_parser = transports)]
    pub(crate) transport: Option<Transports>,
    /// The path of the MCP endpoint [default: /mcp]
    #[arg(long, value_parser = mcp_fastd::config::path)]
    pub(crate) path: Option<String>,
    /// Settings from a file that ends in .toml or .json
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to log on standard error: error, warn, info, debug, trace, off, or a filter such as
    /// info,mcp_fastd=debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = log_filter)]
    pub(crate) log: Option<Targets>,
    /// How lines on standard error look: human, json, or auto, which is human on a terminal
    /// [default: auto]
    #[arg(long, value_name = "FORMAT", value_parser = log_format)]
    pub(crate) log_format: Option<LogFormat>,
    /// Where operators find /health, /ready and /metrics, without asking who they are: an address
    /// that only they can reach. Then only /health is at --bind [default: all three at --bind]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = file::address)]
    pub(crate) admin_bind: Option<SocketAddr>,
    /// Write a line for each request to a file, or to - (standard output); never slows a request,
    /// and counts what it drops. SIGUSR1 opens it again after a rotation
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,
    /// Write who called which tool, and what came of it, to a file; without room for the line, a
    /// call is refused (audit_log.when_full). SIGUSR1 opens it again after a rotation
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log: Option<PathBuf>,
    /// Send a span for each request to the OpenTelemetry collector here (OTLP over HTTP), such as
    /// http://localhost:4318; never slows a request, and counts what it drops. Headers with
    /// secrets, and how many are sent: the table `trace` of a settings file
    /// [default: $OTEL_EXPORTER_OTLP_ENDPOINT, where that is set]
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
    /// How long a thread polls before it sleeps: some tens of microseconds answer sooner, at the
    /// price of busy CPUs [default: 0]
    #[arg(long, value_name = "MICROS")]
    pub(crate) spin: Option<u32>,
    /// Do not serve HTTP+SSE, the transport of 2024-11-05 (at /sse and /messages otherwise)
    #[arg(long)]
    pub(crate) no_legacy_sse: bool,
    /// Take tokens of this authorization server: its issuer, whose keys are found by its metadata.
    /// Nobody comes without a token then, or a key
    #[arg(long, value_name = "URL")]
    pub(crate) auth_issuer: Option<String>,
    /// The name of this server in tokens (aud): the URL of the endpoint, as clients write it; may
    /// be repeated
    #[arg(long, value_name = "URL")]
    pub(crate) auth_audience: Vec<String>,
    /// Take the API keys of this file, which ends in .toml or .json; `mcp-fastd key NAME` makes one
    #[arg(long, value_name = "FILE")]
    pub(crate) api_keys: Option<PathBuf>,
    /// Speak HTTPS, with the certificate in this PEM file, and behind it those that lead to an
    /// authority. Clients' certificates, and several names: the table `tls` of a settings file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of that certificate: a PEM file, not encrypted
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A web origin whose pages may call (https://app.example, https://*.app.example, or * for
    /// all), besides that of --public-url and, where only this machine can connect, those of this
    /// machine; may be repeated
    #[arg(long = "allowed-origin", value_name = "ORIGIN")]
    pub(crate) allowed_origins: Vec<String>,
    /// Where clients find the server, such as https://mcp.example.com. It, or --allowed-host, is
    /// needed where other machines can connect: requests for another host are refused, so that no
    /// web page can reach the server under a name of its own
    #[arg(long, value_name = "URL", value_parser = mcp_fastd::config::public_url)]
    pub(crate) public_url: Option<String>,
    /// A name under which the server is reached, besides localhost and its kind: HOST, HOST:PORT,
    /// *.example.com for all below, or * for every name; may be repeated
    #[arg(long = "allowed-host", value_name = "HOST")]
    pub(crate) allowed_hosts: Vec<String>,
    /// The network of a proxy (10.0.0.0/8) that is believed when it says for whom it comes
    /// (Forwarded, X-Forwarded-For and its kind); may be repeated. Others are not
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    pub(crate) trusted_proxies: Vec<String>,
}

#[derive(Args)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct ImportArguments {
    /// The dataset, created if missing
    pub(crate) dataset: PathBuf,
    /// Files, and folders to import with all that is in them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Delete documents whose file was imported from these folders before and is gone
    #[arg(long)]
    pub(crate) prune: bool,
    /// Name every file that is skipped
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

fn cores(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(cores) if (1..=limits::CORES_MAX).contains(&cores) => Ok(cores),
        _ => Err(format!("expected a number from 1 to {}", limits::CORES_MAX)),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    text.parse()
}

fn transports(text: &str) -> Result<Transports, String> {
    text.parse()
}

/// What to log. A bare word is a level: to the parser of filters it would be the name of a part
/// of the program, and `--log debgu` would log nothing without a word.
pub(crate) fn log_filter(text: &str) -> Result<Targets, String> {
    const EXPECTED: &str =
        "expected error, warn, info, debug, trace, off, or a filter such as info,mcp_fastd=debug";
    let mut parts = text.split(',').map(str::trim);
    // What is empty would be read as a level, or as the name of a part that logs nothing.
    let is_level = |text: &str| !text.is_empty() && LevelFilter::from_str(text).is_ok();
    let is_filter = |part: &str| match part.split_once('=') {
        Some((name, level)) => !name.is_empty() && is_level(level),
        None => is_level(part),
    };
    if !parts.all(is_filter) {
        return Err(EXPECTED.to_owned());
    }
    Targets::from_str(text).map_err(|_| EXPECTED.to_owned())
}
