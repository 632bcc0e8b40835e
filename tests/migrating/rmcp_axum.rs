//! A server on rmcp and axum: one of the programs that docs/migrating.md starts from.
//!
//! ```sh
//! rmcp-axum PORT
//! ```

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

mod shop;
use shop::Shop;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address = format!("127.0.0.1:{}", std::env::args().nth(1).unwrap_or_default());

    let service = StreamableHttpService::new(
        || Ok(Shop),
        LocalSessionManager::default().into(),
        StreamableHttpServerConfig::default(),
    );
    let router = axum::Router::new().nest_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
