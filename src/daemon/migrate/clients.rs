//! Clients: their own files, and what people change in their programs.

use std::path::Path;

use serde_json::Value;

use super::super::Problem;

/// Where clients keep their servers.
const TABLES: [&str; 2] = ["mcpServers", "servers"];

/// Translates a client's file, if it is one: entries of HTTP+SSE become entries of Streamable
/// HTTP. Gives the new text and what was changed.
pub(super) fn translate(file: &Path, text: &str) -> Option<Result<(String, String), Problem>> {
    if file.extension().is_none_or(|ending| ending != "json") {
        return None;
    }
    let mut document: Value = serde_json::from_str(text).ok()?;
    let table = TABLES.into_iter().find(|table| document[*table].is_object())?;
    let mut report = String::from("In the client's file:\n");
    let mut changed = 0;
    for (name, entry) in document[table].as_object_mut()? {
        if let Some(change) = translate_entry(entry) {
            report.push_str(&format!("  {name}: {change}\n"));
            changed += 1;
        }
    }
    if changed == 0 {
        let problem = format!("{}: no entry uses HTTP+SSE; nothing to do", file.display());
        return Some(Err(Problem(problem)));
    }
    report.push_str(
        "\nThe servers have to serve Streamable HTTP there; ask them with:\n  \
         npx @modelcontextprotocol/inspector --cli URL --transport http --method tools/list\n",
    );
    Some(Ok((format!("{document:#}\n"), report)))
}

/// Changes one entry, if it is of HTTP+SSE; says how.
fn translate_entry(entry: &mut Value) -> Option<String> {
    let named = ["type", "transport"].into_iter().find(|key| entry[*key] == "sse");
    let url = entry.get("url").and_then(Value::as_str).map(str::to_owned);
    let new_url = url.as_deref().and_then(moved);
    if named.is_none() && new_url.is_none() {
        return None;
    }
    let mut changes = Vec::new();
    if let Some(key) = named {
        entry[key] = "http".into();
        changes.push(format!("{key} sse → http"));
    }
    match (url, new_url) {
        (Some(old), Some(new)) => {
            changes.push(format!("{old} → {new}"));
            entry["url"] = new.into();
        }
        (Some(old), None) => changes.push(format!("check the path of {old}")),
        (None, _) => {}
    }
    Some(changes.join(", "))
}

/// `…/sse` → `…/mcp`, whatever query follows.
fn moved(url: &str) -> Option<String> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at(end);
    let folder = path.trim_end_matches('/').strip_suffix("/sse")?;
    Some(format!("{folder}/mcp{rest}"))
}

/// What clients have to change.
pub(super) fn advice(from: &str, to: &str) -> String {
    format!(
        "
In every client:
  URL                       {from}
                          → {to}
  configuration files       \"type\": \"sse\"
                          → \"type\": \"http\" (`mcp-fastd migrate THEIR-FILE.json` does both)
  Python SDK                mcp.client.sse.sse_client(url)
                          → mcp.client.streamable_http.streamable_http_client(url)
  TypeScript SDK            new SSEClientTransport(url)
                          → new StreamableHTTPClientTransport(url)
  raw HTTP                  GET {from_path}, POST to the endpoint it names, answers on the stream
                          → POST {to_path}; the answer is the response, or a stream of its own
",
        from_path = path_of(from),
        to_path = path_of(to),
    )
}

fn path_of(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    url[after_scheme..].find('/').map_or("/", |at| &url[after_scheme + at..])
}
