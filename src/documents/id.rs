//! Ids of documents, and their URIs.
//!
//! Two kinds, told apart by their first letter so that they never meet:
//! - `d…`: given out at `add`. Milliseconds, then 80 random bits: sorts by time, cannot be
//!   guessed, and two processes need not agree.
//! - `f…`: derived from the canonical path of an imported file, so importing again keeps it.
//!
//! Both are Crockford's base 32 in lower case: safe in a URI, a file name and a shell.

use super::error::Error;
use sha2::{Digest, Sha256};
use std::path::Path;

/// What the URI of every document starts with.
pub const URI_PREFIX: &str = "doc://";

/// The URI of a document.
#[must_use]
pub fn uri(id: &str) -> String {
    format!("{URI_PREFIX}{id}")
}

/// The id in what a caller calls a document: its id, or its URI.
#[must_use]
pub fn from_uri(id_or_uri: &str) -> &str {
    id_or_uri.strip_prefix(URI_PREFIX).unwrap_or(id_or_uri)
}

/// An id for a document added at `now_ms`.
pub(super) fn fresh(now_ms: i64) -> Result<String, Error> {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&now_ms.to_be_bytes()[2..]);
    getrandom::fill(&mut bytes[6..]).map_err(|error| Error::Storage {
        doing: "drawing a random id",
        message: error.to_string(),
    })?;
    Ok(spell('d', bytes))
}

/// The id of the document imported from the file at this canonical path.
pub(super) fn of_file(canonical: &Path) -> String {
    let hash = Sha256::digest(canonical.as_os_str().as_encoded_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    spell('f', bytes)
}

/// 128 bits as 26 digits; the first one holds three bits, since 26 × 5 = 130.
fn spell(kind: char, bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let number = u128::from_be_bytes(bytes);
    let mut id = String::with_capacity(27);
    id.push(kind);
    for place in (0..26).rev() {
        id.push(char::from(DIGITS[(number >> (place * 5)) as usize & 31]));
    }
    id
}

#[cfg(test)]
mod tests;
