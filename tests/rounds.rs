//! Rounds of questions within one call (2026-07-28, "Multi Round-Trip Requests").

mod common;

use common::events::{Up, able, ask, up};
use mcp_fastd::{
    Call, Elicitation, Elicited, Empty, Interrupted, Root, Sampling, Server, TaskSupport, about,
};
use serde_json::{Value, json};

fn name(key: &str) -> Elicitation {
    Elicitation::form(format!("Your {key}?")).field("x", json!({ "type": "string" }))
}

fn said(elicited: &Elicited) -> String {
    match elicited.field("x").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => format!("{elicited:?}"),
    }
}

fn one(_: &(), _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    call.elicit("name", name("name")).map(|elicited| said(&elicited))
}

fn three(_: &(), _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    let name = call.elicit("name", name("name"));
    let sampled = call.sample("model", Sampling::new(5).user("Hello?"));
    let roots = call.roots("roots");
    let (name, sampled, roots) = (name?, sampled?, roots?);
    let uris: Vec<_> = roots.into_iter().map(|Root { uri, .. }| uri).collect();
    Ok(format!("{} {} {}", said(&name), sampled.text().unwrap_or("?"), uris.join(" ")))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Steps {
    steps: u32,
}

/// Asks as often as it is told, one question a round, and counts what it remembers.
fn steps(_: &(), Steps { steps }: Steps, call: &Call<'_>) -> Result<String, Interrupted> {
    let round = call.recall::<u32>().unwrap_or_default();
    call.remember(&(round + 1));
    let mut all = Vec::new();
    for step in 0..steps {
        all.push(said(&call.elicit(&format!("step {step}"), name("step"))?));
    }
    Ok(format!("{} in {round}", all.join(" ")))
}

fn together(_: &(), _: Empty, call: &Call<'_>) -> Result<String, Interrupted> {
    let [a, b] = call.elicit_all([("a", name("a")), ("b", name("b"))])?;
    Ok(format!("{} {}", said(&a), said(&b)))
}

fn unmoved(_: &(), _: Empty, call: &Call<'_>) -> String {
    let _ = call.elicit("name", name("name"));
    "I asked for nothing".to_owned()
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Who {
    who: String,
}

fn start() -> Up {
    let server = Server::builder()
        .tool("one", one)
        .tool(about("one_on_worker").on_worker(), one)
        .tool("three", three)
        .tool(about("three_on_worker").on_worker(), three)
        .tool("steps", steps)
        .tool("together", together)
        .tool("unmoved", unmoved)
        .tool("other", one)
        .tool(about("page"), |_: &(), _: Empty, call: &Call<'_>| {
            call.elicit("page", Elicitation::url("Go there.", "https://localhost/"))
                .map(|elicited| format!("{elicited:?}"))
        })
        .tool(about("task").on_worker().task(TaskSupport::Optional), one)
        .prompt("greet", |_: &(), Who { who }: Who, call: &Call<'_>| {
            call.elicit("tone", name("tone")).map(|tone| format!("{who}, {}", said(&tone)))
        })
        .prompt(about("greet_on_worker").on_worker(), |_: &(), _: Empty, call: &Call<'_>| {
            call.elicit("tone", name("tone")).map(|tone| said(&tone))
        })
        .resource_template("secret://{who}", |_: &(), Who { who }: Who, call: &Call<'_>| {
            call.elicit("key", name("key")).map(|key| format!("{who}: {}", said(&key)))
        })
        .resource_template(
            about("slow://{who}").on_worker(),
            |_: &(), Who { who }: Who, call: &Call<'_>| {
                call.elicit("key", name("key")).map(|key| format!("{who}: {}", said(&key)))
            },
        )
        .build();
    up(server, |_| {})
}

fn everything() -> Value {
    able(json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} }))
}

/// A round: the result of the request with these answers and this state.
#[track_caller]
fn round(server: &Up, method: &str, params: &Value, answers: Value, state: &Value) -> Value {
    server.result(&request(method, params, answers, state))
}

fn request(method: &str, params: &Value, answers: Value, state: &Value) -> common::Post {
    let mut params = params.clone();
    params["_meta"] = everything();
    if !answers.is_null() {
        params["inputResponses"] = answers;
    }
    if !state.is_null() {
        params["requestState"] = state.clone();
    }
    ask(json!(1), method, params)
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "arguments": {} })
}

fn accept(x: &str) -> Value {
    json!({ "action": "accept", "content": { "x": x } })
}

/// `InputRequiredResult`: the keys of its questions.
#[track_caller]
fn questions(result: &Value) -> Vec<String> {
    assert_eq!(result["resultType"], "input_required", "{result}");
    let requests = result["inputRequests"].as_object().expect("questions");
    for request in requests.values() {
        let params = &request["params"];
        match request["method"].as_str().expect("a method") {
            "elicitation/create" => assert!(params["message"].is_string(), "{request}"),
            "sampling/createMessage" => {
                assert!(params["messages"].is_array() && params["maxTokens"].is_u64(), "{request}");
            }
            "roots/list" => {}
            other => panic!("{other}"),
        }
        assert_eq!(request.as_object().map(|members| members.len()), Some(2), "{request}");
    }
    let known = ["resultType", "_meta", "inputRequests", "requestState"];
    let members = result.as_object().expect("an object");
    assert!(members.keys().all(|member| known.contains(&member.as_str())), "{result}");
    requests.keys().cloned().collect()
}

