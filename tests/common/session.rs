//! A client with a session.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::Post;
use super::sse::{Answer, Talk};
pub use super::talkative::{Live, live, live_with};

pub const REVISIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
pub const LATEST: &str = "2025-11-25";

/// A session.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub id: String,
    pub version: String,
}

/// `initialize`, as a client of this revision would send it.
pub fn initialize(version: &str, capabilities: Value) -> Post {
    let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": version,
        "capabilities": capabilities,
        "clientInfo": { "name": "test", "version": "0" },
    } });
    Post::new(body.to_string())
}

impl Client {
    #[track_caller]
    pub fn begin(address: SocketAddr, version: &str) -> Client {
        Client::able(address, version, json!({}))
    }

    /// Begins a session of a client with these capabilities.
    #[track_caller]
    pub fn able(address: SocketAddr, version: &str, capabilities: Value) -> Client {
        let mut talk = Talk::connect(address);
        let answer = talk.ask(&initialize(version, capabilities));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["result"]["protocolVersion"], version);
        let id = answer.field("Mcp-Session-Id").expect("a session").to_owned();
        let client = Client { address, id, version: version.to_owned() };
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(talk.ask(&client.post(&initialized)).status, 202);
        client
    }

    fn named(&self, post: Post) -> Post {
        let post = post.with("Mcp-Session-Id", &self.id);
        match self.version.as_str() {
            "2025-03-26" => post,
            version => post.with("MCP-Protocol-Version", version),
        }
    }

    /// A POST of this message in this session.
    pub fn post(&self, message: &Value) -> Post {
        self.named(Post::new(message.to_string()))
    }

    pub fn request(&self, id: impl Into<Value>, method: &str, params: Value) -> Post {
        let id: Value = id.into();
        self.post(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
    }

    pub fn tool(&self, id: impl Into<Value>, name: &str, arguments: Value) -> Post {
        self.request(id, "tools/call", json!({ "name": name, "arguments": arguments }))
    }

    /// A call that wants progress.
    pub fn watched(&self, id: u64, name: &str, arguments: Value, token: Value) -> Post {
        let params =
            json!({ "name": name, "arguments": arguments, "_meta": { "progressToken": token } });
        self.request(id, "tools/call", params)
    }

    /// A request without a body: GET, DELETE.
    pub fn bare(&self, method: &str) -> Post {
        let post = Post::new("").line(&format!("{method} /mcp HTTP/1.1")).without("Content-Type");
        self.named(post.instead("Accept", "text/event-stream"))
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub fn ask(&self, post: &Post) -> Answer {
        Talk::connect(self.address).ask(post)
    }

    /// Asks without a body: the status is what counts.
    #[track_caller]
    pub fn ask_bare(&self, method: &str) -> Answer {
        let mut talk = Talk::connect(self.address);
        talk.send(bare(&self.bare(method)));
        talk.answer()
    }

    /// Begins a call; its answer is to be read from the connection.
    #[track_caller]
    pub fn start(&self, post: &Post) -> Talk {
        let mut talk = Talk::connect(self.address);
        talk.post(post);
        talk
    }

    /// Opens the stream of the session, and reads its head and its first event.
    #[track_caller]
    pub fn listen(&self) -> Talk {
        self.listen_from(None)
    }

    /// Goes on after an event.
    #[track_caller]
    pub fn listen_after(&self, last: &str) -> Talk {
        self.listen_from(Some(last))
    }

    #[track_caller]
    fn listen_from(&self, last: Option<&str>) -> Talk {
        let mut talk = Talk::connect(self.address);
        let get = self.bare("GET");
        talk.send(bare(&match last {
            Some(last) => get.with("Last-Event-ID", last),
            None => get,
        }));
        assert!(talk.head(), "a stream: {} {:?}", talk.status, talk.fields);
        let first = talk.event().expect("a first event at once");
        match self.version.as_str() {
            LATEST => assert_eq!(first.data.as_deref(), Some(""), "primed: {first:?}"),
            _ => assert!(first.comment, "a comment: {first:?}"),
        }
        talk
    }

    /// Answers a question of the server, on a connection of its own.
    #[track_caller]
    pub fn reply(&self, question: &Value, result: Value) {
        let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
        assert_eq!(self.ask(&self.post(&answer)).status, 202);
    }

    /// Tells the server something.
    #[track_caller]
    pub fn tell(&self, method: &str, params: Value) {
        let notice = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        assert_eq!(self.ask(&self.post(&notice)).status, 202);
    }

    /// Cancels a request.
    #[track_caller]
    pub fn cancel(&self, id: impl Into<Value>) {
        let id: Value = id.into();
        self.tell("notifications/cancelled", json!({ "requestId": id, "reason": "test" }));
    }
}

/// The bytes of a request without a body.
pub fn bare(post: &Post) -> Vec<u8> {
    format!("{}\r\n", post.head()).into_bytes()
}

/// Every capability a client of 2025-11-25 can have.
pub fn everything() -> Value {
    json!({
        "roots": { "listChanged": true },
        "sampling": { "tools": {} },
        "elicitation": { "form": {}, "url": {} },
    })
}

/// A pause, for what must not happen.
pub const A_WHILE: Duration = Duration::from_millis(150);
