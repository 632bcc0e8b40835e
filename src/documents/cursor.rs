//! Cursors: where the next page starts, as an opaque string.
//!
//! A cursor carries a position, what it is a position in, and a check sum. The check sum keeps
//! typing errors and inventions out; it is no signature and need not be one: who forges a cursor
//! gets another page of what they may read anyway.

use super::error::Error;
use super::types::Matching;
use sha2::{Digest, Sha256};

/// A position in a list or in the hits of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// After the document with this number.
    List { after: i64 },
    /// After this many hits of the search with this fingerprint.
    Search { query: [u8; 8], matching: Matching, after: u64 },
}

const BODY: usize = 18;
const CHECK: usize = 6;

impl Cursor {
    /// As the caller sees it.
    pub(super) fn encode(self) -> String {
        let mut bytes = [0; BODY];
        match self {
            Cursor::List { after } => {
                bytes[0] = b'l';
                bytes[2..10].copy_from_slice(&after.to_be_bytes());
            }
            Cursor::Search { query, matching, after } => {
                bytes[0] = b's';
                bytes[1] = u8::from(matching == Matching::AnyWord);
                bytes[2..10].copy_from_slice(&after.to_be_bytes());
                bytes[10..].copy_from_slice(&query);
            }
        }
        hex(&bytes) + &hex(&check_sum(&bytes))
    }

    /// Reads what a caller sent back.
    pub(super) fn decode(text: &str) -> Result<Cursor, Error> {
        let bytes = unhex(text).ok_or(Error::BadCursor)?;
        let body: [u8; BODY] = bytes[..BODY].try_into().map_err(|_| Error::BadCursor)?;
        if bytes[BODY..] != check_sum(&body) {
            return Err(Error::BadCursor);
        }
        let (mut place, mut query) = ([0; 8], [0; 8]);
        place.copy_from_slice(&body[2..10]);
        query.copy_from_slice(&body[10..]);
        match (body[0], body[1]) {
            (b'l', 0) if query == [0; 8] => Ok(Cursor::List { after: i64::from_be_bytes(place) }),
            (b's', mode @ (0 | 1)) => Ok(Cursor::Search {
                query,
                matching: if mode == 1 { Matching::AnyWord } else { Matching::AllWords },
                after: u64::from_be_bytes(place),
            }),
            _ => Err(Error::BadCursor),
        }
    }
}

/// Ties a cursor to the query it was given out for.
pub(super) fn fingerprint(typed: &str) -> [u8; 8] {
    let mut print = [0; 8];
    print.copy_from_slice(&Sha256::digest(typed.trim().as_bytes())[..8]);
    print
}

fn check_sum(body: &[u8; BODY]) -> [u8; CHECK] {
    let mut sum = [0; CHECK];
    let hash = Sha256::new().chain_update(b"mcp-fastd cursor 1").chain_update(body).finalize();
    sum.copy_from_slice(&hash[..CHECK]);
    sum
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of a whole cursor; one spelling each, so upper case is refused.
fn unhex(text: &str) -> Option<[u8; BODY + CHECK]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * (BODY + CHECK) {
        return None;
    }
    let mut bytes = [0; BODY + CHECK];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
