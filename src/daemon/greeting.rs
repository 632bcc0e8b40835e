//! What is said at the start: where it listens, what it serves, and a line to try it with.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use mcp_fastd::documents::{Dataset, Error};

/// The least letters of a word that is worth searching for.
const WORD_CHARS_MIN: usize = 4;

/// Everything that is told. Who is asked who they are needs a key, a token or a certificate for it.
pub(super) fn greeting(
    url: &str,
    is_open: bool,
    file: Option<&Path>,
    dataset: &Dataset,
) -> Result<String, Error> {
    let documents = dataset.stats()?.documents;
    let plural = if documents == 1 { "" } else { "s" };
    let mut text = format!("mcp-fastd {} listens on {url}\n", env!("CARGO_PKG_VERSION"));
    let _ = match file {
        Some(file) => {
            writeln!(text, "It serves {} ({documents} document{plural}).", file.display())
        }
        None => writeln!(
            text,
            "It serves its own documentation ({documents} documents, in memory); \
             name a dataset to serve yours."
        ),
    };
    if documents == 0 {
        text.push_str("The dataset is empty: fill it with `mcp-fastd import DATASET PATH…`.\n");
    }
    let word = word_to_search(dataset)?;
    let _ = {
        let (needed, curl) = (needed(url, is_open), curl(url, is_open, &word));
        write!(text, "Try it{needed}:\n\n{curl}\n\n")
    };
    Ok(text)
}

/// The address as a client on this machine can use it.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A word of a title, so that the first search finds something. Letters and digits only: it goes
/// into a shell's quotes.
fn word_to_search(dataset: &Dataset) -> Result<String, Error> {
    let first = dataset.list(1, None)?.documents;
    let title = first.first().map_or("", |document| document.title.as_str());
    let words = title.split(|c: char| !c.is_ascii_alphanumeric());
    let word = words.filter(|word| word.len() >= WORD_CHARS_MIN).max_by_key(|word| word.len());
    Ok(word.unwrap_or("hello").to_lowercase())
}

/// What has to be put into the line to try.
fn needed(url: &str, is_open: bool) -> String {
    let mut needs = Vec::new();
    if !is_open {
        needs.push("a key or a token in $TOKEN (or a certificate: --cert, --key)");
    }
    if url.starts_with("https:") {
        needs.push("the certificate's name for the address (and its issuer: --cacert)");
    }
    if needs.is_empty() { String::new() } else { format!(", with {}", needs.join(", ")) }
}

/// A search in one line for a shell.
fn curl(url: &str, is_open: bool, word: &str) -> String {
    let credentials = if is_open { "" } else { " -H \"Authorization: Bearer $TOKEN\"" };
    format!(
        "curl -sS '{url}'{credentials} -H 'Content-Type: application/json' \
         -H 'Accept: application/json, text/event-stream' \
         -H 'MCP-Protocol-Version: 2026-07-28' \
         -H 'Mcp-Method: tools/call' -H 'Mcp-Name: search_documents' \
         -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\
         \"name\":\"search_documents\",\"arguments\":{{\"query\":\"{word}\"}},\"_meta\":{{\
         \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\
         \"io.modelcontextprotocol/clientCapabilities\":{{}}}}}}}}'"
    )
}
