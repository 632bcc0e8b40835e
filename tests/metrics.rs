//! `/metrics`: OpenMetrics that a strict reader takes, and numbers that are right.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_fastd::OverloadConfig;
use serde_json::json;

use common::session::Client;
use common::{TestServer, Wire, call, eventually, modern, start, start_with};

mod common;

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Samples by name and labels, as they are written; read by the rules of OpenMetrics 1.0.
fn scrape(wire: &mut Wire) -> BTreeMap<String, f64> {
    let response = wire.ask(SCRAPE);
    assert_eq!(response.status, 200);
    let kind = response.field("Content-Type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    read(&response.text())
}

fn read(text: &str) -> BTreeMap<String, f64> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with the mark of its end");
    let (mut types, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let mut family = "";
    for line in body.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let mut words = about.splitn(3, ' ');
            let (what, name, rest) = (words.next(), words.next(), words.next());
            let (name, rest) = (name.expect("a name"), rest.expect("a text"));
            if name != family {
                assert!(!types.contains_key(name), "a family stands once: {line}");
                family = name;
            }
            if what == Some("TYPE") {
                types.insert(name.to_owned(), rest.to_owned());
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let name = sample.split('{').next().expect("a name");
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{family}: {line}"));
        let suffixes: &[_] = match types[family].as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_count", "_sum"],
            "info" => &["_info"],
            other => panic!("{other}: {line}"),
        };
        assert!(suffixes.contains(&suffix), "{line}");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        assert!(samples.insert(sample.to_owned(), value).is_none(), "twice: {line}");
    }
    samples
}

fn requests(samples: &BTreeMap<String, f64>, labels: &str) -> f64 {
    let name = format!("mcp_server_requests_total{{{labels}}}");
    samples.get(&name).copied().unwrap_or_default()
}

fn ask(server: &TestServer, tool: &str, arguments: serde_json::Value) {
    server.connect().ask(call(1, tool, arguments).bytes());
}

