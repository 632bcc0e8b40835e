//! Chunked bodies (RFC 9112 §7.1), decoded in place.
//!
//! ```text
//!   Size ──"5;a=b CRLF"──▶ Data ──5 bytes──▶ DataEnd ──CRLF──▶ Size
//!     └──"0 CRLF"──▶ Trailers ──"name: value CRLF"──▶ Trailers
//!                       └──────CRLF──────▶ the end, and nowhere else
//!
//!   unread bytes behind the head, while decoding, and between calls:
//!   │ decoded body │ gap │ not decoded yet │      │ decoded body │ part of a line │
//!   0          decoded   at            len()      0          decoded         len()
//! ```
//!
//! Each byte of data moves at most once, and the gap is closed before the call returns: what is
//! kept is never more than the body and one line. Which framing a body has at all is decided in
//! `fields`.

use super::fields::{is_token_byte, is_value_byte};
use super::{Error, HttpLimits};
use crate::buffer::Tail;
use crate::limits::{CHUNK_LINE_BYTES_FAIR, CHUNK_SIZE_DIGITS_MAX};

#[cfg(test)]
mod tests;

/// How far a chunked body is.
#[derive(Debug, Default)]
pub(super) struct ChunkState {
    /// The length of the body so far.
    decoded: usize,
    /// Data: how much of the current chunk is still to come, never 0.
    /// End: where the body ends, counted as `decoded` is; its framing may lie between the two.
    left: usize,
    /// How much of the line behind the decoded body has no LF in it.
    scanned: u32,
    /// Size lines: what they were longer than their data is worth. Trailers: their length.
    overhead: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Size,
    Data,
    DataEnd,
    Trailers,
    End,
}

impl ChunkState {
    /// The length of the body so far.
    pub fn decoded(&self) -> usize {
        self.decoded
    }

    /// At the end: how many bytes the body takes up, with what is left of its framing.
    pub fn raw_len(&self) -> usize {
        debug_assert!(self.step == Step::End, "the length is known at the end");
        self.left
    }
}

/// Decodes what has arrived; `tail` begins with the body decoded so far. Whether the body is
/// complete.
pub(super) fn decode_chunks(
    state: &mut ChunkState,
    tail: &mut Tail<'_>,
    limits: &HttpLimits,
) -> Result<bool, Error> {
    let mut at = state.decoded;
    loop {
        let bytes = tail.unread();
        let stepped = match state.step {
            Step::Size => state.size(bytes, at, limits)?,
            Step::Data => state.data(bytes, at),
            Step::DataEnd => state.data_end(bytes, at)?,
            Step::Trailers => state.trailer(bytes, at, limits)?,
            // The next request may be behind the gap, which `finish` consumes.
            Step::End => return Ok(true),
        };
        match stepped {
            Some(position) => at = position,
            None => break,
        }
    }
    tail.remove_gap(state.decoded, at - state.decoded);
    Ok(false)
}

/// The steps: each takes what it can at `at`, and says where it came to, or that it needs more.
impl ChunkState {
    /// RFC 9112 §7.1: `chunk-size [ chunk-ext ] CRLF`.
    fn size(
        &mut self,
        bytes: &[u8],
        at: usize,
        limits: &HttpLimits,
    ) -> Result<Option<usize>, Error> {
        let line_max = limits.chunk_line_bytes_max;
        let Some(line_len) = self.line(&bytes[at..], line_max, Error::ChunkExtensionTooLong)?
        else {
            return Ok(None);
        };
        let (size, extension) = chunk_size(&bytes[at..at + line_len - 2])?;
        if !is_chunk_extension(extension) {
            return Err(Error::InvalidChunkExtension);
        }
        if size > limits.body_bytes_max.saturating_sub(self.decoded) {
            return Err(Error::BodyTooLarge);
        }
        let fair = CHUNK_LINE_BYTES_FAIR.saturating_add(size.saturating_mul(2));
        self.overhead = self.overhead.saturating_add(line_len.saturating_sub(fair) as u32);
        if self.overhead as usize > limits.chunk_overhead_bytes_max {
            return Err(Error::ChunkOverheadTooLarge);
        }
        if size == 0 {
            self.step = Step::Trailers;
            self.overhead = 0;
        } else {
            self.step = Step::Data;
            self.left = size;
        }
        Ok(Some(at + line_len))
    }

