//! What holds for every input: an answer does not depend on how its request arrives, and our JSON
//! is everybody's JSON.

mod common;

#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code)]
mod targets;

use std::sync::Arc;

use common::{Post, Stage, application, call, legacy, modern};
use mcp_fastd::{Exchange, Handler};
use proptest::prelude::*;
use serde_json::{Value, json};

fn exchange() -> Exchange<impl Handler> {
    Exchange::new(application(Arc::new(Stage::default()))).expect("a server in order")
}

/// Requests that a server answers, good and bad, and none that ends the connection.
fn request() -> impl Strategy<Value = Post> {
    let text = prop_oneof![".{0,40}", "[ -~]{0,300}", Just("\u{1f980}\u{0}\u{2028}".to_owned())];
    prop_oneof![
        (any::<i64>(), any::<i64>()).prop_map(|(a, b)| call(1, "add", json!({ "a": a, "b": b }))),
        (any::<u64>(), text.clone()).prop_map(|(id, text)| call(
            id,
            "echo",
            json!({ "text": text })
        )),
        (text.clone(), text).prop_map(|(id, text)| legacy(
            json!(id),
            "tools/call",
            json!({ "name": "echo_on_worker", "arguments": { "text": text } })
        )),
        Just(modern(json!("l"), "tools/list", json!({}))),
        Just(legacy(json!(0), "ping", json!({}))),
        Just(modern(json!(1), "nonsense", json!({}))),
        Just(Post::new(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)),
        "[ -~]{0,60}".prop_map(Post::new),
    ]
}

/// JSON documents, of which some nest and some have numbers that others round.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |x| x.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\\u{0}-\u{1f}\u{e9}\u{1f980}]{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn an_answer_does_not_depend_on_where_its_request_is_split(
        requests in proptest::collection::vec((request(), 0_usize..40), 1..4),
    ) {
        let bytes: Vec<u8> = requests
            .iter()
            .flat_map(|(post, chunk)| if *chunk == 0 { post.bytes() } else { post.chunked(*chunk) })
            .collect();
        let mut exchange = exchange();
        let whole = exchange.send(&bytes).to_vec();
        prop_assert_eq!(common::wire::responses(&whole).len(), requests.len());
        for at in 1..bytes.len() {
            let mut parts = exchange.send(&bytes[..at]).to_vec();
            parts.extend_from_slice(exchange.send(&bytes[at..]));
            prop_assert!(parts == whole, "split at {}", at);
        }
        let mut dripped = Vec::new();
        for byte in bytes.chunks(1) {
            dripped.extend_from_slice(exchange.send(byte));
        }
        prop_assert!(dripped == whole, "byte by byte");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn documents_are_what_serde_json_says_they_are(document in document(), pretty in any::<bool>()) {
        let text = match pretty {
            true => serde_json::to_string_pretty(&document),
            false => serde_json::to_string(&document),
        };
        targets::message(text.expect("serde_json writes JSON").as_bytes());
    }

    #[test]
    fn damaged_documents_are_refused_where_serde_json_refuses_them(
        document in document(),
        damage in proptest::collection::vec(
            (any::<prop::sample::Index>(), prop_oneof![
                any::<u8>(),
                prop::sample::select(b"{}[]\",:\\0123456789.-+eEtfnu \n/".to_vec()),
            ], any::<bool>()),
            1..4,
        ),
    ) {
        let mut text = serde_json::to_vec(&document).expect("serde_json writes JSON");
        for (at, byte, insert) in damage {
            let at = at.index(text.len());
            if insert {
                text.insert(at, byte);
            } else {
                text[at] = byte;
            }
        }
        targets::message(&text);
    }

    #[test]
    fn any_bytes_after_a_head_are_a_body_or_are_refused(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        targets::chunked(&data);
        targets::request(&data);
        targets::exchange(&data);
    }
}
