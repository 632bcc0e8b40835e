//! The progress bar of `mcp-fastd import`, on stderr; nothing is drawn if that is no terminal.

use super::progress::{FileOutcome, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A bar by bytes, with counts of files; lines for what was skipped if `lists_skips`.
pub struct ImportBar<'a> {
    bar: ProgressBar,
    files: u64,
    seen: u64,
    skipped: u64,
    lists_skips: bool,
    cancelled: &'a AtomicBool,
}

impl<'a> ImportBar<'a> {
    /// `cancelled` is what a signal handler sets to end the import early.
    #[must_use]
    pub fn new(lists_skips: bool, cancelled: &'a AtomicBool) -> ImportBar<'a> {
        let bar = ProgressBar::new_spinner().with_message("looking for files");
        bar.enable_steady_tick(Duration::from_millis(120));
        ImportBar { bar, files: 0, seen: 0, skipped: 0, lists_skips, cancelled }
    }
}

impl Progress for ImportBar<'_> {
    fn begin(&mut self, files: u64, bytes: u64) {
        const TEMPLATE: &str =
            "{bar:32} {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta} {msg}";
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            self.bar.set_style(style);
        }
        self.bar.set_length(bytes);
        self.bar.set_message(format!("0 of {files} files"));
        self.files = files;
    }

    fn file(&mut self, path: &Path, bytes: u64, outcome: &FileOutcome) {
        if let FileOutcome::Skipped(reason) = outcome {
            self.skipped += 1;
            if self.lists_skips {
                self.bar.println(format!("skipped {}: {reason}", path.display()));
            }
        }
        self.bar.inc(bytes);
        self.seen += 1;
        let (seen, files, skipped) = (self.seen, self.files, self.skipped);
        self.bar.set_message(format!("{seen} of {files} files, {skipped} skipped"));
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}
