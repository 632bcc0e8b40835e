//! A tool asks its client in the middle of a call, and the answer comes as a POST, on any
//! connection.

mod common;

use std::time::{Duration, Instant};

use common::eventually;
use common::session::{A_WHILE, Client, LATEST, REVISIONS, everything, live, live_with};
use common::sse::{Answer, Talk};
use serde_json::{Value, json};

/// The question that a call asks next.
#[track_caller]
fn question(talk: &mut Talk, method: &str) -> Value {
    let question = talk.next();
    assert_eq!(question["method"], method, "{question}");
    assert_eq!(question["jsonrpc"], "2.0");
    assert!(question["id"].is_string() || question["id"].is_number(), "{question}");
    question
}

/// Starts a call that asks; its question.
#[track_caller]
fn ask(client: &Client, id: u64, tool: &str, arguments: Value, method: &str) -> (Talk, Value) {
    let mut talk = client.start(&client.tool(id, tool, arguments));
    assert!(talk.head(), "{}", talk.status);
    let question = question(&mut talk, method);
    (talk, question)
}

#[track_caller]
fn text(mut talk: Talk, id: u64) -> String {
    let result = talk.next();
    assert_eq!(result["id"], id, "{result}");
    talk.expect_end_of_stream();
    let text = result["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("text: {result}")).to_owned()
}

fn accepted(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name } })
}

fn is_tool_error(answer: &Answer) -> bool {
    answer.last()["result"]["isError"] == true
}

#[test]
fn forms_are_answered_from_another_connection_in_every_revision() {
    let server = live();
    for version in REVISIONS {
        let client = server.able(version);
        for round in 0..4 {
            let (talk, asked) =
                ask(&client, round, "form", json!({ "tag": "t" }), "elicitation/create");
            assert_eq!(asked["params"]["message"], "t?");
            assert_eq!(asked["params"]["requestedSchema"]["required"], json!(["name"]));
            let mode = asked["params"].get("mode");
            assert_eq!(mode.is_some(), version == LATEST, "{version}: {asked}");
            client.reply(&asked, accepted("Ada"));
            assert_eq!(text(talk, round), "t: Ada");
        }
        for (action, said) in [("decline", "t: declined"), ("cancel", "t: cancelled")] {
            let (talk, asked) =
                ask(&client, 9, "form", json!({ "tag": "t" }), "elicitation/create");
            client.reply(&asked, json!({ "action": action }));
            assert_eq!(text(talk, 9), said);
        }
    }
}

#[test]
fn pages_samples_and_roots() {
    let server = live();
    let client = server.able(LATEST);
    let (talk, asked) = ask(&client, 1, "page", json!({}), "elicitation/create");
    assert_eq!(asked["params"]["mode"], "url");
    assert_eq!(asked["params"]["url"], "https://example.com/login");
    assert!(asked["params"]["elicitationId"].is_string(), "{asked}");
    client.reply(&asked, json!({ "action": "accept" }));
    assert!(text(talk, 1).starts_with("Accepted"));

    let (talk, asked) = ask(&client, 2, "sample", json!({ "tag": "hi" }), "sampling/createMessage");
    assert_eq!(asked["params"]["maxTokens"], 100);
    assert_eq!(asked["params"]["systemPrompt"], "Be brief.");
    assert_eq!(asked["params"]["messages"][0]["content"]["text"], "hi");
    client.reply(
        &asked,
        json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "yo" } }),
    );
    assert_eq!(text(talk, 2), "m said yo");

    let (talk, asked) = ask(&client, 3, "roots", json!({}), "roots/list");
    let roots = json!({ "roots": [{ "uri": "file:///a" }, { "uri": "file:///b", "name": "b" }] });
    client.reply(&asked, roots);
    assert_eq!(text(talk, 3), "file:///a file:///b");
}

/// Two logins of one session are two elicitations: their ids tell them apart (2025-11-25,
/// elicitation, "URL Mode": `elicitationId` is unique).
#[test]
fn two_pages_at_once_have_ids_of_their_own() {
    let server = live();
    let client = server.able(LATEST);
    let (one, first) = ask(&client, 1, "page", json!({}), "elicitation/create");
    let (two, second) = ask(&client, 2, "page", json!({}), "elicitation/create");
    assert_ne!(first["params"]["elicitationId"], second["params"]["elicitationId"]);
    client.reply(&second, json!({ "action": "accept" }));
    client.reply(&first, json!({ "action": "decline" }));
    assert!(text(two, 2).starts_with("Accepted"));
    assert!(text(one, 1).starts_with("Declined"));
}

#[test]
fn several_questions_go_out_together_and_are_answered_in_any_order() {
    let server = live();
    let client = server.able(LATEST);
    let mut talk = client.start(&client.tool(1, "several", json!({})));
    assert!(talk.head());
    let mut asked: Vec<_> = (0..3).map(|_| question(&mut talk, "elicitation/create")).collect();
    asked.reverse();
    for question in &asked {
        let message = question["params"]["message"].as_str().expect("text");
        client.reply(question, accepted(&message.to_lowercase()));
    }
    assert_eq!(text(talk, 1), "a b c");
}

