//! `mcp-fastd health`: asks a server whether it is well, for containers that have no other program
//! to ask with.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ureq::Agent;
use ureq::tls::TlsConfig;

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
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // It asks the server beside it, by an address that no certificate is for.
    let tls = TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder();
    let config = config.timeout_global(Some(TIMEOUT)).proxy(None).tls_config(tls).build();
    match Agent::new_with_config(config).get(&arguments.url).call() {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Problem(format!("{}: {error}", arguments.url))),
    }
}
