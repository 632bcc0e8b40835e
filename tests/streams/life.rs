//! Beginnings, signs of life, ends, and what comes after them.

use super::*;

#[test]
fn the_first_byte_comes_at_once_and_says_what_it_is() {
    let (server, _) = start_with(|_| {});
    for post in [tools(), get(&server, "2025-06-18"), logging(1, "says")] {
        let mut tap = server.open(&post);
        assert_streams(&tap);
        tap.expect_comment();
    }
    // From 2025-11-25 on, in a session, with where to go on from.
    let mut tap = server.open(&get(&server, "2025-11-25"));
    assert_streams(&tap);
    let event = tap.event().expect("an event");
    assert!(event.id.is_some() && event.retry.is_some(), "{event:?}");
    assert_eq!(event.data.as_deref(), Some(""));
}

#[test]
fn signs_of_life() {
    let (server, seen) = start_with(|config| config.keep_alive = Duration::from_millis(100));
    for post in [tools(), get(&server, "2025-06-18"), call_with(1, "slow", json!({}))] {
        let mut tap = server.open(&post);
        assert_streams(&tap);
        let mut comments = 0;
        while comments < 4 {
            comments += usize::from(tap.event().expect("no end").is_comment());
        }
    }
    eventually("closing is cancelling", || seen.cancelled.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_long_answer_becomes_a_stream_only_for_who_takes_one() {
    let (server, _) = start_with(|config| config.keep_alive = Duration::from_millis(50));
    let mut tap = server.open(&call_with(1, "nap", json!({})));
    assert_streams(&tap);
    assert_eq!(tap.messages()[0]["result"]["content"][0]["text"], "rested");
    let plain = call_with(2, "nap", json!({})).instead("Accept", "application/json");
    tap.open(&plain);
    assert!(!tap.is_stream());
    assert_eq!(tap.messages()[0]["result"]["content"][0]["text"], "rested");
    for tool in ["says", "says_on_shard"] {
        tap.open(&logging(3, tool).instead("Accept", "application/json"));
        assert!(!tap.is_stream());
        assert_eq!(tap.messages().len(), 1, "{tool}");
    }
}

#[test]
fn streams_that_can_be_opened_again_end_at_an_age() {
    let (server, _) = start_with(|config| {
        config.keep_alive = Duration::from_millis(50);
        config.stream_age_max = Duration::from_millis(200);
    });
    let mut tap = server.open(&tools());
    tap.message();
    let last = tap.message();
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(1), &json!("complete")));
    assert_eq!(tap.next(), None);
    tap.open(&call_with(2, "quick", json!({})));
    assert_eq!(tap.messages().len(), 1, "the connection goes on");
    let mut tap = server.open(&get(&server, "2025-11-25"));
    let mut last = None;
    while let Some(event) = tap.event() {
        last = Some(event);
    }
    assert!(last.is_some_and(|event| event.retry.is_some()), "it says when to come back");
    // An answer is not cut off.
    assert_eq!(server.result(&call_with(1, "nap", json!({})))["isError"], false);
}

