//! Code that is written against one linear stream of messages: it serves any number of HTTP clients,
//! or one on stdin and stdout.
//!
//! ```sh
//! cargo run --example 21_transport -- --bind 127.0.0.1:8000
//! cargo run --example 21_transport -- --stdio
//! ```

use mcp_fastd::adapter::{Engine, HttpTransport, Received, Stdio, Transport};
use serde_json::{Value, json};

/// Answers each request with its own parameters.
fn echo<T: Transport>(transport: &T) {
    while let Some(received) = transport.receive() {
        let (session, message) = match received {
            Received::Message { session, message, .. } => (session, message),
            // What was kept for the session would be forgotten here.
            Received::Ended { .. } => continue,
        };
        let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
        // Notifications want no answer.
        let Some(id) = message.get("id") else { continue };
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "echo", "version": "1.0.0" },
            }),
            Some("tools/call") => json!({
                "resultType": "complete",
                "content": [{ "type": "text", "text": message["params"]["arguments"].to_string() }],
            }),
            _ => json!({ "resultType": "complete", "tools": [] }),
        };
        let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        if let Err(error) = transport.send(session, answer.to_string().as_bytes()) {
            // Its client may have left meanwhile.
            eprintln!("not sent: {error}");
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--stdio") {
        echo(&Stdio::new());
        return Ok(());
    }
    let bind = std::env::args().skip_while(|argument| argument != "--bind").nth(1);
    let engine = Engine::bind(bind.as_deref().unwrap_or("127.0.0.1:8000"));
    let mut transport = HttpTransport::new(engine);
    transport.start()?;
    if let Some(address) = transport.address() {
        println!("listening on http://{address}/mcp");
    }
    echo(&transport);
    Ok(())
}
