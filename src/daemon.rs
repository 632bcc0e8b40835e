//! What the command does, in parts: a user of the library like any other.

mod arguments;
mod check;
mod connect;
mod greeting;
mod health;
mod import;
mod install;
mod migrate;
mod own_docs;
mod reload;
mod serve;
mod settings;
mod signals;
mod systemd;
mod upgrade;

use std::io::Write as _;

pub(crate) use arguments::{Arguments, Command};
pub(crate) use check::check;
pub(crate) use connect::connect;
pub(crate) use health::health;
pub(crate) use import::import;
pub(crate) use install::install;
pub(crate) use migrate::migrate;
pub(crate) use serve::serve;

/// Writes to standard output, whether or not anybody reads it.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Why the command ends, in one line.
pub(crate) struct Problem(String);

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Problem {
        Problem(error.to_string())
    }
}
