//! Rounds of questions within one call (2026-07-28, "Multi Round-Trip Requests").
//!
//! Nothing is kept between the rounds: what was answered and remembered travels with the client,
//! sealed, bound to the call, its arguments and its principal, and for a time.

use serde_json::{Map, Value as Json, json};

use super::params::Params;
use super::plan::Answer;
use super::refusal::Refusal;
use crate::app::call::{Inputs, Interruption, Link};
use crate::json::{Kind, Value};
use crate::limits;
use crate::store::{Seal, Unsealed};

/// Reads what earlier rounds brought.
#[cold]
pub(super) fn read<'b>(
    params: &Params<'b>,
    answer: &Answer<'_>,
    link: &Link<'_>,
) -> Result<Inputs, Refusal<'b>> {
    let mut inputs = match params.request_state {
        None => Inputs::default(),
        Some(state) => open(state, answer, link)?,
    };
    match params.input_responses.map(|responses| (responses, responses.kind())) {
        None | Some((_, Kind::Null)) => {}
        Some((responses, Kind::Object)) => {
            for (key, response) in responses.members_or_none() {
                inputs.answers.insert(key.to_owned(), decode(response)?);
            }
        }
        Some(_) => return Err(Refusal::invalid_params("params.inputResponses must be an object")),
    }
    Ok(inputs)
}

fn decode<'b>(value: Value<'_>) -> Result<Json, Refusal<'b>> {
    let wrong = |error| Refusal::invalid_params(format!("params.inputResponses: {error}"));
    value.decode().map_err(wrong)
}

fn open<'b>(state: Value<'b>, answer: &Answer<'_>, link: &Link<'_>) -> Result<Inputs, Refusal<'b>> {
    let foreign = || Refusal::invalid_params("params.requestState was not given for this request");
    let sealed = state.as_str().ok_or_else(foreign)?;
    let now_ms = (link.hub.clock.unix_ms)();
    open_state(sealed, &purpose(answer, link), now_ms, &link.hub.seal).map_err(|unsealed| {
        match unsealed {
            Unsealed::Foreign => foreign(),
            Unsealed::Expired => {
                Refusal::invalid_params("params.requestState has expired: call again")
            }
        }
    })
}

/// Reads a state that was written for this purpose, until its time.
///
/// # Errors
/// It is none of ours, or came too late.
pub fn open_state(
    sealed: &str,
    purpose: &[u8],
    now_ms: u64,
    seal: &Seal,
) -> Result<Inputs, Unsealed> {
    let text = seal.open(sealed, purpose, now_ms)?;
    let state = serde_json::from_slice(&text);
    let mut state: Map<String, Json> = state.map_err(|_| Unsealed::Foreign)?;
    let answers = match state.remove("answers") {
        Some(Json::Object(answers)) => answers,
        _ => Map::new(),
    };
    Ok(Inputs { answers, remembered: state.remove("remembered") })
}

/// Writes a state. `None` when the system has no random bits.
pub fn seal_state(inputs: &Inputs, purpose: &[u8], until_ms: u64, seal: &Seal) -> Option<String> {
    let mut state = json!({ "answers": inputs.answers });
    if let Some(remembered) = &inputs.remembered {
        state["remembered"] = remembered.clone();
    }
    seal.seal(state.to_string().as_bytes(), purpose, until_ms)
}

/// Appends the members of `InputRequiredResult`, without `_meta`.
pub(super) fn write(
    interruption: Interruption,
    answer: &Answer<'_>,
    link: &Link<'_>,
    out: &mut Vec<u8>,
) {
    let questions: Map<String, Json> = interruption.questions.into_iter().collect();
    out.extend_from_slice(br#""resultType":"input_required","_meta":"#);
    out.extend_from_slice(link.server_meta.as_bytes());
    out.extend_from_slice(br#","inputRequests":"#);
    out.extend_from_slice(Json::Object(questions).to_string().as_bytes());
    let before = link.inputs;
    let answers = before.map(|inputs| inputs.answers.clone()).unwrap_or_default();
    let earlier = || before.and_then(|inputs| inputs.remembered.clone());
    let remembered = interruption.remembered.or_else(earlier);
    if answers.is_empty() && remembered.is_none() {
        return;
    }
    let inputs = Inputs { answers, remembered };
    let until_ms = (link.hub.clock.unix_ms)() + limits::REQUEST_STATE_TTL.as_millis() as u64;
    let purpose = purpose(answer, link);
    if let Some(sealed) = seal_state(&inputs, &purpose, until_ms, &link.hub.seal) {
        out.extend_from_slice(br#","requestState":""#);
        out.extend_from_slice(sealed.as_bytes());
        out.push(b'"');
    }
}

/// What a state is for: who asks, and for what.
fn purpose(answer: &Answer<'_>, link: &Link<'_>) -> Vec<u8> {
    let (method, name, arguments) = match answer {
        Answer::CallTool { name, arguments, .. } => ("tools/call", *name, Some(arguments)),
        Answer::GetPrompt { name, arguments, .. } => ("prompts/get", *name, Some(arguments)),
        Answer::ReadResource { uri } => ("resources/read", *uri, None),
        _ => ("", "", None),
    };
    let principal = link.principal.map_or("", |principal| &*principal.name);
    state_purpose([principal, method, name], arguments.copied())
}

/// The bytes that a state is bound to: no two purposes have the same.
pub fn state_purpose(parts: [&str; 3], arguments: Option<Value<'_>>) -> Vec<u8> {
    let mut purpose = Vec::new();
    for part in parts {
        crate::json::write_string(&mut purpose, part);
    }
    if let Some(arguments) = arguments {
        arguments.write(&mut purpose);
    }
    purpose
}
