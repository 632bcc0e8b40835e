//! `mcp-fastd key NAME`: a fresh API key, which is shown once, and what the server keeps of it.

use std::process::ExitCode;

use clap::Args;
use mcp_fastd::new_api_key;

use super::{Problem, say};

const HELP: &str = "\
Examples:
  mcp-fastd key ada
  mcp-fastd key ada --scope documents:read --scope documents:write

Clients send it as `Authorization: Bearer KEY`, or as `X-API-Key: KEY`. It cannot be shown again:
the server has its hash. What is printed after it goes into the configuration, or into the file of
--api-keys (auth.api_keys_file).";

#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct KeyArguments {
    /// Whose key it is; somebody may have several
    #[arg(value_parser = name)]
    name: String,
    /// A scope that it has; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<String>,
}

/// Makes a key, and prints it.
pub(crate) fn key(arguments: &KeyArguments) -> Result<ExitCode, Problem> {
    let Some((key, sha256)) = new_api_key() else {
        return Err(Problem("the system gives no random bits".to_owned()));
    };
    let KeyArguments { name, scopes } = arguments;
    say(&format!(
        "# The key, which is shown this once:\n# {key}\n\n[[auth.api_keys]]\nname = {name:?}\n\
         sha256 = \"{sha256}\"\nscopes = {scopes:?}\n"
    ));
    Ok(ExitCode::SUCCESS)
}

/// What needs no escape in a configuration.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| !c.is_control() && c != '"' && c != '\\' && c.is_ascii();
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("expected a name of ASCII characters without quotes".to_owned()),
    }
}

/// RFC 6749 §3.3.
fn scope(text: &str) -> Result<String, String> {
    let is_byte = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    match !text.is_empty() && text.bytes().all(is_byte) {
        true => Ok(text.to_owned()),
        false => Err("expected a scope: no spaces, quotes or backslashes".to_owned()),
    }
}
