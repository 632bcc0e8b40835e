//! A file of settings as a tree of values, and all that is wrong with its syntax.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::file::one_line;
use super::lines::{join, line_at};

/// A tree of values, and what is wrong with the syntax, by lines and keys.
pub(super) type Parsed = (Value, Vec<(Option<usize>, Option<String>, String)>);

pub(super) fn json(text: &str) -> Parsed {
    match serde_json::from_str(text) {
        Ok(tree @ Value::Object(_)) => (tree, Vec::new()),
        Ok(_) => {
            let problem = "expected an object of settings: {…}".to_owned();
            (Value::Object(Default::default()), vec![(Some(1), None, problem)])
        }
        Err(error) => {
            let problem = super::file::without_position(&error.to_string());
            (Value::Object(Default::default()), vec![(Some(error.line()), None, problem)])
        }
    }
}

pub(super) fn toml(text: &str) -> Parsed {
    let (table, errors) = DeTable::parse_recoverable(text);
    let said = errors.iter().map(|error| {
        let line = error.span().map(|span| line_at(text, span.start));
        match (error.message(), error.span().and_then(|span| text.get(span))) {
            ("duplicate key", Some(key)) => {
                (line, Some(key.to_owned()), "it stands twice".to_owned())
            }
            (message, _) => (line, None, one_line(message)),
        }
    });
    let mut said: Vec<_> = said.collect();
    if !said.is_empty() {
        // What was meant is not known well enough to judge the rest.
        return (Value::Object(Default::default()), said);
    }
    let tree = toml_table(text, "", table.get_ref(), &mut said);
    (tree, said)
}

/// As JSON would say it, without what JSON cannot say; a date of TOML is the text of it.
fn toml_table(
    text: &str,
    path: &str,
    table: &DeTable<'_>,
    said: &mut Vec<(Option<usize>, Option<String>, String)>,
) -> Value {
    let mut tree = serde_json::Map::new();
    for (key, value) in table {
        let path = join(path, key.get_ref());
        let line = line_at(text, value.span().start);
        if let Some(value) = toml_value(text, &path, line, value.get_ref(), said) {
            tree.insert(key.get_ref().to_string(), value);
        }
    }
    Value::Object(tree)
}

fn toml_value(
    text: &str,
    path: &str,
    line: usize,
    value: &DeValue<'_>,
    said: &mut Vec<(Option<usize>, Option<String>, String)>,
) -> Option<Value> {
    let number = match value {
        DeValue::String(text) => return Some(Value::String(text.to_string())),
        DeValue::Boolean(is_true) => return Some((*is_true).into()),
        DeValue::Datetime(date) => return Some(Value::String(date.to_string())),
        DeValue::Table(table) => return Some(toml_table(text, path, table, said)),
        DeValue::Array(list) => {
            let items = list.iter().enumerate().map(|(index, item)| {
                let line = line_at(text, item.span().start);
                let path = format!("{path}[{index}]");
                toml_value(text, &path, line, item.get_ref(), said).unwrap_or_default()
            });
            return Some(Value::Array(items.collect()));
        }
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            let whole = i64::from_str_radix(digits, radix).ok().map(Value::from);
            whole.or_else(|| u64::from_str_radix(digits, radix).ok().map(Value::from))
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok();
            number.and_then(serde_json::Number::from_f64).map(Value::Number)
        }
    };
    if number.is_none() {
        said.push((Some(line), Some(path.to_owned()), "no setting is such a number".to_owned()));
    }
    number
}
