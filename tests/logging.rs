//! What a call may know of its client, and how much it may say.

mod common;

use common::events::{Up, able, ask, call_with, up};
use mcp_fastd::{Call, Capability, Empty, LogLevel, Server, about};
use serde_json::{Value, json};

const LEVELS: [(LogLevel, &str); 8] = [
    (LogLevel::Debug, "debug"),
    (LogLevel::Info, "info"),
    (LogLevel::Notice, "notice"),
    (LogLevel::Warning, "warning"),
    (LogLevel::Error, "error"),
    (LogLevel::Critical, "critical"),
    (LogLevel::Alert, "alert"),
    (LogLevel::Emergency, "emergency"),
];

fn logs(_: &(), _: Empty, call: &Call<'_>) -> &'static str {
    for (level, name) in LEVELS {
        call.log_as("tester", level, json!({ "said\n": name }));
    }
    call.log(LogLevel::Emergency, "line\nbreak \u{2028} \u{1f980} \"");
    "logged"
}

fn progress(_: &(), _: Empty, call: &Call<'_>) -> &'static str {
    call.progress(1.0);
    call.progress((2.5, 10.0));
    call.progress(2.5);
    call.progress(1.0);
    call.progress(f64::NAN);
    call.progress(mcp_fastd::Progress {
        progress: 3.0,
        total: Some(f64::INFINITY),
        message: Some("three\n".to_owned()),
    });
    "moved"
}

fn tells(_: &(), _: Empty, call: &Call<'_>) -> String {
    let trace = call.trace();
    let all = [
        Capability::Sampling,
        Capability::SamplingTools,
        Capability::Elicitation,
        Capability::ElicitationUrl,
        Capability::Roots,
        Capability::Tasks,
    ];
    let able: Vec<_> = all.iter().filter(|one| call.supports(**one)).collect();
    json!({
        "trace": [trace.traceparent, trace.tracestate, trace.baggage],
        "client": call.client(),
        "able": format!("{able:?}"),
        "principal": call.principal(),
        "version": call.protocol_version(),
        "own": call.meta("com.example/own").is_some(),
    })
    .to_string()
}

fn start() -> Up {
    let server = Server::builder()
        .tool("logs", logs)
        .tool(about("logs_on_worker").on_worker(), logs)
        .tool("progress", progress)
        .tool(about("progress_on_worker").on_worker(), progress)
        .tool("tells", tells)
        .tool(about("tells_on_worker").on_worker(), tells)
        .prompt("speaks", |_: &(), _: Empty, call: &Call<'_>| {
            call.log(LogLevel::Error, "a prompt speaks");
            "spoken".to_owned()
        })
        .build();
    up(server, |_| {})
}

fn level(name: Value) -> Value {
    json!({ "io.modelcontextprotocol/logLevel": name })
}

#[test]
fn nobody_hears_lines_who_did_not_ask_for_them() {
    let server = start();
    for tool in ["logs", "logs_on_worker"] {
        let mut tap = server.open(&call_with(1, tool, json!({})));
        assert!(!tap.is_stream());
        assert_eq!(tap.messages().len(), 1);
    }
}

#[test]
fn lines_of_the_level_and_above() {
    let server = start();
    for tool in ["logs", "logs_on_worker"] {
        for (at, (_, name)) in LEVELS.iter().enumerate() {
            let messages = server.ask(&call_with(1, tool, level(json!(name))));
            let (last, said) = messages.split_last().expect("messages");
            assert_eq!(last["result"]["content"][0]["text"], "logged");
            let wanted: Vec<_> = LEVELS[at..].iter().map(|(_, name)| *name).collect();
            for message in said {
                assert_eq!(message["method"], "notifications/message");
            }
            let (broken, said) = said.split_last().expect("lines");
            let heard: Vec<_> = said.iter().map(|message| &message["params"]).collect();
            let levels: Vec<_> = heard.iter().map(|line| line["level"].as_str()).collect();
            assert_eq!(levels, wanted.iter().map(|name| Some(*name)).collect::<Vec<_>>());
            for (line, name) in heard.iter().zip(wanted) {
                assert_eq!(
                    **line,
                    json!({ "level": name, "logger": "tester",
                    "data": { "said\n": name } })
                );
            }
            assert_eq!(broken["params"]["data"], "line\nbreak \u{2028} \u{1f980} \"");
            assert!(broken["params"].get("logger").is_none());
        }
    }
    let get =
        ask(json!(1), "prompts/get", json!({ "name": "speaks", "_meta": level(json!("info")) }));
    assert_eq!(server.ask(&get).len(), 2);
}

#[test]
fn a_level_that_is_none_is_refused() {
    let server = start();
    for wrong in [json!("verbose"), json!("INFO"), json!(""), json!(3), json!({})] {
        for tool in ["logs", "logs_on_worker"] {
            let (_, code, _) = server.error(&call_with(1, tool, level(wrong.clone())));
            assert_eq!(code, -32602, "{wrong} {tool}");
        }
        let list = ask(json!(1), "tools/list", json!({ "_meta": level(wrong.clone()) }));
        assert_eq!(server.error(&list).1, -32602, "{wrong}");
    }
}

#[test]
fn progress_for_who_gave_a_token() {
    let server = start();
    for tool in ["progress", "progress_on_worker"] {
        for token in [json!("a \" token"), json!(7), json!(0)] {
            let messages = server.ask(&call_with(1, tool, json!({ "progressToken": token })));
            let (last, said) = messages.split_last().expect("messages");
            assert_eq!(last["result"]["content"][0]["text"], "moved");
            let said: Vec<_> = said.iter().map(|message| &message["params"]).collect();
            assert_eq!(said.len(), 3, "{said:?}");
            assert!(said.iter().all(|params| params["progressToken"] == token));
            let numbers = said.iter().map(|params| params["progress"].as_f64()).collect::<Vec<_>>();
            assert_eq!(numbers, [Some(1.0), Some(2.5), Some(3.0)]);
            assert_eq!((&said[1]["total"], &said[2]["message"]), (&json!(10), &json!("three\n")));
            assert!(said[2].get("total").is_none());
        }
        assert_eq!(server.ask(&call_with(1, tool, json!({}))).len(), 1);
    }
}

#[track_caller]
fn told(server: &Up, tool: &str, meta: Value) -> Value {
    let result = server.result(&call_with(1, tool, meta));
    serde_json::from_str(result["content"][0]["text"].as_str().expect("text")).expect("JSON")
}

#[test]
fn what_a_call_knows() {
    let server = start();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for tool in ["tells", "tells_on_worker"] {
        let mut meta = able(json!({ "sampling": { "tools": {} }, "elicitation": {}, "roots": {},
            "extensions": { "io.modelcontextprotocol/tasks": {} } }));
        meta["traceparent"] = json!(parent);
        meta["tracestate"] = json!("a=1,b=2");
        meta["baggage"] = json!("user=ann");
        meta["com.example/own"] = json!([1]);
        meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "tester", "version": "1.2" });
        let told_all = told(&server, tool, meta);
        assert_eq!(
            told_all,
            json!({
                "trace": [parent, "a=1,b=2", "user=ann"],
                "client": ["tester", "1.2"],
                "able": "[Sampling, SamplingTools, Elicitation, Roots, Tasks]",
                "principal": null,
                "version": "2026-07-28",
                "own": true,
            })
        );
        let nothing = told(&server, tool, json!({ "traceparent": 7 }));
        assert_eq!(nothing["trace"], json!([null, null, null]));
        assert_eq!((&nothing["client"], &nothing["able"]), (&Value::Null, &json!("[]")));
        assert_eq!(nothing["own"], false);
    }
}
