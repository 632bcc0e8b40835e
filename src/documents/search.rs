//! Search: score what matches, keep the best passage of each document, show a page.

use super::cursor::{Cursor, fingerprint};
use super::error::Error;
use super::id;
use super::limits::{
    PASSAGE_BITS, SEARCH_CANDIDATES_MAX, SEARCH_REACH_MAX, SNIPPET_MARK, SNIPPET_WORDS,
    TITLE_WEIGHT,
};
use super::query::Query;
use super::types::{Hit, Matching, SearchPage};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A document that matches, by its best passage.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Match {
    /// As FTS5 gives it: negative, smaller is better.
    score: f64,
    passage: i64,
}

/// One page. All of it is read from one snapshot of the dataset.
pub(super) fn search(
    reader: &Connection,
    typed: &str,
    limit: usize,
    cursor: Option<&str>,
) -> Result<SearchPage, Error> {
    let query = Query::parse(typed)?;
    let print = fingerprint(typed);
    let (after, continued) = match cursor.map(Cursor::decode).transpose()? {
        None => (0, None),
        Some(Cursor::Search { query, matching, after })
            if query == print && after <= SEARCH_REACH_MAX as u64 =>
        {
            (after as usize, Some(matching))
        }
        Some(_) => return Err(Error::BadCursor),
    };
    let snapshot = reader.unchecked_transaction().map_err(Error::storage("searching"))?;
    let mut matching = continued.unwrap_or(Matching::AllWords);
    let mut matches = find(&snapshot, &query.expression(matching))?;
    if matches.is_empty() && continued.is_none() && query.has_many_words() {
        matching = Matching::AnyWord;
        matches = find(&snapshot, &query.expression(matching))?;
    }
    let total = matches.len() as u64;
    let reach = (after + limit).min(SEARCH_REACH_MAX);
    let best = best(&mut matches, reach);
    let expression = query.expression(matching);
    let mut hits = Vec::with_capacity(limit);
    for found in best.iter().skip(after) {
        hits.extend(hit(&snapshot, &expression, *found)?);
    }
    let has_more = total > reach as u64 && reach < SEARCH_REACH_MAX;
    let next = Cursor::Search { query: print, matching, after: reach as u64 };
    Ok(SearchPage { hits, total, matching, next_cursor: has_more.then(|| next.encode()) })
}

/// Every document that matches, unsorted. Newest first, so that when a word is in more passages
/// than `SEARCH_CANDIDATES_MAX`, the oldest are the ones that are not looked at.
///
/// Grouped here and not by SQL: FTS5 returns passages in the order of their numbers, so those of
/// a document come together, and no sorter is needed (5,000 matches: half the time).
fn find(reader: &Connection, expression: &str) -> Result<Vec<Match>, Error> {
    let mut matches: Vec<Match> = Vec::new();
    let mut collect = || -> rusqlite::Result<()> {
        let mut select = reader.prepare_cached(
            "SELECT rowid, bm25(search, ?2, 1.0) FROM search WHERE search MATCH ?1
             ORDER BY rowid DESC LIMIT ?3",
        )?;
        let candidates = SEARCH_CANDIDATES_MAX as i64;
        let mut rows = select.query(params![expression, TITLE_WEIGHT, candidates])?;
        while let Some(row) = rows.next()? {
            let next = Match { passage: row.get(0)?, score: row.get(1)? };
            match matches.last_mut() {
                Some(last) if last.passage >> PASSAGE_BITS == next.passage >> PASSAGE_BITS => {
                    // On a tie the earlier passage: a match of the title shows how the text starts.
                    if next.score <= last.score {
                        *last = next;
                    }
                }
                _ => matches.push(next),
            }
        }
        Ok(())
    };
    collect().map_err(Error::storage("searching"))?;
    Ok(matches)
}

/// The best `count`, best first; ties by age, so that pages do not overlap.
fn best(matches: &mut [Match], count: usize) -> &[Match] {
    let order = |a: &Match, b: &Match| a.score.total_cmp(&b.score).then(a.passage.cmp(&b.passage));
    let count = count.min(matches.len());
    if count == 0 {
        return &[];
    }
    matches.select_nth_unstable_by(count - 1, order);
    matches[..count].sort_unstable_by(order);
    &matches[..count]
}

/// All about one match. `None` cannot be, within a snapshot; it is no reason to fail a search.
fn hit(reader: &Connection, expression: &str, found: Match) -> Result<Option<Hit>, Error> {
    let read = |row: &Row| {
        let id: String = row.get(0)?;
        Ok(Hit {
            uri: id::uri(&id),
            id,
            title: row.get(1)?,
            mime_type: row.get(2)?,
            chars: row.get::<_, i64>(3)?.cast_unsigned(),
            offset: row.get::<_, i64>(4)?.cast_unsigned(),
            snippet: one_line(row.get_ref(5)?.as_str()?),
            score: -found.score,
        })
    };
    reader
        .prepare_cached(
            "SELECT documents.id, documents.title, documents.mime_type, documents.chars,
                    passages.start, snippet(search, 1, ?3, ?3, '…', ?4)
             FROM search
             JOIN passages ON passages.number = search.rowid
             JOIN documents ON documents.number = search.rowid >> 16
             WHERE search MATCH ?1 AND search.rowid = ?2",
        )
        .and_then(|mut select| {
            let words = SNIPPET_WORDS as i64;
            select
                .query_row(params![expression, found.passage, SNIPPET_MARK, words], read)
                .optional()
        })
        .map_err(Error::storage("making a snippet"))
}

/// Snippets are shown in lists: line breaks and runs of spaces become one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
