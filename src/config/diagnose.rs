//! All that is wrong with settings, not the first of it alone.
//!
//! What cannot be read is noted and taken out, and the rest is read again, until nothing is wrong:
//! so the parser says of each key what it would say if that were the only mistake.

use std::ffi::OsString;

use serde_json::Value;
use serde_path_to_error::Segment;

use super::file::{Error, RawConfig, Settings, VARIABLE_PREFIX, one_line};
use super::lines::{Lines, line_at};
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
        for (line, problem) in syntax {
            layer.refuse(line, None, problem);
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
        for variable in variables {
            match RawConfig::from_environment(std::iter::once(variable)) {
                Ok(one) => layer.raw = one.over(std::mem::take(&mut layer.raw)),
                Err(error) => layer.errors.push(error),
            }
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
                    match error.key.as_deref() {
                        Some("bind") => self.raw.bind = None,
                        _ => self.raw.allowed_origins = None,
                    }
                    let line = error.key.as_deref().and_then(|key| self.lines.of(key));
                    self.errors.push(Error { line, ..error });
                }
            }
        }
    }
}

/// What is meant by all layers together, and all that is wrong with it.
pub fn settled(raw: RawConfig, file: &Layer) -> (Option<Settings>, Vec<Error>) {
    let settings = match raw.settled() {
        Ok(settings) => settings,
        Err(error) => {
            return (None, vec![placed(&error.key.unwrap_or_default(), error.problem, file)]);
        }
    };
    let problems = settings.config.problems().into_iter();
    let errors = problems.map(|problem| {
        let end = problem.find(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c)));
        let key = problem[..end.unwrap_or(problem.len())].to_owned();
        let rest = problem[key.len()..].trim_start_matches(':').trim_start().to_owned();
        placed(&key, rest, file)
    });
    let errors = errors.collect();
    (Some(settings), errors)
}

/// A problem of a key, where that key was set: in the environment, in the file, or by a flag.
pub fn placed(key: &str, problem: String, file: &Layer) -> Error {
    let variable = format!("{VARIABLE_PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"));
    let other = match key {
        "bind" => "transport.http.host",
        "allowed_origins" => "transport.http.cors.allowed_origins",
        key => key,
    };
    let lines = [key, other].into_iter().find_map(|key| file.lines.of_exactly(key));
    let (place, line) = match (std::env::var_os(&variable), lines) {
        (Some(_), _) => (format!("environment variable {variable}"), None),
        (None, Some(line)) => (file.place.clone(), Some(line)),
        (None, None) => ("settings".to_owned(), None),
    };
    Error { place, line, key: Some(key.to_owned()), problem }
}

/// A tree of values, and what is wrong with the syntax, by lines.
type Parsed = (Value, Vec<(Option<usize>, String)>);

fn json(text: &str) -> Parsed {
    match serde_json::from_str(text) {
        Ok(tree) => (tree, Vec::new()),
        Err(error) => {
            let problem = super::file::without_position(&error.to_string());
            (Value::Object(Default::default()), vec![(Some(error.line()), problem)])
        }
    }
}

fn toml(text: &str) -> Parsed {
    let (_, errors) = toml::de::DeTable::parse_recoverable(text);
    let said = errors.iter().map(|error| {
        let line = error.span().map(|span| line_at(text, span.start));
        (line, one_line(error.message()))
    });
    let tree = text.parse::<toml::Table>().map(|table| value_of(toml::Value::Table(table)));
    (tree.unwrap_or_else(|_| Value::Object(Default::default())), said.collect())
}

/// As JSON would say it; a date of TOML is the text of it.
fn value_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(is_true) => is_true.into(),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(list) => list.into_iter().map(value_of).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| (key, value_of(value))).collect()
        }
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
