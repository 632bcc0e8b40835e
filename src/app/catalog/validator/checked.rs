//! Checking with the library that knows JSON Schema.

use std::fmt;

use serde_json::Value as Json;

use crate::json::Value;
use crate::limits;

/// A schema that arguments are checked with.
pub(crate) struct Validator(jsonschema::Validator);

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

impl Validator {
    /// A validator for a schema; `None` where decoding says it all, which it does not of a
    /// schema that is no type's (`all`).
    pub(crate) fn new(schema: &Json, all: bool) -> Result<Option<Validator>, String> {
        if !all && !has_bounds(schema) {
            return Ok(None);
        }
        match jsonschema::validator_for(schema) {
            Ok(validator) => Ok(Some(Validator(validator))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What is wrong with these arguments, for the model to read.
    pub(crate) fn check(&self, arguments: Value<'_>) -> Result<(), String> {
        let arguments: Json = match arguments.decode() {
            Ok(arguments) => arguments,
            Err(error) => return Err(error.to_string()),
        };
        let say = |error: jsonschema::ValidationError<'_>| match field(
            &error.instance_path().to_string(),
        ) {
            path if path.is_empty() => error.to_string(),
            path => format!("`{path}`: {error}"),
        };
        let errors = self.0.iter_errors(&arguments).take(limits::ARGUMENT_ERRORS_MAX);
        let said: Vec<String> = errors.map(say).collect();
        if said.is_empty() { Ok(()) } else { Err(said.join("; ")) }
    }
}

/// `/a/0/b` as `a[0].b`, as decoding names fields.
fn field(pointer: &str) -> String {
    let mut field = String::new();
    for part in pointer.split('/').skip(1) {
        if part.parse::<usize>().is_ok() {
            field.push_str(&format!("[{part}]"));
        } else {
            field.push_str(if field.is_empty() { "" } else { "." });
            field.push_str(part);
        }
    }
    field
}

/// Whether a schema says more than a Rust type does.
fn has_bounds(schema: &Json) -> bool {
    const BOUNDS: [&str; 12] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
    ];
    match schema {
        Json::Object(members) => members.iter().any(|(key, value)| match key.as_str() {
            // What Rust's integers can be.
            "minimum" | "maximum" if value.as_i64().is_some_and(is_bound_of_type) => false,
            "default" | "examples" | "enum" | "const" => false,
            key => BOUNDS.contains(&key) || has_bounds(value),
        }),
        Json::Array(elements) => elements.iter().any(has_bounds),
        _ => false,
    }
}

fn is_bound_of_type(value: i64) -> bool {
    let bounds = |bits: u32| [(1 << bits) - 1, (1 << (bits - 1)) - 1, -(1 << (bits - 1))];
    value == 0 || [8, 16, 32].into_iter().flat_map(bounds).any(|bound| bound == value)
}

#[cfg(test)]
mod tests;
