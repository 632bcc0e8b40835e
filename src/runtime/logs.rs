//! The threads that write the access log and the audit log: one each, so that nobody else waits for
//! a disk. A third one sends spans, where there are any ([`super::export`]).
//!
//! Lines are gathered for a moment and written together, whole lines only, to the end of the file
//! (`O_APPEND`). When that fails, lines of the access log are dropped, and counted; those of the
//! audit log are kept and tried again, and no call is taken in before they are written, or calls go
//! on while its queue fills up (`audit_log.when_full`).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::export::{Exporter, Exporting};
use crate::config::ObserveConfig;
use crate::limits;
use crate::observe::{Ledger, Letter, Queue};

/// Readable by its owner, and by no others.
const MODE: u32 = 0o600;
/// With so many entries to write, there is no waiting for more.
const GATHERED: usize = 64;
/// Bytes of lines that are written at once.
const PIECE: usize = 64 * 1024;

/// The files of the logs, open.
#[derive(Default)]
pub(crate) struct LogFiles {
    access: Option<LogFile>,
    audit: Option<LogFile>,
    traces: Option<Exporter>,
}

struct LogFile {
    path: PathBuf,
    out: Out,
    sync: bool,
}

enum Out {
    File(File),
    Stdout,
}

/// Opens what is to be written to. The server has this name and version.
///
/// # Errors
/// Which setting names what cannot be opened.
pub(crate) fn open(config: &ObserveConfig, server: (&str, &str)) -> Result<LogFiles, String> {
    let open = |setting: &str, path: &Option<PathBuf>, sync: bool| match path {
        None => Ok(None),
        Some(path) => LogFile::open(path, sync)
            .map(Some)
            .map_err(|error| format!("{setting}: cannot open {}: {error}", path.display())),
    };
    Ok(LogFiles {
        access: open("access_log.path", &config.access_log.path, false)?,
        audit: open("audit_log.path", &config.audit_log.path, config.audit_log.sync)?,
        traces: Exporter::open(&config.trace, server)?,
    })
}

fn missing(path: &Path) -> Option<String> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Some("this is a folder; a log is a file".to_owned()),
        // To open a pipe waits for its reader.
        Ok(found) if !found.is_file() => None,
        Ok(_) => OpenOptions::new().append(true).open(path).err().map(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let is_there = folder.is_none_or(Path::is_dir);
            (!is_there).then(|| "the folder of this file does not exist".to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}

/// Starts a thread for each log that is kept. Spans have `grace` to be sent when all ends.
pub(crate) fn start(
    files: LogFiles,
    ledger: &Arc<Ledger>,
    grace: Duration,
) -> io::Result<LogThreads> {
    let mut threads = Vec::new();
    for (name, file, keeps) in
        [("access-log", files.access, false), ("audit-log", files.audit, true)]
    {
        let Some(file) = file else { continue };
        let ledger = ledger.clone();
        let thread = Builder::new().name(name.to_owned());
        threads.push(thread.spawn(move || {
            let logs = &ledger.logs;
            let lines = match keeps {
                true => logs.audit.as_ref().map(|log| &log.lines),
                false => logs.access.as_ref().map(|log| &log.lines),
            };
            if let Some(lines) = lines {
                Writer {
                    name,
                    file,
                    keeps,
                    lines,
                    piece: Vec::new(),
                    entries: 0,
                    written: 0,
                    lost: 0,
                    told: 0,
                    complaints: Complaints::default(),
                }
                .run();
            }
        })?);
    }
    let traces = files.traces.map(|traces| traces.start(ledger, grace)).transpose()?;
    Ok(LogThreads { ledger: ledger.clone(), threads, traces })
}

/// The threads of the logs.
pub(crate) struct LogThreads {
    ledger: Arc<Ledger>,
    threads: Vec<JoinHandle<()>>,
    traces: Option<Exporting>,
}

impl LogThreads {
    /// Writes what there is, as far as that is possible, and ends.
    pub(crate) fn join(self) {
        for lines in queues(&self.ledger) {
            lines.end();
        }
        let until = Instant::now() + limits::LOG_END;
        for thread in self.threads {
            while !thread.is_finished() && Instant::now() < until {
                thread::sleep(limits::LOG_GATHER);
            }
            if !thread.is_finished() {
                tracing::error!("what a log is written to takes nothing: it is not waited for");
            } else if thread.join().is_err() {
                tracing::error!("the thread of a log ended by a panic");
            }
        }
        if let Some(traces) = self.traces {
            traces.join();
        }
        let unwritten = Logs(self.ledger).unwritten();
        if unwritten > 0 {
            tracing::error!(entries = unwritten, "the end of a log is not written: it is lost");
        }
    }
}

fn queues(ledger: &Ledger) -> impl Iterator<Item = &Queue<Vec<u8>>> {
    let access = ledger.logs.access.as_ref().map(|log| &log.lines);
    access.into_iter().chain(ledger.logs.audit.as_ref().map(|log| &log.lines))
}

/// The logs of requests of a server that runs.
#[derive(Clone)]
pub struct Logs(pub(crate) Arc<Ledger>);

impl Logs {
    /// What would keep the logs of these settings from being opened, each beginning with the key.
    /// Nothing is made.
    pub fn problems(config: &ObserveConfig) -> Vec<String> {
        let named = [
            ("access_log.path", &config.access_log.path),
            ("audit_log.path", &config.audit_log.path),
        ];
        let named = named.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)));
        let named = named.filter(|(_, path)| path.as_os_str() != "-");
        let problem = |(key, path): (&str, &Path)| {
            let problem = missing(path)?;
            Some(format!("{key}: cannot open {}: {problem}", path.display()))
        };
        named.filter_map(problem).collect()
    }

    /// Goes on with new files under the same names: what a rotation asks for that has moved the old
    /// ones away. Does not wait for that.
    pub fn reopen(&self) {
        for lines in queues(&self.0) {
            lines.reopen();
        }
    }

    /// Entries that wait to be written; after the end of the server, those that are lost.
    pub fn unwritten(&self) -> usize {
        queues(&self.0).map(Queue::len).sum()
    }
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logs")
    }
}

impl LogFile {
    fn open(path: &Path, sync: bool) -> io::Result<LogFile> {
        let out = match path.as_os_str() == "-" {
            true => Out::Stdout,
            false => {
                let mut options = OpenOptions::new();
                Out::File(options.append(true).create(true).mode(MODE).open(path)?)
            }
        };
        Ok(LogFile { path: path.to_owned(), out, sync })
    }

    /// Writes as much as it takes, and says how much that was.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Out::File(file) => file.write(bytes),
            Out::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush()).map(|()| bytes.len())
            }
        }
    }

    fn settle(&self) -> io::Result<()> {
        match &self.out {
            Out::File(file) if self.sync => file.sync_data(),
            Out::File(_) | Out::Stdout => Ok(()),
        }
    }
}

struct Writer<'l> {
    name: &'static str,
    file: LogFile,
    /// Nothing is dropped that cannot be written yet.
    keeps: bool,
    lines: &'l Queue<Vec<u8>>,
    /// What is to be written now, of how many entries it is, and how much of it is written.
    piece: Vec<u8>,
    entries: usize,
    written: usize,
    /// Entries that were dropped, as far as the log says so; and with what is to be written now.
    lost: u64,
    told: u64,
    complaints: Complaints,
}

/// What is wrong is said when it begins, and now and then while it lasts.
#[derive(Default)]
struct Complaints(Option<Instant>);

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
    fn run(mut self) {
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
