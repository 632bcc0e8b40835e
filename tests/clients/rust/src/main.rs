//! The official Rust client against examples/conformance_server: mcp-fastd-clients URL
//!
//! Every step is checked, in each revision; the first that fails ends it with exit code 1.

// Deprecated since 2026-07-28 (SEP-2577), but not gone: sampling, roots and logging.
#![allow(deprecated)]

mod checks;
mod connection;
mod person;
mod wire;

use anyhow::{Context, Result};
use connection::Era;
use rmcp::model::ProtocolVersion;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).context("usage: mcp-fastd-clients URL")?;
    let stateful = [
        ProtocolVersion::V_2025_03_26,
        ProtocolVersion::V_2025_06_18,
        ProtocolVersion::V_2025_11_25,
    ];
    let eras = stateful.map(Era::Stateful).into_iter();
    for era in eras.chain([Era::Discovered, Era::Negotiated]) {
        checks::run(&url, &era).await?;
    }
    Ok(())
}
