//! Prompts: functions from string arguments to messages.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;

use super::Failure;
use super::about::About;
use super::call::Call;
use super::catalog::Catalog;
use super::content::ContentBlock;
use super::function::{Function, Input};
use crate::json::{self, Value};

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Role {
    User,
    Assistant,
}

/// One message of a prompt (`PromptMessage` of the schema).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: ContentBlock,
}

impl PromptMessage {
    /// Text from the user.
    pub fn user(text: impl Into<String>) -> Self {
        PromptMessage { role: Role::User, content: ContentBlock::text(text) }
    }

    /// Text from the assistant.
    pub fn assistant(text: impl Into<String>) -> Self {
        PromptMessage { role: Role::Assistant, content: ContentBlock::text(text) }
    }
}

/// Where a prompt's messages are written.
pub struct PromptReply<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> PromptReply<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        PromptReply { out }
    }

    /// Writes the messages, with what the prompt is about. Called once.
    ///
    /// # Errors
    /// None for the types of this crate.
    pub fn messages(
        &mut self,
        description: Option<&str>,
        messages: &[PromptMessage],
    ) -> Result<(), Failure> {
        if let Some(description) = description {
            self.out.extend_from_slice(br#""description":"#);
            json::write_string(self.out, description);
            self.out.push(b',');
        }
        self.out.extend_from_slice(br#""messages":"#);
        json::write_serialized(self.out, &messages)
            .map_err(|error| Failure::Internal(error.to_string()))
    }
}

/// What a prompt may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a prompt",
    note = "return `String`, `PromptMessage`, `Vec<PromptMessage>`, or a `Result` of one of them"
)]
pub trait IntoPrompt {
    /// The messages, or why there are none.
    ///
    /// # Errors
    /// What the function returned as its error; the client sees it as -32602.
    fn into_messages(self) -> Result<Vec<PromptMessage>, Failure>;
}

impl IntoPrompt for String {
    fn into_messages(self) -> Result<Vec<PromptMessage>, Failure> {
        Ok(vec![PromptMessage::user(self)])
    }
}

impl IntoPrompt for PromptMessage {
    fn into_messages(self) -> Result<Vec<PromptMessage>, Failure> {
        Ok(vec![self])
    }
}

impl IntoPrompt for Vec<PromptMessage> {
    fn into_messages(self) -> Result<Vec<PromptMessage>, Failure> {
        Ok(self)
    }
}

impl<T: IntoPrompt, E: Display> IntoPrompt for Result<T, E> {
    fn into_messages(self) -> Result<Vec<PromptMessage>, Failure> {
        match self {
            Ok(prompt) => prompt.into_messages(),
            Err(error) => Err(Failure::InvalidParams(error.to_string())),
        }
    }
}

/// A tree of prompts over the state `S`; see [`Tools`](super::tool::Tools).
pub trait Prompts<S>: Send + Sync + 'static {
    /// How many prompts the tree holds.
    const COUNT: usize;

    /// Enters each prompt into the catalog.
    fn describe(&self, catalog: &mut Catalog);

    /// Renders the prompt at `index`.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] when an argument is missing or wrong.
    fn get(
        &self,
        index: usize,
        state: &S,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure>;
}

impl<S> Prompts<S> for () {
    const COUNT: usize = 0;

    fn describe(&self, _catalog: &mut Catalog) {}

    fn get(
        &self,
        _: usize,
        _: &S,
        _: Value<'_>,
        _: &Call<'_>,
        _: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

impl<S, A: Prompts<S>, B: Prompts<S>> Prompts<S> for (A, B) {
    const COUNT: usize = A::COUNT + B::COUNT;

    fn describe(&self, catalog: &mut Catalog) {
        self.0.describe(catalog);
        self.1.describe(catalog);
    }

    fn get(
        &self,
        index: usize,
        state: &S,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        if index < A::COUNT {
            return self.0.get(index, state, arguments, call, reply);
        }
        self.1.get(index - A::COUNT, state, arguments, call, reply)
    }
}

/// A prompt made of a description and a function; its arguments are the fields of its input type.
pub struct FunctionPrompt<F, Shape> {
    about: About,
    function: F,
    shape: PhantomData<fn(Shape)>,
}

impl<F, Shape> FunctionPrompt<F, Shape> {
    pub(crate) fn new(about: About, function: F) -> Self {
        FunctionPrompt { about, function, shape: PhantomData }
    }
}

impl<S, F, Shape> Prompts<S> for FunctionPrompt<F, Shape>
where
    Shape: 'static,
    F: Function<S, Shape>,
    F::Input: Input,
    F::Output: IntoPrompt,
{
    const COUNT: usize = 1;

    fn describe(&self, catalog: &mut Catalog) {
        let input = self.about.input_schema.clone().unwrap_or_else(F::Input::schema);
        catalog.add_prompt(self.about.clone(), &input);
    }

    fn get(
        &self,
        _index: usize,
        state: &S,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        let input = arguments
            .decode::<F::Input>()
            .map_err(|error| Failure::InvalidParams(format!("invalid arguments: {error}")))?;
        let messages = self.function.invoke(state, input, call).into_messages()?;
        reply.messages(self.about.description.as_deref(), &messages)
    }
}
