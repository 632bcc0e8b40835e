//! Whoever is not let in gets 401 and nothing else; what belongs to one principal is not there for
//! another.

mod common;

use common::{Post, Wire, legacy, modern};
use mcp_fastd::{Access, Call, Credentials, Elicitation, Empty, Interrupted, Server, about};
use serde_json::{Value, json};

fn access(_: &(), credentials: &Credentials) -> Access {
    match (credentials.authorization, credentials.bearer()) {
        (_, Some(user @ ("ada" | "alan"))) => Access::named(user),
        (Some("guest"), _) => Access::Anonymous,
        _ => credentials.denied(),
    }
}

fn whoami(_: &(), _: Empty, call: &Call) -> String {
    call.principal().unwrap_or("nobody").to_owned()
}

fn ask(_: &(), _: Empty, call: &Call) -> Result<String, Interrupted> {
    call.remember(&call.principal());
    call.elicit("ok", Elicitation::form("Go on?"))?;
    Ok(call.recall::<String>().unwrap_or_default())
}

fn connect() -> (mcp_fastd::Running, Wire) {
    let server = Server::builder()
        .authenticate(access)
        .tool("whoami", whoami)
        .tool(about("ask").on_worker(), ask)
        .bind("127.0.0.1:0");
    let running = server.cores(2).start().expect("the server starts");
    let wire = Wire::connect(running.addr());
    (running, wire)
}

fn whose(wire: &mut Wire, authorization: &str) -> (u16, String) {
    let post = modern(json!(1), "tools/call", json!({ "name": "whoami" }));
    let response = wire.ask(post.with("Authorization", authorization).bytes());
    let text = match response.status {
        200 => response.result()["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
        _ => response.field("WWW-Authenticate").unwrap_or_default().to_owned(),
    };
    (response.status, text)
}

#[test]
fn a_tool_knows_its_caller_and_others_are_challenged() {
    let (running, mut wire) = connect();
    assert_eq!(whose(&mut wire, "Bearer ada"), (200, "ada".to_owned()));
    assert_eq!(whose(&mut wire, "bearer  alan"), (200, "alan".to_owned()));
    assert_eq!(whose(&mut wire, "guest"), (200, "nobody".to_owned()));
    let challenge = "Bearer error=\"invalid_token\", \
                     error_description=\"the token is not accepted\"";
    assert_eq!(whose(&mut wire, "Bearer eve"), (401, challenge.to_owned()));
    // Nothing was shown, or nothing that anybody here reads: no error is named.
    for nothing in ["", "Bearer", "bearer ", "Basic YWRhOmFkYQ=="] {
        assert_eq!(
            whose(&mut wire, nothing),
            (401, "Bearer realm=\"mcp\"".to_owned()),
            "{nothing:?}"
        );
    }
    let twice = modern(json!(1), "tools/call", json!({ "name": "whoami" }))
        .with("Authorization", "Bearer ada")
        .with("Authorization", "Bearer ada");
    let response = wire.ask(twice.bytes());
    let challenge = response.field("WWW-Authenticate");
    assert_eq!((response.status, challenge), (400, Some("Bearer error=\"invalid_request\"")));
    // What is not text is shown, and wrong: nobody is let in as somebody unknown with it.
    for field in ["Authorization: Bearer e\u{e9}", "X-API-Key: e\u{e9}"] {
        let (name, value) = field.split_once(": ").expect("two");
        let post = modern(json!(1), "tools/call", json!({ "name": "whoami" })).with(name, value);
        // In Latin-1: one byte, which is no UTF-8.
        let bytes = post.bytes().into_iter().filter(|byte| *byte != 0xc3);
        let response = wire.ask(bytes.collect::<Vec<u8>>());
        let challenge = response.field("WWW-Authenticate").unwrap_or_default().to_owned();
        assert!(response.status == 401 && challenge.contains("invalid_token"), "{challenge}");
    }
    // A token in the query is none (RFC 6750 §2.3; 2026-07-28, "Token Requirements").
    let post = modern(json!(1), "tools/call", json!({ "name": "whoami" }));
    let response = wire.ask(post.line("POST /mcp?access_token=ada HTTP/1.1").bytes());
    assert_eq!(
        (response.status, response.field("WWW-Authenticate")),
        (401, Some("Bearer realm=\"mcp\""))
    );
    let post = modern(json!(1), "tools/call", json!({ "name": "whoami" }));
    let response = wire.ask(post.bytes());
    let challenge = response.field("WWW-Authenticate");
    assert_eq!(
        (response.status, challenge),
        (401, Some("Bearer realm=\"mcp\"")),
        "nothing was shown"
    );
    response.error();
    // A method that is not there is said to be so, whoever asks.
    let response = wire.ask("PUT /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(response.status, 405);
    assert_eq!(wire.ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    running.stop();
}

#[test]
fn a_session_is_not_there_for_another_principal() {
    let (running, mut wire) = connect();
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "0" } });
    let begin = legacy(json!(1), "initialize", params).with("Authorization", "Bearer ada");
    let response = wire.ask(begin.bytes());
    let id = response.field("Mcp-Session-Id").expect("a session").to_owned();
    let ping = |authorization: &str, id: &str| {
        legacy(json!(2), "ping", json!({}))
            .with("Authorization", authorization)
            .with("Mcp-Session-Id", id)
    };
    assert_eq!(wire.ask(ping("Bearer ada", &id).bytes()).status, 200);
    let foreign = wire.ask(ping("Bearer alan", &id).bytes());
    let unknown = wire.ask(ping("Bearer alan", &"0".repeat(32)).bytes());
    assert_eq!((foreign.status, &foreign.body), (404, &unknown.body), "nobody can tell which");
    assert_eq!(wire.ask(ping("Bearer eve", &id).bytes()).status, 401, "that comes first");
    running.stop();
}

fn round(user: &str, id: u64, params: Value) -> Post {
    let mut params = params;
    params["name"] = json!("ask");
    let post = modern(json!(id), "tools/call", params).with("Authorization", user);
    post.change_body(|body| {
        let meta = &mut body["params"]["_meta"];
        meta["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {} });
    })
}

#[test]
fn what_one_principal_was_asked_another_cannot_answer() {
    let (running, mut wire) = connect();
    let first = wire.ask(round("Bearer ada", 1, json!({})).bytes()).result();
    assert_eq!(first["resultType"], "input_required", "{first}");
    let answer = json!({
        "requestState": first["requestState"],
        "inputResponses": { "ok": { "action": "accept", "content": {} } },
    });
    let (code, _) = wire.ask(round("Bearer alan", 2, answer.clone()).bytes()).error();
    assert_eq!(code, -32602);
    let last = wire.ask(round("Bearer ada", 3, answer).bytes()).result();
    assert_eq!(last["content"][0]["text"], "ada");
    running.stop();
}
