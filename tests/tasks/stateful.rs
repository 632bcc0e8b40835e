//! Tasks as 2025-11-25 has them.

use super::*;

/// A client of 2025-11-25 with a session.
pub struct Client<'s> {
    server: &'s Up,
    session: String,
}

impl<'s> Client<'s> {
    pub fn new(server: &'s Up) -> Client<'s> {
        let params = json!({ "protocolVersion": "2025-11-25",
            "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "tester", "version": "1" } });
        let tap = server.open(&common::legacy(json!(0), "initialize", params));
        let session = tap.field("mcp-session-id").expect("a session").to_owned();
        Client { server, session }
    }

    fn post(&self, method: &str, params: Value) -> Post {
        common::legacy(json!(7), method, params).with("Mcp-Session-Id", &self.session)
    }

    #[track_caller]
    pub fn result(&self, method: &str, params: Value) -> Value {
        self.server.result(&self.post(method, params))
    }

    #[track_caller]
    fn code(&self, method: &str, params: Value) -> i64 {
        self.server.error(&self.post(method, params)).1
    }

    #[track_caller]
    pub fn begin(&self, tool: &str, task: Value) -> String {
        let params = json!({ "name": tool, "arguments": {}, "task": task });
        let mut result = self.result("tools/call", params);
        let task = result["task"].take();
        assert!(task["ttl"].is_u64() && task["createdAt"].is_string(), "{task}");
        assert_eq!(task["status"], "working");
        task["taskId"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn a_task_of_2025_11_25_from_call_to_result() {
    let (server, _) = start();
    let client = Client::new(&server);
    let id = client.begin("quick", json!({ "ttl": 60_000 }));
    let result = client.result("tasks/result", json!({ "taskId": id }));
    assert_eq!(result["content"][0]["text"], "done");
    assert_eq!(result["_meta"][RELATED]["taskId"], id.as_str());
    let task = client.result("tasks/get", json!({ "taskId": id }));
    assert_eq!((&task["status"], &task["ttl"]), (&json!("completed"), &json!(60_000)));
    assert!(task.get("_meta").is_none() && task.get("result").is_none(), "{task}");
    let list = client.result("tasks/list", json!({}));
    assert_eq!(list["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["tasks"][0], task);
    assert_eq!(client.code("tasks/cancel", json!({ "taskId": id })), -32602, "it is over");
    let id = client.begin("fails", json!({}));
    let result = client.result("tasks/result", json!({ "taskId": id }));
    assert_eq!(result["isError"], true);
    let task = client.result("tasks/get", json!({ "taskId": id }));
    assert_eq!(task["status"], "failed");
    let id = client.begin("breaks", json!({}));
    assert_eq!(client.code("tasks/result", json!({ "taskId": id })), -32050);
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(client.code(method, json!({ "taskId": "nope" })), -32602);
    }
    assert_eq!(client.code("tasks/list", json!({ "cursor": "forged" })), -32602);
}

#[test]
fn which_tools_become_tasks_in_2025_11_25() {
    let (server, _) = start();
    let client = Client::new(&server);
    let call = |tool: &str| json!({ "name": tool, "arguments": {} });
    let task = |tool: &str| json!({ "name": tool, "arguments": {}, "task": {} });
    assert_eq!(client.code("tools/call", call("required")), -32601);
    assert_eq!(client.code("tools/call", task("plain")), -32601);
    assert_eq!(client.result("tools/call", call("quick"))["content"][0]["text"], "done");
    for wrong in [json!({ "ttl": -1 }), json!({ "ttl": "x" }), json!(1), json!([])] {
        let params = json!({ "name": "quick", "arguments": {}, "task": wrong });
        assert_eq!(client.code("tools/call", params), -32602, "{wrong}");
    }
    let tools = client.result("tools/list", json!({}));
    for tool in tools["tools"].as_array().expect("tools") {
        let support = tool["execution"]["taskSupport"].as_str().unwrap_or("forbidden");
        let wanted = match tool["name"].as_str().expect("a name") {
            "required" => "required",
            "plain" | "later" | "too_late" => "forbidden",
            _ => "optional",
        };
        assert_eq!(support, wanted, "{tool}");
    }
}

#[test]
fn a_task_asks_through_its_result() {
    let (server, _) = start();
    let client = Client::new(&server);
    let id = client.begin("asks", json!({}));
    eventually("it asks", || {
        client.result("tasks/get", json!({ "taskId": id }))["status"] == "input_required"
    });
    let mut tap = server.open(&client.post("tasks/result", json!({ "taskId": id })));
    for answer in ["a", "b", "c"] {
        let question = tap.message();
        assert_eq!(question["method"], "elicitation/create", "{question}");
        assert_eq!(question["params"]["_meta"][RELATED]["taskId"], id.as_str());
        let response = json!({ "jsonrpc": "2.0", "id": question["id"], "result": accept(answer) });
        let post = Post::new(response.to_string())
            .with("MCP-Protocol-Version", "2025-11-25")
            .with("Mcp-Session-Id", &client.session);
        assert_eq!(server.open(&post).status, 202);
    }
    let result = tap.message();
    assert_eq!(result["result"]["content"][0]["text"], "a b c");
    assert_eq!(result["result"]["_meta"][RELATED]["taskId"], id.as_str());
    assert_eq!(tap.next(), None);
}

#[test]
fn cancelling_ends_the_wait_for_a_result() {
    let (server, seen) = start();
    let client = Client::new(&server);
    let id = client.begin("slow", json!({}));
    let mut tap = Tap::connect(server.address);
    tap.send(client.post("tasks/result", json!({ "taskId": id })).bytes());
    eventually("it runs", || seen.running.load(Ordering::SeqCst) == 1);
    let task = client.result("tasks/cancel", json!({ "taskId": id }));
    assert_eq!(task["status"], "cancelled", "{task}");
    tap.head();
    assert!(tap.messages()[0]["error"].is_object());
    assert!(client.server.error(&client.post("tasks/result", json!({ "taskId": id }))).1 < 0);
}

#[test]
fn nobody_finds_the_tasks_of_another_session() {
    let (server, _) = start();
    let (mine, other) = (Client::new(&server), Client::new(&server));
    let id = mine.begin("quick", json!({}));
    mine.result("tasks/result", json!({ "taskId": id }));
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(other.code(method, json!({ "taskId": id })), -32602, "{method}");
    }
    assert_eq!(other.result("tasks/list", json!({}))["tasks"], json!([]));
    let (_, code, _) = server.error(&modern("tasks/get", json!({ "taskId": id })));
    assert_eq!(code, -32602);
}

#[test]
fn without_a_session_nobody_lists_the_tasks_of_all() {
    let (server, _) = start();
    let id = begin(&server, "quick");
    let answer = server.ask(&common::legacy(json!(1), "tasks/list", json!({})));
    assert!(!answer[0].to_string().contains(&id), "somebody else's: {answer:?}");
}

#[test]
fn a_task_whose_time_is_over_is_gone() {
    let (server, seen) = start_with(|config| {
        // How often what is too old is looked for follows from this.
        config.session_idle_timeout = Duration::from_secs(60);
        config.replay_window = Duration::from_secs(1);
    });
    let client = Client::new(&server);
    let id = client.begin("slow", json!({ "ttl": 200 }));
    eventually("it is gone", || {
        let answer = server.ask(&client.post("tasks/get", json!({ "taskId": id })));
        answer[0]["error"]["code"] == -32602
    });
    let list = client.result("tasks/list", json!({}));
    assert_eq!(list["tasks"], json!([]), "what cannot be had is not listed");
    eventually("the tool hears of it", || seen.cancelled.load(Ordering::SeqCst) == 1);
}
