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
    let said: Vec<_> = ["type", "transport"]
        .into_iter()
        .filter_map(|key| entry.get(key).and_then(Value::as_str).map(|value| (key, value == "sse")))
        .collect();
    let url = entry.get("url").and_then(Value::as_str).map(str::to_owned);
    let new_url = url.as_deref().and_then(moved);
    let is_sse = said.iter().any(|(_, is_sse)| *is_sse);
    // One that says that it is something else is left alone, whatever its URL.
    if !is_sse && (new_url.is_none() || !said.is_empty()) {
        return None;
    }
    let mut changes = Vec::new();
    for (key, _) in said.into_iter().filter(|(_, is_sse)| *is_sse) {
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
