//! What a call says before its result: an answer is JSON until something is said, and a stream
//! from then on. Progress, log lines, and clients that take no streams.

mod common;

use std::sync::atomic::Ordering;

use common::eventually;
use common::session::{Client, LATEST, REVISIONS, bare, live, live_with};
use common::sse::{Answer, Talk};
use serde_json::{Value, json};

const PROGRESS: &str = "notifications/progress";
const MESSAGE: &str = "notifications/message";

fn values(answer: &Answer) -> Vec<f64> {
    let value = |params: &Value| params["progress"].as_f64().expect("a number");
    answer.notices(PROGRESS).iter().map(value).collect()
}

#[test]
fn an_answer_is_json_unless_something_is_said() {
    let server = live();
    for version in REVISIONS {
        let client = server.client(version);
        for tool in ["here", "there"] {
            let answer = client.ask(&client.tool(1, tool, json!({ "tag": "t" })));
            assert!(!answer.streamed, "{tool}");
            assert_eq!(answer.text(), "t");
        }
        for tool in ["steps_here", "steps"] {
            // Progress that nobody asked for is not said.
            let answer = client.ask(&client.tool(2, tool, json!({ "count": 5 })));
            assert!(!answer.streamed, "{tool}: {answer:?}");
            let answer = client.ask(&client.watched(3, tool, json!({ "count": 5 }), json!("p")));
            assert!(answer.streamed, "{tool}: {answer:?}");
            assert_eq!(values(&answer), [1.0, 2.0, 3.0, 4.0, 5.0]);
            assert_eq!(answer.last()["id"], 3);
            assert_eq!(answer.messages.len(), 6);
        }
    }
}

#[test]
fn the_token_comes_back_as_it_was() {
    let server = live();
    let client = server.client(LATEST);
    for token in
        [json!("a \"token\" \u{2028}"), json!(0), json!(-5), json!(9_007_199_254_740_991_i64)]
    {
        for tool in ["steps_here", "steps"] {
            let answer = client.ask(&client.watched(1, tool, json!({ "count": 2 }), token.clone()));
            let notices = answer.notices(PROGRESS);
            assert_eq!(notices.len(), 2);
            assert!(notices.iter().all(|params| params["progressToken"] == token), "{answer:?}");
            assert!(notices.iter().all(|params| params["total"] == 2.0 || params["total"] == 2));
        }
    }
}

#[test]
fn a_flood_of_progress_is_limited_and_its_last_word_is_said() {
    let server = live();
    let client = server.client(LATEST);
    for tool in ["steps", "steps_here"] {
        let answer = client.ask(&client.watched(1, tool, json!({ "count": 20_000 }), json!(1)));
        let values = values(&answer);
        assert!(values.is_sorted_by(|a, b| a < b), "{tool}: it rises");
        assert!(values.len() < 2_000, "{tool}: {} are many", values.len());
        assert_eq!(values.last(), Some(&20_000.0), "{tool}: the last is the truth");
        assert_eq!(answer.text(), "20000 steps ");
    }
}

/// The limit on progress is none on the patience with slow readers.
#[test]
fn a_reader_that_pauses_loses_nothing_but_progress() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = Talk::connect_slow(server.address);
    talk.post(&client.watched(1, "steps", json!({ "count": 3_000, "bytes": 20_000 }), json!(1)));
    std::thread::sleep(std::time::Duration::from_millis(700));
    let answer = talk.answer();
    assert_eq!(answer.text(), "3000 steps ");
    assert!(values(&answer).is_sorted_by(|a, b| a < b));
    assert_eq!(talk.ask(&client.tool(2, "here", json!({ "tag": "on" }))).text(), "on");
}

fn levels(client: &Client, tool: &str) -> Vec<String> {
    let answer = client.ask(&client.tool(1, tool, json!({})));
    assert_eq!(answer.text(), "logged");
    let of = |params: &Value| {
        assert_eq!(params["logger"], "levels");
        assert_eq!(params["data"], params["level"]);
        params["level"].as_str().expect("a level").to_owned()
    };
    answer.notices(MESSAGE).iter().map(of).collect()
}

#[test]
fn a_session_says_from_which_level_on_it_wants_lines() {
    let all = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
    let server = live();
    for version in REVISIONS {
        let (client, other) = (server.client(version), server.client(version));
        assert_eq!(levels(&other, "levels"), all, "all, until it says so");
        for (least, level) in all.iter().enumerate() {
            let set = client.request(1, "logging/setLevel", json!({ "level": level }));
            assert_eq!(client.ask(&set).json()["result"], json!({}));
            for tool in ["levels_here", "levels"] {
                assert_eq!(levels(&client, tool), all[least..], "{tool} from {level} on");
            }
        }
        assert_eq!(levels(&other, "levels"), all, "of no concern to others");
        for wrong in [json!("loud"), json!("INFO"), json!(3), Value::Null] {
            let set = client.request(1, "logging/setLevel", json!({ "level": wrong }));
            assert_eq!(client.ask(&set).json()["error"]["code"], -32602);
        }
        assert_eq!(levels(&client, "levels"), ["emergency"], "as it was");
    }
}

