//! The daemon: arguments → settings → dataset → server → exit code.
//!
//! Exit codes: 0 it was stopped, 1 it could not do what it was asked to, 2 it was asked wrongly.

#![forbid(unsafe_code)]

mod daemon;

use std::process::ExitCode;

use clap::Parser as _;

use daemon::{Arguments, Command};

fn main() -> ExitCode {
    // Wrong arguments end the process here, with exit code 2.
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Import(import)) => daemon::import(&import),
        Some(Command::Install(install)) => daemon::install(&install),
        Some(Command::Connect(connect)) => daemon::connect(connect),
        Some(Command::Key(key)) => daemon::key(&key),
        Some(Command::Health(health)) => daemon::health(health),
        Some(Command::Check(arguments)) => daemon::check(*arguments),
        Some(Command::Migrate(migrate)) => daemon::migrate(&migrate),
        None => daemon::serve(arguments.serve),
    };
    match result {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("mcp-fastd: {problem}");
            ExitCode::FAILURE
        }
    }
}
