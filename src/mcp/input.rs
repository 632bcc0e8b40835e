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
use crate::store::Unsealed;

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
    let text = link.hub.seal.open(sealed, &purpose(answer, link), now_ms);
    let text = text.map_err(|unsealed| match unsealed {
        Unsealed::Foreign => foreign(),
        Unsealed::Expired => Refusal::invalid_params("params.requestState has expired: call again"),
    })?;
    let mut state: Map<String, Json> = serde_json::from_slice(&text).map_err(|_| foreign())?;
    let answers = match state.remove("answers") {
        Some(Json::Object(answers)) => answers,
        _ => Map::new(),
    };
    Ok(Inputs { answers, remembered: state.remove("remembered") })
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
    let mut state = json!({ "answers": answers });
    if let Some(remembered) = remembered {
        state["remembered"] = remembered;
    }
    let until_ms = (link.hub.clock.unix_ms)() + limits::REQUEST_STATE_TTL.as_millis() as u64;
    let purpose = purpose(answer, link);
    if let Some(sealed) = link.hub.seal.seal(state.to_string().as_bytes(), &purpose, until_ms) {
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
    let mut purpose = Vec::new();
    for part in [link.principal.map_or("", |principal| &*principal.name), method, name] {
        crate::json::write_string(&mut purpose, part);
    }
    if let Some(arguments) = arguments {
        arguments.write(&mut purpose);
    }
    purpose
}