#[test]
fn a_client_that_takes_no_streams_gets_its_result_as_json() {
    let server = live_with(|config| config.keep_alive = std::time::Duration::from_millis(100));
    server.scene.open();
    for version in REVISIONS {
        let client = server.client(version);
        for accept in ["application/json", "application/json, text/event-stream;q=0"] {
            for tool in ["lines", "lines_here", "hang_up", "gated"] {
                let arguments = json!({ "count": 3, "tag": "t" });
                let call = client.tool(1, tool, arguments).instead("Accept", accept);
                let answer = client.ask(&call);
                assert!(!answer.streamed, "{tool}");
                assert!(answer.json()["result"]["content"][0]["text"].is_string(), "{answer:?}");
            }
        }
    }
}

#[test]
fn http_1_0_has_streams_that_end_with_the_connection() {
    let server = live();
    let client = server.client(LATEST);
    for tool in ["lines", "lines_here"] {
        let call = client.tool(1, tool, json!({ "count": 3, "tag": "t" }));
        let mut talk = client.start(&call.line("POST /mcp HTTP/1.0"));
        let answer = talk.answer();
        assert!(answer.streamed, "{tool}");
        assert_eq!(answer.field("Transfer-Encoding"), None);
        assert_eq!(answer.notices(MESSAGE).len(), 3);
        assert_eq!(answer.text(), "3 lines t");
        talk.expect_closed();
    }
    let mut get = Talk::connect(server.address);
    get.send(bare(&client.bare("GET").line("GET /mcp HTTP/1.0")));
    assert!(get.head());
    server.notifier.tools_changed();
    assert_eq!(get.next()["method"], "notifications/tools/list_changed");
    assert_eq!(client.ask_bare("DELETE").status, 204);
    get.expect_end_of_stream();
    get.expect_closed();
}

#[test]
fn a_connection_goes_on_after_a_stream_and_requests_behind_one_wait() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = Talk::connect(server.address);
    let mut requests = Vec::new();
    for id in (0..100).step_by(4) {
        requests.extend(client.tool(id, "lines", json!({ "count": 3, "tag": "a" })).bytes());
        requests.extend(client.tool(id + 1, "here", json!({ "tag": "b" })).bytes());
        requests
            .extend(client.tool(id + 2, "lines_here", json!({ "count": 3, "tag": "c" })).bytes());
        requests.extend(client.tool(id + 3, "there", json!({ "tag": "d" })).bytes());
    }
    talk.send(requests);
    for id in 0..100 {
        let answer = talk.answer();
        assert_eq!(answer.last()["id"], id);
        assert_eq!(answer.streamed, id % 2 == 0);
    }
}

#[test]
fn a_log_flood_is_dropped_before_the_answer_is() {
    let server = live();
    let client = server.client(LATEST);
    for (round, tool) in ["lines", "lines_here"].into_iter().enumerate() {
        let mut talk = Talk::connect_slow(server.address);
        talk.post(&client.tool(1, tool, json!({ "count": 20_000, "bytes": 1_000, "tag": "t" })));
        eventually("all is said", || server.scene.ended.load(Ordering::SeqCst) > round);
        let answer = talk.answer();
        let lines = answer.notices(MESSAGE);
        let numbers: Vec<_> = lines.iter().map(|params| params["data"]["line"].as_u64()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{tool}: in order, and none twice");
        assert_eq!(answer.text(), "20000 lines t");
        // 20 MB were said; what a server holds for one client is bounded.
        assert!(lines.len() < 15_000, "{tool}: {} lines were held", lines.len());
    }
}

#[test]
fn a_stream_that_takes_long_shows_that_it_is_alive() {
    let server = live_with(|config| config.keep_alive = std::time::Duration::from_millis(100));
    let client = server.client(LATEST);
    let mut get = client.listen();
    let mut post = client.start(&client.tool(1, "silent", json!({ "tag": "t" })));
    assert!(post.head(), "an answer that takes long becomes a stream");
    for _ in 0..3 {
        assert!(get.event().expect("a comment").comment);
        while !post.event().expect("a comment").comment {}
    }
    server.scene.open();
    assert_eq!(post.next()["result"]["content"][0]["text"], "t");
    post.expect_end_of_stream();
}
