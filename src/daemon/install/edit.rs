//! A configuration's text with one entry more. Pure: it knows no files.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde::de::IgnoredAny;
use serde_json::Value;

/// What came of it.
#[derive(Debug, PartialEq)]
pub(super) enum Edited {
    /// The text as it is to be.
    Text(String),
    /// The entry is there, just so.
    Same,
    /// There is another entry of this name.
    Taken,
}

/// Where the entry belongs, and what it is.
pub(super) struct Entry<'a> {
    /// The member of the outermost object that holds the entries.
    pub(super) servers: &'a str,
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
}

/// Adds an entry, or with `replace` puts it in the place of another. All else stays as it is.
///
/// # Errors
/// Why the text is not such a configuration.
pub(super) fn add(
    text: &str,
    comments: bool,
    entry: &Entry<'_>,
    replace: bool,
) -> Result<Edited, String> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    if !comments && !body.trim().is_empty() {
        // The parser takes a comment behind the last brace even so.
        serde_json::from_str::<IgnoredAny>(body).map_err(|error| error.to_string())?;
    }
    let root = CstRootNode::parse(body, &options(comments)).map_err(|error| error.to_string())?;
    let not_an_object = || "the outermost value is not an object".to_owned();
    let outermost = root.object_value_or_create().ok_or_else(not_an_object)?;
    once(&outermost, entry.servers)?;
    let servers = outermost
        .object_value_or_create(entry.servers)
        .ok_or_else(|| format!("`{}` is not an object", entry.servers))?;
    once(&servers, entry.name)?;
    match servers.get(entry.name) {
        Some(there) if there.to_serde_value().as_ref() == Some(entry.value) => {
            return Ok(Edited::Same);
        }
        Some(_) if !replace => return Ok(Edited::Taken),
        Some(there) => there.set_value(written(entry.value)),
        None => drop(servers.append(entry.name, written(entry.value))),
    }
    Ok(Edited::Text(format!("{mark}{root}")))
}

/// Clients read the last of several members of one name, and we would write into the first.
fn once(object: &CstObject, name: &str) -> Result<(), String> {
    let named = |name_of: Option<String>| name_of.as_deref() == Some(name);
    match object.properties().iter().filter(|one| named(one.decoded_name())).count() {
        0 | 1 => Ok(()),
        _ => Err(format!("`{name}` is there more than once")),
    }
}

/// JSON, and what the client takes besides; never the rest that JSON5 allows.
fn options(comments: bool) -> ParseOptions {
    ParseOptions {
        allow_comments: comments,
        allow_trailing_commas: comments,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn written(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(elements) => CstInputValue::Array(elements.iter().map(written).collect()),
        Value::Object(members) => CstInputValue::Object(
            members.iter().map(|(name, value)| (name.clone(), written(value))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests;
