//! The extension `io.modelcontextprotocol/tasks` of 2026-07-28.

use super::*;

#[test]
fn a_call_becomes_a_task_for_a_client_that_takes_tasks() {
    let (server, _) = start();
    let id = begin(&server, "quick");
    let task = until(&server, &id, "completed");
    assert_eq!(task["result"]["content"][0]["text"], "done");
    assert_eq!(task["result"]["isError"], false);
    assert_eq!(get(&server, &id), task, "nothing comes after the end");
    // Without the extension: the call itself, or -32021.
    let result = server.result(&call_with(1, "quick", json!({})));
    assert_eq!(result["content"][0]["text"], "done");
    let (status, code, data) = server.error(&call_with(1, "required", json!({})));
    assert_eq!((status, code), (400, -32021));
    let extension = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    assert_eq!(data["requiredCapabilities"], extension);
    until(&server, &begin(&server, "required"), "completed");
    assert_eq!(server.result(&call_with(1, "plain", takes_tasks()))["resultType"], "complete");
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        let params = json!({ "taskId": id, "inputResponses": {} });
        let (status, code, _) = server.error(&ask(json!(1), method, params));
        assert_eq!((status, code), (400, -32021), "{method}");
    }
}

#[test]
fn what_goes_wrong_in_a_task() {
    let (server, _) = start();
    let task = until(&server, &begin(&server, "fails"), "completed");
    assert_eq!(task["result"]["isError"], true);
    let task = until(&server, &begin(&server, "breaks"), "failed");
    assert_eq!(task["error"], json!({ "code": -32050, "message": "as it was told" }));
    let task = until(&server, &begin(&server, "panics"), "failed");
    assert_eq!(task["error"]["code"], -32603);
}

#[test]
fn unknown_tasks_and_methods() {
    let (server, _) = start();
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        for id in ["", "nope", "00000000000000000000000000000000"] {
            let params = json!({ "taskId": id, "inputResponses": {} });
            let (status, code, _) = server.error(&modern(method, params));
            assert_eq!((status, code), (200, -32602), "{method} {id}");
        }
        let (_, code, _) = server.error(&modern(method, json!({ "inputResponses": {} })));
        assert_eq!(code, -32602, "{method}");
        let wrong = modern(method, json!({ "taskId": "a" })).instead("Mcp-Name", "b");
        let (status, code, _) = server.error(&wrong);
        assert_eq!((status, code), (400, -32020), "{method}");
    }
    for method in ["tasks/list", "tasks/result"] {
        let (status, code, _) = server.error(&modern(method, json!({ "taskId": "a" })));
        assert_eq!((status, code), (404, -32601), "{method}");
    }
}

#[test]
fn a_task_is_cancelled() {
    let (server, seen) = start();
    let id = begin(&server, "slow");
    eventually("it runs", || seen.running.load(Ordering::SeqCst) == 1);
    let cancel = modern("tasks/cancel", json!({ "taskId": id }));
    let result = server.result(&cancel);
    assert_eq!(result["resultType"], "complete");
    assert!(result.get("taskId").is_none(), "an empty result: {result}");
    eventually("the tool sees it", || seen.cancelled.load(Ordering::SeqCst) == 1);
    until(&server, &id, "cancelled");
    assert_eq!(server.result(&cancel)["resultType"], "complete", "again");
    until(&server, &id, "cancelled");
}

#[test]
fn closing_the_connection_does_not_end_a_task() {
    let (server, seen) = start();
    let mut tap = server.open(&call_with(1, "slow", takes_tasks()));
    let id = tap.messages()[0]["result"]["taskId"].as_str().expect("an id").to_owned();
    drop(tap);
    eventually("it runs", || seen.running.load(Ordering::SeqCst) == 1);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(get(&server, &id)["status"], "working");
    server.result(&modern("tasks/cancel", json!({ "taskId": id })));
}

#[test]
fn questions_of_a_task_stand_in_it() {
    let (server, _) = start();
    let id = begin(&server, "asks");
    let mut keys = Vec::new();
    for answer in ["a", "b", "c"] {
        let task = until(&server, &id, "input_required");
        let open = task["inputRequests"].as_object().expect("questions");
        let (key, request) = open.iter().next().expect("one");
        assert_eq!((open.len(), &request["method"]), (1, &json!("elicitation/create")));
        assert_eq!(request["params"]["mode"], "form");
        assert!(!keys.contains(key), "no key is used twice: {key}");
        keys.push(key.clone());
        let mut responses = json!({ "never-asked": accept("no"), keys[0].as_str(): accept("x") });
        responses[key] = accept(answer);
        let result = server.result(&update(&id, responses));
        assert_eq!(result["resultType"], "complete");
    }
    let task = until(&server, &id, "completed");
    assert_eq!(task["result"]["content"][0]["text"], "a b c");
    server.result(&update(&id, json!({ "name": accept("late") })));
    assert_eq!(get(&server, &id), task);
}

