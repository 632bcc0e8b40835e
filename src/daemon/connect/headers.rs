//! The headers that repeat parts of a modern request's body
//! (2026-07-28, Streamable HTTP, "Request Metadata"), and what has to be known of tools for them.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mcp_fastd::limits::CONNECT_TOOLS_MAX;
use parking_lot::Mutex;
use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::message::{Message, Trouble, error};

/// The revision a message is sent in.
pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// What lists of tools have said about arguments that are repeated in headers.
#[derive(Default)]
pub(super) struct Tools(Mutex<HashMap<String, Vec<Mirror>>>);

/// An argument that is repeated in a header.
#[derive(Debug, PartialEq)]
struct Mirror {
    name: HeaderName,
    /// The chain of properties from the root.
    path: Vec<String>,
}

impl Tools {
    /// The headers of a modern request.
    ///
    /// # Errors
    /// Its revision or method could not stand in a header.
    pub(super) fn headers(&self, message: &Message) -> Result<HeaderMap, Trouble> {
        let plain = |text: Option<&str>| HeaderValue::from_str(text.unwrap_or_default());
        let (Ok(version), Ok(method)) = (plain(message.modern_version()), plain(message.method()))
        else {
            let what = "Invalid Request: neither method nor protocolVersion may have characters \
                        that no HTTP header can have";
            return Err(Trouble(error(-32600, what)));
        };
        let mut fields = HeaderMap::from_iter([(VERSION, version), (METHOD, method)]);
        let params = &message.json["params"];
        let named_by = match message.method() {
            Some("tools/call" | "prompts/get") => "name",
            Some("resources/read") => "uri",
            // SEP-2663, so that intermediaries find the server that has the task.
            Some("tasks/get" | "tasks/update" | "tasks/cancel") => "taskId",
            _ => return Ok(fields),
        };
        let Some(name) = params[named_by].as_str() else { return Ok(fields) };
        fields.extend(encoded(name).map(|value| (NAME, value)));
        if message.method() == Some("tools/call") {
            let tools = self.0.lock();
            for mirror in tools.get(name).into_iter().flatten() {
                let argument = mirror.path.iter().try_fold(&params["arguments"], |v, at| v.get(at));
                let text = argument.and_then(text);
                let value = text.and_then(|text| encoded(&text));
                fields.extend(value.map(|value| (mirror.name.clone(), value)));
            }
        }
        Ok(fields)
    }

    /// Remembers the tools of an answer to `tools/list`, and takes out of it those whose
    /// annotations break the rules, as a client over HTTP must. Whether there were any.
    pub(super) fn learn(&self, answer: &mut Value) -> bool {
        let Some(listed) = answer.pointer_mut("/result/tools").and_then(Value::as_array_mut) else {
            return false;
        };
        let before = listed.len();
        let mut tools = self.0.lock();
        listed.retain(|tool| {
            let name = tool["name"].as_str().unwrap_or_default();
            match mirrors(&tool["inputSchema"]) {
                Ok(mirrors) if mirrors.is_empty() => drop(tools.remove(name)),
                Ok(mirrors) if tools.len() < CONNECT_TOOLS_MAX || tools.contains_key(name) => {
                    tools.insert(name.to_owned(), mirrors);
                }
                Ok(_) => {}
                Err(why) => {
                    tracing::warn!(tool = name, "this tool of the server's is left out: {why}");
                    return false;
                }
            }
            true
        });
        listed.len() != before
    }
}

/// An argument as text. `null` and what is not there have no header.
fn text(argument: &Value) -> Option<String> {
    match argument {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => match number.as_f64() {
            // `42.0` is an integer to JSON Schema, and has to look like one.
            Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < 2e15 => {
                Some((double as i64).to_string())
            }
            _ => Some(number.to_string()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A header's value: the text as it is, or in Base64 between `=?base64?` and `?=` where it could
/// not stand in a header, or could be taken for such a one ("Value Encoding").
fn encoded(text: &str) -> Option<HeaderValue> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && text.trim_matches([' ', '\t']) == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    match plain {
        true => HeaderValue::from_str(text).ok(),
        false => HeaderValue::from_str(&format!("=?base64?{}?=", BASE64.encode(text))).ok(),
    }
}

/// Finds every `x-mcp-header`, and checks it ("Schema Extension"):
///
/// 1. a non-empty token;
/// 2. unique among the schema's, whatever the case of its letters;
/// 3. on a property of type string, integer or boolean;
/// 4. reached from the root through `properties` alone.
fn mirrors(schema: &Value) -> Result<Vec<Mirror>, String> {
    let mut found: Vec<Mirror> = Vec::new();
    collect(schema, &mut Vec::new(), &mut found)?;
    for (index, mirror) in found.iter().enumerate() {
        if found[..index].iter().any(|other| other.name == mirror.name) {
            return Err(format!("x-mcp-header: `{}` is used twice", mirror.name));
        }
    }
    match annotations(schema) == found.len() {
        true => Ok(found),
        false => Err("x-mcp-header stands where only `properties` may lead".to_owned()),
    }
}

fn collect(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Mirror>) -> Result<(), String> {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name.clone());
        if let Some(annotation) = property.get("x-mcp-header") {
            let at = path.join(".");
            if !matches!(property["type"].as_str(), Some("string" | "integer" | "boolean")) {
                return Err(format!("x-mcp-header of `{at}`: not a string, integer or boolean"));
            }
            let header = annotation.as_str().filter(|name| !name.is_empty());
            let header = header.and_then(|name| format!("mcp-param-{name}").parse().ok());
            let name = header.ok_or(format!("x-mcp-header of `{at}` is not a header's name"))?;
            found.push(Mirror { name, path: path.clone() });
        }
        collect(property, path, found)?;
        path.pop();
    }
    Ok(())
}

/// How many schemas at or below this one carry the annotation, wherever they stand. (A property
/// that is called `x-mcp-header` is a schema, not text.)
fn annotations(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => {
            let own = members.get("x-mcp-header").is_some_and(|value| !value.is_object());
            usize::from(own) + members.values().map(annotations).sum::<usize>()
        }
        Value::Array(elements) => elements.iter().map(annotations).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
