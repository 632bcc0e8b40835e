//! Requests as bytes, of each era.

use serde_json::{Value, json};

pub const MODERN: &str = "2026-07-28";
pub const LEGACY: &str = "2025-11-25";
pub const HTTP_SSE: &str = "2024-11-05";

const STREAMS: &str = "application/json, text/event-stream";

/// A POST with fields of one's own.
pub fn post(path: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let head = head("POST", path, STREAMS, fields);
    let length = body.len();
    format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").into()
}

/// The same in chunks of a size.
pub fn chunked(path: &str, fields: &[(&str, &str)], body: &str, size: usize) -> Vec<u8> {
    let head = head("POST", path, STREAMS, fields);
    let mut bytes =
        format!("{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in body.as_bytes().chunks(size.max(1)) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// A GET of an event stream.
pub fn get(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    format!("{}\r\n", head("GET", path, "text/event-stream", fields)).into()
}

pub fn delete(session: &str) -> Vec<u8> {
    format!("{}\r\n", head("DELETE", "/mcp", "*/*", &session_fields(session))).into()
}

fn head(method: &str, path: &str, accept: &str, fields: &[(&str, &str)]) -> String {
    let fields: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n{fields}")
}

pub fn rpc(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

pub fn notification(method: &str) -> String {
    json!({ "jsonrpc": "2.0", "method": method }).to_string()
}

/// The body of a request of 2026-07-28, and the fields that repeat it.
pub fn modern_parts(
    id: u64,
    method: &str,
    mut params: Value,
) -> (Vec<(&'static str, String)>, String) {
    let token = params.as_object_mut().and_then(|params| params.remove("progressToken"));
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    if let Some(token) = token {
        params["_meta"]["progressToken"] = token;
    }
    let mut fields =
        vec![("MCP-Protocol-Version", MODERN.to_owned()), ("Mcp-Method", method.to_owned())];
    let name = ["name", "uri"].into_iter().find_map(|key| params.get(key)?.as_str());
    fields.extend(name.map(|name| ("Mcp-Name", name.to_owned())));
    (fields, rpc(id, method, &params))
}

pub fn modern(id: u64, method: &str, params: Value) -> Vec<u8> {
    let (fields, body) = modern_parts(id, method, params);
    post("/mcp", &borrowed(&fields), &body)
}

pub fn modern_chunked(id: u64, method: &str, params: Value, size: usize) -> Vec<u8> {
    let (fields, body) = modern_parts(id, method, params);
    chunked("/mcp", &borrowed(&fields), &body, size)
}

pub fn call(id: u64, tool: &str, arguments: Value) -> Vec<u8> {
    modern(id, "tools/call", json!({ "name": tool, "arguments": arguments }))
}

pub fn borrowed<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'f str, &'f str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

pub fn session_fields(session: &str) -> [(&'static str, &str); 2] {
    [("MCP-Protocol-Version", LEGACY), ("Mcp-Session-Id", session)]
}

pub fn initialize(id: u64, version: &str) -> String {
    let info = json!({ "name": "chaos", "version": "1" });
    rpc(
        id,
        "initialize",
        &json!({
            "protocolVersion": version, "capabilities": {}, "clientInfo": info,
        }),
    )
}
