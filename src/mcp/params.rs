//! The members of `params`, read once.

use super::refusal::Refusal;
use crate::json::{Kind, Value};

/// The members of `params` that the common methods read, and the whole for the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Params<'b> {
    pub(super) all: Value<'b>,
    pub(crate) meta: Option<Value<'b>>,
    pub(super) name: Option<Value<'b>>,
    pub(super) arguments: Option<Value<'b>>,
    pub(super) uri: Option<Value<'b>>,
    pub(super) cursor: Option<Value<'b>>,
    pub(super) input_responses: Option<Value<'b>>,
    pub(super) request_state: Option<Value<'b>>,
}

impl<'b> Params<'b> {
    /// Whether the request is a later round of a call (2026-07-28, MRTR).
    pub(super) fn continues(&self) -> bool {
        self.input_responses.is_some() || self.request_state.is_some()
    }

    /// Reads them in one pass.
    ///
    /// A repeated member is refused: two readers of one message must not see two different values.
    #[inline(always)]
    pub(super) fn read(params: Value<'b>) -> Result<Params<'b>, Refusal<'b>> {
        let mut read = Params {
            all: params,
            meta: None,
            name: None,
            arguments: None,
            uri: None,
            cursor: None,
            input_responses: None,
            request_state: None,
        };
        for (key, value) in params.members_or_none() {
            let slot = match key {
                "_meta" => &mut read.meta,
                "name" => &mut read.name,
                "arguments" => &mut read.arguments,
                "uri" => &mut read.uri,
                "cursor" => &mut read.cursor,
                "inputResponses" => &mut read.input_responses,
                "requestState" => &mut read.request_state,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(repeated(key));
            }
        }
        Ok(read)
    }

    /// The text that `Mcp-Name` repeats: the name of a tool or prompt, the URI of a resource.
    #[inline]
    pub(crate) fn name(&self) -> Option<&'b str> {
        self.name.and_then(|name| name.as_str())
    }

    /// See [`Params::name`].
    pub(crate) fn uri(&self) -> Option<&'b str> {
        self.uri.and_then(|uri| uri.as_str())
    }

    /// See [`Params::name`]; of a task.
    pub(crate) fn task_id(&self) -> Option<&'b str> {
        self.all.get("taskId").and_then(|id| id.as_str())
    }

    /// The arguments of a tool.
    pub(crate) fn arguments(&self) -> Option<Value<'b>> {
        self.arguments
    }
}

/// The members of a smaller object that are named by `keys`, in that order, each at most once.
#[inline(always)]
pub(super) fn members<'b, const N: usize>(
    object: Value<'b>,
    keys: [&str; N],
) -> Result<[Option<Value<'b>>; N], Refusal<'b>> {
    let mut found = [None; N];
    for (key, value) in object.members_or_none() {
        if let Some(at) = keys.iter().position(|wanted| *wanted == key)
            && found[at].replace(value).is_some()
        {
            return Err(repeated(key));
        }
    }
    Ok(found)
}

#[cold]
fn repeated<'b>(key: &str) -> Refusal<'b> {
    Refusal::invalid_params(format!("params: `{key}` is repeated"))
}

/// A member that must be there and be a string.
#[inline]
pub(super) fn string<'b>(
    value: Option<Value<'b>>,
    what: &'static str,
) -> Result<&'b str, Refusal<'b>> {
    match value.and_then(|value| value.as_str()) {
        Some(text) => Ok(text),
        None => Err(wrong(what, "a string")),
    }
}

/// A member that may be left out, or be null, and otherwise is an object.
#[inline]
pub(super) fn object<'b>(
    value: Option<Value<'b>>,
    what: &'static str,
) -> Result<Value<'b>, Refusal<'b>> {
    match value.map(|value| (value, value.kind())) {
        Some((value, Kind::Object)) => Ok(value),
        None | Some((_, Kind::Null)) => Ok(Value::EMPTY_OBJECT),
        Some(_) => Err(wrong(what, "an object")),
    }
}

#[cold]
fn wrong<'b>(what: &str, expected: &str) -> Refusal<'b> {
    Refusal::invalid_params(format!("{what} must be {expected}"))
}
