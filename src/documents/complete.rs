//! Completion: which documents somebody who has typed this much may mean.

use super::error::Error;
use super::limits::{COMPLETIONS_LOOKED_AT_MAX, QUERY_CHARS_MAX, QUERY_TERMS_MAX};
use rusqlite::{Connection, params};

/// Ids of documents: first those that begin with what was typed, then those whose title has the
/// words, the last of them perhaps unfinished.
pub(super) fn ids(reader: &Connection, typed: &str, limit: usize) -> Result<Vec<String>, Error> {
    let mut ids = by_id(reader, typed, limit)?;
    let Some(expression) = title_expression(typed) else { return Ok(ids) };
    for id in by_title(reader, &expression)? {
        if ids.len() >= limit {
            break;
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn by_id(reader: &Connection, typed: &str, limit: usize) -> Result<Vec<String>, Error> {
    let past = format!("{typed}\u{10FFFF}");
    let collect = || -> rusqlite::Result<Vec<String>> {
        let mut select = reader.prepare_cached(
            "SELECT id FROM documents WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
        )?;
        select.query_map(params![typed, past, limit as i64], |row| row.get(0))?.collect()
    };
    collect().map_err(Error::storage("completing an id"))
}

fn by_title(reader: &Connection, expression: &str) -> Result<Vec<String>, Error> {
    let collect = || -> rusqlite::Result<Vec<String>> {
        let mut select = reader.prepare_cached(
            "SELECT documents.id
             FROM (SELECT DISTINCT rowid >> 16 AS number FROM
                     (SELECT rowid FROM search WHERE search MATCH ?1 LIMIT ?2)) AS found
             JOIN documents ON documents.number = found.number",
        )?;
        let candidates = COMPLETIONS_LOOKED_AT_MAX as i64;
        select.query_map(params![expression, candidates], |row| row.get(0))?.collect()
    };
    collect().map_err(Error::storage("completing a title"))
}

/// All words in the title, the last one as a beginning. As in `query`, every word is quoted.
fn title_expression(typed: &str) -> Option<String> {
    let typed: String = typed.chars().take(QUERY_CHARS_MAX).collect();
    let words = typed.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(QUERY_TERMS_MAX).map(|w| format!("\"{w}\"")).collect();
    (!words.is_empty()).then(|| format!("title : ({} *)", words.join(" AND ")))
}

#[cfg(test)]
mod tests;
