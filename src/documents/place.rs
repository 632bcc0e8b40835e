//! Whether the file that is open is the one that its path names.
//!
//! A file that is deleted or replaced stays open, and takes writes that nobody will find again. The
//! same goes for its log (`-wal`), which is where a commit is until it is folded into the file.

use super::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The files of an open dataset, as they were when it was opened.
pub(super) struct Place {
    files: Vec<(PathBuf, Inode)>,
    is_lost: AtomicBool,
}

type Inode = (u64, u64);

impl Place {
    /// To be made when the file has been opened: it has its log then.
    pub(super) fn of(path: &Path) -> Result<Place, Error> {
        let mut log = path.to_path_buf().into_os_string();
        log.push("-wal");
        let log = PathBuf::from(log);
        let mut files = vec![(path.to_path_buf(), inode(path).map_err(Error::io(path))?)];
        files.extend(inode(&log).ok().map(|inode| (log, inode)));
        Ok(Place { files, is_lost: AtomicBool::new(false) })
    }

    /// Looks, with a system call for each file: not from a shard.
    pub(super) fn look(&self) -> Result<(), Error> {
        // What cannot be looked at for another reason may be there yet.
        let is_there = |path: &Path, known: Inode| match inode(path) {
            Ok(found) => found == known,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        let lost = self.files.iter().find(|(path, known)| !is_there(path, *known));
        // Relaxed: nothing is published through it.
        self.is_lost.store(lost.is_some(), Ordering::Relaxed);
        lost.map_or(Ok(()), |(path, _)| Err(Error::NotInPlace(path.clone())))
    }

    /// What the last look found.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }
}

fn inode(path: &Path) -> io::Result<Inode> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}
