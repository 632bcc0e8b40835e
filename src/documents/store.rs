//! Changes to documents, inside a transaction of the caller's: the only code that writes rows,
//! and so the one that keeps text, index and totals the same.

use super::clock::iso8601;
use super::cursor::hex;
use super::error::Error;
use super::id;
use super::limits::{
    MIME_TYPE_BYTES_MAX, PASSAGE_BITS, SOURCE_BYTES_MAX, TEXT_BYTES_MAX, TITLE_CHARS_MAX,
};
use super::passages::{self, Passage};
use super::types::DocumentSummary;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

/// A text that was measured, hashed and cut on the thread that brought it, not on the writer's.
#[derive(Debug)]
pub(super) struct Body {
    pub text: String,
    pub hash: [u8; 32],
    pub chars: u64,
    passages: Vec<Passage>,
}

impl Body {
    pub(super) fn new(text: String) -> Result<Body, Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::TextTooLarge { bytes: text.len() });
        }
        let passages = passages::split(&text);
        let chars = passages.iter().map(|passage| passage.chars).sum();
        Ok(Body { hash: Sha256::digest(text.as_bytes()).into(), chars, passages, text })
    }
}

/// A document that passed every check.
#[derive(Debug)]
pub(super) struct Checked {
    pub title: String,
    pub mime_type: String,
    pub source: Option<Source>,
    pub body: Body,
}

impl Checked {
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields {
            title: &self.title,
            mime_type: &self.mime_type,
            source: self.source.as_ref(),
            body: &self.body,
        }
    }
}

/// What to write: the same, borrowed, so that an update can mix old and new.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    pub title: &'a str,
    pub mime_type: &'a str,
    pub source: Option<&'a Source>,
    pub body: &'a Body,
}

/// Where a document came from. The last two are what an import knows of a file it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub name: String,
    pub bytes: Option<i64>,
    pub mtime_ns: Option<i64>,
}

/// What is known of the file behind an imported document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub bytes: Option<i64>,
    pub mtime_ns: Option<i64>,
}

/// Titles are shown in one line, so they have no line breaks and no runs of spaces.
pub(super) fn check_title(title: &str) -> Result<String, Error> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let chars = title.chars().count();
    match chars {
        0 => Err(Error::NoTitle),
        _ if chars > TITLE_CHARS_MAX => Err(Error::TitleTooLong { chars }),
        _ => Ok(title),
    }
}

/// `type/subtype`, perhaps with parameters; nothing that could break a header.
pub(super) fn check_mime_type(given: &str) -> Result<String, Error> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let essence = given.split(';').next().unwrap_or_default().trim_end();
    let is_visible = given.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    match essence.split_once('/') {
        Some((kind, sub))
            if is_name(kind)
                && is_name(sub)
                && is_visible
                && given.len() <= MIME_TYPE_BYTES_MAX =>
        {
            Ok(given.to_owned())
        }
        _ => Err(Error::BadMimeType(given.chars().take(MIME_TYPE_BYTES_MAX).collect())),
    }
}

/// A source is free text, but not without end.
pub(super) fn check_source(name: &str) -> Result<Source, Error> {
    match name.len() > SOURCE_BYTES_MAX {
        true => Err(Error::SourceTooLong { bytes: name.len() }),
        false => Ok(Source { name: name.to_owned(), bytes: None, mtime_ns: None }),
    }
}

/// Adds a document under an id that is not taken.
pub(super) fn insert(
    writer: &Connection,
    id: &str,
    new: Fields,
    now_ms: i64,
) -> Result<DocumentSummary, Error> {
    let named = Error::storage("adding a document");
    let (name, bytes, mtime_ns) = source_columns(new.source);
    writer
        .prepare_cached(
            "INSERT INTO documents (id, title, mime_type, source, source_bytes, source_mtime_ns,
                                    hash, bytes, chars, created_ms, updated_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                id,
                new.title,
                new.mime_type,
                name,
                bytes,
                mtime_ns,
                new.body.hash,
                new.body.text.len() as i64,
                new.body.chars as i64,
                now_ms,
            ])
        })
        .map_err(&named)?;
    add_passages(writer, writer.last_insert_rowid(), new.title, new.body).map_err(&named)?;
    summary(writer, id)
}

/// Replaces title, text, type and source of a document; keeps its id, number and creation time.
pub(super) fn replace(
    writer: &Connection,
    id: &str,
    new: Fields,
    now_ms: i64,
) -> Result<DocumentSummary, Error> {
    let named = Error::storage("changing a document");
    let number = number_of(writer, id)?;
    let (name, bytes, mtime_ns) = source_columns(new.source);
    remove_passages(writer, number).map_err(&named)?;
    writer
        .prepare_cached(
            "UPDATE documents SET title = ?2, mime_type = ?3, source = ?4, source_bytes = ?5,
                    source_mtime_ns = ?6, hash = ?7, bytes = ?8, chars = ?9, updated_ms = ?10
             WHERE number = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![
                number,
                new.title,
                new.mime_type,
                name,
                bytes,
                mtime_ns,
                new.body.hash,
                new.body.text.len() as i64,
                new.body.chars as i64,
                now_ms,
            ])
        })
        .map_err(&named)?;
    add_passages(writer, number, new.title, new.body).map_err(&named)?;
    summary(writer, id)
}