#[test]
fn a_busy_stream_ends_at_an_age_too() {
    let (server, _) = start_with(|config| {
        config.keep_alive = Duration::from_secs(1);
        config.stream_age_max = Duration::from_millis(1500);
    });
    let mut tap = server.open(&tools());
    let notifier = server.running().notifier();
    let begun = Instant::now();
    loop {
        notifier.tools_changed();
        match tap.next() {
            Some(message) if message.get("result").is_some() => break,
            Some(_) => assert!(begun.elapsed() < PATIENCE, "it grows older and older"),
            None => panic!("it ends with a result"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_panic_in_the_middle_of_a_stream_is_an_error_on_it() {
    let (server, _) = start_with(|_| {});
    let mut tap = server.open(&logging(1, "says_and_panics"));
    let messages = tap.messages();
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!((&messages[1]["id"], &messages[1]["error"]["code"]), (&json!(1), &json!(-32603)));
    tap.open(&logging(2, "says"));
    assert_eq!(tap.messages().len(), 3);
}

#[test]
fn requests_behind_a_stream_are_answered_after_it() {
    let (server, _) = start_with(|_| {});
    let mut tap = Tap::connect(server.address);
    let posts = ["says", "quick", "says_on_shard", "says", "quick", "quick"];
    let bytes: Vec<_> = (0..).zip(posts).map(|(id, tool)| logging(id, tool).bytes()).collect();
    tap.send(bytes.concat());
    for (id, tool) in posts.iter().enumerate() {
        tap.head();
        assert_eq!(tap.is_stream(), *tool != "quick");
        assert_eq!(tap.messages().last().expect("an answer")["id"], id);
    }
    // Behind one that is held, and one that never ends: only after it.
    tap.send([tools().bytes(), call_with(9, "quick", json!({})).bytes()].concat());
    tap.head();
    tap.message();
    tap.expect_silence(Duration::from_millis(50));
}

#[test]
fn http_1_0_has_its_streams_to_the_end_of_the_connection() {
    let (server, _) = start_with(|_| {});
    for keep in [false, true] {
        let mut post = logging(1, "says").line("POST /mcp HTTP/1.0");
        if keep {
            post = post.with("Connection", "keep-alive");
        }
        let mut tap = server.open(&post);
        assert_streams(&tap);
        assert_eq!(tap.field("transfer-encoding"), None);
        assert_eq!(tap.field("connection"), Some("close"));
        assert_eq!(tap.messages().len(), 3);
    }
    let mut tap = server.open(&tools().line("POST /mcp HTTP/1.0"));
    tap.message();
    server.running().notifier().tools_changed();
    assert_eq!(tap.message()["method"], "notifications/tools/list_changed");
}

#[test]
fn a_last_answer_that_is_a_stream() {
    let (server, _) = start_with(|_| {});
    for tool in ["says", "says_on_shard"] {
        let mut tap = server.open(&logging(1, tool).with("Connection", "close"));
        assert_eq!(tap.field("connection"), Some("close"));
        assert!(tap.messages().len() >= 2);
        tap.expect_end();
    }
}

#[test]
fn other_methods_open_no_stream() {
    let (server, _) = start_with(|_| {});
    for (line, status) in [
        ("HEAD /mcp HTTP/1.1", 405),
        ("PUT /mcp HTTP/1.1", 405),
        ("GET /mcp HTTP/1.1", 405),
        ("DELETE /mcp HTTP/1.1", 405),
        ("OPTIONS /mcp HTTP/1.1", 204),
    ] {
        let post = Post::new("").line(line).with("MCP-Protocol-Version", "2026-07-28");
        let mut wire = common::Wire::connect(server.address);
        wire.send(post.bytes());
        let response = match line.starts_with("HEAD") {
            true => wire.response_to_head(),
            false => wire.response(),
        };
        assert_eq!(response.status, status, "{line}");
        assert!(response.field("Allow").is_some_and(|allow| allow.contains("POST")), "{line}");
    }
}

#[test]
fn a_client_that_has_said_all_it_wants_still_gets_its_answer() {
    let (server, _) = start_with(|_| {});
    let mut tap = Tap::connect(server.address);
    tap.send(logging(1, "says").bytes());
    tap.half_close();
    tap.head();
    assert_eq!(tap.messages().last().expect("an answer")["id"], 1);
    tap.expect_end();
}

#[test]
fn a_listener_that_has_closed_its_side_is_let_go() {
    let (server, _) = start_with(|_| {});
    let mut tap = Tap::connect(server.address);
    tap.send(tools().bytes());
    tap.half_close();
    // Whatever comes, the connection ends.
    tap.drain();
}

#[test]
fn leaving_is_cancelling() {
    let (server, seen) = start_with(|_| {});
    let mut taps = Vec::new();
    for id in 0..4 {
        let mut tap = Tap::connect(server.address);
        tap.send(call_with(id, "slow", json!({})).bytes());
        taps.push(tap);
    }
    eventually("all run", || seen.running.load(Ordering::SeqCst) == 4);
    drop(taps);
    eventually("all see it", || seen.cancelled.load(Ordering::SeqCst) == 4);
    assert_eq!(server.result(&call_with(1, "quick", json!({})))["isError"], false);
}

#[test]
fn leaving_at_once_is_cancelling_too() {
    let (server, seen) = start_with(|_| {});
    for _ in 0..4 {
        let mut tap = Tap::connect(server.address);
        tap.send(call_with(1, "slow", json!({})).bytes());
    }
    eventually("all that run see it", || {
        let cancelled = seen.cancelled.load(Ordering::SeqCst);
        cancelled == 4
    });
}
