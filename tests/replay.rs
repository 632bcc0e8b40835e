//! Streams can be resumed: what a client missed of a stream comes, once and in order, and nothing
//! of any other stream.

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::session::{A_WHILE, Client, LATEST, Live, REVISIONS, bare, live, live_with};
use common::sse::{Came, Event, Talk};
use common::{PATIENCE, eventually};
use serde_json::{Value, json};

fn subscribe(client: &Client, count: usize) {
    let mut talk = Talk::connect(client.address);
    for number in 0..count {
        let uri = json!({ "uri": format!("note://{number}") });
        let answer = talk.ask(&client.request(number as u64, "resources/subscribe", uri));
        assert!(answer.json().get("result").is_some(), "{answer:?}");
    }
}

fn uri(message: &Value) -> String {
    assert_eq!(message["method"], "notifications/resources/updated", "{message}");
    message["params"]["uri"].as_str().expect("a URI").to_owned()
}

fn status_after(client: &Client, last: &str) -> (u16, Value) {
    let mut talk = Talk::connect(client.address);
    talk.send(bare(&client.bare("GET").with("Last-Event-ID", last)));
    if talk.head() {
        return (talk.status, Value::Null);
    }
    drop(talk);
    let mut talk = Talk::connect(client.address);
    talk.send(bare(&client.bare("GET").with("Last-Event-ID", last)));
    let answer = talk.answer();
    (answer.status, answer.json().clone())
}

#[test]
fn streams_of_the_latest_revision_are_primed_and_others_are_not() {
    let server = live();
    for version in REVISIONS {
        let client = server.client(version);
        let answer = client.ask(&client.tool(1, "lines", json!({ "count": 2, "tag": "t" })));
        assert!(answer.streamed);
        let first = &answer.events[0];
        if version == LATEST {
            assert_eq!(first.data.as_deref(), Some(""));
            assert!(first.id.is_some() && first.retry.is_some(), "{first:?}");
        } else {
            assert_eq!(first, &Event { comment: true, ..Event::default() });
        }
        assert!(answer.events[1..].iter().all(|event| event.id.is_some()), "{answer:?}");
    }
}

#[test]
fn no_two_events_of_a_session_have_the_same_id() {
    let server = live();
    let client = server.client(LATEST);
    let mut ids = HashSet::new();
    let mut get = client.listen();
    ids.extend(get.last_id.clone());
    for call in 0..5 {
        let answer = client.ask(&client.tool(call, "lines", json!({ "count": 5 })));
        assert_eq!(answer.events.len(), 7);
        for event in answer.events {
            assert!(ids.insert(event.id.expect("an id")), "twice");
        }
    }
    for _ in 0..5 {
        server.notifier.tools_changed();
        get.next();
        assert!(ids.insert(get.last_id.clone().expect("an id")), "twice");
    }
}

#[test]
fn a_call_that_hangs_up_is_polled_for_the_rest() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = client.start(&client.tool(7, "hang_up", json!({ "tag": "x" })));
    assert!(talk.head());
    let primed = talk.event().expect("primed");
    assert_eq!(primed.data.as_deref(), Some(""));
    assert_eq!(talk.next()["params"]["data"], "x before");
    let last = talk.last_id.clone().expect("an id");
    let end = talk.event().expect("told when to come back");
    assert!(end.retry.is_some(), "{end:?}");
    talk.expect_end_of_stream();
    // The connection goes on, and so does the session.
    assert_eq!(talk.ask(&client.tool(8, "here", json!({ "tag": "y" }))).text(), "y");
    // A poll that comes too early waits.
    let mut early = client.listen_after(&last);
    early.expect_quiet(A_WHILE);
    drop(early);
    server.scene.open();
    let mut rest = client.listen_after(&last);
    assert_eq!(rest.next()["params"]["data"], "x after");
    let result = rest.next();
    assert_eq!(result["id"], 7);
    assert_eq!(result["result"]["content"][0]["text"], "x done");
    rest.expect_end_of_stream();
}

#[test]
fn hanging_up_means_nothing_to_those_who_do_not_poll() {
    let server = live();
    server.scene.open();
    for version in ["2025-03-26", "2025-06-18"] {
        let client = server.client(version);
        let answer = client.ask(&client.tool(1, "hang_up", json!({ "tag": "x" })));
        assert_eq!(answer.text(), "x done");
    }
    let call = common::call(1, "hang_up", json!({ "tag": "x" }));
    assert_eq!(Talk::connect(server.address).ask(&call).text(), "x done");
}

