//! The file: its tables, how it is opened, and whether it is ours.
//!
//! ```text
//! documents ──1:n── passages ──1:1── search (FTS5 index over title and text)
//!     └── triggers ── totals (so that `stats` need not count)
//! ```
//!
//! Why passages: FTS5 makes a snippet by tokenizing the whole column again. Over texts of 16 MiB
//! that is 200 ms for each hit; over a passage of 4,000 characters it is microseconds. A hit also
//! knows where in the document it is, and a long document is ranked by its best page.
//!
//! Why external content through a view, and not `contentless_delete`: a snippet needs the text.
//! The price is that the index must be told the old text when a document goes; `store` does so,
//! in the transaction that removes it, and only `store` writes.

use super::error::Error;
use super::limits::{
    MMAP_BYTES, READ_LOCK_WAIT_MS, READER_CACHE_KIB, STATEMENTS_MAX, WAL_BYTES_KEPT,
    WRITE_LOCK_WAIT_MS, WRITER_CACHE_KIB,
};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The schema this program writes and the newest it reads, in `user_version`.
pub(super) const VERSION: i64 = 1;
/// Marks the file as ours, in `application_id`: "MCPd".
const APPLICATION_ID: i64 = 0x4d43_5064;

// AUTOINCREMENT: numbers are never used twice, so a list cursor never points at another document.
// The 16 in the view is PASSAGE_BITS.
const TABLES: &str = "
CREATE TABLE documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    source TEXT,
    source_bytes INTEGER,
    source_mtime_ns INTEGER,
    hash BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE passages (
    number INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE VIEW passage_text (number, title, text) AS
    SELECT passages.number, documents.title, passages.text
    FROM passages JOIN documents ON documents.number = passages.number >> 16;
CREATE VIRTUAL TABLE search USING fts5 (
    title, text,
    content = 'passage_text', content_rowid = 'number',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TABLE totals (
    mime_type TEXT PRIMARY KEY,
    documents INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER documents_added AFTER INSERT ON documents BEGIN
    INSERT INTO totals VALUES (new.mime_type, 1, new.bytes)
    ON CONFLICT DO UPDATE SET documents = documents + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER documents_removed AFTER DELETE ON documents BEGIN
    UPDATE totals SET documents = documents - 1, bytes = bytes - old.bytes
    WHERE mime_type = old.mime_type;
END;
CREATE TRIGGER documents_changed AFTER UPDATE OF bytes, mime_type ON documents BEGIN
    UPDATE totals SET documents = documents - 1, bytes = bytes - old.bytes
    WHERE mime_type = old.mime_type;
    INSERT INTO totals VALUES (new.mime_type, 1, new.bytes)
    ON CONFLICT DO UPDATE SET documents = documents + 1, bytes = bytes + excluded.bytes;
END;
";

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// On the disk when acknowledged: the WAL is synced at each commit.
    Full,
    /// Survives the process, not the machine; for datasets that die with the process anyway.
    None,
}

/// The absolute path of a dataset file. Absolute also because the bundled SQLite takes a name
/// that starts with `file:` for a URI.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let absolute = std::path::absolute(path).map_err(Error::io(path))?;
    let refuse =
        |message: &str| Err(Error::Io { path: absolute.clone(), message: message.to_owned() });
    if absolute.is_dir() {
        return refuse("this is a folder; name a file in it for the dataset");
    }
    match absolute.parent() {
        Some(folder) if folder.is_dir() => Ok(absolute),
        _ => refuse("the folder of this file does not exist; create it first"),
    }
}

/// Opens the file for writing; creates it, or refuses it, before anything in it is changed.
pub(super) fn open_writer(path: &Path, durability: Durability) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = open(path, flags, WRITE_LOCK_WAIT_MS)?;
    let is_new = check_identity(&writer, path)?;
    let settings = || -> rusqlite::Result<()> {
        // FULL, not NORMAL: in WAL mode NORMAL may lose the last commits when the power goes.
        let synchronous = if durability == Durability::Full { "FULL" } else { "OFF" };
        writer.pragma_update(None, "synchronous", synchronous)?;
        // Kept across a batch, so that FTS5's segments are not spilled before they are committed.
        writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        writer.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
        writer.pragma_update(None, "temp_store", "MEMORY")?;
        // No mmap_size here: a writer copies the pages it changes, and a full disk met through a
        // mapping would be SIGBUS instead of an error.
        Ok(())
    };
    settings().map_err(Error::storage("setting up the writer"))?;
    switch_to_wal(&writer)?;
    if is_new {
        create(&mut writer, path)?;
    }
    Ok(writer)
}

