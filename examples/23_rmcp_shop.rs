//! The shop of `docs/migrating.md` as it was written for rmcp, on this engine: the handler is the
//! one that `tests/migrating/rmcp_axum.rs` serves with axum.
//!
//! ```sh
//! cargo run --features rmcp --example 23_rmcp_shop -- --bind 127.0.0.1:8000
//! ```

#![allow(missing_docs)]

#[path = "../tests/migrating/shop.rs"]
mod shop;
use shop::Shop;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let address = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());

    let service = mcp_fastd::adapter::rmcp::serve(|| Ok(Shop), address.as_str())?;
    println!("listening on http://{}/mcp", service.addr());
    service.waiting().await?;
    Ok(())
}