/// Takes a document away and tells what it was.
pub(super) fn remove(writer: &Connection, id: &str) -> Result<DocumentSummary, Error> {
    let named = Error::storage("deleting a document");
    let removed = summary(writer, id)?;
    let number = number_of(writer, id)?;
    remove_passages(writer, number).map_err(&named)?;
    writer
        .prepare_cached("DELETE FROM documents WHERE number = ?1")
        .and_then(|mut delete| delete.execute([number]))
        .map_err(&named)?;
    Ok(removed)
}

/// Notes that a file has been looked at and is what it was.
pub(super) fn touch(writer: &Connection, id: &str, source: &Source) -> Result<(), Error> {
    writer
        .prepare_cached(
            "UPDATE documents SET source_bytes = ?2, source_mtime_ns = ?3 WHERE id = ?1",
        )
        .and_then(|mut update| update.execute(params![id, source.bytes, source.mtime_ns]))
        .map_err(Error::storage("noting a file"))
        .map(drop)
}

/// What an import knew of a file, if its document is still there.
pub(super) fn known(connection: &Connection, id: &str) -> Result<Option<Known>, Error> {
    connection
        .prepare_cached("SELECT source_bytes, source_mtime_ns FROM documents WHERE id = ?1")
        .and_then(|mut select| {
            let known = |row: &Row| Ok(Known { bytes: row.get(0)?, mtime_ns: row.get(1)? });
            select.query_row([id], known).optional()
        })
        .map_err(Error::storage("looking up a file"))
}

/// The columns of a `DocumentSummary`, for `summary_of`.
pub(super) const SUMMARY_COLUMNS: &str =
    "id, title, mime_type, source, bytes, chars, hash, created_ms, updated_ms, number";

/// Reads `SUMMARY_COLUMNS`.
pub(super) fn summary_of(row: &Row) -> rusqlite::Result<DocumentSummary> {
    let id: String = row.get(0)?;
    Ok(DocumentSummary {
        uri: id::uri(&id),
        id,
        title: row.get(1)?,
        mime_type: row.get(2)?,
        source: row.get(3)?,
        bytes: row.get::<_, i64>(4)?.cast_unsigned(),
        chars: row.get::<_, i64>(5)?.cast_unsigned(),
        hash: hex(&row.get::<_, Vec<u8>>(6)?),
        created: iso8601(row.get(7)?),
        updated: iso8601(row.get(8)?),
    })
}

/// A document without its text, by id.
pub(super) fn summary(connection: &Connection, id: &str) -> Result<DocumentSummary, Error> {
    connection
        .prepare_cached(&format!("SELECT {SUMMARY_COLUMNS} FROM documents WHERE id = ?1"))
        .and_then(|mut select| select.query_row([id], summary_of).optional())
        .map_err(Error::storage("reading a document"))?
        .ok_or_else(|| not_found(id))
}

/// The number behind an id.
pub(super) fn number_of(connection: &Connection, id: &str) -> Result<i64, Error> {
    connection
        .prepare_cached("SELECT number FROM documents WHERE id = ?1")
        .and_then(|mut select| select.query_row([id], |row| row.get(0)).optional())
        .map_err(Error::storage("reading a document"))?
        .ok_or_else(|| not_found(id))
}

/// The whole text of a document.
pub(super) fn text(connection: &Connection, number: i64, bytes: u64) -> Result<String, Error> {
    let mut text = String::with_capacity(usize::try_from(bytes).unwrap_or(0));
    let (first, last) = passage_numbers(number);
    let mut collect = || -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(
            "SELECT text FROM passages WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
        )?;
        let mut rows = select.query([first, last])?;
        while let Some(row) = rows.next()? {
            text.push_str(row.get_ref(0)?.as_str()?);
        }
        Ok(())
    };
    collect().map_err(Error::storage("reading a text"))?;
    Ok(text)
}

/// The numbers of the first and the last passage a document may have.
pub(super) fn passage_numbers(number: i64) -> (i64, i64) {
    let first = number << PASSAGE_BITS;
    (first, first | ((1 << PASSAGE_BITS) - 1))
}

fn add_passages(
    writer: &Connection,
    number: i64,
    title: &str,
    body: &Body,
) -> rusqlite::Result<()> {
    let mut passage = writer
        .prepare_cached("INSERT INTO passages (number, start, chars, text) VALUES (?, ?, ?, ?)")?;
    let mut index =
        writer.prepare_cached("INSERT INTO search (rowid, title, text) VALUES (?, ?, ?)")?;
    let (first, _) = passage_numbers(number);
    for (row, part) in (first..).zip(&body.passages) {
        let text = &body.text[part.bytes.clone()];
        passage.execute(params![row, part.start as i64, part.chars as i64, text])?;
        index.execute(params![row, title, text])?;
    }
    Ok(())
}

/// Must come before the title changes: the index needs the words it was given, all of them.
fn remove_passages(writer: &Connection, number: i64) -> rusqlite::Result<()> {
    let range = passage_numbers(number);
    writer
        .prepare_cached(
            "INSERT INTO search (search, rowid, title, text)
             SELECT 'delete', number, title, text FROM passage_text
             WHERE number BETWEEN ?1 AND ?2",
        )?
        .execute(range)?;
    writer.prepare_cached("DELETE FROM passages WHERE number BETWEEN ?1 AND ?2")?.execute(range)?;
    Ok(())
}

fn source_columns(source: Option<&Source>) -> (Option<&str>, Option<i64>, Option<i64>) {
    match source {
        Some(source) => (Some(&source.name), source.bytes, source.mtime_ns),
        None => (None, None, None),
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound(id.chars().take(100).collect())
}