#[track_caller]
fn text(result: &Value) -> &str {
    assert_eq!(result["resultType"], "complete", "{result}");
    let content = &result["content"][0]["text"];
    let message = &result["messages"][0]["content"]["text"];
    let read = &result["contents"][0]["text"];
    [content, message, read].iter().find_map(|text| text.as_str()).expect("text")
}

#[test]
fn one_question_wherever_it_may_be_asked() {
    let server = start();
    let greet = json!({ "name": "greet", "arguments": { "who": "Ann" } });
    let slow_greet = json!({ "name": "greet_on_worker", "arguments": {} });
    for (method, params, key, wanted) in [
        ("tools/call", tool("one"), "name", "Bob"),
        ("tools/call", tool("one_on_worker"), "name", "Bob"),
        ("tools/call", tool("task"), "name", "Bob"),
        ("prompts/get", greet, "tone", "Ann, Bob"),
        ("prompts/get", slow_greet, "tone", "Bob"),
        ("resources/read", json!({ "uri": "secret://ann" }), "key", "ann: Bob"),
        ("resources/read", json!({ "uri": "slow://ann" }), "key", "ann: Bob"),
    ] {
        let first = round(&server, method, &params, Value::Null, &Value::Null);
        assert_eq!(questions(&first), [key], "{method}");
        let mut answers = json!({});
        answers[key] = accept("Bob");
        let last = round(&server, method, &params, answers, &first["requestState"]);
        assert_eq!(text(&last), wanted, "{method}");
    }
}

#[test]
fn three_questions_at_once() {
    let server = start();
    for name in ["three", "three_on_worker"] {
        let first = round(&server, "tools/call", &tool(name), Value::Null, &Value::Null);
        assert_eq!(questions(&first), ["name", "model", "roots"]);
        let answers = json!({
            "name": accept("Ann"),
            "model": { "role": "assistant", "model": "m",
                "content": { "type": "text", "text": "Hi" } },
            "roots": { "roots": [{ "uri": "file:///a" }, { "uri": "file:///b", "name": "b" }] },
        });
        let last = round(&server, "tools/call", &tool(name), answers, &first["requestState"]);
        assert_eq!(text(&last), "Ann Hi file:///a file:///b");
    }
    let first = round(&server, "tools/call", &tool("together"), Value::Null, &Value::Null);
    assert_eq!(questions(&first), ["a", "b"]);
}

#[test]
fn many_rounds_remember_and_ask_nothing_twice() {
    let server = start();
    let params = json!({ "name": "steps", "arguments": { "steps": 12 } });
    let mut result = round(&server, "tools/call", &params, Value::Null, &Value::Null);
    for step in 0..12 {
        let key = format!("step {step}");
        assert_eq!(questions(&result), [&*key]);
        let mut answers = json!({});
        answers[key.as_str()] = accept(&step.to_string());
        let state = result["requestState"].take();
        assert!(state.is_string(), "something is remembered");
        result = round(&server, "tools/call", &params, answers, &state);
    }
    assert_eq!(text(&result), "0 1 2 3 4 5 6 7 8 9 10 11 in 12");
}

#[test]
fn what_is_missing_or_no_answer_is_asked_again() {
    let server = start();
    let params = tool("together");
    let first = round(&server, "tools/call", &params, Value::Null, &Value::Null);
    let state = &first["requestState"];
    for (answers, wanted) in [
        (json!({}), vec!["a", "b"]),
        (json!({ "a": accept("1") }), vec!["b"]),
        (json!({ "b": accept("1"), "z": accept("2") }), vec!["a"]),
        (json!({ "a": accept("1"), "b": {} }), vec!["b"]),
        (json!({ "a": accept("1"), "b": { "action": "perhaps" } }), vec!["b"]),
        (json!({ "a": { "action": "accept", "content": 7 }, "b": null }), vec!["a", "b"]),
        (json!({ "a": "yes", "b": ["yes"] }), vec!["a", "b"]),
    ] {
        let second = round(&server, "tools/call", &params, answers.clone(), state);
        assert_eq!(questions(&second), wanted, "{answers}");
        let rest = json!({ "a": accept("x"), "b": accept("y") });
        let mut open = json!({});
        for key in &wanted {
            open[*key] = rest[*key].clone();
        }
        let last = round(&server, "tools/call", &params, open, &second["requestState"]);
        text(&last);
    }
    for (answer, wanted) in [("decline", "Declined Cancelled"), ("cancel", "Cancelled Cancelled")] {
        let answers = json!({ "a": { "action": answer }, "b": { "action": "cancel" } });
        assert_eq!(text(&round(&server, "tools/call", &params, answers, state)), wanted);
    }
    for wrong in [json!([]), json!(1), json!("x")] {
        let (status, code, _) = server.error(&request("tools/call", &params, wrong, state));
        assert_eq!((status, code), (200, -32602));
    }
}

