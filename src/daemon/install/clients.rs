//! What each client's configuration looks like, and where it is.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::arguments::Client;
use crate::daemon::Problem;

impl Client {
    /// Its name as its makers write it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Client::ClaudeDesktop => "Claude Desktop",
            Client::Cursor => "Cursor",
            Client::VsCode => "VS Code",
            Client::ClaudeCode => "Claude Code",
        }
    }

    /// The member that holds the entries.
    pub(super) fn servers(self) -> &'static str {
        match self {
            Client::VsCode => "servers",
            Client::ClaudeDesktop | Client::Cursor | Client::ClaudeCode => "mcpServers",
        }
    }

    /// Whether it reads its file with comments in it, and commas at the end.
    pub(super) fn takes_comments(self) -> bool {
        matches!(self, Client::Cursor | Client::VsCode)
    }

    /// The entry that has it start a command.
    pub(super) fn entry(self, command: &str, arguments: &[String]) -> Value {
        match self {
            // `type` is optional in the first two, and not known to older ones of them.
            Client::ClaudeDesktop | Client::Cursor => {
                json!({ "command": command, "args": arguments })
            }
            Client::VsCode | Client::ClaudeCode => {
                json!({ "type": "stdio", "command": command, "args": arguments })
            }
        }
    }

    /// The entry that has it connect to a server by itself, where its file can say so.
    pub(super) fn remote_entry(self, url: &str) -> Option<Value> {
        match self {
            // It takes remote servers from its settings ("Connectors") only.
            Client::ClaudeDesktop => None,
            Client::Cursor => Some(json!({ "url": url })),
            Client::VsCode | Client::ClaudeCode => Some(json!({ "type": "http", "url": url })),
        }
    }

    /// Where its configuration is.
    pub(super) fn file(self) -> Result<PathBuf, Problem> {
        let application = |name: &str| Ok::<_, Problem>(application_data()?.join(name));
        match self {
            Client::ClaudeDesktop => Ok(application("Claude")?.join("claude_desktop_config.json")),
            Client::Cursor => Ok(home()?.join(".cursor").join("mcp.json")),
            Client::VsCode => Ok(application("Code")?.join("User").join("mcp.json")),
            Client::ClaudeCode => Ok(std::env::current_dir()?.join(".mcp.json")),
        }
    }
}

/// Where applications keep the settings of a user.
fn application_data() -> Result<PathBuf, Problem> {
    if cfg!(target_os = "macos") {
        return Ok(home()?.join("Library").join("Application Support"));
    }
    let variable = if cfg!(windows) { "APPDATA" } else { "XDG_CONFIG_HOME" };
    match std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => Ok(path),
        None if cfg!(windows) => Err(Problem("%APPDATA% is not set: give --file PATH".to_owned())),
        None => Ok(home()?.join(".config")),
    }
}

fn home() -> Result<PathBuf, Problem> {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    home.ok_or_else(|| Problem("there is no home directory: give --file PATH".to_owned()))
}
