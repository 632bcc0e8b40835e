//! `subscriptions/listen` (2026-07-28, "Subscriptions").

mod common;

use std::time::Duration;

use common::events::{Tap, Up, call_with, listen, up};
use mcp_fastd::{Call, Config, Empty, Server, about};
use serde_json::{Value, json};

const ID: &str = "io.modelcontextprotocol/subscriptionId";

fn tell(_: &(), _: Empty, call: &Call<'_>) -> &'static str {
    call.notifier().tools_changed();
    call.notifier().resource_updated("app://a");
    "told"
}

fn start_with(change: impl FnOnce(&mut Config)) -> Up {
    let server = Server::builder()
        .tool("tell", tell)
        .tool(about("tell_on_worker").on_worker(), tell)
        .prompt("greet", |_: Empty| "Hello".to_owned())
        .resource("app://a", |_: &()| "a")
        .build();
    up(server, change)
}

fn start() -> Up {
    start_with(|_| {})
}

/// Opens a subscription; checks its acknowledgement.
#[track_caller]
fn subscribe(server: &Up, id: Value, filter: Value) -> Tap {
    let mut tap = server.open(&listen(id.clone(), filter.clone()));
    assert_eq!(tap.status, 200);
    let first = tap.message();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["_meta"][ID], id);
    assert_eq!(first["params"]["notifications"], filter);
    tap
}

/// The next notice: its method, and its URI where it has one.
#[track_caller]
fn notice(tap: &mut Tap, id: &Value) -> (String, Option<String>) {
    let message = tap.message();
    assert!(message.get("id").is_none(), "{message}");
    let params = &message["params"];
    assert_eq!(&params["_meta"][ID], id, "{message}");
    let method = message["method"].as_str().and_then(|text| text.strip_prefix("notifications/"));
    let uri = params["uri"].as_str().map(str::to_owned);
    assert_eq!(params.as_object().map(|all| all.len()), Some(1 + usize::from(uri.is_some())));
    (method.expect("a notification").to_owned(), uri)
}

fn all() -> Value {
    json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
        "resourceSubscriptions": ["app://a", "app://b"] })
}

fn say_everything(server: &Up) {
    let notifier = server.running().notifier();
    notifier.tools_changed();
    notifier.prompts_changed();
    notifier.resources_changed();
    notifier.resource_updated("app://a");
    notifier.resource_updated("app://b");
    notifier.resource_updated("app://c");
}

#[test]
fn everything_that_was_asked_for_comes_in_order_with_its_id() {
    let server = start();
    for id in
        [json!("s \" \u{e9}"), json!(1), json!(0), json!(-5), json!(9_007_199_254_740_991_u64)]
    {
        let mut tap = subscribe(&server, id.clone(), all());
        say_everything(&server);
        let named = |method: &str, uri: Option<&str>| (method.to_owned(), uri.map(str::to_owned));
        for wanted in [
            named("tools/list_changed", None),
            named("prompts/list_changed", None),
            named("resources/list_changed", None),
            named("resources/updated", Some("app://a")),
            named("resources/updated", Some("app://b")),
        ] {
            assert_eq!(notice(&mut tap, &id), wanted);
        }
        tap.expect_silence(Duration::from_millis(20));
    }
}

#[test]
fn nothing_that_was_not_asked_for_comes() {
    let server = start();
    for (filter, wanted) in [
        (json!({ "toolsListChanged": true }), vec!["tools/list_changed"]),
        (json!({ "promptsListChanged": true }), vec!["prompts/list_changed"]),
        (json!({ "resourcesListChanged": true }), vec!["resources/list_changed"]),
        (json!({ "resourceSubscriptions": ["app://c"] }), vec!["resources/updated"]),
        (json!({ "resourceSubscriptions": ["app://c", "app://zz"] }), vec!["resources/updated"]),
        (json!({}), vec![]),
    ] {
        let mut tap = subscribe(&server, json!(1), filter);
        say_everything(&server);
        for method in wanted {
            assert_eq!(notice(&mut tap, &json!(1)).0, method);
        }
        tap.expect_silence(Duration::from_millis(30));
    }
}

#[test]
fn what_the_server_has_not_is_not_acknowledged() {
    let server = up(Server::builder().tool("only", |_: Empty| "a tool").build(), |_| {});
    let mut filter = all();
    filter["unheard"] = json!(["of"]);
    let mut tap = server.open(&listen(json!(1), filter));
    let first = tap.message();
    assert_eq!(first["params"]["notifications"], json!({ "toolsListChanged": true }));
    say_everything(&server);
    assert_eq!(notice(&mut tap, &json!(1)).0, "tools/list_changed");
    tap.expect_silence(Duration::from_millis(30));
    // What is not wished is not acknowledged either.
    let mut tap = server.open(&listen(json!(1), json!({ "toolsListChanged": false })));
    assert_eq!(tap.message()["params"]["notifications"], json!({}));
}

#[test]
fn filters_that_are_none() {
    let server = start();
    for wrong in [
        json!(null),
        json!([]),
        json!("all"),
        json!({ "toolsListChanged": 1 }),
        json!({ "toolsListChanged": "true" }),
        json!({ "resourceSubscriptions": "app://a" }),
        json!({ "resourceSubscriptions": [1] }),
        json!({ "resourceSubscriptions": {} }),
        json!({ "resourceSubscriptions": vec!["app://a"; 5000] }),
    ] {
        let mut tap = server.open(&listen(json!("x"), wrong.clone()));
        assert_eq!((tap.status, tap.is_stream()), (200, false), "{wrong}");
        let answer = tap.messages().remove(0);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(answer["id"], "x");
    }
    let mut tap = server.open(&listen(json!(1), all()).instead("Accept", "application/json"));
    assert_eq!(tap.status, 406);
    assert!(tap.messages()[0]["error"].is_object());
    tap.open(&call_with(2, "tell", json!({})));
    assert_eq!(tap.messages()[0]["id"], 2, "the connection goes on");
    let legacy = common::legacy(json!(1), "subscriptions/listen", json!({ "notifications": {} }));
    assert_eq!(server.error(&legacy).1, -32601);
}

