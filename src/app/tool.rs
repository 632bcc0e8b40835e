//! Tools: functions known at compile time, in a tree, called by index.

use std::marker::PhantomData;

use super::about::About;
use super::call::Call;
use super::catalog::Catalog;
use super::content::{IntoToolResult, ToolReply};
use super::function::{Function, Input};
use crate::json::Value;

mod provider;

pub use provider::{ToolEntry, ToolPage, ToolProvider};

/// A tool that is a type: for tools too big for a closure.
pub trait Tool<S>: Send + Sync + 'static {
    /// Its arguments.
    type Input: Input;
    /// Its result.
    type Output: IntoToolResult;

    /// Whether it may send log lines ([`Call::log`]): clients are told.
    const SPEAKS: bool = true;

    /// Its name, and what there is to say about it.
    fn about(&self) -> About;

    /// Answers a call.
    fn call(&self, state: &S, input: Self::Input, call: &Call<'_>) -> Self::Output;
}

/// A tree of tools over the state `S`: `()` is the empty one, a pair joins two, a leaf is a tool.
///
/// A call walks the tree by index; the compiler sees the whole walk.
pub trait Tools<S>: Send + Sync + 'static {
    /// How many tools the tree holds.
    const COUNT: usize;

    /// Enters each tool into the catalog, in the order of their indexes.
    fn describe(&self, catalog: &mut Catalog);

    /// Calls the tool at `index`.
    fn call(
        &self,
        index: usize,
        state: &S,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    );
}

impl<S> Tools<S> for () {
    const COUNT: usize = 0;

    fn describe(&self, _catalog: &mut Catalog) {}

    fn call(&self, _: usize, _: &S, _: Value<'_>, _: &Call<'_>, _: &mut ToolReply<'_>) {}
}

impl<S, A: Tools<S>, B: Tools<S>> Tools<S> for (A, B) {
    const COUNT: usize = A::COUNT + B::COUNT;

    fn describe(&self, catalog: &mut Catalog) {
        self.0.describe(catalog);
        self.1.describe(catalog);
    }

    #[inline]
    fn call(
        &self,
        index: usize,
        state: &S,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) {
        if index < A::COUNT {
            self.0.call(index, state, arguments, call, reply);
        } else {
            self.1.call(index - A::COUNT, state, arguments, call, reply);
        }
    }
}

/// The leaf: one tool.
pub struct Leaf<T>(pub(crate) T);

impl<S, T: Tool<S>> Tools<S> for Leaf<T> {
    const COUNT: usize = 1;

    fn describe(&self, catalog: &mut Catalog) {
        let about = self.0.about();
        let all = about.input_schema.is_some();
        let input = about.input_schema.clone().unwrap_or_else(T::Input::schema);
        let output = about.output_schema.clone().or_else(T::Output::output_schema);
        catalog.add_checked_tool(about, input, output, all);
        if T::SPEAKS {
            catalog.add_logging();
        }
    }

    #[inline]
    fn call(
        &self,
        _index: usize,
        state: &S,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) {
        match arguments.decode::<T::Input>() {
            Ok(input) => self.0.call(state, input, call).write(reply),
            // A wrong argument is the model's to mend, so the model is told (tools page,
            // "Error Handling": input validation errors are tool execution errors).
            Err(error) => reply.error(&format_args!("invalid arguments: {error}")),
        }
    }
}

/// A tool made of a description and a function.
pub struct FunctionTool<F, Shape> {
    about: About,
    function: F,
    shape: PhantomData<fn(Shape)>,
}

impl<F, Shape> FunctionTool<F, Shape> {
    pub(crate) fn new(about: About, function: F) -> Self {
        FunctionTool { about, function, shape: PhantomData }
    }
}

impl<S, F, Shape> Tool<S> for FunctionTool<F, Shape>
where
    Shape: 'static,
    F: Function<S, Shape>,
    F::Input: Input,
    F::Output: IntoToolResult,
{
    type Input = F::Input;
    type Output = F::Output;

    const SPEAKS: bool = F::SPEAKS;

    fn about(&self) -> About {
        self.about.clone()
    }

    #[inline]
    fn call(&self, state: &S, input: F::Input, call: &Call<'_>) -> F::Output {
        self.function.invoke(state, input, call)
    }
}

/// A group of tools to hand to [`Builder::tools`](crate::Builder::tools), from a module of its own.
///
/// Groups also lift the compiler's recursion limit, which ends a flat list at some 120 tools.
pub struct Group<S, T> {
    pub(crate) tools: T,
    state: PhantomData<fn(&S)>,
}

/// Starts a group of tools over the state `S`.
pub fn group<S>() -> Group<S, ()> {
    Group { tools: (), state: PhantomData }
}

impl<S, T: Tools<S>> Group<S, T> {
    /// Adds a tool that is a function.
    pub fn tool<F, Shape>(
        self,
        about: impl Into<About>,
        function: F,
    ) -> Group<S, (T, Leaf<FunctionTool<F, Shape>>)>
    where
        Shape: 'static,
        F: Function<S, Shape>,
        F::Input: Input,
        F::Output: IntoToolResult,
    {
        self.with(FunctionTool::new(about.into(), function))
    }

    /// Adds a tool that is a type.
    pub fn with<X: Tool<S>>(self, tool: X) -> Group<S, (T, Leaf<X>)> {
        Group { tools: (self.tools, Leaf(tool)), state: PhantomData }
    }
}
