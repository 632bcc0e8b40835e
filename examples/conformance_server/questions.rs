//! Tools that ask the client for something: the user's input, its model's answer, its roots.
//!
//! The functions are the same in all revisions. Up to 2025-11-25 a question travels to the client
//! while the function waits for its answer, which is why all are placed on workers. From
//! 2026-07-28 on the call is answered with the question, and made again with the answer.

use mcp_fastd::app::tool::{Group, Tools};
use mcp_fastd::{
    About, Call, Capability, Elicitation, Elicited, Empty, Interrupted, Sampling, about, group,
};
use serde_json::json;

type Answer = Result<String, Interrupted>;

pub(crate) fn tools() -> Group<(), impl Tools<()>> {
    group()
        .tool(asks("test_sampling", "Asks the model what it is told to."), sampling)
        .tool(asks("test_elicitation", "Asks the user what it is told to."), elicitation)
        .tool(asks("test_elicitation_sep1034_defaults", "Proposes answers."), defaults)
        .tool(asks("test_elicitation_sep1330_enums", "Gives a choice."), choices)
        .tool(asks("test_streaming_elicitation", "Asks for a name."), name)
        .tool(asks("test_missing_capability", "Needs a model, but does not ask it."), needs_model)
        .tool(asks("test_input_required_result_elicitation", "Asks for a name."), name)
        .tool(asks("test_input_required_result_sampling", "Asks the model."), capital)
        .tool(asks("test_input_required_result_list_roots", "Asks for roots."), roots)
        .tool(asks("test_input_required_result_request_state", "Remembers."), remembering)
        .tool(asks("test_input_required_result_tampered_state", "Remembers."), remembering)
        .tool(asks("test_input_required_result_multiple_inputs", "Asks it all at once."), all)
        .tool(asks("test_input_required_result_multi_round", "Asks twice."), twice)
        .tool(asks("test_input_required_result_capabilities", "Asks whom it can."), whom_it_can)
}

fn asks(name: &str, description: &str) -> About {
    about(name).describe(description).on_worker()
}

pub(crate) fn for_name() -> Elicitation {
    Elicitation::form("What is your name?").field("name", json!({ "type": "string" }))
}

/// What the user said, for the model to read.
fn said(elicited: &Elicited) -> String {
    match elicited {
        Elicited::Accepted(content) => format!("The user said: {content}"),
        Elicited::Declined => "The user declined to answer.".to_owned(),
        Elicited::Cancelled => "The user dismissed the question.".to_owned(),
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Prompt {
    /// What the model is asked.
    prompt: String,
}

fn sampling(_: &(), Prompt { prompt }: Prompt, call: &Call) -> Answer {
    let sampled = call.sample("answer", Sampling::new(100).user(prompt))?;
    Ok(format!("The model said: {}", sampled.text().unwrap_or("nothing")))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Message {
    /// What the user is asked.
    message: String,
}

fn elicitation(_: &(), Message { message }: Message, call: &Call) -> Answer {
    let question = Elicitation::form(message)
        .field("username", json!({ "type": "string", "description": "The user's name." }))
        .field("email", json!({ "type": "string", "description": "The user's address." }));
    Ok(said(&call.elicit("user", question)?))
}

/// A default for each type (SEP-1034).
fn defaults(_: &(), _: Empty, call: &Call) -> Answer {
    let states = ["active", "inactive", "pending"];
    let question = Elicitation::form("Is this right?")
        .optional("name", json!({ "type": "string", "default": "John Doe" }))
        .optional("age", json!({ "type": "integer", "default": 30 }))
        .optional("score", json!({ "type": "number", "default": 95.5 }))
        .optional("status", json!({ "type": "string", "enum": states, "default": "active" }))
        .optional("verified", json!({ "type": "boolean", "default": true }));
    Ok(said(&call.elicit("user", question)?))
}

/// Each way to write a choice (SEP-1330).
fn choices(_: &(), _: Empty, call: &Call) -> Answer {
    let plain = ["one", "two", "three"];
    let titles = ["The first", "The second", "The third"];
    let titled: Vec<_> = plain
        .iter()
        .zip(titles)
        .map(|(value, title)| json!({ "const": value, "title": title }))
        .collect();
    let question = Elicitation::form("Which?")
        .optional("untitledSingle", json!({ "type": "string", "enum": plain }))
        .optional("titledSingle", json!({ "type": "string", "oneOf": titled }))
        .optional("legacyEnum", json!({ "type": "string", "enum": plain, "enumNames": titles }))
        .optional(
            "untitledMulti",
            json!({ "type": "array", "items": { "type": "string", "enum": plain } }),
        )
        .optional("titledMulti", json!({ "type": "array", "items": { "anyOf": titled } }));
    Ok(said(&call.elicit("choice", question)?))
}

fn name(_: &(), _: Empty, call: &Call) -> Answer {
    Ok(said(&call.elicit("user_name", for_name())?))
}

fn needs_model(_: &(), _: Empty, call: &Call) -> Answer {
    call.require(Capability::Sampling)?;
    Ok("The client has a model.".to_owned())
}

fn capital(_: &(), _: Empty, call: &Call) -> Answer {
    let question = Sampling::new(100).user("What is the capital of France?");
    let sampled = call.sample("capital_question", question)?;
    Ok(format!("The model said: {}", sampled.text().unwrap_or("nothing")))
}

fn roots(_: &(), _: Empty, call: &Call) -> Answer {
    let roots = call.roots("client_roots")?;
    let uris: Vec<_> = roots.iter().map(|root| root.uri.as_str()).collect();
    Ok(format!("The client's roots: {}", uris.join(", ")))
}

/// What is remembered travels to the client and back, where it must not have been changed.
fn remembering(_: &(), _: Empty, call: &Call) -> Answer {
    let remembered = call.recall::<String>();
    call.remember(&"state-ok");
    let question = Elicitation::form("Go on?").field("ok", json!({ "type": "boolean" }));
    let elicited = call.elicit("confirm", question)?;
    Ok(format!("{}: {}", remembered.as_deref().unwrap_or("no state"), said(&elicited)))
}

/// Asks before it looks at any answer, so that one round is enough.
fn all(_: &(), _: Empty, call: &Call) -> Answer {
    call.remember(&"three questions");
    let elicited = call.elicit("user_name", for_name());
    let sampled = call.sample("greeting", Sampling::new(50).user("Write a greeting."));
    let roots = call.roots("client_roots");
    let (elicited, sampled, roots) = (elicited?, sampled?, roots?);
    let greeting = sampled.text().unwrap_or("Hello.");
    Ok(format!("{greeting} {} There are {} roots.", said(&elicited), roots.len()))
}

/// Needs the first answer for the second question, so that it takes two rounds.
fn twice(_: &(), _: Empty, call: &Call) -> Answer {
    call.remember(&1);
    let name = call.elicit("step1", for_name())?;
    call.remember(&2);
    let question = Elicitation::form(format!("{} Which colour do you like?", said(&name)))
        .field("color", json!({ "type": "string" }));
    let color = call.elicit("step2", question)?;
    Ok(format!("{} {}", said(&name), said(&color)))
}

/// A client is asked for nothing that it has not declared.
fn whom_it_can(_: &(), input: Empty, call: &Call) -> Answer {
    if call.supports(Capability::Elicitation) {
        return name(&(), input, call);
    }
    capital(&(), input, call)
}
