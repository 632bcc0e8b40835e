//! Changes in the text of a file, which stays as it is otherwise.

use std::path::Path;

use mcp_fastd::config::file::RawConfig;
use serde_json::Value as Json;
use toml_edit::{DocumentMut, Item, TableLike, value};

use super::super::Problem;
use super::edits::{Edit, Value};

/// The text of a file with these changes.
pub(super) fn apply(edits: &[Edit], file: &Path, text: &str) -> Result<String, Problem> {
    if !is_json(file) {
        let mut document: DocumentMut = text.parse()?;
        for edit in edits {
            in_toml(document.as_table_mut(), edit.key, edit.value.as_ref());
        }
        return Ok(document.to_string());
    }
    let mut document: Json = serde_json::from_str(text)?;
    for edit in edits {
        in_json(&mut document, edit.key, edit.value.as_ref());
    }
    Ok(format!("{document:#}\n"))
}

/// Reads settings as a file of this name would be read.
pub(super) fn read(file: &Path, text: &str) -> Result<RawConfig, Problem> {
    Ok(RawConfig::from_text(text, is_json(file), "the new settings")?)
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "json")
}

fn in_toml<T: TableLike + ?Sized>(table: &mut T, key: &[&str], new: Option<&Value>) {
    let [first, rest @ ..] = key else { return };
    if !rest.is_empty() {
        if new.is_some() && !table.contains_key(first) {
            table.insert(first, toml_edit::table());
        }
        if let Some(inner) = table.get_mut(first).and_then(Item::as_table_like_mut) {
            in_toml(inner, rest, new);
        }
        return;
    }
    let mut item = match new {
        None => {
            table.remove(first);
            return;
        }
        Some(Value::Truth(truth)) => value(*truth),
        Some(Value::Number(number)) => value(*number),
        Some(Value::Text(text)) => value(text),
    };
    // Where there is one, the comments around it stay.
    match table.get_mut(first) {
        None => {
            table.insert(first, item);
        }
        Some(old) => {
            if let (Some(old), Some(new)) = (old.as_value(), item.as_value_mut()) {
                *new.decor_mut() = old.decor().clone();
            }
            *old = item;
        }
    }
}

fn in_json(document: &mut Json, key: &[&str], new: Option<&Value>) {
    let ([first, rest @ ..], Some(object)) = (key, document.as_object_mut()) else { return };
    if !rest.is_empty() {
        if new.is_some() {
            object.entry(*first).or_insert_with(|| Json::Object(Default::default()));
        }
        if let Some(inner) = object.get_mut(*first) {
            in_json(inner, rest, new);
        }
        return;
    }
    let value: Json = match new {
        None => {
            object.shift_remove(*first);
            return;
        }
        Some(Value::Truth(truth)) => (*truth).into(),
        Some(Value::Number(number)) => (*number).into(),
        Some(Value::Text(text)) => text.clone().into(),
    };
    object.insert((*first).to_owned(), value);
}
