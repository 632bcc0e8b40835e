//! The wall clock of the servers, which jumps: that of the machine belongs to others, too.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use super::dice::Dice;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Where it jumps to, in seconds from what it is: a correction, a time zone, a battery that is
/// empty, a year.
const PLACES: [i64; 8] = [-400 * DAY, -DAY, -HOUR, -2, 2, HOUR, DAY, 400 * DAY];

pub struct WallClock {
    library: String,
    path: PathBuf,
    file: File,
}

impl WallClock {
    /// With the library that is to be loaded into programs (`loadtest/clock`).
    pub fn new(library: &str) -> io::Result<WallClock> {
        let path = std::env::temp_dir().join(format!("chaos-clock-{}", std::process::id()));
        let file = File::options().write(true).create_new(true).open(&path)?;
        let clock = WallClock { library: library.to_owned(), path, file };
        clock.set(0)?;
        Ok(clock)
    }

    /// It is the clock of a program that is about to be started.
    pub fn of(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CHAOS_CLOCK", &self.path);
    }

    pub fn jump(&self, dice: &mut Dice) -> io::Result<()> {
        self.set(*dice.pick(&PLACES))
    }

    pub fn set(&self, seconds: i64) -> io::Result<()> {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0)
    }
}

impl Drop for WallClock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