#[test]
fn a_state_is_good_for_its_request_alone_and_unchanged() {
    let server = start();
    let params = json!({ "name": "steps", "arguments": { "steps": 2 } });
    let mut first = round(&server, "tools/call", &params, Value::Null, &Value::Null);
    let state = first["requestState"].take();
    let text = state.as_str().expect("a state");
    assert!(!text.contains("answers"), "it is sealed");
    let answers = json!({ "step 0": accept("0") });
    let refused = |method: &str, params: &Value, state: Value| {
        let post = request(method, params, answers.clone(), &state);
        let (status, code, _) = server.error(&post);
        assert_eq!((status, code), (200, -32602), "{method} {params} {state}");
    };
    let more = json!({ "name": "steps", "arguments": { "steps": 3 } });
    refused("tools/call", &more, state.clone());
    refused("tools/call", &tool("one"), state.clone());
    refused("tools/call", &tool("one_on_worker"), state.clone());
    refused("prompts/get", &json!({ "name": "greet", "arguments": { "who": "a" } }), state.clone());
    refused("resources/read", &json!({ "uri": "secret://a" }), state.clone());
    for at in [0, 1, 30, 31, 32, 33, text.len() / 2, text.len() - 2] {
        let mut other = text.as_bytes().to_vec();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).expect("ASCII");
        refused("tools/call", &params, json!(other));
        refused("tools/call", &params, json!(text[..at]));
    }
    for other in [
        json!(""),
        json!("a"),
        json!("\u{e9}"),
        json!(7),
        json!({}),
        json!([]),
        json!(text.to_owned() + "A"),
    ] {
        refused("tools/call", &params, other);
    }
    // Another server has another key.
    let (_, code, _) = start().error(&request("tools/call", &params, answers.clone(), &state));
    assert_eq!(code, -32602);
    // It is still good where it belongs.
    let second = round(&server, "tools/call", &params, answers.clone(), &state);
    assert_eq!(questions(&second), ["step 1"]);
}

#[test]
fn clients_that_cannot_answer_are_not_asked() {
    let server = start();
    for (name, able_to, missing) in [
        ("one", json!({}), json!({ "elicitation": {} })),
        ("one_on_worker", json!({}), json!({ "elicitation": {} })),
        ("one", json!({ "elicitation": { "url": {} } }), json!({ "elicitation": {} })),
        ("page", json!({ "elicitation": {} }), json!({ "elicitation": { "url": {} } })),
        ("three", json!({ "elicitation": {}, "roots": {} }), json!({ "sampling": {} })),
        ("three_on_worker", json!({ "sampling": {}, "elicitation": {} }), json!({ "roots": {} })),
    ] {
        let mut params = tool(name);
        params["_meta"] = able(able_to);
        let (status, code, data) = server.error(&ask(json!(1), "tools/call", params));
        assert_eq!(
            (status, code, &data["requiredCapabilities"]),
            (400, -32021, &missing),
            "{name}"
        );
    }
    for (method, params) in [
        ("prompts/get", json!({ "name": "greet_on_worker" })),
        ("resources/read", json!({ "uri": "secret://a" })),
        ("resources/read", json!({ "uri": "slow://a" })),
    ] {
        let (status, code, _) = server.error(&ask(json!(1), method, params));
        assert_eq!((status, code), (400, -32021), "{method}");
    }
}

#[test]
fn a_function_that_goes_on_without_an_answer_has_its_result() {
    let server = start();
    let result = round(&server, "tools/call", &tool("unmoved"), Value::Null, &Value::Null);
    assert_eq!(text(&result), "I asked for nothing");
}

#[test]
fn rounds_belong_to_three_methods_alone() {
    let server = start();
    for method in ["tools/list", "prompts/list", "resources/list", "server/discover"] {
        let answers = json!({ "name": accept("x") });
        let params = json!({});
        let post = request(method, &params, answers, &json!("anything"));
        assert_eq!(server.result(&post)["resultType"], "complete", "{method}");
    }
}

#[test]
fn rounds_on_one_connection_and_in_any_order() {
    let server = start();
    let params = json!({ "name": "steps", "arguments": { "steps": 1 } });
    let firsts: Vec<_> =
        (0..50).map(|_| round(&server, "tools/call", &params, Value::Null, &Value::Null)).collect();
    for (at, first) in firsts.iter().enumerate().rev() {
        let answers = json!({ "step 0": accept(&at.to_string()) });
        let last = round(&server, "tools/call", &params, answers, &first["requestState"]);
        assert_eq!(text(&last), format!("{at} in 1"));
    }
}
