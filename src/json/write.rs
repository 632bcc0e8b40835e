//! JSON text, appended to a caller's buffer.

use std::io::Write;

use simd_json::{Node, StaticNode};

use super::Value;

/// Appends `text` as a JSON string, quotes included.
#[inline]
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape_into(out, text.as_bytes());
    out.push(b'"');
}

/// Appends the JSON text that stands in `out` from `from` to `to` again, as a JSON string.
///
/// This is how structured content becomes the text block beside it without a second serialization.
/// JSON text has no raw control characters, so only quotes and backslashes need an escape.
#[inline]
pub fn write_json_as_string_from_within(out: &mut Vec<u8>, from: usize, to: usize) {
    let start = out.len();
    out.resize(start + 2 * (to - from) + 2, b'"');
    let (source, target) = out.split_at_mut(start);
    let mut len = 1;
    for &byte in &source[from..to] {
        if byte == b'"' || byte == b'\\' {
            target[len] = b'\\';
            len += 1;
        }
        target[len] = byte;
        len += 1;
    }
    target[len] = b'"';
    out.truncate(start + len + 1);
}

/// Appends a decimal integer.
#[inline]
pub fn write_integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    write_unsigned(out, value.unsigned_abs());
}

/// Appends a decimal integer without a sign.
#[inline]
pub(crate) fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    if value < 10 {
        return out.push(b'0' + value as u8);
    }
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends any serializable value.
///
/// # Errors
/// What the value's own `Serialize` reports (a map with keys that are not strings, say).
#[inline]
pub fn write_serialized<T: serde::Serialize>(
    out: &mut Vec<u8>,
    value: &T,
) -> Result<(), serde_json::Error> {
    serde_json::to_writer(out, value)
}

/// Appends a parsed value, without white space.
pub(super) fn write_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value.node() {
        Node::String(text) => write_string(out, text),
        Node::Static(StaticNode::Null) => out.extend_from_slice(b"null"),
        Node::Static(StaticNode::Bool(true)) => out.extend_from_slice(b"true"),
        Node::Static(StaticNode::Bool(false)) => out.extend_from_slice(b"false"),
        Node::Static(StaticNode::I64(value)) => write_integer(out, value),
        Node::Static(StaticNode::U64(value)) => write_unsigned(out, value),
        Node::Static(StaticNode::F64(value)) => write_float(out, value),
        Node::Object { .. } => {
            out.push(b'{');
            for (index, (key, member)) in value.members_or_none().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(out, key);
                out.push(b':');
                write_value(member, out);
            }
            out.push(b'}');
        }
        Node::Array { .. } => {
            out.push(b'[');
            for (index, element) in value.elements().into_iter().flatten().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(element, out);
            }
            out.push(b']');
        }
    }
}

/// Appends a double in the shortest form that reads back as the same double.
pub(crate) fn write_float(out: &mut Vec<u8>, value: f64) {
    if serde_json::to_writer(&mut *out, &value).is_err() {
        // A Vec cannot fail to be written to; kept total all the same.
        let _ = write!(out, "null");
    }
}

/// Appends a double, as an integer where it is one.
pub(crate) fn write_number(out: &mut Vec<u8>, value: f64) {
    match super::is_safe_integer(value) {
        true => write_integer(out, value as i64),
        false => write_float(out, value),
    }
}

/// For each byte: 0 as it is, `u` as `\u00XX`, anything else as a backslash and that letter.
const ESCAPES: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0A] = b'n';
    table[0x0C] = b'f';
    table[0x0D] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

fn escape_into(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut plain_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape != 0 {
            out.extend_from_slice(&bytes[plain_from..at]);
            push_escape(out, byte, escape);
            plain_from = at + 1;
        }
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

#[inline]
fn push_escape(out: &mut Vec<u8>, byte: u8, escape: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    if escape == b'u' {
        out.extend_from_slice(b"\\u00");
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    } else {
        out.extend_from_slice(&[b'\\', escape]);
    }
}
