//! What the header fields of a request say together, decided in one pass; lists of tokens.
//!
//! The names that matter here are told apart by their length first, so that a field which does
//! not matter costs one comparison.

use super::{Error, Field, Framing, Version, target};

#[cfg(test)]
mod tests;

/// What the fields of one head say about the message.
#[derive(Debug)]
pub(super) struct Facts<'b> {
    /// The valid `Host`; empty if there is none, which HTTP/1.0 may do.
    pub host: &'b [u8],
    pub keep_alive: bool,
    pub expect_continue: bool,
    pub framing: Framing,
}

/// What has been seen on the way.
#[derive(Default)]
struct Seen<'b> {
    host: Option<&'b [u8]>,
    length: Option<usize>,
    transfer_encoding: bool,
    /// Transfer codings listed, over all lines.
    codings: usize,
    chunked: usize,
    chunked_last: bool,
    close: bool,
    keep_alive: bool,
    expect_continue: bool,
    unknown_expectation: bool,
}

impl<'b> Facts<'b> {
    /// Reads all fields, in any order.
    pub fn of(fields: &[Field<'b>], version: Version) -> Result<Facts<'b>, Error> {
        let mut seen = Seen::default();
        for field in fields {
            match field.name.len() {
                4 if named(field, b"Host") => seen.host(field.value)?,
                6 if named(field, b"Expect") => seen.expect(field.value),
                10 if named(field, b"Connection") => seen.connection(field.value),
                14 if named(field, b"Content-Length") => seen.content_length(field.value)?,
                17 if named(field, b"Transfer-Encoding") => seen.transfer_encoding(field.value),
                _ => {}
            }
        }
        if version == Version::Http11 && seen.host.is_none() {
            return Err(Error::MissingHost);
        }
        let framing = seen.framing(version)?;
        // RFC 9110 §10.1.1: an HTTP/1.0 client cannot expect anything; others can expect this only.
        if version == Version::Http11 && seen.unknown_expectation {
            return Err(Error::UnknownExpectation);
        }
        let has_body = !matches!(framing, Framing::None | Framing::Length(0));
        Ok(Facts {
            host: seen.host.unwrap_or_default(),
            keep_alive: seen.keep_alive(version),
            expect_continue: version == Version::Http11 && seen.expect_continue && has_body,
            framing,
        })
    }
}

impl<'b> Seen<'b> {
    /// RFC 9112 §3.2: at most one, and a valid one.
    fn host(&mut self, value: &'b [u8]) -> Result<(), Error> {
        if self.host.is_some() {
            return Err(Error::DuplicateHost);
        }
        if !target::is_host(value) {
            return Err(Error::InvalidHost);
        }
        self.host = Some(value);
        Ok(())
    }

    /// RFC 9110 §8.6: digits only. One line, one number: the RFC lets a recipient refuse copies.
    fn content_length(&mut self, value: &[u8]) -> Result<(), Error> {
        if self.length.is_some() {
            return Err(Error::DuplicateContentLength);
        }
        if value.is_empty() {
            return Err(Error::InvalidContentLength);
        }
        let mut length = 0_usize;
        for byte in value {
            if !byte.is_ascii_digit() {
                return Err(Error::InvalidContentLength);
            }
            // A number too large for us is a valid number and too large for any limit.
            length = length.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
        }
        self.length = Some(length);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) {
        self.transfer_encoding = true;
        for coding in list(value) {
            self.codings += 1;
            self.chunked_last = coding.eq_ignore_ascii_case(b"chunked");
            self.chunked += usize::from(self.chunked_last);
        }
    }

    fn connection(&mut self, value: &[u8]) {
        for option in list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn expect(&mut self, value: &[u8]) {
        for expectation in list(value) {
            match expectation.eq_ignore_ascii_case(b"100-continue") {
                true => self.expect_continue = true,
                false => self.unknown_expectation = true,
            }
        }
    }

    /// RFC 9112 §6.3, the body's length:
    /// 1. (responses to HEAD, 1xx, 204, 304: not a request)
    /// 2. (responses to CONNECT: not a request)
    /// 3. Transfer-Encoding and Content-Length: may be an attempt at smuggling; refused.
    ///    Transfer-Encoding on HTTP/1.0: faulty framing (§6.1); refused.
    /// 4. Transfer-Encoding: chunked is the final coding and applied once (§7), or 400. A coding we
    ///    do not know, beneath it or alone: 501 (§6.1).
    /// 5. Content-Length without Transfer-Encoding: valid, and one, or 400 (seen to above).
    /// 6. Content-Length: that many bytes.
    /// 7. neither: no body.
    /// 8. (responses: up to the end of the connection)
    fn framing(&self, version: Version) -> Result<Framing, Error> {
        if !self.transfer_encoding {
            return Ok(self.length.map_or(Framing::None, Framing::Length));
        }
        if self.length.is_some() {
            return Err(Error::LengthWithTransferEncoding);
        }
        if version == Version::Http10 {
            return Err(Error::TransferEncodingOnHttp10);
        }
        if self.chunked > 1 || (self.chunked == 1 && !self.chunked_last) || self.codings == 0 {
            return Err(Error::InvalidTransferEncoding);
        }
        if self.codings > 1 || self.chunked == 0 {
            return Err(Error::UnsupportedTransferCoding);
        }
        Ok(Framing::Chunked)
    }

    /// RFC 9112 §9.3: close, if said, wins; else 1.1 persists; else 1.0 does if it says keep-alive.
    fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Most write a name as the RFC does, and that comparison is two or three instructions, since the
/// length is known.
fn named<const N: usize>(field: &Field<'_>, name: &[u8; N]) -> bool {
    let bytes = field.name.as_bytes();
    bytes == name || bytes.eq_ignore_ascii_case(name)
}

/// The elements of a comma-separated list, without white space around them and without empty
/// ones. RFC 9110 §5.6.1. Knows no quoted strings: for lists of tokens.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// Without the optional white space around it. RFC 9110 §5.6.3.
fn trim(mut element: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = element {
        element = rest;
    }
    element
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// RFC 9110 §5.6.2, tchar.
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

static TOKEN_BYTES: [bool; 256] = byte_set(b"!#$%&'*+-.^_`|~");

/// Letters, digits and these: a table, since a look-up is cheaper than the comparisons.
pub(super) const fn byte_set(others: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        set[byte as usize] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        set[others[at] as usize] = true;
        at += 1;
    }
    set
}

/// Visible, white space or not ASCII: what a field's value and a quoted string are made of.
/// RFC 9110 §5.5.
pub(super) fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
