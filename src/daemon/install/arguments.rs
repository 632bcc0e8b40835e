//! The arguments of `mcp-fastd install`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ureq::http::Uri;

use crate::daemon::connect;

const HELP: &str = "\
Examples:
  mcp-fastd install claude-desktop library.db            Print what goes into its configuration
  mcp-fastd install claude-desktop library.db --write    Put it there
  mcp-fastd install cursor --url https://example.com/mcp --name example --write
  mcp-fastd install vscode library.db --file .vscode/mcp.json --write

The entry starts this very program, at the place where it is now. A file that is changed is kept as
FILE.bak first; the rest of it, comments included, stays as it is. Restart the client afterwards.

Where each client looks (--file names another place, such as a project's):
  claude-desktop  claude_desktop_config.json in ~/Library/Application Support/Claude (macOS),
                  %APPDATA%\\Claude (Windows), ~/.config/Claude (Linux)
  cursor          ~/.cursor/mcp.json; for a project .cursor/mcp.json
  vscode          mcp.json of the user profile; for a project .vscode/mcp.json
  claude-code     .mcp.json in the current folder, which is taken for the project's

Exit codes: 0 done, 1 failed, 2 wrong arguments.";

/// The longest name of an entry.
const NAME_MAX: usize = 64;

#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct InstallArguments {
    /// Whose configuration
    #[arg(value_enum)]
    pub(super) client: Client,
    /// The dataset to serve; without it and --url, this project's own documentation
    #[arg(conflicts_with = "url")]
    pub(super) dataset: Option<PathBuf>,
    /// A remote server to connect to, instead of a dataset
    #[arg(long, value_parser = connect::url)]
    pub(super) url: Option<Uri>,
    /// The file that has the remote server's token
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(super) bearer_token_file: Option<PathBuf>,
    /// The name of the entry
    #[arg(long, default_value = "mcp-fastd", value_parser = name)]
    pub(super) name: String,
    /// Write the entry into the client's configuration, instead of printing it
    #[arg(long)]
    pub(super) write: bool,
    /// The configuration file, where it is not the usual one
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,
    /// Replace an entry of the same name
    #[arg(long, requires = "write")]
    pub(super) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    ClaudeDesktop,
    Cursor,
    #[value(name = "vscode")]
    VsCode,
    ClaudeCode,
}

/// What all of the clients take: Claude Code has the narrowest rule.
fn name(text: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match (1..=NAME_MAX).contains(&text.len()) && text.chars().all(is_word) {
        true => Ok(text.to_owned()),
        false => Err(format!("expected up to {NAME_MAX} letters, digits, hyphens and underscores")),
    }
}
