//! The dataset: documents in one SQLite file, with full-text search.
//!
//! ```text
//! any thread ──▶ Dataset ─┬ search get list stats ─▶ readers: a read-only connection a thread
//!                         └ add update delete ─────▶ writer: one thread, group commit
//! another process, or this one ──▶ import ─────────▶ a connection of its own, in small batches
//! ```
//!
//! - **Reads never wait for writes**: the file is in WAL mode, a reader sees the last commit.
//! - **Acknowledged means durable**: a write returns after its commit is synced to disk.
//! - **Every document is whole**: text, index and totals change in one transaction.
//! - **What people type is data**: no query, id or cursor is an error of ours.
//!
//! All calls block, on the disk if not on a lock: from a shard, only the reads should be called.
//!
//! What the room does not know: HTTP; and of MCP and JSON only `serve` does. Nothing may open the
//! dataset's file by other means within this process: closing such a descriptor drops SQLite's
//! POSIX locks.
//!
//! Reading order: `types`, this file, `schema`, `store`, `writer`, `readers`, `search`, `import`,
//! `serve`.

mod clock;
mod complete;
mod cursor;
mod error;
mod extract;
mod html;
pub mod id;
mod import;
pub mod limits;
mod passages;
mod place;
mod progress;
mod progress_bar;
mod query;
mod read;
mod readers;
mod schema;
mod search;
pub mod serve;
mod store;
mod temporary;
mod types;
mod walk;
mod writer;

pub use error::Error;
pub use import::{ImportOptions, ImportReport, ROOT_MARK, Skipped, import};
pub use progress::{FileOutcome, Progress, SkipReason};
pub use progress_bar::ImportBar;
pub use types::{
    Changes, Document, DocumentRange, DocumentSummary, Hit, ListPage, Matching, MimeTypeStats,
    NewDocument, SearchPage, Stats,
};

