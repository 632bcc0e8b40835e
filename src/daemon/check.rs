//! `mcp-fastd check`: reads settings as the server does, and says all that is wrong with them; or
//! what would be served.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use mcp_fastd::config::diagnose::{placed, placed_by_itself};
use mcp_fastd::config::file::{Error, RawConfig, Settings};
use mcp_fastd::config::{AuthConfig, raw};
use mcp_fastd::documents::{Dataset, serve as documents};
use mcp_fastd::{Authentication, CertificateError, Certificates, Logs};
use serde_json::{Value, json};

use super::arguments::ServeArguments;
use super::settings::Examined;
use super::{Problem, say, settings};

const HELP: &str = "\
Examples:
  mcp-fastd check fastd.toml                    Say every mistake, with its line
  mcp-fastd check fastd.toml --cores 2 x.db     With flags, as the server would be started
  mcp-fastd check --json fastd.toml             The same for a program to read
  mcp-fastd check --schema > config.schema.json What an editor needs to help with such files

The environment (MCP_FASTD__…) lies over the file, and flags over both, as when serving. Nothing is
opened to be served, and nothing is written.

Exit codes: 0 it can be served (what may not be meant is a warning on standard error), 1 something
is wrong (each mistake is a line on standard error), 2 wrong arguments.";

#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct CheckArguments {
    /// The file, which ends in .toml or .json [default: what --config or MCP_FASTD__CONFIG says]
    #[arg(value_name = "CONFIG", conflicts_with = "config")]
    pub(crate) file: Option<std::path::PathBuf>,
    /// Say it in JSON, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the JSON Schema of such files, and nothing else
    #[arg(long)]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) serve: ServeArguments,
}

