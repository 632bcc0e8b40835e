//! JSON: parse in place, walk, decode into types, write.
//!
//! The one place that touches simd-json. A [`Parser`] belongs to one thread and is used again for
//! every document, so parsing allocates nothing once it is warm. [`Value`] is a cheap, copyable
//! view of the parsed tape.
//!
//! What is refused (RFC 8259, and stricter where the RFC leaves room): text that is not UTF-8, a
//! byte order mark, bytes after the document, lone surrogates, nesting deeper than
//! `json_depth_max`, integers beyond 64 bits and numbers
//! beyond a double (`1e400`). Every integer that fits 64 bits keeps its exact value.
//!
//! Duplicate keys: the members this server itself reads must not be repeated (`rpc` and `mcp`
//! refuse them); in a tool's arguments a repeated field is a wrong argument.

mod decode;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::mem;

use simd_json::{Buffers, Node, StaticNode, Tape};

use crate::limits;

pub use decode::DecodeError;
pub(crate) use decode::is_safe_integer;
pub(crate) use write::{write_float, write_number, write_unsigned};
pub use write::{write_integer, write_json_as_string_from_within, write_serialized, write_string};

/// Parses documents one after the other, keeping its working memory between them.
pub struct Parser {
    depth_max: usize,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Parser {
    /// A parser with room for common messages.
    pub fn new() -> Self {
        Parser::with_depth(limits::JSON_DEPTH_MAX)
    }

    /// One that takes arrays and objects so many deep.
    pub fn with_depth(depth_max: usize) -> Self {
        Parser {
            depth_max,
            buffers: Buffers::with_max_depth(limits::JSON_KEEP_BYTES, depth_max),
            tape: Tape(Vec::new()),
        }
    }

    /// Parses `text`, which is rewritten: strings are unescaped where they stand.
    ///
    /// # Errors
    /// [`Error`] says where the text stops being JSON.
    #[inline]
    pub fn parse<'p, 'b>(&'p mut self, text: &'b mut [u8]) -> Result<Document<'p, 'b>, Error> {
        let oversized = text.len() > limits::JSON_KEEP_BYTES;
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = simd_json::fill_tape(text, &mut self.buffers, &mut tape);
        if oversized {
            self.buffers = Buffers::with_max_depth(limits::JSON_KEEP_BYTES, self.depth_max);
        }
        match parsed {
            Ok(()) => Ok(Document { tape, home: &mut self.tape }),
            Err(error) => {
                self.tape = tape.reset();
                Err(Error::new(&error, self.depth_max))
            }
        }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Parser::new()
    }
}

/// A parsed document; its tape goes back to the parser when it is dropped.
pub struct Document<'p, 'b> {
    tape: Tape<'b>,
    home: &'p mut Tape<'static>,
}

impl Document<'_, '_> {
    /// The outermost value.
    #[inline]
    pub fn root(&self) -> Value<'_> {
        Value(&self.tape.0)
    }
}

impl Drop for Document<'_, '_> {
    fn drop(&mut self) {
        if self.tape.0.capacity() <= limits::JSON_KEEP_NODES {
            *self.home = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        }
    }
}

/// Why a text is not the JSON we take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
    /// The setting whose bound was met, if it was one.
    limit: Option<&'static str>,
}

impl Error {
    #[cold]
    fn new(error: &simd_json::Error, depth_max: usize) -> Self {
        use simd_json::ErrorType;
        let what = match error.error() {
            ErrorType::InvalidUtf8 => "text that is not UTF-8".to_owned(),
            ErrorType::InvalidNumber => {
                "a number that is malformed or out of range (integers fit 64 bits)".to_owned()
            }
            ErrorType::DepthLimitExceeded => {
                format!("nesting deeper than json_depth_max ({depth_max})")
            }
            ErrorType::InvalidUnicodeCodepoint => "a lone surrogate".to_owned(),
            ErrorType::Eof => "no document, or one that ends early".to_owned(),
            ErrorType::InternalError => {
                "not one document (a byte order mark, or bytes after its end)".to_owned()
            }
            other => words(&format!("{other:?}")),
        };
        let is_too_deep = matches!(error.error(), ErrorType::DepthLimitExceeded);
        Error {
            message: format!("not valid JSON near byte {}: {what}", error.index()),
            limit: is_too_deep.then_some("json_depth_max"),
        }
    }

    /// The setting whose bound was met, if it was one.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        self.limit
    }
}

