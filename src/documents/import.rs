//! Import: files and folders into a dataset, again and again.
//!
//! 1. walk: which files there are (`walk`)
//! 2. for each: same size and time as last time → unchanged, without opening it
//! 3. else read and extract it (`extract`); same text, title and type → unchanged, time noted
//! 4. else put it into the batch; a full batch is one transaction
//! 5. if much was written: merge the segments of the index, which halves the time of a search
//! 6. if asked to prune: documents whose file is gone from the named folders go too
//!
//! Reading and extracting happen outside of the transaction, so the write lock is held for the
//! writing alone, and a daemon on the same file gets its turn between batches. A kill loses the
//! batch at hand and nothing else: the next run finds those files new.

use super::clock;
use super::cursor::hex;
use super::error::Error;
use super::extract::{self, Extracted};
use super::id;
use super::limits::{
    GROUP_BYTES_MAX, GROUP_MAX, IMPORT_SETTLED_MS, IMPORT_SKIPS_LISTED_MAX, MERGE_PAGES,
    TEXT_BYTES_MAX,
};
use super::progress::{FileOutcome, Progress, SkipReason};
use super::schema::{self, Durability};
use super::store::{self, Body, Checked, Source};
use super::types::DocumentSummary;
use super::walk::{self, FoundFile};
use rusqlite::{Connection, TransactionBehavior};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What stands in the source of an imported document between the folder that was named to the
/// import and the path below it. rsync marks it the same way.
pub const ROOT_MARK: &str = "/./";

/// How to import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Delete documents whose file was imported from one of the named folders before, and is not
    /// found there any more. Nothing is deleted if a folder could not be read completely.
    pub prune: bool,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct ImportReport {
    /// New documents.
    pub added: u64,
    /// Documents whose file had changed.
    pub updated: u64,
    /// Files that are as they were.
    pub unchanged: u64,
    /// Documents deleted because their file is gone.
    pub pruned: u64,
    /// True if pruning was asked for and left out, since not all of the folders could be read.
    pub prune_refused: bool,
    /// Files that were not imported.
    pub skipped: u64,
    /// The first of them, at most `IMPORT_SKIPS_LISTED_MAX`.
    pub skips: Vec<Skipped>,
    /// Bytes of text written.
    pub text_bytes: u64,
    /// Whether it was ended early.
    pub cancelled: bool,
}

/// A file that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Imports files and folders into the dataset at `dataset`, which is created if missing and may
/// be open elsewhere, in this process or another. The folders are walked before anything is read.
///
/// # Errors
/// `Io` if a named path does not exist; else as `Dataset::open` and `Dataset::add`. What was
/// committed before an error stays; what a file has wrong with it is no error, but a skip.
pub fn import(
    dataset: &Path,
    paths: &[PathBuf],
    options: ImportOptions,
    progress: &mut impl Progress,
) -> Result<ImportReport, Error> {
    let dataset = schema::absolute(dataset)?;
    // A path that is not there is found before the dataset is made.
    let found = walk::walk(paths, &dataset)?;
    let writer = schema::open_writer(&dataset, Durability::Full)?;
    let files = (found.files.len() + found.skipped.len()) as u64;
    progress.begin(files, found.files.iter().map(|file| file.bytes).sum());
    let mut import = Import { writer, batch: Batch::default(), report: ImportReport::default() };
    for (path, reason) in &found.skipped {
        import.skip(path, reason.clone());
        progress.file(path, 0, &FileOutcome::Skipped(reason.clone()));
    }
    for file in &found.files {
        if progress.is_cancelled() {
            import.report.cancelled = true;
            break;
        }
        let outcome = import.take(file)?;
        progress.file(&file.path, file.bytes, &outcome);
    }
    import.flush()?;
    import.tidy()?;
    match options.prune {
        true if found.is_complete && !import.report.cancelled => import.prune(&found)?,
        refused => import.report.prune_refused = refused,
    }
    progress.end();
    Ok(import.report)
}

struct Import {
    writer: Connection,
    batch: Batch,
    report: ImportReport,
}

/// What waits for the next transaction.
#[derive(Default)]
struct Batch {
    bytes: usize,
    entries: Vec<(String, Entry)>,
}

enum Entry {
    Add(Checked),
    Replace(Checked),
    Touch(Source),
}

