//! The arguments of `mcp-fastd connect`.

use std::path::PathBuf;

use clap::Args;
use mcp_fastd::limits;
use tracing_subscriber::filter::Targets;
use ureq::http::{HeaderName, HeaderValue, Uri};

use super::super::arguments::log_filter;

const HELP: &str = "\
Examples:
  mcp-fastd connect http://127.0.0.1:8080/mcp
  mcp-fastd connect https://example.com/mcp --bearer-token-file ~/.config/example-token
  mcp-fastd connect https://example.com/mcp --header 'X-Team: search'

Messages go in and out one to a line, as a client that starts its servers itself expects; what is
logged goes to standard error. The server may speak any revision: Streamable HTTP with or without
sessions, or HTTP+SSE of 2024-11-05. `mcp-fastd install` writes this command into a client's
configuration.

Values of --header are sent as they are: ${NAME} is not replaced (a shell does that, in double
quotes; most clients do it in their own configuration). A token on the command line can be seen by
other users of this machine: prefer --bearer-token-env or --bearer-token-file.

HTTPS trusts what this system trusts; SSL_CERT_FILE names other certificates (on Linux). Proxies are
taken from ALL_PROXY, HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

Exit codes: 0 the client closed the input or a signal ended it, 1 could not start, 2 wrong
arguments.";

/// The headers that are this program's to set.
const OURS: [&str; 12] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct ConnectArguments {
    /// The MCP endpoint of the remote server, such as https://example.com/mcp
    #[arg(value_parser = url)]
    pub(crate) url: Uri,
    /// A header for every request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// A token for `Authorization: Bearer`
    #[arg(long, value_name = "TOKEN", group = "token")]
    pub(crate) bearer_token: Option<String>,
    /// The environment variable that has the token
    #[arg(long, value_name = "NAME", group = "token")]
    pub(crate) bearer_token_env: Option<String>,
    /// The file that has the token; read again when the server refuses it
    #[arg(long, value_name = "FILE", group = "token")]
    pub(crate) bearer_token_file: Option<PathBuf>,
    /// The longest message taken from the client, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = limits::BODY_BYTES_MAX)]
    pub(crate) message_bytes_max: usize,
    /// What to log on standard error: error, warn, info, debug, trace, off, or a filter such as
    /// info,mcp_fastd=debug [default: warn]
    #[arg(long, value_name = "LEVEL", value_parser = log_filter)]
    pub(crate) log: Option<Targets>,
}

/// An absolute URL of HTTP, without a user in it.
pub(crate) fn url(text: &str) -> Result<Uri, String> {
    const EXPECTED: &str = "expected a URL such as https://example.com/mcp";
    let url: Uri = text.parse().map_err(|error| format!("{EXPECTED} ({error})"))?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let Some(authority) =
        url.authority().filter(|authority| is_http && !authority.host().is_empty())
    else {
        return Err(EXPECTED.to_owned());
    };
    if authority.as_str().contains('@') {
        return Err("a user and password do not belong into the URL; use --header \
                    'Authorization: Basic …'"
            .to_owned());
    }
    Ok(url)
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected 'Name: value'")?;
    let name: HeaderName = name.trim().parse().map_err(|_| "not the name of a header")?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| "not a header's value")?;
    if OURS.contains(&name.as_str()) || name.as_str().starts_with("mcp-param-") {
        return Err(format!("`{name}` is set by mcp-fastd itself"));
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for good in ["http://localhost:1/mcp", "https://example.com", "http://[::1]:80/a?b=c"] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in ["example.com/mcp", "/mcp", "ftp://x/", "http://", "http:///mcp", "a b", ""] {
            assert!(url(bad).expect_err(bad).contains("https://example.com/mcp"), "{bad}");
        }
        assert!(url("https://me:secret@example.com/").expect_err("refused").contains("--header"));
    }

    #[test]
    fn headers() {
        let (name, value) = header("X-Team:  search: all ").expect("a header");
        assert_eq!((name.as_str(), value.as_bytes()), ("x-team", b"search: all".as_slice()));
        for bad in ["X-Team", ": x", "a b: c", "X: a\nb", "Mcp-Session-Id: 1", "Mcp-Param-A: 1"] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
    }
}
