//! Which files an import is about.
//!
//! Files that are named are taken as they are. Folders are walked without what is hidden, without
//! what `.gitignore` and `.ignore` name, and without following links: those lead out of the
//! folder, or round in circles.

use super::error::Error;
use super::extract;
use super::limits::{IMPORT_DEPTH_MAX, IMPORT_FILES_MAX};
use super::progress::SkipReason;
use ignore::{DirEntry, WalkBuilder};
use std::path::{Path, PathBuf};

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundFile {
    /// Canonical, so that a file has one id however it was named.
    pub path: PathBuf,
    /// What to call it: its path below the folder that was named.
    pub label: String,
    pub bytes: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<FoundFile>,
    pub skipped: Vec<(PathBuf, SkipReason)>,
    /// The folders that were named, canonical.
    pub roots: Vec<PathBuf>,
    /// False if something could not be read: what is missing may still be there.
    pub is_complete: bool,
}

/// Walks the named files and folders; `dataset` is never among what is found.
pub(super) fn walk(paths: &[PathBuf], dataset: &Path) -> Result<Found, Error> {
    let own = OwnFiles::of(dataset);
    let mut found = Found { is_complete: true, ..Found::default() };
    for path in paths {
        let root = path.canonicalize().map_err(Error::io(path))?;
        if root.is_dir() {
            found.roots.push(root.clone());
            walk_folder(&root, &own, &mut found);
        } else {
            let label = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match std::fs::metadata(&root) {
                Ok(metadata) => take(root, label, &metadata, &own, &mut found),
                Err(error) => skip_unreadable(root, &error.to_string(), &mut found),
            }
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.files.dedup_by(|a, b| a.path == b.path);
    Ok(found)
}

fn walk_folder(root: &Path, own: &OwnFiles, found: &mut Found) {
    let mut builder = WalkBuilder::new(root);
    // `.gitignore` counts in any folder, and the ignore files above the one that was named don't.
    builder.require_git(false).parents(false).git_global(false).follow_links(false);
    builder.max_depth(Some(IMPORT_DEPTH_MAX));
    for entry in builder.build() {
        match entry {
            Ok(entry) => take_entry(root, entry, own, found),
            Err(error) => skip_unreadable(root.to_path_buf(), &error.to_string(), found),
        }
    }
}

fn take_entry(root: &Path, entry: DirEntry, own: &OwnFiles, found: &mut Found) {
    match entry.file_type() {
        Some(kind) if kind.is_dir() => return,
        Some(kind) if kind.is_symlink() => {
            return found.skipped.push((entry.into_path(), SkipReason::SymbolicLink));
        }
        _ => {}
    }
    let label = entry.path().strip_prefix(root).unwrap_or(entry.path());
    let label = label.to_string_lossy().into_owned();
    match entry.metadata() {
        // `root` is canonical and no link was followed, so the entry's path is canonical.
        Ok(metadata) => take(entry.into_path(), label, &metadata, own, found),
        Err(error) => skip_unreadable(entry.into_path(), &error.to_string(), found),
    }
}

fn take(
    path: PathBuf,
    label: String,
    metadata: &std::fs::Metadata,
    own: &OwnFiles,
    found: &mut Found,
) {
    let reason = match extract::skip_by_name(&path) {
        _ if !metadata.is_file() => Some(SkipReason::NotAFile),
        _ if own.contains(metadata, &path) => Some(SkipReason::Database),
        Some(reason) => Some(reason),
        None if found.files.len() >= IMPORT_FILES_MAX => Some(SkipReason::TooManyFiles),
        None => None,
    };
    match reason {
        Some(reason) => {
            // Beyond the bound nothing is known, so nothing may be pruned.
            found.is_complete &= reason != SkipReason::TooManyFiles;
            found.skipped.push((path, reason));
        }
        None => found.files.push(FoundFile { path, label, bytes: metadata.len() }),
    }
}

fn skip_unreadable(path: PathBuf, message: &str, found: &mut Found) {
    found.is_complete = false;
    found.skipped.push((path, SkipReason::Unreadable(message.to_owned())));
}

/// The dataset's own files. Reading them would be worse than useless: closing a descriptor drops
/// all POSIX locks the process has on that file, SQLite's among them. By inode, since a hard link
/// is the same file.
struct OwnFiles {
    #[cfg(unix)]
    inodes: Vec<(u64, u64)>,
    #[cfg(not(unix))]
    paths: Vec<PathBuf>,
}

impl OwnFiles {
    fn of(dataset: &Path) -> OwnFiles {
        let paths = ["", "-wal", "-shm", "-journal"].map(|suffix| {
            let mut name = dataset.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        });
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let inode = |path: &PathBuf| std::fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
            OwnFiles { inodes: paths.iter().filter_map(inode).collect() }
        }
        #[cfg(not(unix))]
        OwnFiles { paths: paths.iter().filter_map(|path| path.canonicalize().ok()).collect() }
    }

    #[cfg(unix)]
    fn contains(&self, metadata: &std::fs::Metadata, _path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        self.inodes.contains(&(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn contains(&self, _metadata: &std::fs::Metadata, path: &Path) -> bool {
        self.paths.iter().any(|own| own == path)
    }
}