#[test]
fn answers_that_answer_nothing_are_taken_and_forgotten() {
    let server = live();
    let (client, other) = (server.able(LATEST), server.able(LATEST));
    let (talk, asked) = ask(&client, 1, "form", json!({ "tag": "t" }), "elicitation/create");
    // Somebody else's answer with the same id is not this client's.
    other.reply(&asked, accepted("Eve"));
    for id in [json!("q-1-999"), json!("q-999-1"), json!("q"), json!(1), json!(""), json!("q--")] {
        client.reply(&json!({ "id": id }), accepted("Eve"));
    }
    client.reply(&asked, accepted("Ada"));
    client.reply(&asked, accepted("Eve"));
    assert_eq!(text(talk, 1), "t: Ada");
    client.reply(&asked, accepted("Eve"));
    let (talk, asked) = ask(&client, 2, "form", json!({ "tag": "t" }), "elicitation/create");
    client.reply(&asked, accepted("Bob"));
    assert_eq!(text(talk, 2), "t: Bob");
}

#[test]
fn a_client_may_answer_with_an_error_or_with_nonsense() {
    let server = live();
    let client = server.able(LATEST);
    let (mut talk, asked) = ask(&client, 1, "form", json!({ "tag": "t" }), "elicitation/create");
    let error = json!({ "jsonrpc": "2.0", "id": asked["id"],
        "error": { "code": -1, "message": "User rejected" } });
    assert_eq!(client.ask(&client.post(&error)).status, 202);
    let result = talk.next();
    assert_eq!(result["result"]["isError"], true, "{result}");
    assert!(result.to_string().contains("User rejected"), "{result}");
    talk.expect_end_of_stream();
    for nonsense in [json!({}), json!({ "action": "dance" }), json!({ "action": 1 })] {
        let (mut talk, asked) =
            ask(&client, 2, "form", json!({ "tag": "t" }), "elicitation/create");
        client.reply(&asked, nonsense);
        let result = talk.next();
        assert_eq!(result["result"]["isError"], true, "{result}");
        talk.expect_end_of_stream();
    }
}

#[test]
fn what_a_client_never_declared_is_not_asked() {
    let server = live();
    for version in REVISIONS {
        let client = server.client(version);
        let calls = [("form", json!({ "tag": "t" })), ("page", json!({})), ("roots", json!({}))];
        for (tool, arguments) in calls {
            let answer = client.ask(&client.tool(1, tool, arguments));
            assert_eq!(answer.messages.len(), 1, "no question goes out: {answer:?}");
            assert!(is_tool_error(&answer), "{answer:?}");
        }
    }
    // Forms alone: no pages.
    let client = Client::able(server.address, LATEST, json!({ "elicitation": {} }));
    assert!(is_tool_error(&client.ask(&client.tool(1, "page", json!({})))));
    let (talk, asked) = ask(&client, 2, "form", json!({ "tag": "t" }), "elicitation/create");
    client.reply(&asked, accepted("Ada"));
    assert_eq!(text(talk, 2), "t: Ada");
}

#[test]
fn a_tool_on_a_shard_cannot_wait() {
    let server = live();
    let client = server.able(LATEST);
    let answer = client.ask(&client.tool(1, "form_here", json!({ "tag": "t" })));
    assert!(is_tool_error(&answer), "{answer:?}");
    assert_eq!(answer.messages.len(), 1);
    server.assert_alive();
}

#[test]
fn a_client_that_takes_no_stream_is_asked_on_that_of_its_session() {
    let server = live();
    let client = server.able(LATEST);
    let call = |id: u64| {
        client.tool(id, "form", json!({ "tag": "t" })).instead("Accept", "application/json")
    };
    let answer = client.ask(&call(1));
    assert!(is_tool_error(&answer), "nobody could be asked: {answer:?}");
    let mut get = client.listen();
    let mut talk = client.start(&call(2));
    let asked = question(&mut get, "elicitation/create");
    client.reply(&asked, accepted("Ada"));
    let answer = talk.answer();
    assert!(!answer.streamed);
    assert_eq!(answer.text(), "t: Ada");
}

/// Lifecycle, "Timeouts": who waits no longer says so.
#[test]
fn a_client_that_does_not_answer_is_not_waited_for() {
    let server = live_with(|config| config.answer_timeout = Duration::from_millis(300));
    let client = server.able(LATEST);
    let (mut talk, asked) = ask(&client, 1, "form", json!({ "tag": "t" }), "elicitation/create");
    let mut result = talk.next();
    if result["method"] == "notifications/cancelled" {
        assert_eq!(result["params"]["requestId"], asked["id"]);
        result = talk.next();
    }
    assert_eq!(result["id"], 1);
    assert_eq!(result["result"]["isError"], true, "{result}");
    talk.expect_end_of_stream();
    client.reply(&asked, accepted("too late"));
    server.assert_alive();
}

