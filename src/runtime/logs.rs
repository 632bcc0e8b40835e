//! The threads that write the access log and the audit log: one each, so that nobody else waits for
//! a disk. A third one sends spans, where there are any ([`super::export`]).
//!
//! Lines are gathered for a moment and written together, whole lines only, to the end of the file
//! (`O_APPEND`). When that fails, lines of the access log are dropped, and counted; those of the
//! audit log are kept and tried again, and no call is taken in before they are written, or calls go
//! on while its queue fills up (`audit_log.when_full`).

mod writer;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use self::writer::{Complaints, Writer};
use super::export::{Exporter, Exporting};
use crate::config::ObserveConfig;
use crate::limits;
use crate::observe::{Ledger, Queue};

/// Readable by its owner, and by no others.
const MODE: u32 = 0o600;

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
    if let Some(problem) = same_file(config) {
        return Err(problem);
    }
    Ok(LogFiles {
        access: open("access_log.path", &config.access_log.path, false)?,
        audit: open("audit_log.path", &config.audit_log.path, config.audit_log.sync)?,
        traces: Exporter::open(&config.trace, server)?,
    })
}

/// The logs that are kept in files, each with its key.
fn named(config: &ObserveConfig) -> impl Iterator<Item = (&'static str, &Path)> {
    let named =
        [("access_log.path", &config.access_log.path), ("audit_log.path", &config.audit_log.path)];
    let named = named.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)));
    named.filter(|(_, path)| path.as_os_str() != "-")
}

/// Lines of two kinds in one file are of use to nobody.
fn same_file(config: &ObserveConfig) -> Option<String> {
    let (_, audit) = named(config).find(|(key, _)| *key == "audit_log.path")?;
    let (other, _) = named(config).next().filter(|(_, path)| is_one(path, audit))?;
    (other != "audit_log.path")
        .then(|| format!("audit_log.path: {} is the file of {other}, too", audit.display()))
}

/// Whether two paths are of one file, which need not be there yet. (What is no file, as a terminal
/// or a pipe, may be had by several.)
fn is_one(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => {
            one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
        }
        (Err(_), Err(_)) => place(one).is_some_and(|one| Some(one) == place(other)),
        _ => false,
    }
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
        let problem = |(key, path): (&str, &Path)| {
            let problem = missing(path)?;
            Some(format!("{key}: cannot open {}: {problem}", path.display()))
        };
        named(config).filter_map(problem).chain(same_file(config)).collect()
    }

    /// Which log is kept in this file, by its key: nothing else is to be written to it.
    pub fn kept_in(config: &ObserveConfig, file: &Path) -> Option<&'static str> {
        named(config).find(|(_, path)| is_one(path, file)).map(|(key, _)| key)
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
