//! Requests as a client would write them, and the means to write them wrong.

use serde_json::{Value, json};

/// A POST to the endpoint.
#[derive(Clone, Debug)]
pub struct Post {
    line: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Post {
    /// With the fields that every client sends.
    pub fn new(body: impl Into<Vec<u8>>) -> Post {
        let post =
            Post { line: "POST /mcp HTTP/1.1".to_owned(), fields: Vec::new(), body: body.into() };
        post.with("Host", "localhost")
            .with("Content-Type", "application/json")
            .with("Accept", "application/json, text/event-stream")
    }

    /// Another request line.
    pub fn line(mut self, line: &str) -> Post {
        self.line = line.to_owned();
        self
    }

    /// Adds a field.
    pub fn with(mut self, name: &str, value: &str) -> Post {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without the fields of this name.
    pub fn without(mut self, name: &str) -> Post {
        self.fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// With this value in place of the one there was.
    pub fn instead(self, name: &str, value: &str) -> Post {
        self.without(name).with(name, value)
    }

    /// With another body, made of the one there was.
    pub fn change_body(mut self, change: impl FnOnce(&mut Value)) -> Post {
        let mut body = serde_json::from_slice(&self.body).expect("the body is JSON");
        change(&mut body);
        self.body = body.to_string().into_bytes();
        self
    }

    /// The head without a length and without the empty line, for a framing of one's own.
    pub fn head(&self) -> String {
        let fields = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{}\r\n{}", self.line, fields.collect::<String>())
    }

    /// The bytes, with `Content-Length`.
    pub fn bytes(&self) -> Vec<u8> {
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head(), self.body.len());
        [head.as_bytes(), &self.body].concat()
    }

    /// The bytes, in chunks of this size.
    pub fn chunked(&self, size: usize) -> Vec<u8> {
        let mut bytes = format!("{}Transfer-Encoding: chunked\r\n\r\n", self.head()).into_bytes();
        for chunk in self.body.chunks(size.max(1)) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }
}

impl AsRef<Post> for Post {
    fn as_ref(&self) -> &Post {
        self
    }
}

/// What a request of 2026-07-28 says of itself.
pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A request of 2026-07-28, with the headers it needs.
pub fn modern(id: Value, method: &str, mut params: Value) -> Post {
    params["_meta"] = meta();
    let name = ["name", "uri", "taskId"].into_iter().find_map(|key| params.get(key));
    let name = name.and_then(Value::as_str).map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let post = Post::new(body.to_string())
        .with("MCP-Protocol-Version", "2026-07-28")
        .with("Mcp-Method", method);
    match name {
        Some(name) => post.with("Mcp-Name", &name),
        None => post,
    }
}

/// A `tools/call` of 2026-07-28.
pub fn call(id: u64, tool: &str, arguments: Value) -> Post {
    modern(json!(id), "tools/call", json!({ "name": tool, "arguments": arguments }))
}

/// A request of 2025-11-25.
pub fn legacy(id: Value, method: &str, params: Value) -> Post {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    Post::new(body.to_string()).with("MCP-Protocol-Version", "2025-11-25")
}