#[test]
fn a_question_and_its_answer_survive_a_cut_connection() {
    let server = live();
    let client = server.able(LATEST);
    let mut talk = client.start(&client.tool(1, "form", json!({ "tag": "t" })));
    assert!(talk.head());
    let primed = talk.event().and_then(|event| event.id).expect("primed");
    drop(talk);
    let mut again = client.listen_after(&primed);
    let asked = question(&mut again, "elicitation/create");
    drop(again);
    client.reply(&asked, accepted("Ada"));
    let mut again = client.listen_after(&primed);
    assert_eq!(question(&mut again, "elicitation/create"), asked);
    assert_eq!(text(again, 1), "t: Ada");
}

#[test]
fn roots_that_change_reach_the_application() {
    let server = live();
    for version in REVISIONS {
        let client = server.able(version);
        let mut get = client.listen();
        for folder in ["file:///a", "file:///b"] {
            client.tell("notifications/roots/list_changed", json!({}));
            let asked = question(&mut get, "roots/list");
            client.reply(&asked, json!({ "roots": [{ "uri": folder }] }));
            eventually("the roots are seen", || {
                let mut seen = server.scene.roots.lock().expect("a lock");
                !seen.is_empty() && seen.drain(..).all(|uri| uri == folder)
            });
        }
    }
}

/// 2025-03-26 has batches, and a notice in one is a notice.
#[test]
fn roots_that_change_in_a_batch_reach_the_application_too() {
    let server = live();
    let client = server.able("2025-03-26");
    let mut get = client.listen();
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" });
    assert_eq!(client.ask(&client.post(&json!([changed]))).status, 202);
    let asked = question(&mut get, "roots/list");
    client.reply(&asked, json!({ "roots": [{ "uri": "file:///c" }] }));
    eventually("the roots are seen", || !server.scene.roots.lock().expect("a lock").is_empty());
}

#[test]
fn calls_that_wait_for_clients_cost_nobody_a_worker() {
    let server = live();
    let client = server.able(LATEST);
    let waiting: Vec<_> = (0..20)
        .map(|id| ask(&client, id, "form", json!({ "tag": "t" }), "elicitation/create"))
        .collect();
    let begun = Instant::now();
    for id in 100..110 {
        let answer = client.ask(&client.tool(id, "there", json!({ "tag": "here" })));
        assert_eq!(answer.text(), "here");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for (id, (talk, asked)) in waiting.into_iter().enumerate().rev() {
        client.reply(&asked, accepted(&id.to_string()));
        assert_eq!(text(talk, id as u64), format!("t: {id}"));
    }
}

/// Those who stand in for workers that wait may leave when there is nothing to do, but somebody
/// has to be there when there is.
#[test]
fn calls_that_wait_long_cost_nobody_a_worker() {
    let server = live();
    let client = server.able(LATEST);
    // All at once, so that none of the workers that are always there is left out.
    let begun: Vec<_> =
        (0..12).map(|id| client.start(&client.tool(id, "form", json!({ "tag": "t" })))).collect();
    let asked = |mut talk: Talk| {
        assert!(talk.head());
        let asked = question(&mut talk, "elicitation/create");
        (talk, asked)
    };
    let waiting: Vec<_> = begun.into_iter().map(asked).collect();
    // Longer than an idle worker that was brought in stays.
    std::thread::sleep(Duration::from_secs(11));
    let begun = Instant::now();
    let mut talk = client.start(&client.tool(100, "there", json!({ "tag": "here" })));
    let answer = talk.answer();
    assert_eq!(answer.text(), "here");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for (id, (talk, asked)) in waiting.into_iter().enumerate() {
        client.reply(&asked, accepted("Ada"));
        assert_eq!(text(talk, id as u64), "t: Ada");
    }
}

#[test]
fn a_session_that_ends_takes_its_questions_with_it() {
    let server = live();
    let client = Client::able(server.address, LATEST, everything());
    let (mut talk, asked) = ask(&client, 1, "form", json!({ "tag": "t" }), "elicitation/create");
    assert_eq!(client.ask_bare("DELETE").status, 204);
    talk.expect_end_of_stream();
    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": accepted("Ada") });
    assert_eq!(client.ask(&client.post(&answer)).status, 404);
    std::thread::sleep(A_WHILE);
    server.assert_alive();
}

/// An application's panic costs what it was about, and no stream.
#[test]
fn a_panic_while_roots_are_looked_at_leaves_the_stream_alone() {
    let config = mcp_fastd::Config {
        bind: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        cores: Some(2),
        pin: false,
        ..mcp_fastd::Config::default()
    };
    let server = mcp_fastd::Server::builder()
        .tool("here", |_: mcp_fastd::Empty| "here")
        .on_roots_changed(|_: &(), _: &mcp_fastd::Call<'_>| panic!("as it was told"))
        .config(config);
    let running = server.start().expect("the server starts");
    let client = Client::able(running.addr(), LATEST, everything());
    let mut get = client.listen();
    client.tell("notifications/roots/list_changed", json!({}));
    get.expect_quiet(A_WHILE);
    running.notifier().tools_changed();
    assert_eq!(get.next()["method"], "notifications/tools/list_changed");
    drop(get);
    running.stop();
}
