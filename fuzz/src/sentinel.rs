//! `Mcp-Param-*` headers against the arguments they repeat, with a decoder and an encoder of our
//! own beside the server's.

use mcp_fastd::internal::{Field, header_mismatch, param_headers};
use mcp_fastd::json::Parser;
use serde_json::{Value, json};

/// The largest integer of which all smaller ones are doubles too.
const SAFE: i64 = (1 << 53) - 1;

/// A line with a type, a line with a header's value, and an argument as JSON. What is accepted is
/// the same to us; what a client that follows the specification sends is accepted.
pub fn sentinel(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (Some(kind), Some(value), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let kind = match kind.first() {
        Some(b's') => "string",
        Some(b'i') => "integer",
        Some(b'b') => "boolean",
        _ => return,
    };
    let reference = decode(value);
    let argument = serde_json::from_slice::<Value>(text).ok();
    if let Some(argument) = argument.filter(|argument| !argument.is_null()) {
        let accepted = accepts(kind, &argument, &[value]);
        let is_same = reference.as_deref().is_some_and(|text| same(kind, &argument, text));
        if accepted {
            assert!(is_same, "{value:?} is not {argument}");
        } else if kind != "integer" {
            assert!(!is_same, "{value:?} is {argument}");
        }
        assert!(!accepts(kind, &argument, &[]), "it must be there");
        assert!(!accepts(kind, &argument, &[value, value]), "it may be there once");
        as_specified(kind, &argument);
    }
    // The header's own text is an argument too, and any text at all can be sent.
    for text in [reference, String::from_utf8(value.to_vec()).ok()].into_iter().flatten() {
        as_specified("string", &text.into());
    }
}

/// What a client sends for an argument, in both forms where both are allowed, is accepted.
fn as_specified(kind: &str, argument: &Value) {
    let text = match (kind, argument) {
        ("string", Value::String(text)) => text.clone(),
        ("boolean", Value::Bool(value)) => value.to_string(),
        ("integer", Value::Number(number)) => match number.as_i64() {
            Some(integer) if integer.abs() <= SAFE => integer.to_string(),
            _ => return,
        },
        _ => return,
    };
    let encoded = format!("=?base64?{}?=", encode(text.as_bytes()));
    assert_eq!(decode(encoded.as_bytes()).as_ref(), Some(&text));
    assert!(accepts(kind, argument, &[encoded.as_bytes()]), "{encoded} is {argument}");
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && text.trim_ascii() == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    if plain {
        assert!(accepts(kind, argument, &[text.as_bytes()]), "{text:?} is {argument}");
    }
}

/// What the server says.
fn accepts(kind: &str, argument: &Value, values: &[&[u8]]) -> bool {
    let schema = json!({ "properties": { "p": { "type": kind, "x-mcp-header": "P" } } });
    let headers = param_headers(&schema).expect("a schema in order");
    let fields: Vec<_> = values.iter().map(|value| Field { name: "Mcp-Param-P", value }).collect();
    let (mut parser, mut bytes) =
        (Parser::new(), json!({ "p": argument }).to_string().into_bytes());
    match parser.parse(&mut bytes) {
        Ok(document) => header_mismatch(&headers[0], Some(document.root()), &fields).is_none(),
        // Nested too deeply, for example.
        Err(_) => false,
    }
}

/// Whether a header's text says what an argument does.
fn same(kind: &str, argument: &Value, text: &str) -> bool {
    match (kind, argument) {
        ("string", Value::String(argument)) => argument == text,
        ("boolean", Value::Bool(argument)) => text == if *argument { "true" } else { "false" },
        ("integer", Value::Number(argument)) => {
            let (Some(argument), Ok(number)) = (argument.as_f64(), text.parse::<f64>()) else {
                return false;
            };
            (argument - number).abs() <= argument.abs() * 1e-15
        }
        _ => false,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding, by the book (RFC 4648 §4).
fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { digit as char } else { '=' });
        }
    }
    text
}

/// The text of a header; `None` when it is neither plain nor well encoded.
fn decode(value: &[u8]) -> Option<String> {
    let encoded = value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?="));
    let Some(encoded) = encoded else {
        let plain = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        return plain.then(|| String::from_utf8_lossy(value).into_owned());
    };
    let digits = encoded.strip_suffix(b"==").or(encoded.strip_suffix(b"=")).unwrap_or(encoded);
    let mut bits = Vec::new();
    for digit in digits {
        let at = ALPHABET.iter().position(|letter| letter == digit)?;
        bits.extend((0..6).rev().map(|bit| at >> bit & 1 == 1));
    }
    let bytes: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
        .collect();
    // There is one way to write it, and no other is taken.
    (encode(&bytes).as_bytes() == encoded).then(|| String::from_utf8(bytes).ok())?
}