#[test]
fn several_at_once_each_with_its_own_id() {
    let server = start();
    let mut taps: Vec<_> = (0..8)
        .map(|id| (json!(id), subscribe(&server, json!(id), json!({ "toolsListChanged": true }))))
        .collect();
    // An id may be in use on another connection: it is the client's.
    taps.push((json!(0), subscribe(&server, json!(0), json!({ "toolsListChanged": true }))));
    let mut other = subscribe(&server, json!("p"), json!({ "promptsListChanged": true }));
    server.running().notifier().tools_changed();
    for (id, tap) in &mut taps {
        assert_eq!(notice(tap, id).0, "tools/list_changed");
    }
    other.expect_silence(Duration::from_millis(30));
}

#[test]
fn notices_come_from_any_thread() {
    let server = Server::builder()
        .tool("tell", tell)
        .tool(about("tell_on_worker").on_worker(), tell)
        .resource("app://a", |_: &()| "a")
        .build();
    let early = server.notifier();
    early.tools_changed();
    let server = up(server, |_| {});
    let filter = json!({ "toolsListChanged": true });
    let mut tap = subscribe(&server, json!(1), filter);
    tap.expect_silence(Duration::from_millis(20));
    for notifier in [early.clone(), server.running().notifier(), early] {
        std::thread::spawn(move || notifier.tools_changed()).join().expect("no panic");
        assert_eq!(notice(&mut tap, &json!(1)).0, "tools/list_changed");
    }
    for tool in ["tell", "tell_on_worker"] {
        assert_eq!(server.result(&call_with(1, tool, json!({})))["isError"], false);
        assert_eq!(notice(&mut tap, &json!(1)).0, "tools/list_changed");
    }
}

#[test]
fn many_threads_and_many_listeners() {
    let server = start();
    let uris: Vec<_> = (0..40).map(|at| format!("app://{at}")).collect();
    let filter = json!({ "resourceSubscriptions": uris });
    let mut taps: Vec<_> =
        (0..40).map(|id| subscribe(&server, json!(id), filter.clone())).collect();
    std::thread::scope(|scope| {
        for part in uris.chunks(10) {
            let notifier = server.running().notifier();
            scope.spawn(move || part.iter().for_each(|uri| notifier.resource_updated(uri)));
        }
    });
    for (id, tap) in taps.iter_mut().enumerate() {
        let mut heard: Vec<_> =
            uris.iter().map(|_| notice(tap, &json!(id)).1.expect("a URI")).collect();
        // Each thread's notices come in its order, and all of them once.
        for part in uris.chunks(10) {
            let of_part: Vec<_> = heard.iter().filter(|uri| part.contains(uri)).collect();
            assert_eq!(of_part, part.iter().collect::<Vec<_>>());
        }
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), uris.len());
    }
}

fn burst(_: &(), _: Empty, call: &Call<'_>) -> &'static str {
    for _ in 0..1000 {
        call.notifier().tools_changed();
        call.notifier().resource_updated("app://a");
    }
    "told"
}

#[test]
fn notices_that_wait_already_are_not_said_twice() {
    let server = Server::builder().tool("burst", burst).resource("app://a", |_: &()| "a").build();
    // The listener's shard is busy with the function, so that all wait.
    let server = up(server, |config| config.cores = Some(1));
    let filter = json!({ "toolsListChanged": true, "resourceSubscriptions": ["app://a"] });
    let mut tap = subscribe(&server, json!(1), filter);
    server.result(&call_with(2, "burst", json!({})));
    let mut heard = [notice(&mut tap, &json!(1)).0, notice(&mut tap, &json!(1)).0];
    heard.sort();
    assert_eq!(heard, ["resources/updated", "tools/list_changed"]);
    tap.expect_silence(Duration::from_millis(50));
}

#[test]
fn a_server_that_stops_says_so() {
    let server = start();
    let mut taps: Vec<_> = (0..6)
        .map(|id| subscribe(&server, json!(id), json!({ "toolsListChanged": true })))
        .collect();
    let mut text = subscribe(&server, json!("text"), json!({}));
    server.stop();
    let result = |id: Value| {
        json!({ "jsonrpc": "2.0", "id": id, "result": {
            "resultType": "complete", "_meta": { ID: id } } })
    };
    for (id, tap) in taps.iter_mut().enumerate() {
        assert_eq!(tap.messages(), [result(json!(id))]);
        tap.expect_end();
    }
    assert_eq!(text.messages(), [result(json!("text"))]);
}

#[test]
fn listeners_that_leave_are_forgotten() {
    let server = start_with(|config| config.connections_max = 64);
    for _ in 0..10 {
        let taps: Vec<_> = (0..30)
            .map(|id| subscribe(&server, json!(id), json!({ "toolsListChanged": true })))
            .collect();
        server.running().notifier().tools_changed();
        drop(taps);
    }
    let mut tap = subscribe(&server, json!(1), json!({ "toolsListChanged": true }));
    server.running().notifier().tools_changed();
    assert_eq!(notice(&mut tap, &json!(1)).0, "tools/list_changed");
    tap.expect_silence(Duration::from_millis(20));
}
