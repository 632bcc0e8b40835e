//! Messages as text, and in a line what was decided about them.

use super::*;
use crate::app::{Catalog, Placement, about::about};
use crate::json::Parser;
use crate::rpc::Message;
use crate::store::Seal;
use serde_json::json;

const MODERN: Claims<'_> =
    Claims { version: Some(b"2026-07-28"), method: Some(b"tools/list"), repeated: None };

fn claims<'h>(version: Option<&'h str>, method: Option<&'h str>) -> Claims<'h> {
    Claims {
        version: version.map(str::as_bytes),
        method: method.map(str::as_bytes),
        repeated: None,
    }
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new("test", "1");
    catalog.add_tool(about("quick"), json!({ "type": "object" }), None);
    catalog.add_tool(about("slow").on_worker(), json!({ "type": "object" }), None);
    catalog.add_logging();
    catalog.add_prompt(about("greet"), &json!({ "type": "object" }));
    catalog.add_resource(&about("app://here"));
    catalog.add_template(&about("note://{id}").on_worker());
    catalog
}

/// The era, and the plan; or the refusal.
fn decide(text: &str, claims: Claims<'_>, catalog: &Catalog, worker: bool) -> String {
    let (mut parser, mut text) = (Parser::new(), text.as_bytes().to_vec());
    let document = parser.parse(&mut text).unwrap();
    let message = Message::read(document.root()).unwrap();
    let refused = |refusal: Refusal<'_>| format!("{:?} {}", refusal.stage, refusal.code.0);
    let context = match open(&message, claims) {
        Ok(context) => context,
        Err(refusal) => return refused(refusal),
    };
    let planned = plan(&message, &context, catalog, &Seal::new(&[0; 32]), worker);
    let planned = match planned {
        Plan::Accept(Accepted::Other) => "accept".to_owned(),
        Plan::Defer => "defer".to_owned(),
        Plan::Accept(_) | Plan::Task { .. } | Plan::AwaitTask { .. } | Plan::Listen(_) => {
            let shown = format!("{planned:?}");
            shown.split([' ', '{']).next().unwrap_or_default().to_owned()
        }
        Plan::Answer(plan::Answer::Refuse(refusal)) => refused(refusal),
        Plan::Answer(plan::Answer::List { list, .. }) => format!("List{list:?}"),
        Plan::Answer(answer) => {
            let shown = format!("{answer:?}");
            shown.split([' ', '(']).next().unwrap_or_default().to_owned()
        }
    };
    format!("{} {planned}", context.version.as_str())
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#)
}

const META: &str = concat!(
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#
);

#[test]
fn the_era_is_decided_by_meta_first_then_by_the_header() {
    let list = request("tools/list", "");
    let modern = request("tools/list", META);
    let method = Some("tools/list");
    for (text, claims, expected) in [
        (&list, claims(None, None), "2025-03-26 ListTools"),
        (&list, claims(Some("2024-11-05"), None), "2024-11-05 ListTools"),
        (&list, claims(Some("2025-06-18"), Some("anything")), "2025-06-18 ListTools"),
        (&list, claims(Some("2025-11-25"), None), "2025-11-25 ListTools"),
        (&list, claims(Some("2026-07-28"), method), "Envelope -32602"),
        (&list, claims(Some("2026-07-28"), None), "Envelope -32020"),
        (&list, claims(Some("never"), method), "Envelope -32022"),
        (&modern, claims(Some("2026-07-28"), method), "2026-07-28 ListTools"),
        (&modern, claims(None, None), "Envelope -32020"),
        (&modern, claims(None, method), "Envelope -32020"),
        (&modern, claims(Some("2025-11-25"), method), "Envelope -32020"),
        (&modern, claims(Some("2026-07-28"), Some("tools/call")), "Envelope -32020"),
    ] {
        assert_eq!(decide(text, claims, &catalog(), false), expected, "{text} {claims:?}");
    }
    let unknown = modern.replace("2026-07-28", "v999.0.0");
    let claims = claims(Some("v999.0.0"), method);
    assert_eq!(decide(&unknown, claims, &catalog(), false), "Envelope -32022");
    let old = modern.replace("2026-07-28", "2025-11-25");
    let claims = Claims { version: Some(b"2025-11-25"), ..MODERN };
    assert_eq!(decide(&old, claims, &catalog(), false), "Envelope -32022", "not in `_meta`");
}

