//! Cancelling: by a notification up to 2025-11-25, where leaving is not cancelling; by leaving from
//! 2026-07-28 on.

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::session::{A_WHILE, LATEST, Live, REVISIONS, live};
use common::sse::Talk;
use common::{PATIENCE, eventually};
use serde_json::json;

fn begun(server: &Live, count: usize) {
    eventually("the call has begun", || server.scene.begun() == count);
}

#[test]
fn a_cancelled_call_sees_it_and_has_no_answer() {
    let server = live();
    for (round, version) in REVISIONS.iter().enumerate() {
        let client = server.client(version);
        for (index, id) in [json!(7), json!("seven")].into_iter().enumerate() {
            let count = 2 * round + index + 1;
            let mut talk = client.start(&client.tool(id.clone(), "until_cancelled", json!({})));
            begun(&server, count);
            client.cancel(id);
            eventually("the tool sees it", || server.scene.cancelled() == count);
            let answer = talk.answer();
            assert!(answer.messages.is_empty(), "{answer:?}");
            // The connection goes on.
            let answer = talk.ask(&client.tool(8, "there", json!({ "tag": "on" })));
            assert_eq!(answer.text(), "on");
        }
    }
}

/// A client that was given an event id comes back for the rest. There is none, so none is given.
#[test]
fn a_cancelled_call_is_not_to_be_resumed() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = client.start(&client.tool(1, "until_cancelled", json!({})));
    begun(&server, 1);
    client.cancel(1);
    let answer = talk.answer();
    assert!(answer.messages.is_empty());
    let primed = answer.events.iter().find_map(|event| event.id.clone());
    assert_eq!(primed, None, "a client would come back for it, and be refused");
}

#[test]
fn a_call_that_streams_is_cancelled() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = client.start(&client.tool(1, "gated", json!({ "tag": "x" })));
    assert!(talk.head());
    assert_eq!(talk.next()["params"]["data"], "x before");
    begun(&server, 1);
    client.cancel(1);
    talk.expect_end_of_stream();
    server.scene.open();
    eventually("the call ends", || server.scene.ended.load(Ordering::SeqCst) == 1);
    assert_eq!(talk.ask(&client.tool(2, "there", json!({ "tag": "on" }))).text(), "on");
}

#[test]
fn a_question_is_cancelled_with_its_call() {
    let server = live();
    let client = server.able(LATEST);
    let mut talk = client.start(&client.tool(1, "form", json!({ "tag": "x" })));
    assert!(talk.head());
    let asked = talk.next();
    client.cancel(1);
    talk.expect_end_of_stream();
    client.reply(&asked, json!({ "action": "accept", "content": { "name": "late" } }));
    server.assert_alive();
}

#[test]
fn what_is_not_under_way_cannot_be_cancelled() {
    let server = live();
    let (mine, theirs) = (server.client(LATEST), server.client(LATEST));
    let mut talk = theirs.start(&theirs.tool(1, "silent", json!({ "tag": "x" })));
    begun(&server, 1);
    mine.cancel(1);
    theirs.cancel(2);
    theirs.cancel("1");
    for params in [json!({}), json!({ "requestId": null }), json!({ "requestId": [1] })] {
        theirs.tell("notifications/cancelled", params);
    }
    server.scene.open();
    assert_eq!(talk.answer().text(), "x", "another session's, another id's");
    theirs.cancel(1);
    server.assert_alive();
}

#[test]
fn the_client_leaving_is_not_a_cancellation_where_it_may_come_back() {
    let server = live();
    for (round, version) in REVISIONS.iter().enumerate() {
        let client = server.client(version);
        let talk = client.start(&client.tool(1, "until_cancelled", json!({})));
        begun(&server, round + 1);
        drop(talk);
        std::thread::sleep(A_WHILE);
        assert_eq!(server.scene.cancelled(), round, "it goes on: {version}");
        client.cancel(1);
        eventually("it is cancelled", || server.scene.cancelled() == round + 1);
    }
}

#[test]
fn the_client_leaving_is_a_cancellation_from_2026_07_28_on() {
    let server = live();
    let mut talk = Talk::connect(server.address);
    talk.post(&common::call(1, "until_cancelled", json!({})));
    begun(&server, 1);
    drop(talk);
    let left = Instant::now();
    eventually("the tool sees it", || server.scene.cancelled() == 1);
    assert!(left.elapsed() < PATIENCE / 3);
    server.assert_alive();
}

/// Workers are all busy; a call that was cancelled before it began is none of their business, and
/// those after it are answered.
#[test]
fn a_call_that_waits_for_a_worker_is_cancelled() {
    let server = live();
    let client = server.client(LATEST);
    let mut busy: Vec<_> = (0..4)
        .map(|id| client.start(&client.tool(id, "silent", json!({ "tag": "busy" }))))
        .collect();
    begun(&server, 4);
    let mut queued = client.start(&client.tool(10, "silent", json!({ "tag": "queued" })));
    let mut after = client.start(&client.tool(11, "silent", json!({ "tag": "after" })));
    std::thread::sleep(Duration::from_millis(50));
    client.cancel(10);
    assert!(queued.answer().messages.is_empty(), "at once, though no worker is free");
    server.scene.open();
    for talk in &mut busy {
        assert_eq!(talk.answer().text(), "busy");
    }
    assert_eq!(after.answer().text(), "after");
}

#[test]
fn cancelling_and_answering_at_the_same_time() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = Talk::connect(server.address);
    let mut answered = 0;
    for id in 0..200 {
        talk.post(&client.tool(id, "lines", json!({ "count": id % 5, "tag": "x" })));
        client.cancel(id);
        let answer = talk.answer();
        if let Some(last) = answer.messages.last().filter(|last| last.get("id").is_some()) {
            assert_eq!(last["id"], id);
            answered += 1;
        }
    }
    println!("{answered} of 200 were answered before they were cancelled");
    assert_eq!(talk.ask(&client.tool(999, "there", json!({ "tag": "on" }))).text(), "on");
}
