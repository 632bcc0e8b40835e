//! The configuration file: found, kept, and exchanged in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::daemon::Problem;

/// The most links that are followed to the file.
const LINKS_MAX: usize = 16;

/// The file itself, behind the links to it; it need not be there.
pub(super) fn resolved(file: &Path) -> Result<PathBuf, Problem> {
    let mut file = std::path::absolute(file)?;
    for _ in 0..LINKS_MAX {
        match fs::read_link(&file) {
            Ok(to) => file = file.parent().unwrap_or(Path::new("/")).join(to),
            Err(_) => return Ok(file),
        }
    }
    Err(about(&file, "too many links"))
}

/// Waits until nobody else changes the file, and keeps others waiting until this is dropped. The
/// folder is what is locked, since the file itself is exchanged, and a third would be left behind.
pub(super) fn locked(file: &Path) -> Result<File, Problem> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|error| about(folder, error))?;
    let lock = File::open(folder).map_err(|error| about(folder, error))?;
    // Some network file systems have no locks; what is installed by hand comes one at a time.
    let _ = lock.lock();
    Ok(lock)
}

/// Its text, if it is there.
pub(super) fn read(file: &Path) -> Result<Option<String>, Problem> {
    match fs::read(file) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(about(file, "it is not UTF-8, and so is left alone")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(about(file, error)),
    }
}

/// Keeps the text beside the file; says where.
pub(super) fn back_up(file: &Path, text: &str) -> Result<PathBuf, Problem> {
    for number in 0_u32.. {
        let mut name = file.as_os_str().to_owned();
        name.push(if number == 0 { ".bak".to_owned() } else { format!(".bak.{number}") });
        let name = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(backup) => {
                fill(backup, file, text).map_err(|error| about(&name, error))?;
                return Ok(name);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(about(&name, error)),
        }
    }
    Err(about(file, "there are too many backups"))
}

/// Puts the text in the file's place: whoever reads it meanwhile has the old one or the new one.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), Problem> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let written = OpenOptions::new().write(true).create_new(true).open(&new);
    let written = written.and_then(|out| fill(out, file, text));
    written.and_then(|()| fs::rename(&new, file)).map_err(|error| {
        // Nobody else has a file of this name.
        let _ = fs::remove_file(&new);
        about(file, error)
    })
}

/// Writes all of it to the disk, with the permissions of the file that it is like.
fn fill(mut out: File, like: &Path, text: &str) -> std::io::Result<()> {
    if let Ok(metadata) = fs::metadata(like) {
        out.set_permissions(metadata.permissions())?;
    }
    out.write_all(text.as_bytes())?;
    out.sync_all()
}

pub(super) fn about(file: &Path, what: impl std::fmt::Display) -> Problem {
    Problem(format!("{}: {what}", file.display()))
}