#[test]
fn a_result_that_comes_while_the_client_is_away_is_kept() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = client.start(&client.tool(1, "gated", json!({ "tag": "x" })));
    assert!(talk.head());
    assert_eq!(talk.next()["params"]["data"], "x before");
    let last = talk.last_id.clone().expect("an id");
    drop(talk);
    server.scene.open();
    eventually("the call ends", || server.scene.ended.load(Ordering::SeqCst) == 1);
    // Twice: what was sent once may have been lost on the way.
    for _ in 0..2 {
        let mut rest = client.listen_after(&last);
        assert_eq!(rest.next()["params"]["data"], "x after");
        assert_eq!(rest.next()["result"]["content"][0]["text"], "x done");
        rest.expect_end_of_stream();
    }
}

#[test]
fn what_is_replayed_is_of_that_stream_alone() {
    let server = live();
    let client = server.client(LATEST);
    subscribe(&client, 3);
    let mut get = client.listen();
    let get_start = get.last_id.clone().expect("an id");
    let mut starts = Vec::new();
    for tag in ["a", "b"] {
        let answer = client.ask(&client.tool(tag, "lines", json!({ "count": 3, "tag": tag })));
        let ids = answer.events.iter().map(|event| event.id.clone().expect("an id"));
        starts.push((tag, ids.collect::<Vec<_>>()));
    }
    for number in 0..3 {
        server.notifier.resource_updated(&format!("note://{number}"));
        assert_eq!(uri(&get.next()), format!("note://{number}"));
    }
    drop(get);
    for (tag, ids) in &starts {
        // From the priming event on: everything; from a line on: what came after it.
        for (at, id) in ids[..4].iter().enumerate() {
            let mut rest = client.listen_after(id);
            for line in at..3 {
                let message = rest.next();
                assert_eq!(message["params"]["data"]["tag"], *tag);
                assert_eq!(message["params"]["data"]["line"], line);
            }
            assert_eq!(rest.next()["id"], *tag);
            rest.expect_end_of_stream();
        }
        // After the answer there is nothing: who comes for it is not to come again and again.
        assert_eq!(status_after(&client, &ids[4]).0, 400);
    }
    let mut get = client.listen_after(&get_start);
    for number in 0..3 {
        assert_eq!(uri(&get.next()), format!("note://{number}"));
    }
    get.expect_quiet(A_WHILE);
}

#[test]
fn ids_of_other_sessions_and_forged_ones_are_refused() {
    let server = live();
    let (mine, theirs) = (server.client(LATEST), server.client(LATEST));
    let answer = theirs.ask(&theirs.tool(1, "lines", json!({ "count": 3, "tag": "theirs" })));
    let id = answer.events[1].id.clone().expect("an id");
    assert_eq!(status_after(&theirs, &id).0, 200);
    assert_eq!(status_after(&mine, &id).0, 400, "it is not one of mine");
    let forged = ["x", "-", "1", "1-", "-1", "1-999", "999-1", "0-0-0", "1-18446744073709551616"];
    for id in forged {
        let (status, body) = status_after(&mine, id);
        assert_eq!(status, 400, "{id}");
        assert!(body["error"]["message"].is_string(), "{body}");
    }
    server.assert_alive();
}

#[test]
fn a_new_get_replaces_the_old_one() {
    let server = live();
    let client = server.client(LATEST);
    subscribe(&client, 2);
    let mut old: Vec<Talk> = vec![client.listen()];
    for round in 0..10 {
        let mut new = client.listen();
        let mut before = old.pop().expect("the one before");
        before.expect_end_of_stream();
        before.expect_closed();
        server.notifier.resource_updated(&format!("note://{}", round % 2));
        assert_eq!(uri(&new.next()), format!("note://{}", round % 2));
        new.expect_quiet(Duration::from_millis(20));
        old.push(new);
    }
}

#[test]
fn many_streams_and_their_results_fit_one_session() {
    let server = live();
    let client = server.client(LATEST);
    let mut talk = Talk::connect(server.address);
    for id in 0..600 {
        let answer = talk.ask(&client.tool(id, "lines", json!({ "count": 1, "tag": "x" })));
        assert_eq!(answer.status, 200, "call {id}: {answer:?}");
        assert_eq!(answer.text(), "1 lines x");
    }
}

#[test]
fn much_that_was_missed_comes_at_once() {
    // More than a connection is handed in one go, several times over.
    let server = live_with(|config| config.stream_bytes_max = 64 << 20);
    let client = server.client(LATEST);
    let arguments = json!({ "count": 200, "bytes": 10_000, "tag": "x" });
    let mut talk = client.start(&client.tool(1, "lines", arguments));
    assert!(talk.head());
    let first = talk.event().and_then(|event| event.id).expect("an id");
    let read = |talk: &mut Talk| {
        for line in 0..200 {
            assert_eq!(talk.next()["params"]["data"]["line"], line);
        }
        assert_eq!(talk.next()["id"], 1);
        talk.expect_end_of_stream();
    };
    read(&mut talk);
    read(&mut client.listen_after(&first));
}

