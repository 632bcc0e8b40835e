//! What the client is put through.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rmcp::ServiceError;
use rmcp::model::*;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::connection::{Connection, Era, call_params, from_json, is_program, to_json};
use crate::wire::Wire;

const ROUNDS: usize = 10;
const CHECK_MAX: Duration = Duration::from_secs(60);

/// Runs a check, and says what it said.
macro_rules! check {
    ($title:expr, $check:ident($($argument:expr),*)) => {
        let title = format!("{}: {}", $title, stringify!($check));
        let done = timeout(CHECK_MAX, $check($($argument),*)).await;
        let told = done.context("no end").and_then(|told| told);
        println!("{title}: {}", told.with_context(|| format!("{title}: FAILED"))?);
    };
}

/// Fails unless two things are equal.
macro_rules! same {
    ($found:expr, $expected:expr) => {
        match (&$found, &$expected) {
            (found, expected) => {
                ensure!(*found == *expected, "expected {expected:?}, not {found:?}")
            }
        };
    };
}

pub async fn run(place: &str, era: &Era) -> Result<()> {
    let title = &era.title(place);
    let person = Connection::open("alice", place, era).await?;
    let alice = &person;
    check!(title, tools(alice));
    check!(title, resources(alice));
    check!(title, prompts(alice));
    check!(title, completion(alice));
    check!(title, progress(alice));
    check!(title, logging(alice));
    check!(title, elicitation(alice));
    check!(title, sampling(alice));
    check!(title, roots(alice));
    check!(title, subscription(alice));
    check!(title, cancellation(alice));
    check!(title, overtaking(alice));
    match era.is_stateful() {
        true => {
            check!(title, ping(alice));
            check!(title, hang_up(alice));
        }
        false => {
            check!(title, tasks(alice));
        }
    }
    // What is promised by Streamable HTTP alone.
    match (is_program(place), era.is_stateful()) {
        (true, _) => {}
        (false, true) => {
            check!(title, cut(place, era));
            check!(title, cut_get(alice, place));
        }
        (false, false) => {
            check!(title, cut_is_cancellation(alice, place));
        }
    }
    check!(title, two_clients(place, era));
    person.close().await
}

async fn tools(alice: &Connection) -> Result<String> {
    let listed = alice.service.list_all_tools().await?;
    let greet = listed.iter().find(|tool| tool.name == "greet").context("no tool greet")?;
    ensure!(to_json(greet)["inputSchema"]["properties"]["name"].is_object(), "{greet:?}");
    same!(alice.text("greet", json!({ "name": "Ada" })).await?, "Hello, Ada!");
    let several = alice.call("test_multiple_content_types", json!({})).await?;
    let kinds = several["content"].as_array().context("content")?.iter();
    same!(kinds.map(|block| &block["type"]).collect::<Vec<_>>(), ["text", "image", "resource"]);
    let failed = alice.call("test_error_handling", json!({})).await?;
    same!(failed["isError"], true);
    same!(failed["content"][0]["text"], "This tool always fails.");
    let wrong = alice.call("greet", json!({ "name": 5 })).await?;
    let named = wrong["content"][0]["text"].as_str().is_some_and(|text| text.contains("name"));
    ensure!(wrong["isError"] == true && named, "a number is no name: {wrong}");
    refused(alice.call("nothing", json!({})).await, &[-32602])?;
    Ok(format!("{} listed, called, failed as they should", listed.len()))
}

async fn resources(alice: &Connection) -> Result<String> {
    let read = async |uri: &str| {
        let result = alice.service.read_resource(from_json(json!({ "uri": uri }))).await?;
        Ok::<_, ServiceError>(to_json(&result)["contents"][0].clone())
    };
    let listed = alice.service.list_all_resources().await?;
    ensure!(listed.iter().any(|resource| resource.uri == "test://static-text"), "{listed:?}");
    same!(read("test://static-text").await?["text"], "Always this.");
    let binary = read("test://static-binary").await?;
    ensure!(binary["blob"].as_str().is_some_and(|blob| blob.starts_with("iVBORw0KGgo")), "no PNG");
    let templates = to_json(&alice.service.list_all_resource_templates().await?);
    same!(templates[0]["uriTemplate"], "test://template/{id}/data");
    let entry = read("test://template/7/data").await?;
    let entry: Value = serde_json::from_str(entry["text"].as_str().context("a text")?)?;
    same!(entry["id"], "7");
    refused(read("test://nothing").await, &[-32002, -32602])?;
    Ok(format!("{} and a template", listed.len()))
}

