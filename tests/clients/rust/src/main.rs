//! The official Rust client: mcp-fastd-clients protocol|daemon PLACE [QUERY]
//!
//! `protocol` is against examples/conformance_server, `daemon` against mcp-fastd. PLACE is the URL
//! of an endpoint, or a program that the client starts (stdio).
//!
//! Every step is checked, in each revision; the first that fails ends it with exit code 1.

// Deprecated since 2026-07-28 (SEP-2577), but not gone: sampling, roots and logging.
#![allow(deprecated)]

mod checks;
mod connection;
mod documents;
mod person;
mod wire;

use anyhow::{Result, bail};
use connection::Era;
use rmcp::model::ProtocolVersion;

const USAGE: &str = "usage: mcp-fastd-clients protocol|daemon PLACE [QUERY]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [part, place, query @ ..] = &arguments[..] else { bail!(USAGE) };
    let query = query.first().map(String::as_str);
    let stateful = [
        ProtocolVersion::V_2025_03_26,
        ProtocolVersion::V_2025_06_18,
        ProtocolVersion::V_2025_11_25,
    ];
    let eras = stateful.map(Era::Stateful).into_iter();
    for era in eras.chain([Era::Discovered, Era::Negotiated]) {
        match part.as_str() {
            "protocol" => checks::run(place, &era).await?,
            "daemon" => documents::run(place, query, &era).await?,
            _ => bail!(USAGE),
        }
    }
    Ok(())
}
