//! Where each key of a configuration file stands, for whoever says what is wrong with it.

use jsonc_parser::ast;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use toml::de::{DeTable, DeValue};

/// The keys of a file, as paths (`http.body_bytes_max`, `allowed_origins[0]`), with their lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    keys: Vec<(String, usize)>,
    /// Keys that stand twice, where that is not an error of syntax already (JSON).
    pub(super) repeated: Vec<(String, usize)>,
}

impl Lines {
    pub(super) fn of_toml(text: &str) -> Lines {
        let mut lines = Lines::default();
        let (table, _) = DeTable::parse_recoverable(text);
        lines.toml(text, "", table.get_ref());
        lines
    }

    pub(super) fn of_json(text: &str) -> Lines {
        let mut lines = Lines::default();
        let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
        if let Some(value) = parsed.ok().and_then(|parsed| parsed.value) {
            lines.json(text, "", &value);
        }
        lines
    }

    /// The line of a key; of the table it would be in, where it is not there itself.
    pub(super) fn of(&self, key: &str) -> Option<usize> {
        self.of_exactly(key).or_else(|| self.of(key.rsplit_once(['.', '['])?.0))
    }

    /// The line of a key that is there.
    pub(super) fn of_exactly(&self, key: &str) -> Option<usize> {
        self.keys.iter().find(|(other, _)| other == key).map(|(_, line)| *line)
    }

    fn toml(&mut self, text: &str, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            self.keys.push((path.clone(), line_at(text, key.span().start)));
            self.toml_value(text, &path, value.get_ref());
        }
    }

    fn toml_value(&mut self, text: &str, path: &str, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.toml(text, path, table),
            DeValue::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.keys.push((path.clone(), line_at(text, value.span().start)));
                    self.toml_value(text, &path, value.get_ref());
                }
            }
            _ => {}
        }
    }

    fn json(&mut self, text: &str, path: &str, value: &ast::Value<'_>) {
        match value {
            ast::Value::Object(object) => {
                for property in &object.properties {
                    let path = join(path, property.name.as_str());
                    let line = line_at(text, property.range.start);
                    if self.of_exactly(&path).is_some() {
                        self.repeated.push((path.clone(), line));
                    }
                    self.keys.push((path.clone(), line));
                    self.json(text, &path, &property.value);
                }
            }
            ast::Value::Array(list) => {
                for (index, value) in list.elements.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    let start = jsonc_parser::common::Ranged::range(value).start;
                    self.keys.push((path.clone(), line_at(text, start)));
                    self.json(text, &path, value);
                }
            }
            _ => {}
        }
    }
}

/// The line, from 1 on, of a place in a text.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