/// A small generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// Reads `wanted` messages from a stream whose connection is cut at random places: within events,
/// too. Gives them in the order they came.
fn read_with_cuts(
    client: &Client,
    mut talk: Talk,
    wanted: usize,
    cuts: usize,
    random: &mut Random,
    read: &AtomicUsize,
) -> Vec<Value> {
    let mut places: Vec<_> = (0..cuts).map(|_| random.below(wanted as u64) as usize).collect();
    places.sort_unstable();
    let mut places = places.into_iter().peekable();
    let mut last = talk.last_id.clone();
    let mut messages = Vec::new();
    while messages.len() < wanted {
        while places.next_if(|place| messages.len() >= *place).is_some() {
            // Wherever the bytes on their way happen to be.
            talk = client.listen_after(last.as_deref().expect("an id"));
        }
        let Came::Event(event) = talk.event_within(PATIENCE) else {
            panic!("the stream stands still after {} messages", messages.len())
        };
        last = event.id.clone().or(last);
        if let Some(data) = event.data.filter(|data| !data.is_empty()) {
            read.fetch_add(1, Ordering::SeqCst);
            messages.push(serde_json::from_str(&data).expect("JSON"));
        }
    }
    messages
}

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("after 1970").as_nanos() as u64 | 1
    });
    println!("SEED={seed}");
    seed
}

fn roomy() -> Live {
    live_with(|config| {
        config.stream_events_max = 20_000;
        config.stream_bytes_max = 64 << 20;
    })
}

#[test]
fn ten_thousand_lines_of_a_call_survive_a_hundred_cuts() {
    let mut random = Random(seed());
    let server = roomy();
    let client = server.client(LATEST);
    let arguments = json!({ "count": 10_000, "tag": "x" });
    let mut talk = client.start(&client.tool(1, "lines", arguments));
    assert!(talk.head());
    talk.event().expect("primed");
    let messages = read_with_cuts(&client, talk, 10_001, 100, &mut random, &AtomicUsize::new(0));
    for (line, message) in messages[..10_000].iter().enumerate() {
        assert_eq!(message["params"]["data"]["line"], line);
    }
    assert_eq!(messages[10_000]["id"], 1);
}

#[test]
fn ten_thousand_notices_survive_a_hundred_cuts() {
    let mut random = Random(seed());
    let server = roomy();
    let client = server.client(LATEST);
    subscribe(&client, 1_000);
    let talk = client.listen();
    let notifier = server.notifier.clone();
    let read = Arc::new(AtomicUsize::new(0));
    let seen = read.clone();
    let teller = std::thread::spawn(move || {
        for number in 0..10_000 {
            // A notice that waits already is not given twice: never a thousand at once.
            eventually("they are read", || number < seen.load(Ordering::SeqCst) + 900);
            notifier.resource_updated(&format!("note://{}", number % 1_000));
        }
    });
    let messages = read_with_cuts(&client, talk, 10_000, 100, &mut random, &read);
    teller.join().expect("told");
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(uri(message), format!("note://{}", number % 1_000));
    }
}

/// What a server holds for a reader that does not read is bounded: the stream is cut, and others
/// go on (issue "streams that survive the real network").
#[test]
fn a_slow_reader_is_cut_and_costs_nobody_anything() {
    let server = live();
    let (slow, fast) = (server.client(LATEST), server.client(LATEST));
    let filler = "y".repeat(3_000);
    let long = |number: usize| json!({ "uri": format!("note://{number}-{filler}") });
    let mut talk = Talk::connect(server.address);
    for client in [&slow, &fast] {
        for number in 0..20 {
            talk.ask(&client.request(1, "resources/subscribe", long(number)));
        }
    }
    let mut sleeper = Talk::connect_slow(server.address);
    sleeper.send(bare(&slow.bare("GET")));
    let mut reader = fast.listen();
    let mut told = 0;
    for number in 0..8_000 {
        let notice = long(number % 20);
        server.notifier.resource_updated(notice["uri"].as_str().expect("a URI"));
        told += reader.next().to_string().len();
    }
    let held = sleeper.swallow_all();
    assert!(told > 20_000_000, "{told}");
    assert!(held < told / 2, "{held} of {told} bytes were held for one that does not read");
    server.assert_alive();
}
