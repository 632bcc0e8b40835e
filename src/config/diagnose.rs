//! All that is wrong with settings, not the first of it alone.
//!
//! What cannot be read is noted and taken out, and the rest is read again, until nothing is wrong:
//! so the parser says of each key what it would say if that were the only mistake.

use std::ffi::OsString;

use serde_json::Value;
use serde_path_to_error::Segment;

use super::file::{Error, RawConfig, SETTINGS, Settings, one_line, variable};
use super::lines::Lines;
use super::raw::RawAuth;
use super::tree::{json, toml};
use crate::limits;

/// A layer of settings, as far as it could be read, and where its keys stand.
#[derive(Debug, Default)]
pub struct Layer {
    /// What could be read.
    pub raw: RawConfig,
    /// What could not.
    pub errors: Vec<Error>,
    place: String,
    lines: Lines,
}

impl Layer {
    /// A text, in JSON or TOML; errors name it `place`.
    pub fn of_text(text: &str, is_json: bool, place: &str) -> Layer {
        let place = place.to_owned();
        let (tree, syntax) = match is_json {
            true => json(text),
            false => toml(text),
        };
        let lines = if is_json { Lines::of_json(text) } else { Lines::of_toml(text) };
        let mut layer = Layer { place, lines, ..Layer::default() };
        for (line, key, problem) in syntax {
            layer.refuse(line, key, problem);
        }
        for (key, line) in std::mem::take(&mut layer.lines.repeated) {
            layer.refuse(Some(line), Some(key), "it stands twice".to_owned());
        }
        layer.read(tree);
        layer.unify();
        layer
    }

    /// The variables of ours among these.
    pub fn of_environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Layer {
        let mut layer = Layer { place: "environment".to_owned(), ..Layer::default() };
        for read in RawConfig::each_variable(variables) {
            match read {
                Ok(one) => layer.raw = one.over(std::mem::take(&mut layer.raw)),
                Err(error) => layer.errors.push(error),
            }
        }
        layer.unify();
        for error in &mut layer.errors {
            error.name_variable();
        }
        layer
    }

    fn refuse(&mut self, line: Option<usize>, key: Option<String>, problem: String) {
        self.errors.push(Error { place: self.place.clone(), line, key, problem });
    }

    /// Reads a tree of values, without what is wrong with it.
    fn read(&mut self, mut tree: Value) {
        // Places in lists, as they are written: what was taken out before one counts.
        let mut taken: Vec<(String, usize)> = Vec::new();
        for _ in 0..limits::SETTING_ERRORS_MAX {
            let error = match serde_path_to_error::deserialize(&tree) {
                Ok(raw) => return self.raw = raw,
                Err(error) => error,
            };
            let problem = one_line(&error.inner().to_string());
            let path: Vec<Segment> = error.path().iter().cloned().collect();
            let key = written(&path, &mut taken);
            self.refuse(self.lines.of(&key), Some(key).filter(|key| !key.is_empty()), problem);
            if !take_out(&mut tree, &path) {
                return;
            }
        }
    }

    /// The two ways to write the same thing become one.
    fn unify(&mut self) {
        for _ in 0..limits::SETTING_ERRORS_MAX {
            match self.raw.clone().unified(&self.place) {
                Ok(raw) => return self.raw = raw,
                Err(error) => {
                    // Of what is written in two ways, one is left out, to find what else is wrong.
                    match error.key.as_deref() {
                        Some("bind") => self.raw.bind = None,
                        Some("rate") => self.raw.rate = Default::default(),
                        Some("tls") => self.raw.tls = Default::default(),
                        Some("auth") => self.raw.auth = Default::default(),
                        _ => {
                            self.raw.allowed_origins = None;
                            self.raw.cors.allowed_origins = None;
                        }
                    }
                    let line = error.key.as_deref().and_then(|key| self.lines.of(key));
                    self.errors.push(Error { line, ..error });
                }
            }
        }
    }
}

