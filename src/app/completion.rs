//! Completion: suggestions for the arguments of prompts and resource templates.

use super::Failure;
use super::about::Placement;
use super::call::Call;
use crate::json::{self, Value};
use crate::limits;

/// What is being completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'b> {
    /// An argument of the prompt of this name.
    Prompt(&'b str),
    /// A variable of the resource template with this URI.
    Resource(&'b str),
}

/// A request for suggestions.
#[derive(Debug, Clone, Copy)]
pub struct CompletionRequest<'b> {
    /// What is being completed.
    pub reference: Reference<'b>,
    /// The name of the argument.
    pub argument: &'b str,
    /// What the user has typed so far.
    pub value: &'b str,
    /// The arguments that are filled in already, an object of strings.
    pub context: Value<'b>,
}

/// Suggestions, best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// The values; at most 100 are sent.
    pub values: Vec<String>,
    /// How many there are in all, if that is known.
    pub total: Option<u64>,
}

impl From<Vec<String>> for Completion {
    fn from(values: Vec<String>) -> Self {
        let total = Some(values.len() as u64);
        Completion { values, total }
    }
}

/// Where suggestions are written.
pub struct CompletionReply<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> CompletionReply<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        CompletionReply { out }
    }

    /// Writes the suggestions. Called once.
    pub fn values(&mut self, completion: Completion) {
        let Completion { values, total } = completion;
        let sent = values.len().min(limits::COMPLETION_VALUES_MAX);
        self.out.extend_from_slice(br#""completion":{"values":["#);
        for (index, value) in values[..sent].iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            json::write_string(self.out, value);
        }
        self.out.push(b']');
        if let Some(total) = total {
            self.out.extend_from_slice(br#","total":"#);
            json::write_unsigned(self.out, total);
        }
        let more = values.len() > sent || total.is_some_and(|total| total > sent as u64);
        self.out.extend_from_slice(match more {
            true => br#","hasMore":true}"#.as_slice(),
            false => br#","hasMore":false}"#.as_slice(),
        });
    }
}

/// What suggests values; `()` suggests nothing and offers nothing.
pub trait Completer<S>: Send + Sync + 'static {
    /// Whether the capability is offered.
    const OFFERED: bool = true;

    /// Where it runs.
    fn placement(&self) -> Placement {
        Placement::Shard
    }

    /// Suggests values.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] when the reference names nothing we have.
    fn complete(
        &self,
        state: &S,
        request: &CompletionRequest<'_>,
        call: &Call<'_>,
    ) -> Result<Completion, Failure>;
}

impl<S> Completer<S> for () {
    const OFFERED: bool = false;

    fn complete(
        &self,
        _: &S,
        _: &CompletionRequest<'_>,
        _: &Call<'_>,
    ) -> Result<Completion, Failure> {
        Ok(Completion::default())
    }
}

/// A completer made of a function.
pub struct FunctionCompleter<F> {
    pub(crate) function: F,
    pub(crate) placement: Placement,
}

impl<S, F, O> Completer<S> for FunctionCompleter<F>
where
    F: Fn(&S, &CompletionRequest<'_>) -> O + Send + Sync + 'static,
    O: Into<Completion>,
{
    fn placement(&self) -> Placement {
        self.placement
    }

    fn complete(
        &self,
        state: &S,
        request: &CompletionRequest<'_>,
        _call: &Call<'_>,
    ) -> Result<Completion, Failure> {
        Ok((self.function)(state, request).into())
    }
}