#[test]
fn cancelling_a_task_that_waits_for_an_answer() {
    let (server, _) = start();
    let id = begin(&server, "asks");
    until(&server, &id, "input_required");
    server.result(&modern("tasks/cancel", json!({ "taskId": id })));
    until(&server, &id, "cancelled");
    server.result(&update(&id, json!({ "name": accept("late") })));
    assert_eq!(get(&server, &id)["status"], "cancelled");
}

#[test]
fn a_bad_state_does_not_leave_a_task_behind_that_never_ends() {
    let (server, _) = start();
    let params = json!({ "name": "quick", "arguments": {}, "requestState": "bogus",
        "_meta": takes_tasks() });
    let answer = server.ask(&ask(json!(1), "tools/call", params)).pop().expect("an answer");
    if let Some(id) = answer["result"]["taskId"].as_str() {
        until(&server, id, "failed");
    } else {
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
}

#[test]
fn a_tool_makes_a_task_of_its_call_by_itself() {
    let (server, _) = start();
    let mut meta = takes_tasks();
    meta["progressToken"] = json!("p");
    meta["io.modelcontextprotocol/logLevel"] = json!("debug");
    let said = server.ask(&call_with(1, "later", meta));
    let handle = &said.last().expect("an answer")["result"];
    assert_eq!(handle["resultType"], "task");
    assert_eq!(said.len(), 2, "what was said before, and nothing after: {said:?}");
    let task = until(&server, handle["taskId"].as_str().expect("an id"), "completed");
    assert_eq!(task["result"]["content"][0]["text"], "later");
    let (status, code, _) = server.error(&call_with(1, "later", json!({})));
    assert_eq!((status, code), (400, -32021));
}

#[test]
fn tasks_say_nothing_on_the_answer_to_their_call() {
    let (server, _) = start();
    let mut meta = takes_tasks();
    meta["progressToken"] = json!("p");
    meta["io.modelcontextprotocol/logLevel"] = json!("debug");
    for _ in 0..20 {
        let mut tap = server.open(&call_with(1, "quick", meta.clone()));
        assert!(!tap.is_stream());
        assert_eq!(tap.messages().len(), 1);
    }
}

#[test]
fn many_tasks_do_not_keep_other_calls_waiting() {
    let (server, seen) = start_with(|config| config.workers = Some(2));
    let ids: Vec<_> = (0..20).map(|_| begin(&server, "slow")).collect();
    assert_eq!(server.result(&call_with(1, "plain", json!({})))["isError"], false);
    eventually("all run", || seen.running.load(Ordering::SeqCst) == 20);
    assert_eq!(server.result(&call_with(1, "plain", json!({})))["isError"], false);
    for id in ids {
        server.result(&modern("tasks/cancel", json!({ "taskId": id })));
    }
}

#[test]
fn a_task_that_began_by_itself_and_long_runs_does_not_either() {
    let sleeps = |_: &(), _: Empty, call: &Call<'_>| -> Result<bool, Interrupted> {
        call.require(Capability::Tasks)?;
        call.start_task()?;
        Ok(call.sleep(2 * common::PATIENCE))
    };
    let sleeps = move |state: &(), input: Empty, call: &Call<'_>| {
        sleeps(state, input, call).map(|whole| whole.to_string())
    };
    let server = Server::builder()
        .tool(about("sleeps").on_worker().task(TaskSupport::Optional), |_: Empty| "never")
        .tool(about("sleeps_later").on_worker(), sleeps)
        .tool(about("plain").on_worker(), |_: Empty| "plain")
        .build();
    let server = up(server, |config| config.workers = Some(2));
    let ids: Vec<_> = (0..4)
        .map(|_| {
            let mut tap = Tap::connect(server.address);
            tap.send(call_with(1, "sleeps_later", takes_tasks()).bytes());
            tap
        })
        .map(|mut tap| {
            tap.head();
            tap.messages()[0]["result"]["taskId"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert_eq!(server.result(&call_with(1, "plain", json!({})))["isError"], false);
    for id in ids {
        server.result(&modern("tasks/cancel", json!({ "taskId": id })));
    }
}

#[test]
fn a_call_that_nobody_waits_for_begins_no_task() {
    let (server, seen) = start();
    let mut tap = Tap::connect(server.address);
    tap.send(call_with(1, "too_late", takes_tasks()).bytes());
    eventually("it runs", || seen.running.load(Ordering::SeqCst) == 1);
    drop(tap);
    eventually("it sees it", || seen.cancelled.load(Ordering::SeqCst) == 1);
    eventually("there is no task", || seen.refused.load(Ordering::SeqCst) == 1);
}
