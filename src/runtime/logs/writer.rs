//! What the thread of a log does: gathers lines, and writes them, or says why not.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::Instant;

use super::LogFile;
use crate::limits;
use crate::observe::{Letter, Queue};

/// With so many entries to write, there is no waiting for more.
const GATHERED: usize = 64;
/// Bytes of lines that are written at once.
const PIECE: usize = 64 * 1024;

/// The thread of a log.
pub(super) struct Writer<'l> {
    pub(super) name: &'static str,
    pub(super) file: LogFile,
    /// Nothing is dropped that cannot be written yet.
    pub(super) keeps: bool,
    pub(super) lines: &'l Queue<Vec<u8>>,
    /// What is to be written now, of how many entries it is, and how much of it is written.
    pub(super) piece: Vec<u8>,
    pub(super) entries: usize,
    pub(super) written: usize,
    /// Entries that were dropped, as far as the log says so; and with what is to be written now.
    pub(super) lost: u64,
    pub(super) told: u64,
    pub(super) complaints: Complaints,
}

/// What is wrong is said when it begins, and now and then while it lasts.
#[derive(Default)]
pub(super) struct Complaints(Option<Instant>);

impl Complaints {
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= limits::LOG_COMPLAINT_INTERVAL);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

impl Writer<'_> {
    pub(super) fn run(mut self) {
        let mut until = None;
        loop {
            let ending = self.lines.has_ended();
            self.gather(ending);
            if self.lines.was_moved() || self.lines.is_unopened() {
                self.reopen();
            }
            let is_written = self.write();
            if !ending {
                continue;
            }
            // Who was not waited for may never say what came of its call.
            let until = *until.get_or_insert_with(|| Instant::now() + limits::LOG_RETRY);
            if !is_written || self.lines.len() == 0 || Instant::now() >= until {
                return;
            }
        }
    }

    /// Waits for an entry, and takes what comes within a moment.
    fn gather(&mut self, ending: bool) {
        let receiver = self.lines.receiver();
        if self.piece.is_empty() {
            let letter = match (ending, self.lines.is_unopened()) {
                (true, _) if self.lines.len() == 0 => None,
                (true, _) => receiver.recv_timeout(limits::LOG_GATHER).ok(),
                (false, true) => receiver.recv_timeout(limits::LOG_RETRY).ok(),
                (false, false) => receiver.recv().ok(),
            };
            letter.into_iter().for_each(|letter| self.take(letter));
            if !ending && receiver.len() < GATHERED {
                // Whoever puts more in meanwhile does not have to wake us.
                thread::sleep(limits::LOG_GATHER);
            }
        }
        while self.piece.len() < PIECE
            && let Ok(letter) = receiver.try_recv()
        {
            self.take(letter);
        }
    }

    fn take(&mut self, letter: Letter<Vec<u8>>) {
        if let Letter::Entry(line) = letter {
            self.piece.extend_from_slice(&line);
            self.entries += 1;
        }
    }

    /// Goes on with a new file, as soon as there can be one.
    fn reopen(&mut self) {
        let opened = LogFile::open(&self.file.path, self.file.sync);
        self.lines.set_unopened(opened.is_err());
        match opened {
            Ok(file) => {
                self.file = file;
                // A line that was broken off is written again, as a whole.
                let whole = self.piece[..self.written].iter().rposition(|byte| *byte == b'\n');
                self.written = whole.map_or(0, |at| at + 1);
                self.complaints = Complaints::default();
                tracing::info!(log = self.name, "a log is open again");
            }
            Err(error) if self.complaints.is_due() => {
                let path = self.file.path.display();
                tracing::error!(log = self.name, %path, %error, "cannot reopen a log; trying on");
            }
            Err(_) => {}
        }
    }

    /// Says whether all was written, or given up.
    fn write(&mut self) -> bool {
        if !self.lines.is_unwritable() {
            self.say_what_was_lost();
        }
        let outcome = self.write_on().and_then(|()| self.file.settle());
        if let Err(error) = outcome {
            return self.fail(&error);
        }
        if !self.piece.is_empty() && self.lines.is_unwritable() {
            self.lines.set_unwritable(false);
            self.complaints = Complaints::default();
            tracing::info!(log = self.name, "a log can be written again");
        }
        self.lost = self.told;
        self.clear();
        true
    }

    /// Entries that there was no room for stand in the log as a number.
    fn say_what_was_lost(&mut self) {
        let lost = self.lines.dropped.get();
        if lost > self.told {
            let count = lost - self.told;
            let text = format!("{{\"event\":\"dropped\",\"entries\":{count}}}\n");
            self.piece.extend_from_slice(text.as_bytes());
            self.told = lost;
            if self.complaints.is_due() {
                tracing::warn!(log = self.name, entries = lost, "a log has dropped entries");
            }
        }
    }

    fn write_on(&mut self) -> io::Result<()> {
        while self.written < self.piece.len() {
            match self.file.write(&self.piece[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.piece.clear();
        self.written = 0;
        self.lines.done(std::mem::take(&mut self.entries));
    }

    fn fail(&mut self, error: &io::Error) -> bool {
        self.lines.set_unwritable(true);
        if self.complaints.is_due() {
            let (entries, path) = (self.lines.len(), self.file.path.display());
            tracing::error!(log = self.name, %path, %error, entries, "cannot write a log");
        }
        if !self.keeps {
            self.lines.dropped.add(self.entries as u64);
            self.told = self.lost;
            self.clear();
            return true;
        }
        if !self.lines.has_ended() {
            // The end of the server is worth another look at once.
            thread::sleep(limits::LOG_RETRY);
        }
        false
    }
}