impl Import {
    fn take(&mut self, file: &FoundFile) -> Result<FileOutcome, Error> {
        let outcome = match self.look_at(file) {
            Ok(outcome) => outcome,
            Err(Refusal::Failed(error)) => return Err(error),
            Err(Refusal::Skip(reason)) => FileOutcome::Skipped(reason),
        };
        match &outcome {
            FileOutcome::Added => self.report.added += 1,
            FileOutcome::Updated => self.report.updated += 1,
            FileOutcome::Unchanged => self.report.unchanged += 1,
            FileOutcome::Skipped(reason) => self.skip(&file.path, reason.clone()),
        }
        if self.batch.entries.len() >= GROUP_MAX || self.batch.bytes >= GROUP_BYTES_MAX {
            self.flush()?;
        }
        Ok(outcome)
    }

    fn skip(&mut self, path: &Path, reason: SkipReason) {
        self.report.skipped += 1;
        if self.report.skips.len() < IMPORT_SKIPS_LISTED_MAX {
            self.report.skips.push(Skipped { path: path.to_path_buf(), reason });
        }
    }

    fn look_at(&mut self, file: &FoundFile) -> Result<FileOutcome, Refusal> {
        let id = id::of_file(&file.path);
        let known = store::known(&self.writer, &id).map_err(Refusal::Failed)?;
        // The time is taken before the file is read: a change in between is seen the next time.
        let source = source_of(file).map_err(Refusal::Skip)?;
        let is_as_known = |known: &store::Known| {
            known.mtime_ns.is_some()
                && known.mtime_ns == source.mtime_ns
                && known.bytes == source.bytes
        };
        if known.as_ref().is_some_and(is_as_known) {
            return Ok(FileOutcome::Unchanged);
        }
        let Extracted { title, text, mime_type } = read(file).map_err(Refusal::Skip)?;
        let body = Body::new(text).map_err(Refusal::Failed)?;
        let new = Checked { title, mime_type: mime_type.to_owned(), source: None, body };
        if known.is_none() {
            self.put(id, Entry::Add, new, source);
            return Ok(FileOutcome::Added);
        }
        let old = store::summary(&self.writer, &id).map_err(Refusal::Failed)?;
        if is_same(&old, &new) {
            self.batch.entries.push((id, Entry::Touch(source)));
            return Ok(FileOutcome::Unchanged);
        }
        self.put(id, Entry::Replace, new, source);
        Ok(FileOutcome::Updated)
    }

    fn put(&mut self, id: String, entry: fn(Checked) -> Entry, new: Checked, source: Source) {
        let bytes = new.body.text.len();
        self.batch.bytes += bytes;
        self.report.text_bytes += bytes as u64;
        self.batch.entries.push((id, entry(Checked { source: Some(source), ..new })));
    }

