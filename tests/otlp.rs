//! Traces: a span for each request, at a collector, whatever becomes of the request; and a server
//! that does not mind what becomes of the collector.

use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcp_fastd::{Config, TraceSample};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use serde_json::json;

use common::collector::{Collector, attribute};
use common::session::Client;
use common::{Post, TestServer, call, eventually, modern, start_with};

mod common;
#[path = "common/daemon.rs"]
mod daemon;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const OTHER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER_PARENT: &str = "00f067aa0ba902b7";

fn traced(collector: &Collector) -> impl FnOnce(&mut Config) {
    let endpoint = Some(collector.url());
    move |config| config.observe.trace.endpoint = endpoint
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64
}

fn echo(id: u64) -> Post {
    call(id, "echo", json!({ "text": "secret" }))
}

/// With `traceparent`, and these flags.
fn from(post: Post, flags: &str) -> Post {
    post.with("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"))
}

/// The one span of the request of this id.
#[track_caller]
fn of(collector: &Collector, id: &str) -> Span {
    let spans = || {
        let all = collector.spans().into_iter();
        let ours =
            |span: &Span| attribute(&span.attributes, "jsonrpc.request.id").as_deref() == Some(id);
        all.filter(ours).collect::<Vec<_>>()
    };
    eventually(&format!("there is a span of {id}"), || !spans().is_empty());
    let mut spans = spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans.remove(0)
}

#[track_caller]
fn check(span: &Span, name: &str, expected: &[(&str, Option<&str>)]) {
    assert_eq!(span.name, name);
    assert_eq!(span.kind, SpanKind::Server as i32);
    assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
    for (key, value) in expected {
        assert_eq!(attribute(&span.attributes, key).as_deref(), *value, "{key} of {span:?}");
    }
    let code = span.status.as_ref().map_or(0, |status| status.code);
    let failed = attribute(&span.attributes, "error.type").is_some();
    let expected = if failed { StatusCode::Error } else { StatusCode::Unset };
    assert_eq!(code, expected as i32, "{span:?}");
    let text = format!("{span:?}");
    assert!(!text.contains("secret"), "{text}");
}

/// What `/metrics` says of spans that were dropped.
fn dropped(server: &TestServer) -> u64 {
    let page = server.connect().ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let text = page.text();
    let line = "mcp_server_log_entries_dropped_total{log=\"traces\"} ";
    let value = text.lines().find_map(|found| found.strip_prefix(line));
    value.unwrap_or_else(|| panic!("{text}")).parse().expect("a number")
}

#[test]
fn a_span_says_what_was_asked_and_what_came_of_it() {
    let collector = Collector::start();
    let server = start_with(traced(&collector));
    let mut wire = server.connect();
    let began = now_ns();
    wire.ask(from(echo(1), "01").with("tracestate", "a=1").with("tracestate", "b=2").bytes());
    wire.ask(call(2, "add", json!({ "a": i64::MAX, "b": 1 })).bytes());
    wire.ask(from(call(3, "sleep", json!({ "ms": 30 })), "01").bytes());
    wire.ask(call(4, "nobody has it", json!({})).bytes());
    wire.ask(
        modern(
            json!("five"),
            "prompts/get",
            json!({ "name": "greet", "arguments": { "name": "x" } }),
        )
        .bytes(),
    );
    wire.ask(modern(json!(6), "resources/read", json!({ "uri": "note://7" })).bytes());
    wire.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");

    let span = of(&collector, "1");
    check(
        &span,
        "tools/call echo",
        &[
            ("mcp.method.name", Some("tools/call")),
            ("gen_ai.operation.name", Some("execute_tool")),
            ("gen_ai.tool.name", Some("echo")),
            ("mcp.protocol.version", Some("2026-07-28")),
            ("network.transport", Some("tcp")),
            ("network.protocol.name", Some("http")),
            ("client.address", Some("127.0.0.1")),
            ("http.response.status_code", Some("200")),
            ("error.type", None),
            ("mcp.session.id", None),
        ],
    );
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!((span.trace_state.as_str(), span.flags), ("a=1,b=2", 0x301));
    assert!(span.span_id.len() == 8 && span.span_id != [0; 8] && span.links.is_empty());

    let failed = of(&collector, "2");
    check(
        &failed,
        "tools/call add",
        &[
            ("error.type", Some("tool_error")),
            ("rpc.response.status_code", None),
            ("http.response.status_code", Some("200")),
        ],
    );
    assert!(failed.parent_span_id.is_empty() && failed.trace_id.len() == 16);
    assert_eq!(failed.flags, 0x101);

    let slow = of(&collector, "3");
    check(&slow, "tools/call sleep", &[("error.type", None)]);
    assert_eq!(hex(&slow.parent_span_id), PARENT);
    assert!(slow.end_time_unix_nano - slow.start_time_unix_nano >= 30_000_000, "{slow:?}");
    // The wall clock may be set meanwhile, but hardly by minutes.
    let minute = 60_000_000_000;
    assert!(slow.start_time_unix_nano > began - minute && slow.end_time_unix_nano < began + minute);
    assert!(slow.start_time_unix_nano >= span.start_time_unix_nano);

    check(
        &of(&collector, "4"),
        "tools/call",
        &[
            ("gen_ai.tool.name", Some("nobody has it")),
            ("error.type", Some("-32602")),
            ("rpc.response.status_code", Some("-32602")),
        ],
    );
    check(&of(&collector, "five"), "prompts/get greet", &[("gen_ai.prompt.name", Some("greet"))]);
    check(&of(&collector, "6"), "resources/read", &[("mcp.resource.uri", Some("note://7"))]);
    server.stop();
    assert_eq!(collector.spans().len(), 6, "{:?}", collector.spans());
    let resource = collector.resource();
    assert_eq!(attribute(&resource, "service.name").as_deref(), Some("tests"));
    assert_eq!(attribute(&resource, "service.version").as_deref(), Some("1.2.3"));
    let pid = std::process::id().to_string();
    assert_eq!(attribute(&resource, "process.pid"), Some(pid));
    assert!(attribute(&resource, "host.name").is_some());
}