#[test]
fn what_wants_no_answer_gets_none() {
    let catalog = catalog();
    for text in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"quick"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
    ] {
        let legacy = decide(text, Claims::default(), &catalog, false);
        assert_eq!(legacy, "2025-03-26 accept", "{text}");
        assert_eq!(decide(text, MODERN, &catalog, false), "2026-07-28 accept", "{text}");
    }
}

#[test]
fn what_concerns_a_session_is_not_answered() {
    let catalog = catalog();
    for (text, legacy, modern) in [
        (
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
            "2025-03-26 Accept(Cancelled(1))",
            "2026-07-28 Accept(Cancelled(1))",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
            "2025-03-26 Accept(RootsChanged)",
            "2026-07-28 accept",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            "2025-03-26 Accept(Response",
            "2026-07-28 Accept(Response",
        ),
    ] {
        assert_eq!(decide(text, Claims::default(), &catalog, false), legacy, "{text}");
        assert_eq!(decide(text, MODERN, &catalog, false), modern, "{text}");
    }
}

#[test]
fn plans() {
    let catalog = catalog();
    for (method, params, expected) in [
        ("ping", "", "Empty"),
        ("initialize", r#""protocolVersion":"x""#, "Initialize"),
        ("initialize", "", "InBand -32602"),
        ("initialize", r#""protocolVersion":"x","capabilities":5"#, "InBand -32602"),
        ("server/discover", "", "Method -32601"),
        ("tools/call", r#""name":"quick""#, "CallTool"),
        ("tools/call", r#""name":"quick","arguments":null"#, "CallTool"),
        ("tools/call", r#""name":"quick","arguments":5"#, "InBand -32602"),
        ("tools/call", r#""name":"slow""#, "defer"),
        ("tools/call", r#""name":"none""#, "InBand -32602"),
        ("prompts/get", r#""name":"greet""#, "GetPrompt"),
        ("prompts/get", r#""name":"greet","arguments":{"a":1}"#, "InBand -32602"),
        ("resources/read", r#""uri":"app://here""#, "ReadResource"),
        ("resources/read", r#""uri":"note://1""#, "defer"),
        ("resources/read", r#""uri":"app://there""#, "InBand -32002"),
        ("resources/list", "", "ListResources"),
        ("resources/templates/list", "", "ListResourceTemplates"),
        ("completion/complete", "", "Method -32601"),
        ("tools/list", r#""cursor":"YzE""#, "InBand -32602"),
        ("logging/setLevel", r#""level":"notice""#, "SetLogLevel"),
        ("logging/setLevel", r#""level":"loud""#, "InBand -32602"),
        ("resources/subscribe", r#""uri":"app://here""#, "Subscribe"),
        ("resources/subscribe", "", "InBand -32602"),
        ("subscriptions/listen", r#""notifications":{}"#, "Method -32601"),
        ("tasks/list", "", "Method -32601"),
        ("resources/list", r#""cursor":"cA""#, "InBand -32602"),
        ("nonsense", "", "Method -32601"),
    ] {
        let decided = decide(&request(method, params), Claims::default(), &catalog, false);
        assert_eq!(decided, format!("2025-03-26 {expected}"), "{method} {params}");
    }
}

#[test]
fn a_worker_answers_what_a_shard_defers() {
    let slow = request("tools/call", r#""name":"slow""#);
    let decided = decide(&slow, Claims::default(), &catalog(), true);
    assert_eq!(decided, "2025-03-26 CallTool");
}

#[test]
fn nothing_is_offered_that_is_not_there() {
    let catalog = Catalog::new("test", "1");
    for method in ["tools/list", "tools/call", "prompts/list", "prompts/get", "resources/list"] {
        let decided = decide(&request(method, ""), Claims::default(), &catalog, false);
        assert_eq!(decided, "2025-03-26 Method -32601", "{method}");
    }
    for (add, provided) in PROVIDERS {
        let mut catalog = Catalog::new("test", "1");
        add(&mut catalog, Placement::Worker);
        for method in ["tools/list", "tools/call", "prompts/list", "prompts/get", "resources/list"]
        {
            let text = request(method, r#""name":"x","uri":"x:y""#);
            let decided = decide(&text, Claims::default(), &catalog, false);
            let expected = match method.starts_with(provided) {
                true => "2025-03-26 defer",
                false => "2025-03-26 Method -32601",
            };
            assert_eq!(decided, expected, "a provider may wait: {method} of {provided}");
        }
    }
}

type Add = fn(&mut Catalog, Placement);

const PROVIDERS: [(Add, &str); 3] = [
    (Catalog::add_tool_provider, "tools/"),
    (Catalog::add_prompt_provider, "prompts/"),
    (Catalog::add_resource_provider, "resources/"),
];

#[test]
fn what_the_catalog_has_not_is_the_providers() {
    let mut catalog = catalog();
    for (add, _) in PROVIDERS {
        add(&mut catalog, Placement::Worker);
    }
    catalog.add_completions(Placement::Shard);
    let sealed = |text: &str, list: &str| {
        let seal = Seal::new(&[0; 32]).seal(text.as_bytes(), list.as_bytes(), u64::MAX);
        format!(r#""cursor":"{}""#, seal.unwrap())
    };
    let of_prompt = |name: &str| {
        format!(
            r#""ref":{{"type":"ref/prompt","name":"{name}"}},"argument":{{"name":"a","value":""}}"#
        )
    };
    for (method, params, expected) in [
        ("tools/call", r#""name":"quick""#.to_owned(), "CallTool"),
        ("tools/call", r#""name":"other""#.to_owned(), "defer"),
        ("tools/call", r#""name":"other","arguments":[]"#.to_owned(), "InBand -32602"),
        ("tools/call", String::new(), "InBand -32602"),
        ("prompts/get", r#""name":"greet""#.to_owned(), "GetPrompt"),
        ("prompts/get", r#""name":"other""#.to_owned(), "defer"),
        ("prompts/get", r#""name":"other","arguments":{"a":1}"#.to_owned(), "InBand -32602"),
        ("resources/read", r#""uri":"app://here""#.to_owned(), "ReadResource"),
        ("resources/read", r#""uri":"app://there""#.to_owned(), "defer"),
        ("completion/complete", of_prompt("other"), "Complete"),
        ("tools/list", String::new(), "defer"),
        ("tools/list", sealed("c1", "tools"), "defer"),
        ("tools/list", sealed("c2", "tools"), "InBand -32602"),
        ("tools/list", sealed("p", "tools"), "defer"),
        ("tools/list", sealed("qx", "tools"), "defer"),
        ("tools/list", sealed("qx", "prompts"), "InBand -32602"),
        ("tools/list", r#""cursor":"qx""#.to_owned(), "InBand -32602"),
        ("prompts/list", sealed("qx", "prompts"), "defer"),
        ("resources/list", sealed("qx", "resources"), "defer"),
        ("resources/templates/list", sealed("p", "resourceTemplates"), "InBand -32602"),
        ("resources/templates/list", String::new(), "ListResourceTemplates"),
    ] {
        let decided = decide(&request(method, &params), Claims::default(), &catalog, false);
        assert_eq!(decided, format!("2025-03-26 {expected}"), "{method} {params}");
    }
    let task = request("tools/call", r#""name":"other","task":{}"#);
    let claims = claims(Some("2025-11-25"), None);
    let decided = decide(&task, claims, &catalog, false);
    assert_eq!(decided, "2025-11-25 InBand -32601", "it does not say that it takes tasks");
}
