//! A private folder that goes when it is dropped.

use super::cursor::hex;
use super::error::Error;
use std::path::{Path, PathBuf};

/// Only its owner may look into it; its name cannot be guessed.
pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Fails if the name is taken, so nobody can have put a link there before.
    pub(super) fn create() -> Result<TemporaryFolder, Error> {
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(|error| Error::Storage {
            doing: "naming a temporary folder",
            message: error.to_string(),
        })?;
        let path = std::env::temp_dir().join(format!("mcp-fastd-{}", hex(&random)));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(Error::io(&path))?;
        Ok(TemporaryFolder(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What is left is left: there is nobody to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
