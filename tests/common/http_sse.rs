//! A client of HTTP+SSE (2024-11-05).

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::Post;
use super::session::bare;
use super::sse::{Answer, Event, Talk};

/// What a client of HTTP+SSE has: a stream, and where to send messages.
pub struct OldClient {
    pub address: SocketAddr,
    pub stream: Talk,
    /// As the first event said it.
    pub endpoint: String,
}

/// The GET that opens a stream.
pub fn open() -> Post {
    let post = Post::new("").line("GET /sse HTTP/1.1").without("Content-Type");
    post.instead("Accept", "text/event-stream")
}

impl OldClient {
    /// Opens a stream.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> OldClient {
        OldClient::connect_with(address, &open())
    }

    #[track_caller]
    pub fn connect_with(address: SocketAddr, get: &Post) -> OldClient {
        let mut stream = Talk::connect(address);
        stream.send(bare(get));
        assert!(stream.head(), "a stream: {} {:?}", stream.status, stream.fields);
        let first = stream.event().expect("a first event at once");
        assert_eq!(first.name.as_deref(), Some("endpoint"), "{first:?}");
        OldClient { address, stream, endpoint: first.data.expect("a place") }
    }

    /// Opens a stream, and agrees on a revision.
    #[track_caller]
    pub fn begin(address: SocketAddr, version: &str, capabilities: Value) -> OldClient {
        let mut client = OldClient::connect(address);
        client.initialize(version, capabilities);
        client
    }

    #[track_caller]
    pub fn initialize(&mut self, version: &str, capabilities: Value) -> Value {
        let info = json!({ "name": "test", "version": "0" });
        let params = json!({
            "protocolVersion": version, "capabilities": capabilities, "clientInfo": info,
        });
        self.request("init", "initialize", params);
        let answer = self.next();
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
        self.tell("notifications/initialized", json!({}));
        answer
    }

    /// The session's id.
    pub fn id(&self) -> &str {
        self.endpoint.split_once("sessionId=").expect("it is named").1
    }

    /// A POST of this message.
    pub fn post(&self, message: &Value) -> Post {
        let line = format!("POST {} HTTP/1.1", self.endpoint);
        Post::new(message.to_string()).line(&line).without("Accept")
    }

    /// Sends a message, whatever becomes of it.
    #[track_caller]
    pub fn try_send(&self, message: &Value) -> Answer {
        Talk::connect(self.address).ask(&self.post(message))
    }

    /// Sends a message that is accepted.
    #[track_caller]
    pub fn send(&self, message: &Value) {
        let answer = self.try_send(message);
        assert_eq!((answer.status, answer.messages.len()), (202, 0), "{answer:?}");
    }

    #[track_caller]
    pub fn request(&self, id: impl Into<Value>, method: &str, params: Value) {
        let id: Value = id.into();
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    #[track_caller]
    pub fn tool(&self, id: impl Into<Value>, name: &str, arguments: Value) {
        self.request(id, "tools/call", json!({ "name": name, "arguments": arguments }));
    }

    #[track_caller]
    pub fn tell(&self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The next event that is no comment.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        loop {
            let event = self.stream.event().expect("an event, not the end");
            if !event.comment {
                return event;
            }
        }
    }

    /// The next message.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        let event = self.event();
        assert_eq!(event.name.as_deref(), Some("message"), "{event:?}");
        let id = event.id.as_deref().expect("an id");
        assert!(id.starts_with(self.id()), "the session's own: {id}");
        serde_json::from_str(&event.data.expect("data")).expect("JSON")
    }

    /// Leaves, and comes back after the last event that was read.
    #[track_caller]
    pub fn reconnect(self) -> OldClient {
        let last = self.stream.last_id.clone().expect("an event was read");
        drop(self.stream);
        let client = OldClient::connect_with(self.address, &open().with("Last-Event-ID", &last));
        assert_eq!(client.endpoint, self.endpoint, "the same session");
        client
    }
}