async fn prompts(alice: &Connection) -> Result<String> {
    let get = async |name: &str, arguments: Value| {
        let params = from_json(json!({ "name": name, "arguments": arguments }));
        let result = alice.service.get_prompt(params).await?;
        Ok::<_, ServiceError>(to_json(&result)["messages"][0]["content"]["text"].clone())
    };
    let listed = alice.service.list_all_prompts().await?;
    let got = get("test_prompt_with_arguments", json!({ "arg1": "one", "arg2": "two" })).await?;
    same!(got, "The arguments are `one` and `two`.");
    same!(get("test_input_required_result_prompt", json!({})).await?, "My name is alice.");
    refused(get("nothing", json!({})).await, &[-32602])?;
    Ok(format!("{} listed, two got", listed.len()))
}

async fn completion(alice: &Connection) -> Result<String> {
    let prompt = "test_prompt_with_arguments";
    let values = alice.service.complete_prompt_simple(prompt, "arg1", "test").await?;
    same!(values, ["test", "testing"]);
    Ok(format!("{values:?}"))
}

async fn progress(person: &Connection) -> Result<String> {
    person.memory().progress.clear();
    same!(person.text("test_tool_with_progress", json!({})).await?, "Done.");
    // rmcp handles each notification in a task of its own, which the result may overtake.
    person.until("progress three times", |memory| memory.progress.len() >= 3).await?;
    let seen = person.memory().progress.clone();
    same!(seen, [0.0, 50.0, 100.0]);
    Ok(format!("{seen:?}"))
}

async fn logging(alice: &Connection) -> Result<String> {
    for level in [LoggingLevel::Error, LoggingLevel::Info] {
        let mut params = call_params("test_tool_with_logging", json!({}));
        // Before 2026-07-28 a session has its level, from then on each request.
        if alice.era.is_stateful() {
            alice.service.set_level(SetLevelRequestParams::new(level)).await?;
        } else {
            let mut meta = RequestMetaObject::new();
            meta.set_log_level(level);
            params.meta = Some(meta);
        }
        alice.service.call_tool(params).await?;
    }
    alice.until("three lines", |memory| memory.logged.len() >= 3).await?;
    let logged = alice.memory().logged.clone();
    same!(logged, ["started", "half done", "done"]);
    Ok(json!(logged).to_string())
}

