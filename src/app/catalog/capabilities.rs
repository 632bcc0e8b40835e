//! What the server says it can do.

use serde_json::{Map, Value as Json, json};

use super::Catalog;
use crate::protocol::{Era, ProtocolVersion};

impl Catalog {
    /// `ServerCapabilities`: what is offered is what is here.
    pub(crate) fn write_capabilities(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        let mut offered = Map::new();
        let mut offer = |name: &str, is_there: bool, settings: Json| {
            if is_there {
                offered.insert(name.to_owned(), settings);
            }
        };
        offer("tools", self.has_tools(), json!({ "listChanged": true }));
        offer("prompts", self.has_prompts(), json!({ "listChanged": true }));
        let resources = json!({ "subscribe": true, "listChanged": true });
        offer("resources", self.has_resources(), resources);
        offer("completions", self.completes.is_some(), json!({}));
        offer("logging", self.logs, json!({}));
        let extensions = json!({ "io.modelcontextprotocol/tasks": {} });
        let modern = version.era() == Era::Modern;
        offer("extensions", modern && self.has_tasks(), extensions);
        let calls = json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } });
        let declared = self.tools.iter().any(|tool| tool.task.is_some());
        offer("tasks", version == ProtocolVersion::V2025_11_25 && declared, calls);
        out.extend_from_slice(Json::Object(offered).to_string().as_bytes());
    }
}
