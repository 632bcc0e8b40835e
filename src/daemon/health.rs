//! `mcp-fastd health`: asks a server whether it is well, for containers that have no other program
//! to ask with.
//!
//! Where it is asked follows from its settings, as far as they can be understood: a file that is
//! broken while the server runs changes nothing there, and makes it no less well.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mcp_fastd::config::{ClientAuth, ProxyProtocol};
use mcp_fastd::{Config, Transports};
use ureq::Agent;
use ureq::tls::TlsConfig;

use super::arguments::ServeArguments;
use super::greeting::reachable;
use super::{Problem, settings};

/// How long the server may take to say so.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Args)]
pub(crate) struct HealthArguments {
    /// Where to ask [default: /health where a server with the settings of the environment, or of a
    /// file, listens: at admin_bind, or else at bind]
    #[arg(conflicts_with = "config")]
    pub(crate) url: Option<String>,
    /// The server's settings, if its --config names them; MCP_FASTD__CONFIG needs no repeating
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Exit code 0 if the answer is 200, and 1 otherwise.
pub(crate) fn health(arguments: HealthArguments) -> Result<ExitCode, Problem> {
    let HealthArguments { url, config } = arguments;
    let (url, mistake) = match url {
        Some(url) => (url, None),
        None => {
            let serve = ServeArguments { config, ..ServeArguments::default() };
            let examined = settings::examine(&serve);
            let found = examined.found.map(|settings| settings.config).unwrap_or_default();
            (page(&found).map_err(Problem)?, examined.errors.into_iter().next())
        }
    };
    let Err(error) = ask(&url) else { return Ok(ExitCode::SUCCESS) };
    let beside = mistake.map_or_else(String::new, |mistake| format!("; besides, {mistake}"));
    Err(Problem(format!("{url}: {error}{beside}")))
}

/// Where a server with these settings is asked, from beside it. Operators' own listener comes
/// first: it is there whatever clients have to show, or to send before.
fn page(config: &Config) -> Result<String, String> {
    let said = |what: &str| Err(format!("{what} (or name the URL to ask)"));
    let needs_certificate = config.tls.is_on() && config.tls.client_auth == ClientAuth::Required;
    let (scheme, address) = match config.observe.admin_bind {
        _ if config.transports == Transports::Stdio => {
            return said("transport.mode is stdio, and nothing listens: set both");
        }
        Some(address) => ("http", address),
        None if config.guard.proxy_protocol == ProxyProtocol::Required => {
            return said("guard.proxy_protocol wants a header at bind: set admin_bind");
        }
        None if needs_certificate => {
            return said("tls.client_auth wants a certificate at bind: set admin_bind");
        }
        None => (if config.tls.is_on() { "https" } else { "http" }, config.bind),
    };
    match address.port() {
        0 => said("port 0 is another one at each start: set a port"),
        _ => Ok(format!("{scheme}://{}/health", reachable(address))),
    }
}

fn ask(url: &str) -> Result<(), ureq::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // It asks the server beside it, by an address that no certificate is for.
    let tls = TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder();
    let config = config.timeout_global(Some(TIMEOUT)).proxy(None).tls_config(tls).build();
    Agent::new_with_config(config).get(url).call().map(drop)
}
