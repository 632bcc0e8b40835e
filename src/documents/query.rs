//! Turns what a person or a model typed into an FTS5 expression. Nothing they can type is
//! syntax: every word goes inside quotes, where FTS5 tokenizes it like any text.
//!
//! What is understood:
//! - plain words, all wanted: `cache eviction`
//! - a phrase in double quotes: `"cache eviction"`; a quote without a partner means nothing
//! - a star after a word of three letters or more, any word that starts so: `evict*` (shorter
//!   ones would be most of the index)
//!
//! Everything else is text: `AND`, `NEAR(`, `title:`, brackets. `foo-bar` and `a::b` are the
//! phrases "foo bar" and "a b", since the tokenizer splits there too.

use super::error::Error;
use super::limits::{QUERY_CHARS_MAX, QUERY_TERMS_MAX};
use super::types::Matching;

/// The words of a query, ready to be put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// Each an FTS5 string, perhaps with a star behind: `"cache"`, `"evict" *`.
    terms: Vec<String>,
}

impl Query {
    /// Reads what somebody typed.
    pub(super) fn parse(typed: &str) -> Result<Query, Error> {
        let chars = typed.chars().count();
        if chars > QUERY_CHARS_MAX {
            return Err(Error::QueryTooLong { chars });
        }
        let mut terms = Vec::new();
        for (piece, quoted) in pieces(typed) {
            if quoted {
                terms.extend(term(piece, false));
                continue;
            }
            for word in piece.split(|c: char| c.is_whitespace() || c == '\0' || c == '"') {
                let stem = word.trim_end_matches('*');
                let is_prefix = stem.len() < word.len() && stem.chars().nth(2).is_some();
                terms.extend(term(stem, is_prefix));
            }
        }
        let mut seen = std::collections::HashSet::new();
        terms.retain(|term| seen.insert(term.clone()));
        terms.truncate(QUERY_TERMS_MAX);
        match terms.is_empty() {
            true => Err(Error::NoWords),
            false => Ok(Query { terms }),
        }
    }

    /// The expression for FTS5.
    pub(super) fn expression(&self, matching: Matching) -> String {
        match matching {
            Matching::AllWords => self.terms.join(" AND "),
            Matching::AnyWord => self.terms.join(" OR "),
        }
    }

    /// With one word, "all" and "any" are the same search.
    pub(super) fn has_many_words(&self) -> bool {
        self.terms.len() > 1
    }
}

/// The text outside and inside pairs of quotes, in turn; an odd last quote pairs with nothing.
fn pieces(typed: &str) -> impl Iterator<Item = (&str, bool)> {
    let quotes = typed.bytes().filter(|&b| b == b'"').count();
    typed.splitn(quotes / 2 * 2 + 1, '"').enumerate().map(|(index, piece)| (piece, index % 2 == 1))
}

/// One FTS5 string, if there is anything in it that the tokenizer would keep.
fn term(text: &str, is_prefix: bool) -> Option<String> {
    if !text.contains(char::is_alphanumeric) {
        return None;
    }
    // A quote cannot be in here, but doubling it costs nothing and keeps this function safe alone.
    let mut term = format!("\"{}\"", text.replace('\0', " ").replace('"', "\"\""));
    if is_prefix {
        term.push_str(" *");
    }
    Some(term)
}

#[cfg(test)]
mod tests;
