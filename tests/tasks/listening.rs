//! Hearing of tasks: `subscriptions/listen` with `taskIds`.

use super::stateful::Client;
use super::*;

#[test]
fn tasks_can_be_listened_to() {
    let (server, _) = start();
    let id = begin(&server, "asks");
    until(&server, &id, "input_required");
    let listen = |meta: Value| {
        let notifications = json!({ "taskIds": [id] });
        ask(
            json!("s"),
            "subscriptions/listen",
            json!({
            "notifications": notifications, "_meta": meta }),
        )
    };
    let (status, code, _) = server.error(&listen(able(json!({}))));
    assert_eq!((status, code), (400, -32021));
    let mut tap = server.open(&listen(takes_tasks()));
    let ack = tap.message();
    assert_eq!(ack["params"]["notifications"], json!({ "taskIds": [id] }));
    let mut keys = vec!["name".to_owned()];
    server.result(&update(&id, json!({ "name": accept("a") })));
    loop {
        let message = tap.message();
        assert_eq!(message["method"], "notifications/tasks");
        let params = &message["params"];
        assert_eq!(params["_meta"]["io.modelcontextprotocol/subscriptionId"], "s");
        check_task(params);
        match params["status"].as_str().expect("a status") {
            "working" => {}
            "input_required" => {
                let open = params["inputRequests"].as_object().expect("questions");
                for key in open.keys().filter(|key| !keys.contains(key)).collect::<Vec<_>>() {
                    let mut responses = json!({});
                    responses[key] = accept(key);
                    server.result(&update(&id, responses));
                }
                keys.extend(open.keys().cloned());
            }
            "completed" => break,
            other => panic!("{other}"),
        }
    }
    tap.expect_silence(Duration::from_millis(50));
}

#[test]
fn what_is_heard_of_a_task_ends_with_its_end() {
    let (server, _) = start();
    let mut taps = Vec::new();
    for _ in 0..60 {
        let id = begin(&server, "asks_once");
        until(&server, &id, "input_required");
        let params = json!({ "notifications": { "taskIds": [id] }, "_meta": takes_tasks() });
        let mut tap = server.open(&ask(json!(1), "subscriptions/listen", params));
        tap.message();
        server.result(&update(&id, json!({ "name": accept("a") })));
        taps.push((tap, id));
    }
    for (tap, id) in &mut taps {
        while tap.message()["params"]["status"] != "completed" {}
        until(&server, id, "completed");
        tap.expect_silence(Duration::from_millis(3));
    }
}

#[test]
fn a_listener_of_tasks_alone_hears_nothing_else() {
    let (server, _) = start();
    let mut tap = server.open(&listen(json!(1), json!({})));
    assert_eq!(tap.message()["params"]["notifications"], json!({}));
    let id = begin(&server, "quick");
    until(&server, &id, "completed");
    tap.expect_silence(Duration::from_millis(50));
}

#[test]
fn nobody_listens_to_the_tasks_of_another_session() {
    let (server, _) = start();
    let mine = Client::new(&server);
    let id = mine.begin("asks", json!({}));
    let params = json!({ "notifications": { "taskIds": [id] }, "_meta": takes_tasks() });
    let mut tap = server.open(&ask(json!(1), "subscriptions/listen", params));
    assert_eq!(tap.message()["method"], "notifications/subscriptions/acknowledged");
    mine.result("tasks/cancel", json!({ "taskId": id }));
    tap.expect_silence(Duration::from_millis(300));
}
