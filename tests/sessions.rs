//! Sessions: how they begin, what they agree on, how they end, and what is said of those that are
//! not there.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::session::{A_WHILE, Client, LATEST, bare, initialize, live, live_with};
use common::sse::{Answer, Talk};
use common::{Post, eventually};
use serde_json::{Value, json};

fn ping(client: &Client) -> Answer {
    client.ask(&client.request(1, "ping", json!({})))
}

fn alive(client: &Client) -> bool {
    let answer = ping(client);
    assert!(matches!(answer.status, 200 | 404), "{answer:?}");
    answer.status == 200
}

#[test]
fn an_id_is_long_visible_and_never_given_twice() {
    let server = live();
    let mut ids = HashSet::new();
    let mut talk = Talk::connect(server.address);
    for _ in 0..500 {
        let answer = talk.ask(&initialize(LATEST, json!({})));
        let id = answer.field("Mcp-Session-Id").expect("an id").to_owned();
        assert!(id.len() >= 32, "128 bits: {id}");
        assert!(id.bytes().all(|byte| matches!(byte, 0x21..=0x7e)), "visible ASCII: {id}");
        assert!(ids.insert(id), "given twice");
    }
    // No digit stands still: they are not counted.
    for at in 0..32 {
        let digits: HashSet<_> = ids.iter().map(|id| id.as_bytes()[at]).collect();
        assert!(digits.len() > 8, "digit {at} hardly varies: {digits:?}");
    }
}

#[test]
fn a_revision_is_agreed_on_up_and_down() {
    let server = live();
    let cases = [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        // What `initialize` cannot begin, what is to come, what never was.
        ("2026-07-28", LATEST),
        ("2099-01-01", LATEST),
        ("1.0", LATEST),
        ("", LATEST),
    ];
    for (asked, agreed) in cases {
        let answer = Talk::connect(server.address).ask(&initialize(asked, json!({})));
        assert_eq!(answer.json()["result"]["protocolVersion"], agreed, "{asked}");
        assert!(answer.field("Mcp-Session-Id").is_some());
    }
}

#[test]
fn the_header_of_the_revision_is_checked() {
    let server = live();
    for version in ["2025-06-18", "2025-11-25"] {
        let client = server.client(version);
        let ask = |named: Option<&str>| {
            let post = client.request(1, "ping", json!({})).without("MCP-Protocol-Version");
            client.ask(&match named {
                Some(named) => post.with("MCP-Protocol-Version", named),
                None => post,
            })
        };
        assert_eq!(ask(Some(version)).json()["result"], json!({}));
        assert_eq!(ask(None).json()["result"], json!({}));
        for wrong in ["2099-01-01", "nonsense", "2025-11-25 ,x", "2025-11", "20251125"] {
            let answer = ask(Some(wrong));
            assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
            assert!(answer.json()["error"]["code"].is_number(), "{answer:?}");
        }
        assert!(alive(&client));
    }
}

/// "If the server receives a request with an invalid or unsupported `MCP-Protocol-Version`, it MUST
/// respond with 400 Bad Request" (2025-11-25, transports): a GET and a DELETE are requests, too.
#[test]
fn the_header_of_the_revision_is_checked_without_a_body_too() {
    let server = live();
    let client = server.client(LATEST);
    for method in ["GET", "DELETE"] {
        for wrong in ["2099-01-01", "nonsense"] {
            let mut talk = Talk::connect(server.address);
            talk.send(bare(&client.bare(method).instead("MCP-Protocol-Version", wrong)));
            talk.head();
            assert_eq!(talk.status, 400, "{method} {wrong}");
        }
    }
    assert!(alive(&client), "nothing was deleted");
}

/// What is said of a session that is not there, by each method.
fn refusals(server: std::net::SocketAddr, id: &str) -> Vec<(u16, Value)> {
    let client = Client { address: server, id: id.to_owned(), version: LATEST.to_owned() };
    let notice = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let response = json!({ "jsonrpc": "2.0", "id": "q-1-1", "result": {} });
    let posts = [
        client.request(1, "ping", json!({})),
        client.tool(2, "there", json!({ "tag": "t" })),
        client.tool(3, "lines", json!({ "count": 1 })),
        client.post(&notice),
        client.post(&response),
        client.post(&json!([notice])).without("MCP-Protocol-Version"),
    ];
    let mut answers: Vec<_> = posts.iter().map(|post| client.ask(post)).collect();
    answers.push(client.ask_bare("GET"));
    answers.push(client.ask_bare("DELETE"));
    let mut talk = Talk::connect(server);
    talk.send(bare(&client.bare("GET").with("Last-Event-ID", "0-0")));
    answers.push(talk.answer());
    answers.into_iter().map(|answer| (answer.status, answer.json().clone())).collect()
}

