//! Prompts: functions from string arguments to messages.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;

use super::Failure;
use super::about::{About, Icon, Placement};
use super::call::Call;
use super::catalog::Catalog;
use super::content::ContentBlock;
use super::function::{Function, Input};
use super::page::{Entry, Page};
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

/// An argument of a prompt in a list (`PromptArgument` of the schema).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it must be given.
    pub required: bool,
}

/// One prompt in a list (`Prompt` of the schema).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PromptEntry {
    /// Its name.
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<PromptArgument>,
    /// Icons for a user interface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// What the client's program may read, an object.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<serde_json::Value>,
}

/// A page of a list of prompts, being written.
pub type PromptPage<'o> = Page<'o, PromptEntry>;

impl Entry for PromptEntry {
    fn key(&self) -> &str {
        &self.name
    }

    fn is_in(&self, catalog: &Catalog) -> bool {
        catalog.prompt(&self.name).is_some()
    }
}

/// Where a prompt's messages are written.
///
/// It is written once; were it written again, the last time counts.
pub struct PromptReply<'o> {
    out: &'o mut Vec<u8>,
    from: usize,
}

impl<'o> PromptReply<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        let from = out.len();
        PromptReply { out, from }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == self.from
    }

    /// Writes the messages, with what the prompt is about.
    ///
    /// # Errors
    /// None for the types of this crate.
    pub fn messages(
        &mut self,
        description: Option<&str>,
        messages: &[PromptMessage],
    ) -> Result<(), Failure> {
        self.out.truncate(self.from);
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

/// Prompts that are too many, or too changeable, to be named one by one: a team's collection.
///
/// It is asked for every name that the catalog has not. `()` has none.
pub trait PromptProvider<S>: Send + Sync + 'static {
    /// Whether there is anything to list.
    const OFFERED: bool = true;

    /// Enters itself into the catalog: that it is there and where it runs
    /// ([`Catalog::add_prompt_provider`]). Unless said otherwise, it runs on workers.
    fn describe(&self, catalog: &mut Catalog) {
        catalog.add_prompt_provider(Placement::Worker);
    }

    /// Lists a page: entries go into `page` until it has no more [room](Page::room).
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] for a cursor that is not one of the provider's.
    fn list(
        &self,
        state: &S,
        cursor: Option<&str>,
        page: &mut PromptPage<'_>,
    ) -> Result<(), Failure>;

    /// Renders a prompt. `arguments` is an object of strings.
    ///
    /// # Errors
    /// [`Failure::UnknownName`] when there is none of this name; [`Failure::InvalidParams`] when
    /// an argument is missing or wrong.
    fn get(
        &self,
        state: &S,
        name: &str,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure>;
}

impl<S> PromptProvider<S> for () {
    const OFFERED: bool = false;

    fn list(&self, _: &S, _: Option<&str>, _: &mut PromptPage<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn get(
        &self,
        _: &S,
        _: &str,
        _: Value<'_>,
        _: &Call<'_>,
        _: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::UnknownName)
    }
}