use self::limits::PAGE_MAX;
use self::readers::Readers;
use self::schema::Durability;
use self::store::{Body, Checked};
use self::temporary::TemporaryFolder;
use self::writer::{CheckedChanges, Work, Writer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open dataset. Clones share it; dropping the last one commits what is queued and closes it.
#[derive(Clone)]
pub struct Dataset {
    inner: Arc<Inner>,
}

/// Dropped in this order: the readers close, then the writer commits what is queued and closes,
/// then the folder goes. The writer must be last: only it can fold the log into the file.
struct Inner {
    readers: Readers,
    writer: Writer,
    path: PathBuf,
    _folder: Option<TemporaryFolder>,
}

impl Dataset {
    /// Opens a dataset, and creates the file if there is none. The folder must exist.
    ///
    /// # Errors
    /// `NotSqlite`, `NotADataset`, `TooNew`: the file is left as it was. `Io`, `Storage`.
    pub fn open(path: impl AsRef<Path>) -> Result<Dataset, Error> {
        Dataset::start(schema::absolute(path.as_ref())?, Durability::Full, None)
    }

    /// A dataset that is gone when the last clone is.
    ///
    /// It is a file all the same, in a private folder under `TMPDIR`, and never synced: SQLite's
    /// shared in-memory databases have no WAL, so there reads would wait for writes. A process
    /// that is killed leaves the folder behind.
    ///
    /// # Errors
    /// `Io`, `Storage`: there is no place for temporary files.
    pub fn in_memory() -> Result<Dataset, Error> {
        let folder = TemporaryFolder::create()?;
        Dataset::start(folder.path().join("dataset.db"), Durability::None, Some(folder))
    }

    fn start(
        path: PathBuf,
        durability: Durability,
        folder: Option<TemporaryFolder>,
    ) -> Result<Dataset, Error> {
        let writer = Writer::start(schema::open_writer(&path, durability)?, &path)?;
        let readers = Readers::new(path.clone());
        Ok(Dataset { inner: Arc::new(Inner { writer, readers, path, _folder: folder }) })
    }

    /// The file the dataset is in: what `import` wants.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether there are other clones. The last one to be dropped closes the file.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    /// Whether the path of the dataset names the file that is open, as it was when that was last
    /// looked at: with each write, and after each such question. Does not block. A file that was
    /// deleted or replaced takes no writes.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.inner.writer.is_in_place()
    }

    /// From now on no write waits for another process to unlock the file. Says how many writes are
    /// under way; [`Dataset::given_up`], how many of them were refused for that.
    pub fn give_up(&self) -> usize {
        self.inner.writer.give_up()
    }

    /// How many writes were given up.
    #[must_use]
    pub fn given_up(&self) -> usize {
        self.inner.writer.given_up()
    }

    /// Finds documents by their words, best first; `limit` is clamped to 1..=`PAGE_MAX`.
    ///
    /// All words must stand near each other (in one passage of some 4,000 characters, or in the
    /// title). If no document has them all, those with any of them are found, and the page says
    /// so in `matching`. Words are compared by their stem, without case and accents. Phrases in
    /// double quotes and `word*` are understood; all else is text (see `query`).
    ///
    /// Costs some 0.2 to 0.6 ms over 5,000 documents, 3 ms if a word is in all of them, and grows
    /// with the number of passages that match.
    ///
    /// # Errors
    /// `NoWords`, `QueryTooLong`, `BadCursor`; `Storage`, `Corrupt`.
    pub fn search(
        &self,
        query: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<SearchPage, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.inner.readers.with(|reader| search::search(reader, query, limit, cursor))
    }

    /// A document with all its text, by id or URI.
    ///
    /// # Errors
    /// `NotFound`; `Storage`, `Corrupt`.
    pub fn get(&self, id: &str) -> Result<Document, Error> {
        self.inner.readers.with(|reader| read::document(reader, id::from_uri(id)))
    }

    /// A document without its text, by id or URI.
    ///
    /// # Errors
    /// `NotFound`; `Storage`, `Corrupt`.
    pub fn summary(&self, id: &str) -> Result<DocumentSummary, Error> {
        self.inner.readers.with(|reader| store::summary(reader, id::from_uri(id)))
    }

    /// A part of a document: `max_chars` characters from the character `offset` on, at most
    /// `RANGE_CHARS_MAX`. Past the end it is empty.
    ///
    /// # Errors
    /// `NotFound`; `Storage`, `Corrupt`.
    pub fn get_range(&self, id: &str, offset: u64, max_chars: u64) -> Result<DocumentRange, Error> {
        self.inner.readers.with(|reader| read::range(reader, id::from_uri(id), offset, max_chars))
    }

    /// All documents, oldest first; `limit` is clamped to 1..=`PAGE_MAX`.
    ///
    /// # Errors
    /// `BadCursor`; `Storage`, `Corrupt`.
    pub fn list(&self, limit: usize, cursor: Option<&str>) -> Result<ListPage, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.inner.readers.with(|reader| read::list(reader, limit, cursor))
    }

    /// Ids of documents that somebody may mean who has typed this: what an id or a URI begins
    /// with, or words of a title.
    ///
    /// # Errors
    /// `Storage`, `Corrupt`.
    pub fn complete(&self, typed: &str, limit: usize) -> Result<Vec<String>, Error> {
        self.inner.readers.with(|reader| complete::ids(reader, id::from_uri(typed), limit))
    }

    /// How many documents there are, and how big they are.
    ///
    /// # Errors
    /// `Storage`, `Corrupt`.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.inner.readers.with(|reader| read::stats(reader, &self.inner.path))
    }

    /// Adds a document; returns when it is durable.
    ///
    /// # Errors
    /// `NoTitle`, `TitleTooLong`, `TextTooLarge`, `BadMimeType`, `SourceTooLong`; `QueueFull`,
    /// `Busy`, `DiskFull`, `Closed`, `Storage`, `Corrupt`.
    pub fn add(&self, new: NewDocument) -> Result<DocumentSummary, Error> {
        let mime_type = new.mime_type.as_deref().unwrap_or("text/plain");
        let new = Checked {
            title: store::check_title(&new.title)?,
            mime_type: store::check_mime_type(mime_type)?,
            source: new.source.as_deref().map(store::check_source).transpose()?,
            body: Body::new(new.text)?,
        };
        let id = id::fresh(clock::now_ms())?;
        self.inner.writer.submit(Work::Add { id, new })
    }

    /// Changes a document, by id or URI; returns when it is durable.
    ///
    /// # Errors
    /// As `add`, and `NotFound`, `NothingToChange`.
    pub fn update(&self, id: &str, changes: Changes) -> Result<DocumentSummary, Error> {
        let changes = CheckedChanges {
            title: changes.title.as_deref().map(store::check_title).transpose()?,
            mime_type: changes.mime_type.as_deref().map(store::check_mime_type).transpose()?,
            body: changes.text.map(Body::new).transpose()?,
        };
        if changes.title.is_none() && changes.mime_type.is_none() && changes.body.is_none() {
            return Err(Error::NothingToChange);
        }
        let id = id::from_uri(id).to_owned();
        self.inner.writer.submit(Work::Update { id, changes })
    }

    /// Deletes a document, by id or URI; returns what it was, when that is durable.
    ///
    /// # Errors
    /// `NotFound`; `QueueFull`, `Busy`, `DiskFull`, `Closed`, `Storage`, `Corrupt`.
    pub fn delete(&self, id: &str) -> Result<DocumentSummary, Error> {
        self.inner.writer.submit(Work::Delete { id: id::from_uri(id).to_owned() })
    }

    /// Reads the whole file and compares the index with the text, which takes a while.
    ///
    /// # Errors
    /// `Corrupt` with what was found; `Busy`, `Storage`.
    pub fn check(&self) -> Result<(), Error> {
        schema::check(&self.inner.path)
    }
}

#[cfg(test)]
mod tests;
