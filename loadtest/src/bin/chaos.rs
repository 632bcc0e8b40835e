//! The run of chaos that `scripts/chaos` starts.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use loadtest::arguments::Arguments;
use loadtest::chaos::run::{self, Options};

const USAGE: &str = "\
chaos --daemon PROGRAM --example PROGRAM --clock LIBRARY --config FILE
      [--seed N] [--seconds N] [--clients N] [--peers N]";

// Hard caps: a mistyped number must not take the machine down.
const SECONDS_MAX: u64 = 24 * 60 * 60;
const CLIENTS_MAX: usize = 400;
const PEERS_MAX: usize = 200;

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(message) => {
            eprintln!("chaos: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Options { seed, seconds, clients, peers, .. } = &options;
    println!("seed {seed}: {clients} clients and {peers} peers for {seconds} s");
    match run::run(&options) {
        Ok(problems) if problems.is_empty() => {
            println!("\nchaos: passed (seed {seed})");
            ExitCode::SUCCESS
        }
        Ok(problems) => {
            println!();
            for problem in &problems {
                println!("chaos: {problem}");
            }
            println!("chaos: FAILED; again with --seed {seed}");
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("chaos: {message} (seed {seed})");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let mut arguments = Arguments::from_env();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_millis());
    let clients = arguments.bounded("--clients", 200, CLIENTS_MAX)?;
    let options = Options {
        seed: arguments.optional("--seed")?.unwrap_or(now as u64 % 1_000_000_000),
        seconds: arguments.bounded("--seconds", 120, SECONDS_MAX)?,
        clients,
        peers: arguments.bounded("--peers", (clients / 6).max(8), PEERS_MAX)?,
        daemon: arguments.required("--daemon")?,
        example: arguments.required("--example")?,
        clock: arguments.required("--clock")?,
        config: arguments.required("--config")?,
    };
    arguments.finish()?;
    Ok(options)
}
