//! Handlers written for rmcp, on this engine, in both eras: what they do, and what becomes of them.

mod common;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::eventually;
use common::requests::modern;
use common::session::{Client, LATEST, everything, initialize};
use common::sse::Talk;
use mcp_fastd::Config;
use mcp_fastd::adapter::rmcp::serve_with;
use rmcp::model::*;
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// What the handlers did.
#[derive(Default)]
struct Scene {
    made: AtomicUsize,
    dropped: AtomicUsize,
    waiting: AtomicUsize,
    cancelled: AtomicUsize,
}

struct Talkative {
    scene: Arc<Scene>,
    /// Calls of this handler.
    calls: AtomicUsize,
}

impl Drop for Talkative {
    fn drop(&mut self) {
        self.scene.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

type Context = RequestContext<RoleServer>;

fn text(text: impl Into<String>) -> Result<CallToolResponse, ErrorData> {
    Ok(CallToolResult::success(vec![ContentBlock::text(text.into())]).into())
}

fn internal(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

#[allow(deprecated)]
impl ServerHandler for Talkative {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("talkative", "1"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let object = Value::as_object(&json!({ "type": "object" })).cloned().unwrap_or_default();
        let tools = vec![Tool::new("count", "Counts.", object)];
        Ok(ListToolsResult { tools, ..Default::default() })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        match request.name.as_ref() {
            "count" => text((self.calls.fetch_add(1, Ordering::SeqCst) + 1).to_string()),
            "echo" => text(arguments["text"].as_str().unwrap_or_default()),
            "later" => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                text(arguments["text"].as_str().unwrap_or_default())
            }
            "header" => {
                let parts = context.extensions.get::<http::request::Parts>();
                let parts = parts.ok_or_else(|| internal("no parts"))?;
                let value = parts.headers.get("x-test").and_then(|value| value.to_str().ok());
                text(format!("{} {} {}", parts.method, parts.uri, value.unwrap_or("none")))
            }
            "progress" => {
                let token = context.meta.get_progress_token();
                for step in [1.0, 2.0, 3.0] {
                    if let Some(token) = &token {
                        let progress = ProgressNotificationParam::new(token.clone(), step);
                        context.peer.notify_progress(progress).await.map_err(internal)?;
                    }
                }
                text("done")
            }
            "log" => {
                let line = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!("line"));
                context.peer.notify_logging_message(line).await.map_err(internal)?;
                text("logged")
            }
            "ask" => match context.peer.list_roots().await {
                Ok(roots) => text(roots.roots.len().to_string()),
                Err(error) => text(error.to_string()),
            },
            "wait" => {
                self.scene.waiting.fetch_add(1, Ordering::SeqCst);
                context.ct.cancelled().await;
                self.scene.cancelled.fetch_add(1, Ordering::SeqCst);
                text("nobody reads this")
            }
            "panic" => panic!("as it was told"),
            "panic_later" => {
                tokio::task::yield_now().await;
                panic!("as it was told")
            }
            _ => Err(ErrorData::invalid_params("no such tool", None)),
        }
    }

    fn accepted_subscription_filter(
        &self,
        asked: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(asked.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        context.sink().notify_tool_list_changed().await.map_err(internal)?;
        context.cancelled().await;
        self.scene.cancelled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Runs a test against a server of such handlers.
fn talking(test: impl FnOnce(SocketAddr, &Scene)) {
    let runtime = Runtime::new().expect("a runtime");
    let scene = Arc::new(Scene::default());
    let serving = {
        let _within = runtime.enter();
        let scene = scene.clone();
        let bind = SocketAddr::from(([127, 0, 0, 1], 0));
        let shutdown_grace = Duration::from_millis(300);
        let config =
            Config { bind, cores: Some(2), pin: false, shutdown_grace, ..Config::default() };
        let make = move || {
            scene.made.fetch_add(1, Ordering::SeqCst);
            Ok(Talkative { scene: scene.clone(), calls: AtomicUsize::new(0) })
        };
        serve_with(make, config).expect("it starts")
    };
    test(serving.addr(), &scene);
    runtime.block_on(serving.stop()).expect("it stops");
    eventually("every handler is dropped", || {
        scene.made.load(Ordering::SeqCst) == scene.dropped.load(Ordering::SeqCst)
    });
}

fn tool(id: Value, name: &str, arguments: Value) -> common::Post {
    modern(id, "tools/call", json!({ "name": name, "arguments": arguments }))
}

fn with_meta(post: common::Post, key: &str, value: Value) -> common::Post {
    post.change_body(|body| body["params"]["_meta"][key] = value)
}

#[test]
fn requests_without_a_session_have_a_handler_each() {
    talking(|address, scene| {
        let mut talk = Talk::connect(address);
        for id in [json!(1), json!("one"), json!(-7)] {
            let answer = talk.ask(&tool(id.clone(), "count", json!({})));
            assert_eq!(answer.json()["id"], id);
            assert_eq!(answer.json()["result"]["resultType"], "complete");
            assert_eq!(answer.text(), "1");
        }
        let before = scene.made.load(Ordering::SeqCst);
        assert_eq!(talk.ask(&tool(json!(1), "echo", json!({ "text": "é\n\"" }))).text(), "é\n\"");
        assert_eq!(scene.made.load(Ordering::SeqCst), before + 1);
        let list = talk.ask(&modern(json!(1), "tools/list", json!({})));
        assert_eq!(list.json()["result"]["tools"][0]["name"], "count");
        let found = talk.ask(&modern(json!(1), "server/discover", json!({})));
        assert_eq!(found.json()["result"]["serverInfo"]["name"], Value::Null);
        assert!(found.json()["result"]["capabilities"]["tools"].is_object(), "{found:?}");
    });
}

#[test]
fn what_waits_goes_on_elsewhere() {
    talking(|address, _| {
        let text = |index: usize| format!("text {index}");
        let mut talks: Vec<_> = (0..50)
            .map(|index| {
                let mut talk = Talk::connect(address);
                talk.post(&tool(json!(1), "later", json!({ "text": text(index) })));
                talk
            })
            .collect();
        for (index, talk) in talks.iter_mut().enumerate() {
            assert_eq!(talk.answer().text(), text(index));
        }
    });
}

#[test]
fn tools_find_the_http_request() {
    talking(|address, _| {
        let post = tool(json!(1), "header", json!({})).with("X-Test", "here");
        let post = post.line("POST /mcp?a=b HTTP/1.1");
        assert_eq!(Talk::connect(address).ask(&post).text(), "POST /mcp?a=b here");
        let client = Client::begin(address, LATEST);
        let post = client.tool(1, "header", json!({})).with("X-Test", "there");
        assert_eq!(client.ask(&post).text(), "POST /mcp there");
    });
}

#[test]
fn errors_have_their_statuses() {
    talking(|address, _| {
        let ask = |post: &common::Post| {
            let answer = Talk::connect(address).ask(post);
            (answer.status, answer.json()["error"]["code"].as_i64().unwrap_or_default())
        };
        assert_eq!(ask(&tool(json!(1), "nothing", json!({}))), (200, -32602));
        assert_eq!(ask(&modern(json!(1), "tools/nothing", json!({}))), (404, -32601));
        assert_eq!(ask(&modern(json!(1), "resources/subscribe", json!({ "uri": "a:b" }))).0, 404);
        assert_eq!(ask(&tool(json!(1), "panic", json!({}))), (200, -32603));
        assert_eq!(ask(&tool(json!(1), "panic_later", json!({}))), (200, -32603));
        let watched = with_meta(tool(json!(1), "panic", json!({})), "progressToken", json!(1));
        assert_eq!(ask(&watched), (200, -32603));
        let mut client = Client::begin(address, LATEST);
        assert_eq!(ask(&client.tool(1, "panic", json!({}))), (200, -32603));
        assert_eq!(ask(&client.request(1, "tools/nothing", json!({}))), (200, -32601));
        assert_eq!(ask(&client.request(1, "tools/call", json!({ "name": 5 }))).0, 200);
        client.id = "0".repeat(32);
        assert_eq!(ask(&client.tool(1, "count", json!({}))), (404, -32001));
    });
}

#[test]
fn a_request_is_told_what_it_asked_for_and_nothing_else() {
    talking(|address, _| {
        let progress =
            with_meta(tool(json!(1), "progress", json!({})), "progressToken", json!("t"));
        let mut talks: Vec<_> = (0..20).map(|_| Talk::connect(address)).collect();
        talks.iter_mut().for_each(|talk| talk.post(&progress));
        for talk in &mut talks {
            let answer = talk.answer();
            assert_eq!(answer.notices("notifications/progress").len(), 3, "{answer:?}");
            assert_eq!(answer.text(), "done");
        }
        let log = tool(json!(1), "log", json!({}));
        let answer = Talk::connect(address).ask(&log);
        assert_eq!((answer.messages.len(), answer.text()), (1, "logged"));
        let level = "io.modelcontextprotocol/logLevel";
        let answer = Talk::connect(address).ask(&with_meta(log, level, json!("info")));
        assert_eq!(answer.notices("notifications/message").len(), 1, "{answer:?}");
        let answer = Talk::connect(address).ask(&tool(json!(1), "ask", json!({})));
        assert!(answer.text().contains("not allowed"), "{answer:?}");
    });
}

#[test]
fn a_client_that_leaves_cancels_its_request() {
    talking(|address, scene| {
        for post in [
            tool(json!(1), "wait", json!({})),
            with_meta(tool(json!(1), "wait", json!({})), "progressToken", json!(1)),
        ] {
            let cancelled = scene.cancelled.load(Ordering::SeqCst);
            let mut talk = Talk::connect(address);
            talk.post(&post);
            eventually("it waits", || scene.waiting.load(Ordering::SeqCst) == cancelled + 1);
            drop(talk);
            eventually("it is cancelled", || {
                scene.cancelled.load(Ordering::SeqCst) == cancelled + 1
            });
        }
    });
}

#[test]
fn a_subscription_hears_of_changes_until_it_is_left() {
    talking(|address, scene| {
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        let mut talk = Talk::connect(address);
        talk.post(&modern(json!("sub"), "subscriptions/listen", filter));
        assert!(talk.head());
        let first = talk.next();
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        let second = talk.next();
        assert_eq!(second["method"], "notifications/tools/list_changed");
        let id = &second["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(id, "sub");
        drop(talk);
        eventually("it is cancelled", || scene.cancelled.load(Ordering::SeqCst) == 1);
    });
}

#[test]
fn a_session_has_a_handler_for_as_long_as_it_lasts() {
    talking(|address, scene| {
        let before = scene.dropped.load(Ordering::SeqCst);
        for version in ["2025-03-26", "2025-06-18", LATEST] {
            let client = Client::begin(address, version);
            for call in 1..=3 {
                let answer = client.ask(&client.tool(1, "count", json!({})));
                assert_eq!(answer.text(), call.to_string());
            }
            assert_eq!(client.ask(&client.tool(1, "later", json!({ "text": "x" }))).text(), "x");
            let list = client.ask(&client.request("l", "tools/list", json!({})));
            assert_eq!(list.json()["result"]["tools"][0]["name"], "count");
            assert_eq!(
                client.ask(&client.request(2, "ping", json!({}))).json()["result"],
                json!({})
            );
            let waiting = scene.waiting.load(Ordering::SeqCst);
            let mut held = client.start(&client.tool(9, "wait", json!({})));
            eventually("it waits", || scene.waiting.load(Ordering::SeqCst) == waiting + 1);
            assert_eq!(client.ask_bare("DELETE").status, 204);
            assert!(held.answer().messages.is_empty());
            assert_eq!(client.ask(&client.tool(1, "count", json!({}))).status, 404);
        }
        eventually("all are dropped", || scene.dropped.load(Ordering::SeqCst) == before + 3);
        eventually("all see it", || scene.cancelled.load(Ordering::SeqCst) == 3);
    });
}

#[test]
fn a_session_asks_is_told_and_cancels() {
    talking(|address, scene| {
        let client = Client::able(address, LATEST, everything());
        let answer = client.ask(&client.watched(1, "progress", json!({}), json!("p")));
        assert_eq!(answer.notices("notifications/progress").len(), 3, "{answer:?}");
        // Two at once, each on its own stream.
        let mut asking: Vec<_> =
            (1..=2).map(|id| client.start(&client.tool(id, "ask", json!({})))).collect();
        for (index, talk) in asking.iter_mut().enumerate() {
            assert!(talk.head());
            let question = talk.next();
            assert_eq!(question["method"], "roots/list");
            let roots = vec![json!({ "uri": "file:///a" }); index];
            client.reply(&question, json!({ "roots": roots }));
            assert_eq!(talk.next()["result"]["content"][0]["text"], index.to_string());
        }
        // Log lines go on the session's own stream, as rmcp has it.
        assert_eq!(client.ask(&client.tool(3, "log", json!({}))).text(), "logged");
        assert_eq!(client.listen().next()["params"]["data"], "line");
        let mut held = client.start(&client.tool(4, "wait", json!({})));
        eventually("it waits", || scene.waiting.load(Ordering::SeqCst) == 1);
        client.cancel(4);
        eventually("it is cancelled", || scene.cancelled.load(Ordering::SeqCst) == 1);
        assert!(held.answer().messages.is_empty());
        assert_eq!(client.ask(&client.tool(5, "count", json!({}))).text(), "1");
    });
}

#[test]
fn sessions_agree_on_what_both_speak() {
    talking(|address, _| {
        let answer = Talk::connect(address).ask(&initialize("1999-01-01", json!({})));
        let version = answer.json()["result"]["protocolVersion"].as_str().map(str::to_owned);
        assert!(version.is_some_and(|version| version.as_str() <= LATEST), "{answer:?}");
        assert!(answer.field("Mcp-Session-Id").is_some());
    });
}

#[test]
fn what_cannot_be_made_is_not_served() {
    let make = || Err::<Talkative, _>(io::Error::other("no disk"));
    let outside = serve_with(make, Config::default());
    assert!(outside.err().expect("no runtime").to_string().contains("tokio runtime"));
    let runtime = Runtime::new().expect("a runtime");
    let _within = runtime.enter();
    let failed = serve_with(make, Config::default());
    assert!(failed.err().expect("no handler").to_string().contains("no disk"));
}