    /// One transaction. A document that somebody deleted or added meanwhile is no conflict: what
    /// the file says is put in its place.
    fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        if batch.entries.is_empty() {
            return Ok(());
        }
        let named = Error::storage("committing an import");
        let transaction = self
            .writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&named)?;
        let now_ms = clock::now_ms();
        for (id, entry) in &batch.entries {
            match entry {
                Entry::Touch(source) => store::touch(&transaction, id, source)?,
                Entry::Add(new) | Entry::Replace(new) => {
                    match store::replace(&transaction, id, new.fields(), now_ms) {
                        Err(Error::NotFound(_)) => {
                            store::insert(&transaction, id, new.fields(), now_ms)?
                        }
                        result => result?,
                    };
                }
            }
        }
        transaction.commit().map_err(&named)
    }

    /// Merges FTS5's segments into one, if a tenth of all text is new: searching one instead of
    /// eight took half the time (5,000 documents). In steps, each a transaction of its own, so
    /// that a daemon need not wait for the whole of it.
    fn tidy(&self) -> Result<(), Error> {
        let named = Error::storage("merging the index");
        let total: i64 = self
            .writer
            .query_row("SELECT coalesce(sum(bytes), 0) FROM totals", [], |row| row.get(0))
            .map_err(&named)?;
        if self.report.text_bytes == 0 || self.report.text_bytes < total.cast_unsigned() / 10 {
            return Ok(());
        }
        // Negative: take all segments for one level first, else only equals are merged.
        let mut pages = -MERGE_PAGES;
        loop {
            let before = self.writer.total_changes();
            self.writer
                .execute("INSERT INTO search (search, rank) VALUES ('merge', ?1)", [pages])
                .map_err(&named)?;
            // FTS5's own sign that nothing was left to do: fewer than two rows changed.
            if self.writer.total_changes() - before < 2 {
                return Ok(());
            }
            pages = MERGE_PAGES;
        }
    }

    /// Deletes the documents of files below the named folders that were not found this time.
    fn prune(&mut self, found: &walk::Found) -> Result<(), Error> {
        let named = Error::storage("pruning");
        let there: HashSet<String> =
            found.files.iter().map(|file| id::of_file(&file.path)).collect();
        let gone = || -> rusqlite::Result<Vec<String>> {
            // Imported documents are known by their ids; `f` is theirs alone.
            let mut select = self
                .writer
                .prepare("SELECT id, source FROM documents WHERE id >= 'f' AND id < 'g'")?;
            let mut rows = select.query([])?;
            let mut gone = Vec::new();
            while let Some(row) = rows.next()? {
                let (id, source): (String, Option<String>) = (row.get(0)?, row.get(1)?);
                let source = PathBuf::from(source.unwrap_or_default());
                let is_below = found.roots.iter().any(|root| source.starts_with(root));
                if is_below && !there.contains(&id) {
                    gone.push(id);
                }
            }
            Ok(gone)
        };
        for ids in gone().map_err(&named)?.chunks(GROUP_MAX) {
            let transaction = self
                .writer
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(&named)?;
            let mut pruned = 0;
            for id in ids {
                match store::remove(&transaction, id) {
                    Ok(_) => pruned += 1,
                    Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            transaction.commit().map_err(&named)?;
            self.report.pruned += pruned;
        }
        Ok(())
    }
}

/// Why a file was not taken: its fault, or ours.
enum Refusal {
    Skip(SkipReason),
    Failed(Error),
}

fn is_same(old: &DocumentSummary, new: &Checked) -> bool {
    old.hash == hex(&new.body.hash) && old.title == new.title && old.mime_type == new.mime_type
}

/// What is known of the file. A time that is too fresh is not written down: the file may change
/// again without its time changing.
fn source_of(file: &FoundFile) -> Result<Source, SkipReason> {
    let unreadable = |error: std::io::Error| SkipReason::Unreadable(error.to_string());
    let metadata = std::fs::metadata(&file.path).map_err(unreadable)?;
    let modified = metadata.modified().map_err(unreadable)?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mtime_ns = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    let is_settled = mtime_ns / 1_000_000 < clock::now_ms() - IMPORT_SETTLED_MS;
    Ok(Source {
        name: marked(file),
        bytes: Some(i64::try_from(metadata.len()).unwrap_or(i64::MAX)),
        mtime_ns: is_settled.then_some(mtime_ns),
    })
}

/// The file's path, with `ROOT_MARK` where the folder ends that was named to the import. It is the
/// same path, and who shows it to strangers knows what to leave out.
fn marked(file: &FoundFile) -> String {
    let path = file.path.to_string_lossy();
    match path.strip_suffix(file.label.as_str()).and_then(|root| root.strip_suffix('/')) {
        Some(root) => format!("{root}{ROOT_MARK}{}", file.label),
        None => path.into_owned(),
    }
}

/// Reads and extracts, never more than the limit, even from a file that grows.
fn read(file: &FoundFile) -> Result<Extracted, SkipReason> {
    let unreadable = |error: std::io::Error| SkipReason::Unreadable(error.to_string());
    if file.bytes > TEXT_BYTES_MAX as u64 {
        return Err(SkipReason::TooLarge(file.bytes));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(file.bytes).unwrap_or(0));
    let opened = File::open(&file.path).map_err(unreadable)?;
    opened.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(SkipReason::TooLarge(bytes.len() as u64));
    }
    // A fault in a parser must cost one file, not the import. It owns all it touches, so there is
    // nothing half-changed to see afterwards.
    let extracted = std::panic::catch_unwind(|| extract::extract(&file.path, &file.label, bytes));
    extracted.unwrap_or(Err(SkipReason::ParserFailed))
}

#[cfg(test)]
mod tests;
