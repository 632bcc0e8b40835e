//! Who the server is, as clients see it.

use serde_json::{Value as Json, json};

use super::Catalog;
use crate::app::about::Icon;

impl Catalog {
    /// Says under which name and version clients see the server.
    pub fn identify(&mut self, name: &str, version: &str) {
        self.present(json!({ "name": name, "version": version }));
    }

    /// The name and the version of the server.
    pub(crate) fn identity(&self) -> (&str, &str) {
        let text = |key: &str| self.server[key].as_str().unwrap_or_default();
        (text("name"), text("version"))
    }

    /// Says what else clients show of the server: a title, a page about it, icons.
    pub fn introduce(&mut self, title: Option<&str>, website: Option<&str>, icons: &[Icon]) {
        let mut server = self.server.clone();
        for (key, value) in [("title", title), ("websiteUrl", website)] {
            if let Some(value) = value {
                server[key] = value.into();
            }
        }
        if !icons.is_empty() {
            server["icons"] = json!(icons);
        }
        self.present(server);
    }

    fn present(&mut self, server: Json) {
        self.server_info = server.to_string();
        self.server = server;
        self.server_meta =
            format!(r#"{{"io.modelcontextprotocol/serverInfo":{}}}"#, self.server_info);
        self.modern_begin = format!(r#"{{"resultType":"complete","_meta":{},"#, self.server_meta);
    }
}