/// What is meant by all layers together, and all that is wrong with it.
pub fn settled(mut raw: RawConfig, file: &Layer) -> (Option<Settings>, Vec<Error>) {
    let keys_file = raw.auth.api_keys_file.clone();
    let mut errors = Vec::new();
    let mut is_taken_out = Vec::new();
    let mut found = None;
    for _ in 0..limits::SETTING_ERRORS_MAX {
        let error = match raw.clone().settled() {
            Ok(settings) => {
                found = Some(settings);
                break;
            }
            Err(error) => error,
        };
        let table = can_be_taken_out(&error).then(|| take_out_setting(&mut raw, &error));
        let error = match (&error.key, error.place == SETTINGS) {
            (Some(key), true) => placed(key, error.problem, file),
            _ => error,
        };
        if errors.contains(&error) {
            break;
        }
        errors.push(error);
        match table {
            Some(table) => is_taken_out.push(table),
            None => break,
        }
    }
    let Some(mut settings) = found else { return (None, errors) };
    // Where a file of keys is wrong, somebody was to have one all the same.
    settings.config.auth.api_keys_file = keys_file;
    // What is wrong without what was taken out may be right with it.
    let is_known = |problem: &String| {
        let table = split(problem).0.split('.').next();
        !is_taken_out.iter().any(|taken| taken.is_some() && *taken == table)
    };
    let problems = settings.config.problems().into_iter().filter(is_known);
    errors.extend(problems.map(|problem| placed_by_itself(&problem, &raw, file)));
    (Some(settings), errors)
}

/// A problem that begins with its key, as [`Config::problems`](super::Config::problems) has them.
pub fn placed_by_itself(problem: &str, raw: &RawConfig, file: &Layer) -> Error {
    let (key, problem) = split(problem);
    placed(&as_written(key, raw.auth.issuer.is_some()), problem.to_owned(), file)
}

fn can_be_taken_out(error: &Error) -> bool {
    let known = ["bind", "admin_bind", "tls.key", "tls.cert"];
    let is_known = |key: &str| known.contains(&key) || key.starts_with("auth.");
    error.place != SETTINGS || error.key.as_deref().is_some_and(is_known)
}

/// Takes out what keeps the rest from being understood. The table that it is in, where that cannot
/// be judged without it.
fn take_out_setting(raw: &mut RawConfig, error: &Error) -> Option<&'static str> {
    match error.key.as_deref().filter(|_| error.place == SETTINGS) {
        Some("bind") => {
            (raw.transport.http.host, raw.transport.http.port) = (None, None);
            return Some("bind");
        }
        Some("admin_bind") => raw.admin_bind = None,
        // As if it were there.
        Some("tls.key") => raw.tls.key = raw.tls.cert.clone(),
        Some("tls.cert") => raw.tls.cert = raw.tls.key.clone(),
        Some("auth.api_keys_file") | None => raw.auth.api_keys_file = None,
        Some("auth.algorithms") => raw.auth.algorithms = None,
        Some(_) => {
            raw.auth = RawAuth::default();
            return Some("auth");
        }
    }
    None
}

/// A problem without the key that it begins with, and that key.
fn split(problem: &str) -> (&str, &str) {
    let scopes = ": ".len() + ".scopes".len();
    let named = ["tools.", "prompts.", "resources."];
    // The name of a thing may hold any character.
    let end = match problem.find(".scopes: ") {
        Some(at) if named.iter().any(|table| problem.starts_with(table)) => at + scopes - 2,
        _ => {
            let ends = |c: char| !(c.is_ascii_alphanumeric() || "_.[]".contains(c));
            problem.find(ends).unwrap_or(problem.len())
        }
    };
    (&problem[..end], problem[end..].trim_start_matches(':').trim_start())
}

/// The key of a setting of an issuer, where the first of them stands in the table `auth` itself.
fn as_written(key: &str, has_one_issuer: bool) -> String {
    let Some((number, rest)) = key
        .strip_prefix("auth.issuers[")
        .and_then(|rest| rest.split_once("]"))
        .and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest)))
        .filter(|_| has_one_issuer)
    else {
        return key.to_owned();
    };
    match number {
        0 => format!("auth{rest}"),
        number => format!("auth.issuers[{}]{rest}", number - 1),
    }
}