/// Says what is wrong, or what would be served.
pub(crate) fn check(arguments: CheckArguments) -> Result<ExitCode, Problem> {
    let CheckArguments { file, json, schema, mut serve } = arguments;
    if schema {
        say(&format!("{:#}\n", raw::schema()));
        return Ok(ExitCode::SUCCESS);
    }
    serve.config = file.or(serve.config);
    let Checked { found, errors, warnings } = examine(&serve)?;
    let is_fine = errors.is_empty();
    match (json, found) {
        (true, found) => {
            let errors: Vec<_> = errors.iter().map(error_value).collect();
            let warnings: Vec<_> = warnings.iter().map(error_value).collect();
            let served = found.filter(|_| is_fine).map(|settings| served(&settings));
            let said = json!({
                "ok": is_fine, "errors": errors, "warnings": warnings, "serves": served,
            });
            say(&format!("{said}\n"));
        }
        (false, Some(settings)) if is_fine => {
            warnings.iter().for_each(|warning| complain(&format!("warning: {warning}")));
            say(&in_words(&served(&settings)));
        }
        (false, _) => {
            errors.iter().for_each(|error| complain(&error.to_string()));
            let (count, plural) = (errors.len(), if errors.len() == 1 { "" } else { "s" });
            complain(&format!("mcp-fastd: {count} mistake{plural}; nothing would be served"));
        }
    }
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line on standard error, whether or not anybody reads it.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What was found.
struct Checked {
    found: Option<Settings>,
    errors: Vec<Error>,
    /// What may not be meant.
    warnings: Vec<Error>,
}

/// What would be refused here, as one problem.
pub(super) fn mistakes(arguments: &ServeArguments) -> Result<(), Problem> {
    let errors = examine(arguments)?.errors;
    let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
    if all.is_empty() { Ok(()) } else { Err(Problem(all.join("; "))) }
}

/// Reads all layers, and whatever they name.
fn examine(arguments: &ServeArguments) -> Result<Checked, Problem> {
    let Examined { file, raw, found, mut errors } = settings::examine(arguments);
    let mut warnings = Vec::new();
    if let Some(settings) = &found {
        // What stands beside a mistake of its own table is not what is meant.
        let is_right = |table: &str| {
            let within = |key: &String| key.split(['.', '[']).next() == Some(table);
            !errors.iter().any(|error| error.key.as_ref().is_some_and(within))
        };
        let mut problems = Logs::problems(&settings.config.observe);
        if is_right("auth") {
            problems.extend(Authentication::problems(&settings.config.auth));
        }
        if is_right("tls") {
            let wrong = Certificates::problems(&settings.config.tls);
            problems.extend(wrong.iter().map(|error| format!("{}: {error}", tls_key(&raw, error))));
        }
        let server = documents::server(Dataset::in_memory()?).config(settings.config.clone());
        problems.extend(server.unknown_names());
        let here = |problem: &String| placed_by_itself(problem, &raw, &file);
        errors.extend(problems.iter().map(here));
        warnings.extend(settings.config.warnings().iter().map(here));
        let mut refuse = |key: &str, problem: String| errors.push(placed(key, problem, &file));
        if let Err(problem) = settings::filter(arguments, settings) {
            refuse("log", problem.trim_start_matches("log: ").to_owned());
        }
        if let Some(Err(problem)) = settings.dataset.as_deref().map(dataset) {
            refuse("dataset", problem);
        }
        if let Some(problem) = settings::dataset_in_a_log(settings) {
            refuse("dataset", problem);
        }
    }
    Ok(Checked { found, errors, warnings })
}

/// Whether this can be served as a dataset, or made; it is neither opened nor made here.
fn dataset(path: &Path) -> Result<(), String> {
    let said = |what: &str| Err(format!("{}: {what}", path.display()));
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => said("this is a folder; a dataset is a file"),
        Ok(_) => {
            let mut head = Vec::new();
            let read = fs::OpenOptions::new().read(true).write(true).open(path);
            match read.and_then(|file| file.take(16).read_to_end(&mut head)) {
                Err(error) => said(&format!("cannot be read and written: {error}")),
                Ok(0) => Ok(()),
                Ok(_) if head == b"SQLite format 3\0" => Ok(()),
                Ok(_) => said("this is not an SQLite database"),
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            match folder.is_none_or(Path::is_dir) {
                true => Ok(()),
                false => said("the folder of this file does not exist"),
            }
        }
        Err(error) => said(&error.to_string()),
    }
}

/// The key that names the file that something is wrong with.
fn tls_key(raw: &RawConfig, error: &CertificateError) -> String {
    let is_it = |path: &Path| path.display().to_string() == error.file;
    let tls = &raw.tls;
    let named = [
        ("tls.cert", &tls.cert),
        ("tls.key", &tls.key),
        ("tls.client_ca", &tls.client_ca),
        ("tls.client_crl", &tls.client_crl),
    ];
    let named = named.into_iter().filter_map(|(key, path)| Some((key.to_owned(), path.as_ref()?)));
    let more = tls.certificates.iter().flatten().enumerate().flat_map(|(at, files)| {
        let key = |name: &str| format!("tls.certificates[{at}].{name}");
        [(key("cert"), &files.cert), (key("key"), &files.key)]
    });
    let found = named.chain(more).find(|(_, path)| is_it(path));
    found.map_or_else(|| "tls".to_owned(), |(key, _)| key)
}

fn error_value(error: &Error) -> Value {
    let Error { place, line, key, problem } = error;
    json!({ "place": place, "line": line, "key": key, "problem": problem })
}

/// What would be served.
fn served(settings: &Settings) -> Value {
    let Settings { config, dataset, .. } = settings;
    let is_there = dataset.as_ref().is_none_or(|path| path.exists());
    let by = format!("{:?}", config.transports).to_ascii_lowercase();
    let has_http = by != "stdio";
    let sse = config.http_sse.enabled.then_some(&config.http_sse.sse_endpoint);
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    let admin = config.observe.admin_bind.map(|address| format!("http://{address}"));
    json!({
        "transport": by,
        "url": has_http.then(|| format!("{scheme}://{}{}", config.bind, config.path)),
        "http_sse": sse.filter(|_| has_http),
        "auth": who(&config.auth),
        "admin": admin,
        "access_log": config.observe.access_log.path,
        "audit_log": config.observe.audit_log.path,
        "dataset": dataset,
        "dataset_exists": is_there,
        "tools_disabled": config.tools.disabled,
    })
}

/// What is taken of those who come.
fn who(auth: &AuthConfig) -> Vec<String> {
    let tokens = auth.tokens.issuers.iter().map(|it| format!("tokens of {}", it.issuer));
    let keys = (!auth.api_keys.is_empty()).then_some("API keys");
    let clients = (!auth.mtls.is_empty()).then_some("client certificates");
    let nothing = auth.anonymous.then_some("nothing");
    let others = [keys, clients, nothing].into_iter().flatten();
    tokens.chain(others.map(str::to_owned)).collect()
}

fn in_words(served: &Value) -> String {
    let text = |key: &str| served[key].as_str();
    let mut words = String::from("The settings are in order. Served would be:\n");
    let mut line = |name: &str, value: &str| words += &format!("  {name:<11} {value}\n");
    line("over", text("transport").unwrap_or_default());
    for (name, key) in [("at", "url"), ("HTTP+SSE", "http_sse")] {
        text(key).into_iter().for_each(|value| line(name, value));
    }
    let list = |key: &str| {
        let texts = served[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.collect::<Vec<_>>().join(", ")
    };
    match &*list("auth") {
        "" => line("for", "everybody"),
        shown => line("for", &format!("those who show: {shown}")),
    }
    for (name, key) in
        [("operators", "admin"), ("access log", "access_log"), ("audit log", "audit_log")]
    {
        text(key).into_iter().for_each(|value| line(name, value));
    }
    match (text("dataset"), served["dataset_exists"] == true) {
        (None, _) => line("dataset", "this project's own documentation, from memory"),
        (Some(path), true) => line("dataset", path),
        (Some(path), false) => line("dataset", &format!("{path} (it would be made)")),
    }
    match &*list("tools_disabled") {
        "" => {}
        off => line("without", off),
    }
    words
}