    fn data(&mut self, bytes: &mut [u8], at: usize) -> Option<usize> {
        let n = self.left.min(bytes.len() - at);
        if n == 0 {
            return None;
        }
        if at > self.decoded {
            bytes.copy_within(at..at + n, self.decoded);
        }
        self.decoded += n;
        self.left -= n;
        if self.left == 0 {
            self.step = Step::DataEnd;
        }
        Some(at + n)
    }

    fn data_end(&mut self, bytes: &[u8], at: usize) -> Result<Option<usize>, Error> {
        match bytes[at..] {
            [b'\r', b'\n', ..] => {
                self.step = Step::Size;
                Ok(Some(at + 2))
            }
            [] | [b'\r'] => Ok(None),
            _ => Err(Error::InvalidChunkEnd),
        }
    }

    /// RFC 9112 §7.1.2: fields like those of a head, which a recipient may discard, as we do: by
    /// then all that they could change has been decided.
    fn trailer(
        &mut self,
        bytes: &[u8],
        at: usize,
        limits: &HttpLimits,
    ) -> Result<Option<usize>, Error> {
        let line_max = limits.trailer_bytes_max.saturating_sub(self.overhead as usize);
        let Some(line_len) = self.line(&bytes[at..], line_max, Error::TrailersTooLarge)? else {
            return Ok(None);
        };
        if line_len == 2 {
            self.step = Step::End;
            self.left = at + 2;
            return Ok(Some(at + 2));
        }
        if !is_field_line(&bytes[at..at + line_len - 2]) {
            return Err(Error::InvalidTrailer);
        }
        self.overhead += line_len as u32;
        Ok(Some(at + line_len))
    }

    /// The length of the line that `bytes` begins with, CRLF included, if its end is there.
    fn line(&mut self, bytes: &[u8], max: usize, error: Error) -> Result<Option<usize>, Error> {
        let window = &bytes[..bytes.len().min(max)];
        let scanned = self.scanned as usize;
        match memchr::memchr(b'\n', &window[scanned..]) {
            Some(distance) => {
                let line_feed = scanned + distance;
                if line_feed == 0 || window[line_feed - 1] != b'\r' {
                    return Err(Error::BareLineFeed);
                }
                self.scanned = 0;
                Ok(Some(line_feed + 1))
            }
            None if bytes.len() >= max => Err(error),
            None => {
                self.scanned = window.len() as u32;
                Ok(None)
            }
        }
    }
}

/// RFC 9112 §7.1: `1*HEXDIG`; a number too large for us is too large for any limit. Gives what
/// follows it besides.
fn chunk_size(line: &[u8]) -> Result<(usize, &[u8]), Error> {
    let mut size = 0_u64;
    let mut digits = 0;
    for byte in line {
        let Some(digit) = (*byte as char).to_digit(16) else {
            break;
        };
        digits += 1;
        if digits > CHUNK_SIZE_DIGITS_MAX {
            return Err(Error::InvalidChunkSize);
        }
        size = size << 4 | u64::from(digit);
    }
    let rest = &line[digits..];
    match rest {
        _ if digits == 0 => Err(Error::InvalidChunkSize),
        [] | [b';' | b' ' | b'\t', ..] => Ok((usize::try_from(size).unwrap_or(usize::MAX), rest)),
        _ => Err(Error::InvalidChunkSize),
    }
}

/// RFC 9112 §7.1.1: `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`.
fn is_chunk_extension(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(name) = after_byte(rest, b';') else {
            return false;
        };
        let Some(after_name) = after_token(name) else {
            return false;
        };
        let Some(value) = after_byte(after_name, b'=') else {
            rest = after_name;
            continue;
        };
        let after_value = match value {
            [b'"', quoted @ ..] => after_quoted(quoted),
            _ => after_token(value),
        };
        match after_value {
            Some(after_value) => rest = after_value,
            None => return false,
        }
    }
    true
}

/// What follows this byte and the white space around it.
fn after_byte(text: &[u8], byte: u8) -> Option<&[u8]> {
    let rest = skip_white_space(text).strip_prefix(&[byte])?;
    Some(skip_white_space(rest))
}

fn after_token(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

/// What follows the closing quote. RFC 9110 §5.6.4.
fn after_quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        text = match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', byte, rest @ ..] if is_value_byte(*byte) => rest,
            [byte, rest @ ..] if *byte != b'\\' && is_value_byte(*byte) => rest,
            _ => return None,
        }
    }
}

fn skip_white_space(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// RFC 9112 §5: `token ":" value`.
fn is_field_line(line: &[u8]) -> bool {
    match after_token(line) {
        Some([b':', value @ ..]) => value.iter().all(|byte| is_value_byte(*byte)),
        _ => false,
    }
}
