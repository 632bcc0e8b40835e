//! `mcp-fastd health`: asks a server whether it is well, for containers that have no other program
//! to ask with.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ureq::Agent;

use super::Problem;

/// How long the server may take to say so.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Args)]
pub(crate) struct HealthArguments {
    /// Where to ask
    #[arg(default_value = "http://127.0.0.1:8080/health")]
    pub(crate) url: String,
}

/// Exit code 0 if the answer is 200, and 1 otherwise.
pub(crate) fn health(arguments: &HealthArguments) -> Result<ExitCode, Problem> {
    let config = Agent::config_builder().timeout_global(Some(TIMEOUT)).proxy(None).build();
    match Agent::new_with_config(config).get(&arguments.url).call() {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Problem(format!("{}: {error}", arguments.url))),
    }
}