#[test]
fn a_session_and_a_batch_have_spans_and_who_is_refused_has_one() {
    let collector = Collector::start();
    let server = start_with(|config| {
        traced(&collector)(config);
        config.cores = Some(1);
    });
    let client = Client::begin(server.address, "2025-03-26");
    client.ask(&client.tool(10, "echo", json!({ "text": "secret" })));
    client.ask(&client.tool(11, "echo_on_worker", json!({ "text": "secret" })));
    let one = |id: u64, tool: &str| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": tool, "arguments": { "text": "secret" } } })
    };
    let batch = json!([one(12, "echo"), one(13, "echo_on_worker")]);
    client.ask(&client.post(&batch));
    server.connect().ask(from(Post::new("no JSON"), "01").bytes());
    server.connect().ask(from(echo(14), "01").with("Origin", "https://evil.example").bytes());
    let sent = String::from_utf8(client.tool(1, "echo", json!({})).bytes()).expect("text");
    let session = sent.lines().find_map(|line| line.strip_prefix("Mcp-Session-Id: "));
    let session = session.expect("there is a session").to_owned();
    server.stop();
    for (id, tool) in [("10", "echo"), ("11", "echo_on_worker"), ("12", "echo")] {
        let attributes = [("mcp.protocol.version", Some("2025-03-26")), ("error.type", None)];
        check(&of(&collector, id), &format!("tools/call {tool}"), &attributes);
    }
    of(&collector, "13");
    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let begun = (named("initialize").len(), named("notifications/initialized").len());
    assert_eq!(begun, (1, 1), "{spans:?}");
    // The refused one is among them: its head says what it asks for.
    assert_eq!(named("tools/call echo").len() + named("tools/call echo_on_worker").len(), 5);
    let failed = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect::<Vec<_>>();
    assert_eq!((failed.len(), spans.len()), (2, 8), "{spans:?}");
    let kinds: Vec<_> =
        failed.iter().map(|span| attribute(&span.attributes, "error.type")).collect();
    assert!(kinds.contains(&Some("-32700".to_owned())), "{kinds:?}");
    assert!(kinds.contains(&Some("403".to_owned())), "{kinds:?}");
    assert!(!format!("{spans:?}").contains(&session));
}

#[test]
fn what_the_message_says_comes_before_what_its_carrier_says() {
    let collector = Collector::start();
    let server = start_with(traced(&collector));
    let post = from(echo(1), "01").change_body(|body| {
        let meta = &mut body["params"]["_meta"];
        meta["traceparent"] = json!(format!("00-{OTHER_TRACE}-{OTHER_PARENT}-01"));
        meta["tracestate"] = json!("c=3");
    });
    server.connect().ask(post.bytes());
    let span = of(&collector, "1");
    assert_eq!(hex(&span.trace_id), OTHER_TRACE);
    assert_eq!(hex(&span.parent_span_id), OTHER_PARENT);
    assert_eq!(span.trace_state, "c=3");
    assert_eq!(span.links.len(), 1);
    assert_eq!(hex(&span.links[0].trace_id), TRACE);
    assert_eq!(hex(&span.links[0].span_id), PARENT);
}