async fn elicitation(alice: &Connection) -> Result<String> {
    let accepted = alice.text("test_elicitation", json!({ "message": "Who are you?" })).await?;
    same!(accepted, r#"The user said: {"email":"alice","username":"alice"}"#);
    same!(alice.memory().asked.last().map(String::as_str), Some("Who are you?"));
    alice.memory().declines = true;
    let declined = alice.text("test_elicitation", json!({ "message": "And now?" })).await?;
    alice.memory().declines = false;
    same!(declined, "The user declined to answer.");
    let twice = alice.text("test_input_required_result_multi_round", json!({})).await?;
    same!(twice, r#"The user said: {"name":"alice"} The user said: {"color":"alice"}"#);
    Ok("accepted, declined, asked twice".to_owned())
}

async fn sampling(alice: &Connection) -> Result<String> {
    let said = alice.text("test_sampling", json!({ "prompt": "one and one" })).await?;
    same!(said, "The model said: alice heard one and one");
    Ok(said)
}

async fn roots(alice: &Connection) -> Result<String> {
    let told = alice.text("test_input_required_result_list_roots", json!({})).await?;
    same!(told, "The client's roots: file:///home/alice");
    Ok(told)
}

async fn subscription(alice: &Connection) -> Result<String> {
    let subscribed = alice.subscribe().await?;
    alice.touch("test://of-no-interest").await?;
    alice.touch(&alice.resource).await?;
    alice.until("resources/updated", |memory| !memory.updated.is_empty()).await?;
    same!(alice.memory().updated, std::slice::from_ref(&alice.resource));
    let before = alice.memory().tools_changed;
    alice.text("test_trigger_tool_change", json!({})).await?;
    alice.until("tools/list_changed", |memory| memory.tools_changed > before).await?;
    alice.unsubscribe(subscribed).await?;
    Ok("the resource was updated, the tools have changed".to_owned())
}

async fn cancellation(alice: &Connection) -> Result<String> {
    let subscribed = alice.subscribe().await?;
    let before = alice.memory().updated.len();
    alice.memory().progress.clear();
    tokio::select! {
        answer = alice.call("test_cancellation", json!({ "uri": alice.resource })) => {
            anyhow::bail!("nobody has cancelled yet: {answer:?}");
        }
        // The call is dropped then, which rmcp takes for a cancellation.
        started = alice.until("the tool to start", |memory| !memory.progress.is_empty()) => {
            started?;
        }
    }
    alice.until("the tool to see it", |memory| memory.updated.len() > before).await?;
    alice.unsubscribe(subscribed).await?;
    Ok("the tool has seen it".to_owned())
}

/// A quick call is answered while a slow one waits for the user.
async fn overtaking(alice: &Connection) -> Result<String> {
    alice.memory().thinks = true;
    let before = alice.memory().asked.len();
    let quick = async {
        alice.until("the question", |memory| memory.asked.len() > before).await?;
        same!(alice.text("greet", json!({ "name": "Ada" })).await?, "Hello, Ada!");
        alice.memory().thinks = false;
        Ok(())
    };
    // The slow one cannot have an answer before the quick one has.
    let slow = alice.text("test_elicitation", json!({ "message": "Well?" }));
    let (said, ()) = tokio::try_join!(slow, quick)?;
    ensure!(said.contains(r#""username":"alice""#), "{said}");
    Ok("the quick answer came first".to_owned())
}

async fn ping(alice: &Connection) -> Result<String> {
    let ping = ClientRequest::PingRequest(PingRequest::default());
    let answer = alice.service.send_request(ping).await?;
    ensure!(matches!(answer, ServerResult::EmptyResult(_)), "{answer:?}");
    Ok("answered".to_owned())
}

async fn hang_up(alice: &Connection) -> Result<String> {
    let told = alice.text("test_reconnection", json!({})).await?;
    same!(told, "Done, while nobody was connected.");
    Ok(told)
}

/// The connection is cut in the middle of a streaming call; the rest comes by Last-Event-ID.
async fn cut(url: &str, era: &Era) -> Result<String> {
    let wire = Wire::open(url).await?;
    let alice = Connection::open("alice", &wire.url, era).await?;
    alice.memory().scissors = Some(wire.scissors.clone());
    progress(&alice).await?;
    ensure!(alice.memory().scissors.is_none(), "it was not cut");
    alice.close().await?;
    Ok("nothing lost, nothing twice".to_owned())
}

/// What happens while the GET stream is cut comes when it is there again.
async fn cut_get(witness: &Connection, url: &str) -> Result<String> {
    let wire = Wire::open(url).await?;
    let alice = Connection::open("alice", &wire.url, &witness.era).await?;
    alice.subscribe().await?;
    witness.touch(&alice.resource).await?;
    alice.until("the first update", |memory| memory.updated.len() == 1).await?;
    wire.cut();
    witness.touch(&alice.resource).await?;
    alice.until("the update of the meantime", |memory| memory.updated.len() > 1).await?;
    witness.touch(&alice.resource).await?;
    alice.until("the update after", |memory| memory.updated.len() > 2).await?;
    same!(alice.memory().updated.len(), 3);
    alice.close().await?;
    Ok("nothing lost, nothing twice".to_owned())
}

/// Without sessions a cut connection ends the call on both sides.
async fn cut_is_cancellation(witness: &Connection, url: &str) -> Result<String> {
    let subscribed = witness.subscribe().await?;
    let before = witness.memory().updated.len();
    let wire = Wire::open(url).await?;
    let alice = Connection::open("alice", &wire.url, &witness.era).await?;
    alice.memory().scissors = Some(wire.scissors.clone());
    let answer = alice.call("test_cancellation", json!({ "uri": witness.resource })).await;
    ensure!(answer.is_err(), "expected an error: {answer:?}");
    witness.until("the tool to see it", |memory| memory.updated.len() > before).await?;
    witness.unsubscribe(subscribed).await?;
    Ok("the call failed, the tool has seen it".to_owned())
}

async fn tasks(alice: &Connection) -> Result<String> {
    let text = |result: &Value| result["content"][0]["text"].clone();
    let computed = task(alice, "slow_compute", json!({ "seconds": 1, "label": "It" })).await?;
    same!(text(&computed), "It: computed for 1 s.");
    let asked = task(alice, "confirm_delete", json!({ "filename": "a.txt" })).await?;
    same!(text(&asked), "a.txt would be gone now.");
    let both = task(alice, "multi_input", json!({})).await?;
    ensure!(both["isError"] != true, "{both}");
    let failed = task(alice, "failing_job", json!({})).await?;
    same!(failed["isError"], true);
    let broken = task(alice, "protocol_error_job", json!({})).await?;
    same!(broken["code"], -32603);

    let cancelled = created(alice, "slow_compute", json!({ "seconds": 30 })).await?;
    let id = json!({ "taskId": cancelled });
    alice.service.cancel_task(from_json(id.clone())).await?;
    while alice.service.get_task(from_json(id.clone())).await?.task.payload
        != TaskPayload::Cancelled
    {
        sleep(Duration::from_millis(50)).await;
    }
    refused(alice.service.get_task(from_json(json!({ "taskId": "?" }))).await, &[-32602])?;
    Ok("computed, asked the user, failed, cancelled".to_owned())
}

/// Calls a tool that makes a task of it.
async fn created(alice: &Connection, tool: &str, arguments: Value) -> Result<String> {
    match alice.service.call_tool_once(call_params(tool, arguments)).await? {
        CallToolResponse::Task(created) => Ok(created.task.task_id),
        other => anyhow::bail!("expected a task: {other:?}"),
    }
}

/// Polls a task until it ends, and answers what it asks; its result, or its error.
async fn task(alice: &Connection, tool: &str, arguments: Value) -> Result<Value> {
    let id = created(alice, tool, arguments).await?;
    loop {
        let state = alice.service.get_task(from_json(json!({ "taskId": id }))).await?.task;
        match state.payload {
            TaskPayload::Completed { result } => return Ok(Value::Object(result)),
            TaskPayload::Failed { error } => return Ok(Value::Object(error)),
            TaskPayload::InputRequired { input_requests } => {
                let answer = |question: &InputRequest| {
                    let schema = &to_json(question)["params"]["requestedSchema"];
                    let content = alice.service.service().answer(schema);
                    json!({ "action": "accept", "content": content })
                };
                let answers: serde_json::Map<_, _> =
                    input_requests.iter().map(|(key, ask)| (key.clone(), answer(ask))).collect();
                let params = json!({ "taskId": id, "inputResponses": answers });
                alice.service.update_task(from_json(params)).await?;
            }
            TaskPayload::Working => {}
            other => anyhow::bail!("{tool}: {other:?}"),
        }
        sleep(Duration::from_millis(state.task.poll_interval_ms.unwrap_or(100))).await;
    }
}

/// Both ask, are asked and listen at once; what belongs to one never reaches the other.
async fn two_clients(place: &str, era: &Era) -> Result<String> {
    let bob = Connection::open("bob", place, era).await?;
    let carol = Connection::open("carol", place, era).await?;
    let (bobs, carols) = (bob.subscribe().await?, carol.subscribe().await?);
    tokio::try_join!(live(&bob), live(&carol))?;
    bob.unsubscribe(bobs).await?;
    carol.unsubscribe(carols).await?;
    for person in [bob, carol] {
        let asked = person.memory().asked.clone();
        ensure!(asked.iter().all(|question| question.starts_with(person.name())), "{asked:?}");
        same!(asked.len(), 2 * ROUNDS);
        same!(person.memory().updated, vec![person.resource.clone(); ROUNDS]);
        person.close().await?;
    }
    Ok(format!("{ROUNDS} rounds, nothing of one reached the other"))
}

async fn live(person: &Connection) -> Result<()> {
    for round in 0..ROUNDS {
        let word = format!("{} {round}", person.name());
        let (sampled, elicited, (), _) = tokio::try_join!(
            person.text("test_sampling", json!({ "prompt": word })),
            person.text("test_elicitation", json!({ "message": word })),
            person.touch(&person.resource),
            progress(person),
        )?;
        same!(sampled, format!("The model said: {} heard {word}", person.name()));
        let own = format!(r#""username":"{}""#, person.name());
        ensure!(elicited.contains(&own), "expected {own}: {elicited}");
        person.until("its update", |memory| memory.updated.len() > round).await?;
    }
    Ok(())
}

fn refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>, codes: &[i32]) -> Result<()> {
    match answer {
        Err(ServiceError::McpError(error)) if codes.contains(&error.code.0) => Ok(()),
        other => anyhow::bail!("expected {codes:?}: {other:?}"),
    }
}