/// `ExpectedObjectKey` as `expected object key`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// One value of a parsed document.
#[derive(Clone, Copy)]
pub struct Value<'t>(&'t [Node<'t>]);

const EMPTY_OBJECT: [Node<'static>; 1] = [Node::Object { len: 0, count: 0 }];

impl Value<'static> {
    /// `{}`, for what was left out.
    pub const EMPTY_OBJECT: Value<'static> = Value(&EMPTY_OBJECT);
}

/// What a value is, for error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Null,
    Boolean,
    Integer,
    Float,
    String,
    Array,
    Object,
}

impl<'t> Value<'t> {
    #[inline]
    fn node(&self) -> Node<'t> {
        self.0[0]
    }

    /// What kind of value this is.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.node() {
            Node::String(_) => Kind::String,
            Node::Object { .. } => Kind::Object,
            Node::Array { .. } => Kind::Array,
            Node::Static(StaticNode::Null) => Kind::Null,
            Node::Static(StaticNode::Bool(_)) => Kind::Boolean,
            Node::Static(StaticNode::F64(_)) => Kind::Float,
            Node::Static(_) => Kind::Integer,
        }
    }

    /// The text of a string.
    #[inline]
    pub fn as_str(&self) -> Option<&'t str> {
        match self.node() {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a boolean.
    #[inline]
    pub fn as_bool(&self) -> Option<bool> {
        match self.node() {
            Node::Static(StaticNode::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// The value of an integer that fits `i64`.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match self.node() {
            Node::Static(StaticNode::I64(value)) => Some(value),
            Node::Static(StaticNode::U64(value)) => i64::try_from(value).ok(),
            _ => None,
        }
    }

    /// The value of an integer that fits `u64`.
    #[inline]
    pub fn as_u64(&self) -> Option<u64> {
        match self.node() {
            Node::Static(StaticNode::U64(value)) => Some(value),
            Node::Static(StaticNode::I64(value)) => u64::try_from(value).ok(),
            _ => None,
        }
    }

    /// The value of a number that was written with a fraction or an exponent.
    #[inline]
    pub fn as_float(&self) -> Option<f64> {
        match self.node() {
            Node::Static(StaticNode::F64(value)) => Some(value),
            _ => None,
        }
    }

    /// The members of an object.
    #[inline]
    pub fn members(&self) -> Option<Members<'t>> {
        match self.node() {
            Node::Object { .. } => Some(Members(&self.0[1..])),
            _ => None,
        }
    }

    /// The members of an object; none of anything else.
    #[inline]
    pub(crate) fn members_or_none(&self) -> Members<'t> {
        self.members().unwrap_or(Members(&[]))
    }

    /// The elements of an array.
    #[inline]
    pub fn elements(&self) -> Option<Elements<'t>> {
        match self.node() {
            Node::Array { .. } => Some(Elements(&self.0[1..])),
            _ => None,
        }
    }

    /// The member `key` of an object; the last one where it is repeated.
    #[inline]
    pub fn get(&self, key: &str) -> Option<Value<'t>> {
        let mut found = None;
        for (name, value) in self.members_or_none() {
            if name == key {
                found = Some(value);
            }
        }
        found
    }

    /// Decodes into a type of the application.
    ///
    /// # Errors
    /// [`DecodeError`] names the field and what was expected there.
    #[inline]
    pub fn decode<T: serde::de::DeserializeOwned>(self) -> Result<T, DecodeError> {
        T::deserialize(self)
    }

    /// Writes the value as JSON text, without white space.
    pub fn write(self, out: &mut Vec<u8>) {
        write::write_value(self, out);
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Nodes that the value at the front of `nodes` takes up.
#[inline]
fn extent(nodes: &[Node<'_>]) -> usize {
    match nodes[0] {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        _ => 1,
    }
}

/// The members of an object, in the order they were written.
#[derive(Clone, Copy)]
pub struct Members<'t>(&'t [Node<'t>]);

impl<'t> Iterator for Members<'t> {
    type Item = (&'t str, Value<'t>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (Node::String(key), rest) = self.0.split_first()? else { return None };
        let (value, rest) = rest.split_at(extent(rest));
        self.0 = rest;
        Some((key, Value(value)))
    }
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub struct Elements<'t>(&'t [Node<'t>]);

impl<'t> Iterator for Elements<'t> {
    type Item = Value<'t>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (value, rest) = self.0.split_at(extent(self.0));
        self.0 = rest;
        Some(Value(value))
    }
}