/// The ids of requests that are traced, of three: one whose caller records it, one whose caller
/// does not, one whose caller says nothing.
fn sampled(sample: TraceSample) -> Vec<u64> {
    let collector = Collector::start();
    let server = start_with(|config| {
        traced(&collector)(config);
        config.observe.trace.sample = sample;
    });
    let mut wire = server.connect();
    for post in [from(echo(1), "01"), from(echo(2), "00"), echo(3)] {
        wire.ask(post.bytes());
    }
    server.stop();
    let spans = collector.spans();
    let id = |span: &Span| attribute(&span.attributes, "jsonrpc.request.id").expect("an id");
    let mut ids: Vec<u64> = spans.iter().map(|span| id(span).parse().expect("it is")).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn callers_decide_what_is_traced_unless_all_is() {
    assert_eq!(sampled(TraceSample::default()), [1, 3]);
    assert_eq!(sampled(TraceSample::Part(0.0)), [1]);
    assert_eq!(sampled(TraceSample::All), [1, 2, 3]);
}

#[test]
fn a_collector_that_is_down_harms_nobody() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let server = start_with(|config| {
        config.observe.trace.endpoint = Some(format!("http://{address}"));
    });
    let mut wire = server.connect();
    let room = mcp_fastd::limits::TRACE_SPANS_MAX;
    assert_eq!(dropped(&server), 0);
    // The places of spans that are tried again are not free.
    for _ in 0..=room {
        assert_eq!(wire.ask(echo(1).bytes()).status, 200);
    }
    eventually("spans are dropped", || dropped(&server) > 0);
    server.assert_alive();
    server.stop();
}

#[test]
fn a_collector_that_does_not_answer_holds_nobody() {
    // It is never accepted, and connected by the kernel.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("an address");
    let server = start_with(|config| {
        config.observe.trace.endpoint = Some(format!("http://{address}"));
        config.observe.trace.timeout = Duration::from_secs(3600);
        config.shutdown_grace = Duration::from_millis(200);
    });
    server.connect().ask(echo(1).bytes());
    // Ends, though the collector has an hour.
    server.stop();
}

#[test]
fn spans_are_sent_again_when_the_collector_is_busy_and_not_when_it_refuses() {
    let collector = Collector::start();
    collector.answer("503 Service Unavailable\r\nRetry-After: 1", Vec::new());
    collector.answer("429 Too Many Requests\r\nRetry-After: 0", Vec::new());
    let server = start_with(traced(&collector));
    server.connect().ask(echo(1).bytes());
    of(&collector, "1");
    assert_eq!(collector.heads().len(), 3);
    assert_eq!(dropped(&server), 0);

    collector.answer("400 Bad Request", Vec::new());
    server.connect().ask(echo(2).bytes());
    eventually("it is dropped", || dropped(&server) > 0);
    assert_eq!(collector.heads().len(), 4);

    let before = dropped(&server);
    let partial_success =
        Some(ExportTracePartialSuccess { rejected_spans: 1, error_message: "no".to_owned() });
    let partial = ExportTraceServiceResponse { partial_success };
    collector.answer("200 OK", partial.encode_to_vec());
    server.connect().ask(echo(3).bytes());
    of(&collector, "3");
    eventually("one is dropped", || dropped(&server) == before + 1);
    server.stop();
}

#[test]
fn the_daemon_goes_by_the_variables_of_opentelemetry_and_by_its_flag() {
    let collector = Collector::start();
    for by_flag in [false, true] {
        let mut command = daemon::command();
        command.args(["--bind", "127.0.0.1:0", "--cores", "1"]);
        command.env("OTEL_SERVICE_NAME", "shelf");
        command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret");
        match by_flag {
            true => {
                command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/nowhere");
                command.arg("--otlp-endpoint").arg(format!("{}/flag", collector.url()));
            }
            false => {
                command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{}/base/", collector.url()));
            }
        }
        let mut daemon = daemon::Daemon::start(&mut command);
        let mut wire = common::Wire::connect(daemon.address);
        wire.ask(modern(json!(1), "tools/list", json!({})).bytes());
        drop(wire);
        daemon.signal("TERM");
        let status = daemon.ended();
        let said = daemon.log();
        assert!(status.success(), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let heads = collector.heads();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(heads[0].starts_with("POST /base/v1/traces HTTP/1.1"), "{heads:?}");
    assert!(heads[1].starts_with("POST /flag HTTP/1.1"), "{heads:?}");
    for head in &heads {
        assert!(head.contains("authorization: Bearer s3cret"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    }
    assert_eq!(attribute(&collector.resource(), "service.name").as_deref(), Some("shelf"));
    assert!(collector.spans().iter().all(|span| span.name == "tools/list"));
}

/// What a server that is not started says.
fn refused(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::default();
    config.observe.trace.endpoint = Some("http://127.0.0.1:1".to_owned());
    change(&mut config);
    let server = common::application(Default::default()).config(config);
    let error = server.start().map(|_| ()).expect_err("it is refused");
    error.to_string()
}

#[test]
fn what_cannot_be_is_refused_by_its_name() {
    let text = refused(|config| config.observe.trace.endpoint = Some("localhost".to_owned()));
    assert!(text.contains("trace.endpoint"), "{text}");
    let text = refused(|config| config.observe.trace.sample = TraceSample::Part(1.5));
    assert!(text.contains("trace.sample"), "{text}");
    let text = refused(|config| config.observe.trace.headers_file = Some("/nowhere".into()));
    assert!(text.contains("trace.headers_file"), "{text}");
}