/// Opens the file for reading only. The writer has been there before: the file exists and is ours.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = open(path, flags, READ_LOCK_WAIT_MS)?;
    let settings = || -> rusqlite::Result<()> {
        // Mapped pages need neither a copy nor a place in the cache; the WAL is read by pread.
        reader.pragma_update(None, "mmap_size", MMAP_BYTES)?;
        reader.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        reader.pragma_update(None, "temp_store", "MEMORY")?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(())
    };
    settings().map_err(Error::storage("setting up a reader"))?;
    Ok(reader)
}

fn open(path: &Path, flags: OpenFlags, lock_wait_ms: u64) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| Error::Io { path: path.to_path_buf(), message: error.to_string() })?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Readers meet a lock only while another process recovers the file; writers when an import
    // in another process commits. Both end soon.
    connection
        .busy_timeout(Duration::from_millis(lock_wait_ms))
        .map_err(Error::storage("opening the dataset"))?;
    // The file may come from anywhere: its views and triggers may not call what has side effects.
    connection
        .pragma_update(None, "trusted_schema", false)
        .map_err(|error| not_sqlite_or(error, path))?;
    Ok(connection)
}

/// Whether the file is ours. `true`: it is empty, and still to be made ours.
fn check_identity(connection: &Connection, path: &Path) -> Result<bool, Error> {
    let number = |sql: &str| -> Result<i64, Error> {
        connection.query_row(sql, [], |row| row.get(0)).map_err(|e| not_sqlite_or(e, path))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    match (application, found) {
        (0, 0) if tables == 0 => Ok(true),
        (APPLICATION_ID, VERSION) => Ok(false),
        (APPLICATION_ID, found) if found > VERSION => {
            Err(Error::TooNew { path: path.to_path_buf(), found, known: VERSION })
        }
        _ => Err(Error::NotADataset(path.to_path_buf())),
    }
}

/// SQLite answers SQLITE_BUSY to this one without asking the busy handler, when another process
/// opens or closes the file at the same moment; so the waiting is done here.
fn switch_to_wal(writer: &Connection) -> Result<(), Error> {
    const STEP_MS: u64 = 20;
    let mut waited_ms = 0;
    loop {
        let answer = writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match answer.map_err(Error::storage("switching to write-ahead logging")) {
            Err(Error::Busy) if waited_ms < WRITE_LOCK_WAIT_MS => {
                std::thread::sleep(Duration::from_millis(STEP_MS));
                waited_ms += STEP_MS;
            }
            Err(error) => return Err(error),
            Ok::<String, _>(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Error::Storage {
                    doing: "switching to write-ahead logging",
                    message: format!(
                        "the journal mode stays {mode:?}; put the dataset on a local disk"
                    ),
                });
            }
        }
    }
}

/// Makes an empty file ours, unless another process was faster.
fn create(writer: &mut Connection, path: &Path) -> Result<(), Error> {
    let named = Error::storage("creating the tables");
    let creation =
        writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&named)?;
    if !check_identity(&creation, path)? {
        return Ok(());
    }
    let tables = || -> rusqlite::Result<()> {
        creation.execute_batch(TABLES)?;
        creation.pragma_update(None, "application_id", APPLICATION_ID)?;
        creation.pragma_update(None, "user_version", VERSION)
    };
    tables().map_err(&named)?;
    creation.commit().map_err(&named)
}

/// Reads everything: SQLite's own check, then FTS5's comparison of its index with the text.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let named = Error::storage("checking the dataset");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, WRITE_LOCK_WAIT_MS)?;
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(10)", [], |row| row.get(0)).map_err(&named)?;
    if verdict != "ok" {
        return Err(Error::Corrupt(verdict));
    }
    // A command in the clothes of an INSERT; the 1 makes it read the content table too.
    connection
        .execute("INSERT INTO search (search, rank) VALUES ('integrity-check', 1)", [])
        .map_err(named)
        .map(drop)
}

fn not_sqlite_or(error: rusqlite::Error, path: &Path) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotSqlite(path.to_path_buf()),
        _ => Error::storage("opening the dataset")(error),
    }
}

#[cfg(test)]
mod tests;
