//! A server written for rmcp: what docs/migrating.md starts from. `rmcp_axum.rs` serves it with
//! axum, and `tests/migrating.rs` on this engine, as it is.

use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::{CallToolResult, ContentBlock, ProgressNotificationParam};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, schemars, tool, tool_handler, tool_router};

const PRICES: [(&str, u32); 2] = [("apple", 30), ("pear", 45)];

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Order {
    fruit: String,
    #[serde(default = "one")]
    count: u32,
}

fn one() -> u32 {
    1
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct Price {
    fruit: String,
    cents: u32,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Time {
    days: u32,
}

pub struct Shop;

#[tool_router]
impl Shop {
    #[tool(description = "Says what some fruit costs.")]
    fn price(
        &self,
        Parameters(Order { fruit, count }): Parameters<Order>,
    ) -> Result<Json<Price>, String> {
        let found = PRICES.iter().find(|(name, _)| *name == fruit);
        let (_, cents) = found.ok_or_else(|| format!("there is no {fruit}"))?;
        Ok(Json(Price { fruit, cents: cents * count }))
    }

    #[tool(description = "Waits until the fruit is ripe.")]
    async fn ripen(
        &self,
        Parameters(Time { days }): Parameters<Time>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        if let Some(token) = context.meta.get_progress_token() {
            for day in 0..days {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(day));
                let progress = progress.with_total(f64::from(days));
                let sent = context.peer.notify_progress(progress).await;
                sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            }
        }
        let text = format!("Ripe after {days} days.");
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
    }
}

#[tool_handler]
impl ServerHandler for Shop {}
