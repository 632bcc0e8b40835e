//! Reads other than search: a document, a part of one, the list, the numbers.

use super::cursor::Cursor;
use super::error::Error;
use super::limits::RANGE_CHARS_MAX;
use super::store::{self, SUMMARY_COLUMNS, passage_numbers, summary_of};
use super::types::{Document, DocumentRange, ListPage, MimeTypeStats, Stats};
use rusqlite::{Connection, params};
use std::path::Path;

/// A document with its text, both from one snapshot.
pub(super) fn document(reader: &Connection, id: &str) -> Result<Document, Error> {
    let snapshot = reader.unchecked_transaction().map_err(Error::storage("reading"))?;
    let summary = store::summary(&snapshot, id)?;
    let number = store::number_of(&snapshot, id)?;
    let text = store::text(&snapshot, number, summary.bytes)?;
    Ok(Document { summary, text })
}

/// A part of a document. Only the passages it touches are read.
pub(super) fn range(
    reader: &Connection,
    id: &str,
    offset: u64,
    max_chars: u64,
) -> Result<DocumentRange, Error> {
    let snapshot = reader.unchecked_transaction().map_err(Error::storage("reading"))?;
    let summary = store::summary(&snapshot, id)?;
    let number = store::number_of(&snapshot, id)?;
    let offset = offset.min(summary.chars);
    let end = (offset + max_chars.clamp(1, RANGE_CHARS_MAX)).min(summary.chars);
    let mut text = String::new();
    let mut collect = || -> rusqlite::Result<()> {
        let (first, last) = passage_numbers(number);
        let mut select = snapshot.prepare_cached(
            "SELECT start, text FROM passages
             WHERE number BETWEEN ?1 AND ?2 AND start + chars > ?3 AND start < ?4
             ORDER BY number",
        )?;
        let mut rows = select.query(params![first, last, offset as i64, end as i64])?;
        while let Some(row) = rows.next()? {
            let start = row.get::<_, i64>(0)?.cast_unsigned();
            let part = row.get_ref(1)?.as_str()?;
            let from = byte_of_char(part, offset.saturating_sub(start));
            let to = byte_of_char(part, end - start);
            text.push_str(&part[from..to]);
        }
        Ok(())
    };
    collect().map_err(Error::storage("reading a part of a text"))?;
    let next_offset = (end < summary.chars).then_some(end);
    Ok(DocumentRange { summary, text, offset, next_offset })
}

/// One page of the list, by number: an addition during paging comes last, a deletion shifts
/// nothing.
pub(super) fn list(
    reader: &Connection,
    limit: usize,
    cursor: Option<&str>,
) -> Result<ListPage, Error> {
    let after = match cursor.map(Cursor::decode).transpose()? {
        None => 0,
        Some(Cursor::List { after }) => after,
        Some(Cursor::Search { .. }) => return Err(Error::BadCursor),
    };
    let named = Error::storage("listing documents");
    let snapshot = reader.unchecked_transaction().map_err(&named)?;
    let collect = || -> rusqlite::Result<Vec<(_, i64)>> {
        let mut select = snapshot.prepare_cached(&format!(
            "SELECT {SUMMARY_COLUMNS} FROM documents WHERE number > ?1 ORDER BY number LIMIT ?2"
        ))?;
        let rows = select.query_map(params![after, limit as i64 + 1], |row| {
            Ok((summary_of(row)?, row.get(9)?))
        })?;
        rows.collect()
    };
    let mut entries = collect().map_err(&named)?;
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let next_cursor = match entries.last() {
        Some((_, number)) if has_more => Some(Cursor::List { after: *number }.encode()),
        _ => None,
    };
    let total = totals(&snapshot)?.iter().map(|part| part.documents).sum();
    let documents = entries.into_iter().map(|(document, _)| document).collect();
    Ok(ListPage { documents, total, next_cursor })
}

/// The numbers; from a table that is kept up to date, so a big dataset answers as fast.
pub(super) fn stats(reader: &Connection, path: &Path) -> Result<Stats, Error> {
    let by_mime_type = totals(reader)?;
    // stat, not open: closing a second descriptor of the file would drop SQLite's locks on it.
    let size = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).map_or(0, |metadata| metadata.len())
    };
    Ok(Stats {
        documents: by_mime_type.iter().map(|part| part.documents).sum(),
        text_bytes: by_mime_type.iter().map(|part| part.text_bytes).sum(),
        file_bytes: size("") + size("-wal") + size("-shm"),
        by_mime_type,
    })
}

fn totals(reader: &Connection) -> Result<Vec<MimeTypeStats>, Error> {
    let collect = || -> rusqlite::Result<Vec<MimeTypeStats>> {
        let mut select = reader.prepare_cached(
            "SELECT mime_type, documents, bytes FROM totals WHERE documents > 0
             ORDER BY documents DESC, mime_type",
        )?;
        let rows = select.query_map([], |row| {
            Ok(MimeTypeStats {
                mime_type: row.get(0)?,
                documents: row.get::<_, i64>(1)?.cast_unsigned(),
                text_bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })?;
        rows.collect()
    };
    collect().map_err(Error::storage("reading the totals"))
}

/// Where a character starts; the end of the text if it has fewer.
fn byte_of_char(text: &str, index: u64) -> usize {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}
