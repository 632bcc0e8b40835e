//! What an import tells while it runs.

use super::limits::TEXT_BYTES_MAX;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// Who watches an import. All methods have a body, so implement what you want to see.
pub trait Progress {
    /// The folders have been walked: so many files, with so many bytes, will be looked at.
    fn begin(&mut self, _files: u64, _bytes: u64) {}
    /// One file has been dealt with. `Added` and `Updated` are committed soon after.
    fn file(&mut self, _path: &Path, _bytes: u64, _outcome: &FileOutcome) {}
    /// Asked before each file; `true` ends the import after committing what is at hand.
    fn is_cancelled(&self) -> bool {
        false
    }
    /// All is committed.
    fn end(&mut self) {}
}

/// Nobody watches.
impl Progress for () {}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// It is a new document.
    Added,
    /// Its document was changed.
    Updated,
    /// Its document is as it was.
    Unchanged,
    /// It is not in the dataset.
    Skipped(SkipReason),
}

/// Why a file was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(with = "String")]
pub enum SkipReason {
    /// More bytes than `TEXT_BYTES_MAX`.
    TooLarge(u64),
    /// Nothing but white space in it.
    Empty,
    /// PDF: no parser for it is safe enough yet (see `extract`).
    Pdf,
    /// A script or style sheet that a tool wrote.
    Minified,
    /// Has NUL bytes: a picture, an archive, a program.
    Binary,
    /// Text in an encoding other than UTF-8, or UTF-16 with a byte order mark.
    NotUtf8,
    /// A database: reading one that is open would drop its locks.
    Database,
    /// A symbolic link: it may lead out of the folder, or round in circles.
    SymbolicLink,
    /// A device, a pipe, a socket.
    NotAFile,
    /// Beyond `IMPORT_FILES_MAX`.
    TooManyFiles,
    /// The parser panicked.
    ParserFailed,
    /// The system said no.
    Unreadable(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::TooLarge(bytes) => write!(
                f,
                "has {bytes} bytes, at most {TEXT_BYTES_MAX} are allowed (TEXT_BYTES_MAX)"
            ),
            SkipReason::Empty => f.write_str("has no text in it"),
            SkipReason::Pdf => f.write_str("PDF; convert it first, for example with pdftotext"),
            SkipReason::Minified => f.write_str("minified"),
            SkipReason::Binary => f.write_str("binary"),
            SkipReason::NotUtf8 => f.write_str("not UTF-8; convert it first, such as with iconv"),
            SkipReason::Database => f.write_str("a database"),
            SkipReason::SymbolicLink => {
                f.write_str("a symbolic link; name its target to import it")
            }
            SkipReason::NotAFile => f.write_str("not a regular file"),
            SkipReason::TooManyFiles => f.write_str("beyond IMPORT_FILES_MAX; import in parts"),
            SkipReason::ParserFailed => f.write_str("its parser failed; please report the file"),
            SkipReason::Unreadable(message) => f.write_str(message),
        }
    }
}

impl From<SkipReason> for String {
    fn from(reason: SkipReason) -> String {
        reason.to_string()
    }
}