#[test]
fn sessions_that_are_not_there_all_look_alike() {
    let server = live();
    let deleted = server.client(LATEST);
    assert_eq!(deleted.ask_bare("DELETE").status, 204);
    let live = server.client(LATEST);
    let mut ids = vec![deleted.id.clone(), "0".repeat(32), "f".repeat(32), "x".to_owned()];
    ids.extend([live.id.to_uppercase() + "0", format!("{}0", live.id), live.id[1..].to_owned()]);
    ids.push("%00".to_owned());
    let expected = refusals(server.address, &ids[0]);
    let (status, body) = &expected[0];
    assert_eq!(*status, 404);
    assert!(body["error"]["message"].is_string(), "{body}");
    for refusal in &expected {
        assert_eq!(refusal, &expected[0], "the same, whatever was asked");
    }
    for id in &ids {
        assert_eq!(refusals(server.address, id), expected, "{id}");
    }
    assert!(alive(&live));
}

#[test]
fn a_session_is_found_by_every_core() {
    let server = live();
    let client = server.client(LATEST);
    let mut talks: Vec<_> = (0..8).map(|_| Talk::connect(server.address)).collect();
    for talk in &mut talks {
        assert_eq!(talk.ask(&client.tool(1, "here", json!({ "tag": "t" }))).text(), "t");
    }
    assert_eq!(client.ask_bare("DELETE").status, 204);
    for talk in &mut talks {
        assert_eq!(talk.ask(&client.request(1, "ping", json!({}))).status, 404);
    }
}

#[test]
fn an_old_id_on_initialize_does_not_matter() {
    let server = live();
    let old = server.client(LATEST);
    let stale = "0123456789abcdef".repeat(2);
    for id in [old.id.as_str(), stale.as_str(), "x"] {
        let post = initialize(LATEST, json!({})).with("Mcp-Session-Id", id);
        let answer = Talk::connect(server.address).ask(&post);
        assert_eq!(answer.status, 200);
        let new = answer.field("Mcp-Session-Id").expect("a new session");
        assert_ne!(new, id);
    }
    assert!(alive(&old), "and is left alone");
}

#[test]
fn a_repeated_id_is_no_id() {
    let server = live();
    let (one, two) = (server.client(LATEST), server.client(LATEST));
    let post = one.request(1, "ping", json!({})).with("Mcp-Session-Id", &two.id);
    assert_eq!(one.ask(&post).status, 400);
    for method in ["GET", "DELETE"] {
        let mut talk = Talk::connect(server.address);
        talk.send(bare(&one.bare(method).with("Mcp-Session-Id", &two.id)));
        talk.head();
        assert_eq!(talk.status, 400, "{method}");
    }
    assert!(alive(&one) && alive(&two));
}

#[test]
fn without_an_id_there_is_nothing_to_open_or_to_end() {
    let server = live();
    let client = server.client(LATEST);
    for method in ["GET", "DELETE"] {
        let mut talk = Talk::connect(server.address);
        talk.send(bare(&client.bare(method).without("Mcp-Session-Id")));
        assert_eq!(talk.answer().status, 400);
    }
}

#[test]
fn a_session_that_nobody_uses_ends() {
    let server = live_with(|config| config.session_idle_timeout = Duration::from_secs(2));
    let idle = server.client(LATEST);
    let used = server.client(LATEST);
    let listening = server.client(LATEST);
    let calling = server.client(LATEST);
    let get = listening.listen();
    let mut call = calling.start(&calling.tool(1, "silent", json!({ "tag": "t" })));
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(200));
        assert!(alive(&used), "use keeps it");
    }
    assert!(!alive(&idle), "nobody used it");
    assert_eq!(refusals(server.address, &idle.id), refusals(server.address, "x"));
    assert!(alive(&listening), "its open stream keeps it");
    server.scene.open();
    assert_eq!(call.answer().text(), "t");
    assert!(alive(&calling), "its call keeps it");
    drop(get);
    std::thread::sleep(Duration::from_millis(3_500));
    assert!(!alive(&listening) && !alive(&calling), "until they end");
}