/// A problem of a key, where that key was set: in the environment, in the file, or by a flag. One
/// that is not there itself is placed where its table is, or what needs it.
pub fn placed(key: &str, problem: String, file: &Layer) -> Error {
    let variable = variable(key);
    let others = spellings(key);
    let lines = &file.lines;
    let own = others.iter().find_map(|key| lines.of_exactly(key));
    let beside = || needed_by(key).iter().find_map(|key| lines.of_exactly(key));
    let line = own.or_else(beside).or_else(|| others.iter().find_map(|key| lines.of(key)));
    let (place, line) = match (std::env::var_os(&variable), line) {
        (Some(_), _) => (format!("environment variable {variable}"), None),
        (None, Some(line)) => (file.place.clone(), Some(line)),
        (None, None) => (SETTINGS.to_owned(), None),
    };
    Error { place, line, key: Some(key.to_owned()), problem }
}

/// A key, and the other ways to write it.
fn spellings(key: &str) -> Vec<String> {
    let mut spellings = vec![key.to_owned()];
    let aliases = [
        ("auth", "auth"),
        ("tls", "ssl"),
        ("rate", "rate_limit"),
        ("cors", "cors"),
        ("allowed_origins", "cors.allowed_origins"),
        ("bind", "host"),
        ("bind", "port"),
    ];
    for (name, alias) in aliases {
        let rest = key.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('.'));
        spellings.extend(rest.map(|rest| format!("transport.http.{alias}{rest}")));
    }
    if key == "allowed_origins" {
        spellings.push("cors.allowed_origins".to_owned());
    }
    spellings
}

/// The keys that ask for another one, which is missing.
fn needed_by(key: &str) -> &'static [&'static str] {
    match key {
        "tls.key" => &["tls.cert", "transport.http.ssl.cert"],
        "tls.cert" => &[
            "tls.key",
            "tls.client_ca",
            "tls.client_crl",
            "tls.client_auth",
            "tls.min_version",
            "transport.http.ssl.key",
        ],
        "tls.client_ca" => &["tls.client_auth", "tls.client_crl"],
        "auth.audience" => &["auth.issuer", "transport.http.auth.issuer"],
        "auth.issuer" => &["auth.jwks_uri", "auth.jwks_file", "auth.introspection"],
        "http_sse.sse_endpoint" | "http_sse.messages_endpoint" | "path" => {
            &["path", "http_sse.sse_endpoint", "http_sse.messages_endpoint"]
        }
        _ => &[],
    }
}

/// A path as it is written in the file.
fn written(path: &[Segment], taken: &mut Vec<(String, usize)>) -> String {
    let mut key = String::new();
    for (position, segment) in path.iter().enumerate() {
        match segment {
            Segment::Map { key: name } if key.is_empty() => key.clone_from(name),
            Segment::Map { key: name } => key = format!("{key}.{name}"),
            Segment::Seq { index } => {
                let mut before: Vec<_> =
                    taken.iter().filter(|(list, _)| *list == key).map(|(_, at)| *at).collect();
                before.sort_unstable();
                let at = before.into_iter().fold(*index, |at, gone| at + usize::from(gone <= at));
                if position + 1 == path.len() {
                    taken.push((key.clone(), at));
                }
                key = format!("{key}[{at}]");
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    key
}

/// Takes the value at a path out of a tree; says whether it was there.
fn take_out(tree: &mut Value, path: &[Segment]) -> bool {
    let steps = path.iter().filter(|s| matches!(s, Segment::Map { .. } | Segment::Seq { .. }));
    let steps: Vec<_> = steps.collect();
    let Some((last, tables)) = steps.split_last() else { return false };
    let mut at = tree;
    for step in tables {
        let next = match step {
            Segment::Map { key } => at.get_mut(key),
            Segment::Seq { index } => at.get_mut(*index),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match (last, at) {
        (Segment::Map { key }, Value::Object(table)) => table.shift_remove(key).is_some(),
        (Segment::Seq { index }, Value::Array(list)) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}