#[test]
fn requests_are_counted_by_what_came_of_them() {
    let server = start_with(|config| config.cores = Some(1));
    for _ in 0..3 {
        ask(&server, "add", json!({ "a": 1, "b": 2 }));
    }
    ask(&server, "add", json!({ "a": i64::MAX, "b": 2 }));
    ask(&server, "nobody has it", json!({}));
    ask(&server, "echo_on_worker", json!({ "text": "x" }));
    ask(&server, "panic", json!({}));
    server.connect().ask(modern(json!(1), "tools/list", json!({})).bytes());
    server.connect().ask(modern(json!(1), "made/up", json!({})).bytes());
    server.connect().ask("POST /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut wire = server.connect();
    let add = r#"mcp_method_name="tools/call",gen_ai_tool_name="add""#;
    eventually("the worker's call is counted", || {
        let samples = scrape(&mut wire);
        let worker = r#"mcp_method_name="tools/call",gen_ai_tool_name="echo_on_worker""#;
        requests(&samples, &format!(r#"{worker},outcome="ok""#)) == 1.0
    });
    let samples = scrape(&mut wire);
    assert_eq!(requests(&samples, &format!(r#"{add},outcome="ok""#)), 3.0, "{samples:?}");
    // HTTP 200 all the same.
    let failed = format!(r#"{add},error_type="tool_error",outcome="tool_error""#);
    assert_eq!(requests(&samples, &failed), 1.0, "{samples:?}");
    for labels in [
        r#"mcp_method_name="tools/call",error_type="-32602",outcome="error""#,
        r#"mcp_method_name="tools/call",gen_ai_tool_name="panic",error_type="-32603",outcome="error""#,
        r#"mcp_method_name="tools/list",outcome="ok""#,
        r#"mcp_method_name="_OTHER",error_type="-32601",outcome="error""#,
    ] {
        assert_eq!(requests(&samples, labels), 1.0, "{labels} in {samples:?}");
    }
    let count = format!("mcp_server_operation_duration_seconds_count{{{add}}}");
    assert_eq!(samples[&count], 3.0);
    let all = format!("mcp_server_operation_duration_seconds_bucket{{le=\"+Inf\",{add}}}");
    assert_eq!(samples.get(&all), Some(&3.0), "{samples:?}");
    let status = |code: u16| {
        let name =
            format!("mcp_server_http_responses_total{{http_response_status_code=\"{code}\"}}");
        samples.get(&name).copied().unwrap_or_default()
    };
    assert_eq!((status(411), status(404)), (1.0, 1.0));
    assert!(status(200) >= 8.0);
    assert!(samples["mcp_server_connections_accepted_total{shard=\"0\"}"] >= 11.0);
    assert!(samples["mcp_server_received_bytes_total"] > 0.0);
    assert!(samples["mcp_server_sent_bytes_total"] > 0.0);
    assert_eq!(samples["mcp_server_queue_length"], 0.0);
    assert_eq!(samples["mcp_server_queue_duration_seconds_count"], 1.0);
    server.stop();
}

#[test]
fn what_is_refused_is_counted_by_its_limit() {
    let server = start_with(|config| {
        (config.cores, config.workers, config.deferred_max) = (Some(1), Some(1), 1);
    });
    let mut waiting: Vec<_> = (0..3).map(|_| server.connect()).collect();
    let mut refused = 0;
    for wire in &mut waiting {
        wire.send(call(1, "wait", json!({})).bytes());
    }
    // One works, one waits for the worker; the third is refused, or a fourth is.
    while refused == 0 {
        let mut one_more = server.connect();
        one_more.send(call(1, "wait", json!({})).bytes());
        let samples = scrape(&mut server.connect());
        refused = samples
            .get("mcp_server_limited_total{limit=\"deferred_max\"}")
            .map_or(0, |count| *count as usize);
        waiting.push(one_more);
    }
    server.stage.open();
    let mut wire = server.connect();
    eventually("all are done", || scrape(&mut wire)["mcp_server_workers_busy"] == 0.0);
    let samples = scrape(&mut wire);
    let shed = r#"mcp_method_name="tools/call",gen_ai_tool_name="wait",error_type="503",outcome="refused""#;
    assert_eq!(requests(&samples, shed), refused as f64, "{samples:?}");
    server.stop();
}

#[test]
fn who_is_refused_after_having_waited_is_counted_as_the_others() {
    let server = start_with(|config| {
        (config.cores, config.workers) = (Some(1), Some(1));
        // What lasts is what lasts so long, and is over after ten times as long.
        config.overload =
            OverloadConfig { interval: Duration::from_millis(200), ..OverloadConfig::default() };
    });
    let mut first = server.connect();
    for id in 0..20 {
        let quick = call(id, "echo_on_worker", json!({ "text": "x" }));
        assert_eq!(first.ask(quick.bytes()).status, 200);
    }
    first.send(call(1, "wait", json!({})).bytes());
    let (mut waiting, mut refused) = (Vec::new(), 0);
    while refused == 0 {
        let mut wire = server.connect();
        wire.send(call(1, "wait", json!({})).bytes());
        match wire.response_within(Duration::from_millis(50)) {
            Some(response) => refused += usize::from(response.status == 503),
            None => waiting.push(wire),
        }
    }
    server.stage.open();
    assert_eq!(first.response().status, 200);
    let late = waiting.iter_mut().filter_map(|wire| wire.response_within(Duration::MAX));
    let late = late.filter(|response| response.status == 503).count();
    assert_eq!(late, 1, "for the one that was refused when it came");
    refused += late;
    let mut wire = server.connect();
    eventually("all are done", || scrape(&mut wire)["mcp_server_workers_busy"] == 0.0);
    let samples = scrape(&mut wire);
    let limited = "mcp_server_limited_total{limit=\"overload.queue_delay_target\"}";
    assert_eq!(samples.get(limited), Some(&(refused as f64)), "{samples:?}");
    let shed = r#"mcp_method_name="tools/call",gen_ai_tool_name="wait",error_type="503",outcome="refused""#;
    assert_eq!(requests(&samples, shed), refused as f64, "{samples:?}");
    let status = "mcp_server_http_responses_total{http_response_status_code=\"503\"}";
    assert_eq!(samples.get(status), Some(&(refused as f64)), "{samples:?}");
    server.stop();
}

#[test]
fn sessions_and_tools_of_a_session_are_counted_and_nobody_is_named() {
    let server = start();
    let client = Client::begin(server.address, "2025-11-25");
    client.ask(&client.tool(7, "echo", json!({ "text": "x" })));
    let mut wire = server.connect();
    let text = wire.ask(SCRAPE).text();
    let samples = read(&text);
    assert_eq!(samples["mcp_sessions"], 1.0);
    let echo = r#"mcp_method_name="tools/call",gen_ai_tool_name="echo",outcome="ok""#;
    assert_eq!(requests(&samples, echo), 1.0);
    assert!(!text.contains("127.0.0.1"), "{text}");
    for line in text.lines().filter(|line| line.starts_with("mcp_")) {
        assert!(!line.contains("session=") && !line.contains("principal="), "{line}");
    }
    server.stop();
}