#[test]
fn too_many_sessions_end_those_that_are_idle() {
    let server = live_with(|config| config.sessions_max = 4);
    let busy: Vec<_> = (0..3).map(|_| server.client(LATEST)).collect();
    let streams: Vec<_> = busy.iter().map(Client::listen).collect();
    for _ in 0..20 {
        let before = server.client(LATEST);
        assert!(alive(&before));
        let after = server.client(LATEST);
        assert!(!alive(&before), "the idle one had to go");
        assert!(alive(&after));
    }
    assert!(busy.iter().all(alive), "and no other");
    // When none is idle, there is no room; a stream that ends makes some.
    let last = server.client(LATEST);
    let _stream = last.listen();
    let refused = Talk::connect(server.address).ask(&initialize(LATEST, json!({})));
    assert_eq!(refused.status, 503);
    assert!(refused.field("Retry-After").is_some());
    drop(streams);
    eventually("there is room again", || {
        Talk::connect(server.address).ask(&initialize(LATEST, json!({}))).status == 200
    });
}

#[test]
fn the_one_idle_longest_goes_first() {
    let server = live_with(|config| config.sessions_max = 10);
    let old: Vec<_> = (0..5).map(|_| server.client(LATEST)).collect();
    std::thread::sleep(Duration::from_millis(2_100));
    let new: Vec<_> = (0..10).map(|_| server.client(LATEST)).collect();
    assert_eq!(new.iter().filter(|client| alive(client)).count(), 10);
    assert_eq!(old.iter().filter(|client| alive(client)).count(), 0);
}

#[test]
fn without_sessions_there_is_nothing_to_get_or_to_delete() {
    let server = live_with(|config| config.sessions_max = 0);
    let answer = Talk::connect(server.address).ask(&initialize(LATEST, json!({})));
    assert_eq!(answer.json()["result"]["protocolVersion"], LATEST);
    assert_eq!(answer.field("Mcp-Session-Id"), None);
    let client = Client { address: server.address, id: "x".to_owned(), version: LATEST.to_owned() };
    for method in ["GET", "DELETE"] {
        let answer = client.ask_bare(method);
        assert_eq!(answer.status, 405);
        let allow = answer.field("Allow").expect("what is allowed");
        assert!(allow.contains("POST") && !allow.contains(method), "{allow}");
    }
    let call = client.tool(1, "lines", json!({ "count": 2, "tag": "t" })).without("Mcp-Session-Id");
    for post in [call.clone(), call.instead("MCP-Protocol-Version", "2025-06-18")] {
        assert_eq!(client.ask(&post).text(), "2 lines t");
    }
}

#[test]
fn a_session_has_many_streams_at_once() {
    let server = live();
    let client = server.client(LATEST);
    let mut calls: Vec<_> = (0..200)
        .map(|id| client.start(&client.tool(id, "lines", json!({ "count": 5, "tag": "t" }))))
        .collect();
    for (id, talk) in calls.iter_mut().enumerate() {
        let answer = talk.answer();
        assert_eq!(answer.last()["id"], id);
        assert_eq!(answer.messages.len(), 6);
    }
    assert!(alive(&client));
}

#[test]
fn beginning_and_ending_sessions_on_all_cores_at_once() {
    let server = live_with(|config| config.sessions_max = 5_000);
    let address = server.address;
    let workers: Vec<_> = (0..6)
        .map(|_| {
            std::thread::spawn(move || {
                for round in 0..40 {
                    let answer = Talk::connect(address).ask(&initialize(LATEST, json!({})));
                    let Some(id) = answer.field("Mcp-Session-Id") else { continue };
                    let client = Client { address, id: id.to_owned(), version: LATEST.to_owned() };
                    let mut get = client.listen();
                    if round % 2 == 0 {
                        assert_eq!(client.ask_bare("DELETE").status, 204);
                        get.expect_end_of_stream();
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().expect("fine");
    }
    std::thread::sleep(A_WHILE);
    server.assert_alive();
}

#[test]
fn a_bad_beginning_begins_nothing() {
    let server = live();
    let bad = [
        json!({}),
        json!({ "protocolVersion": 5, "capabilities": {}, "clientInfo": {} }),
        json!({ "protocolVersion": LATEST, "capabilities": [], "clientInfo": {} }),
    ];
    for params in bad {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        let answer = Talk::connect(server.address).ask(&Post::new(body.to_string()));
        assert_eq!(answer.json()["error"]["code"], -32602, "{answer:?}");
        assert_eq!(answer.field("Mcp-Session-Id"), None);
    }
}
