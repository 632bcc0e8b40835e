//! What can go wrong with a dataset. Each message says what was wrong and what to do about it.
//!
//! Errors of SQLite become text here: one failed commit is told to every caller whose write was
//! in it, so errors must be `Clone`, which `rusqlite::Error` is not.

use super::limits;
use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong. `Error::is_callers_fault` tells a bad request from a failing dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No document has this id.
    NotFound(String),
    /// The cursor was not given out by this dataset, or for another query.
    BadCursor,
    /// The query has no letter and no digit in it.
    NoWords,
    /// The query is longer than `QUERY_CHARS_MAX`.
    QueryTooLong {
        /// How long it is, in characters.
        chars: usize,
    },
    /// A document needs a title.
    NoTitle,
    /// The title is longer than `TITLE_CHARS_MAX`.
    TitleTooLong {
        /// How long it is, in characters.
        chars: usize,
    },
    /// The text is longer than `TEXT_BYTES_MAX`.
    TextTooLarge {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// The source is longer than `SOURCE_BYTES_MAX`.
    SourceTooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// Not of the form `type/subtype`, or longer than `MIME_TYPE_BYTES_MAX`.
    BadMimeType(String),
    /// An update that names nothing to change.
    NothingToChange,
    /// `QUEUE_MAX` writes or `QUEUE_BYTES_MAX` bytes wait for the disk already.
    QueueFull,
    /// Another process held the write lock for longer than `WRITE_LOCK_WAIT_MS`.
    Busy,
    /// Another process had the write lock when the dataset was about to be closed.
    GivenUp,
    /// The dataset has been closed, or its writer thread died.
    Closed,
    /// No space left for the dataset.
    DiskFull,
    /// The file is not an SQLite database.
    NotSqlite(PathBuf),
    /// The file is an SQLite database, but somebody else's.
    NotADataset(PathBuf),
    /// The file was written by a newer version.
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The file was deleted or replaced while it was open.
    NotInPlace(PathBuf),
    /// The file is damaged.
    Corrupt(String),
    /// The system refused something.
    Io {
        /// The file or folder it was about.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// SQLite refused something that has no name of its own here.
    Storage {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        message: String,
    },
}

impl Error {
    /// True if the request was wrong; false if the dataset cannot do what it should.
    #[must_use]
    pub fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            Error::NotFound(_)
                | Error::BadCursor
                | Error::NoWords
                | Error::QueryTooLong { .. }
                | Error::NoTitle
                | Error::TitleTooLong { .. }
                | Error::TextTooLarge { .. }
                | Error::SourceTooLong { .. }
                | Error::BadMimeType(_)
                | Error::NothingToChange
        )
    }

    /// True if the same call may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::QueueFull | Error::Busy | Error::DiskFull)
    }

    /// For `map_err`: names an error of SQLite, given what was being done.
    pub(super) fn storage(doing: &'static str) -> impl Fn(rusqlite::Error) -> Error {
        use rusqlite::ErrorCode as Code;
        move |error| match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Error::Busy,
            Some(Code::DiskFull) => Error::DiskFull,
            Some(Code::DatabaseCorrupt) => Error::Corrupt(error.to_string()),
            _ => Error::Storage { doing, message: error.to_string() },
        }
    }

    /// For `map_err`: names an error of the system, given the file.
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
        move |error| Error::Io { path: path.to_path_buf(), message: error.to_string() }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use limits as l;
        match self {
            Error::NotFound(id) => {
                write!(f, "no document has the id {id:?}; search or list to find ids")
            }
            Error::BadCursor => f.write_str(
                "the cursor is not one this dataset gave out for this request; pass next_cursor \
                 unchanged with the same query, or leave it out to start over",
            ),
            Error::NoWords => f.write_str(
                "the query has no words: it needs at least one letter or digit to look for",
            ),
            Error::QueryTooLong { chars } => write!(
                f,
                "the query has {chars} characters, at most {} are allowed (QUERY_CHARS_MAX); \
                 use a few keywords",
                l::QUERY_CHARS_MAX
            ),
            Error::NoTitle => f.write_str("the title is empty; give the document a title"),
            Error::TitleTooLong { chars } => write!(
                f,
                "the title has {chars} characters, at most {} are allowed (TITLE_CHARS_MAX); \
                 shorten it",
                l::TITLE_CHARS_MAX
            ),
            Error::TextTooLarge { bytes } => write!(
                f,
                "the text has {bytes} bytes, at most {} are allowed (TEXT_BYTES_MAX); \
                 split it into several documents",
                l::TEXT_BYTES_MAX
            ),
            Error::SourceTooLong { bytes } => write!(
                f,
                "the source has {bytes} bytes, at most {} are allowed (SOURCE_BYTES_MAX); \
                 shorten it",
                l::SOURCE_BYTES_MAX
            ),
            Error::BadMimeType(given) => write!(
                f,
                "{given:?} is not a MIME type; write it as type/subtype, such as text/markdown, \
                 in at most {} bytes (MIME_TYPE_BYTES_MAX)",
                l::MIME_TYPE_BYTES_MAX
            ),
            Error::NothingToChange => {
                f.write_str("nothing to change: name a new title, text or mime_type")
            }
            Error::QueueFull => write!(
                f,
                "too many writes wait for the disk (QUEUE_MAX {} writes, QUEUE_BYTES_MAX {} \
                 bytes); try again in a moment",
                l::QUEUE_MAX,
                l::QUEUE_BYTES_MAX
            ),
            _ => self.fmt_file(f),
        }
    }
}

impl Error {
    /// The messages about the file itself and who else uses it, for an operator.
    fn fmt_file(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Busy => write!(
                f,
                "another process kept the dataset locked for more than {} ms; wait for its \
                 import to end, then try again",
                limits::WRITE_LOCK_WAIT_MS
            ),
            Error::GivenUp => f.write_str(
                "another process kept the dataset locked until the server ended; call again when \
                 it is back",
            ),
            Error::Closed => f.write_str("the dataset is closed; restart the server"),
            Error::DiskFull => {
                f.write_str("no space left for the dataset; free some disk space, then try again")
            }
            Error::NotSqlite(path) => write!(
                f,
                "{} is not an SQLite database; name another file, or one that does not exist \
                 yet to create it",
                path.display()
            ),
            Error::NotADataset(path) => write!(
                f,
                "{} is an SQLite database of another program, it was left untouched; name \
                 another file",
                path.display()
            ),
            Error::TooNew { path, found, known } => write!(
                f,
                "{} has schema version {found}, this program knows up to {known}; use the newer \
                 program that wrote it",
                path.display()
            ),
            Error::NotInPlace(path) => write!(
                f,
                "{} was deleted or replaced while it was open, so nothing is written any more; put \
                 it back, or restart the server",
                path.display()
            ),
            Error::Corrupt(message) => write!(
                f,
                "the dataset is damaged ({message}); restore it from a backup, or import into a \
                 new file"
            ),
            Error::Io { path, message } => write!(f, "{}: {message}", path.display()),
            Error::Storage { doing, message } => write!(f, "{doing}: SQLite says: {message}"),
            other => write!(f, "{other:?}"),
        }
    }
}
