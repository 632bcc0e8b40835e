//! The shapes a function of the application may have.
//!
//! A tool, a prompt or a resource template is a plain function or closure in one of three shapes:
//! `Fn(Input) -> Output`, `Fn(&State, Input) -> Output`, `Fn(&State, Input, &Call) -> Output`.
//! The marker parameter `Shape` tells them apart; nobody ever names it.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::call::Call;

/// Marks `Fn(Input) -> Output`.
pub struct OfInput<I>(PhantomData<fn(I)>);
/// Marks `Fn(&State, Input) -> Output`.
pub struct OfStateAndInput<I>(PhantomData<fn(I)>);
/// Marks `Fn(&State, Input, &Call) -> Output`.
pub struct OfStateInputAndCall<I>(PhantomData<fn(I)>);

/// A function that can serve a tool, a prompt or a resource template over the state `S`.
#[diagnostic::on_unimplemented(
    message = "this function cannot serve as a tool, prompt or resource template",
    label = "not one of the three shapes",
    note = "the shapes are `fn(Input) -> Output`, `fn(&State, Input) -> Output` and \
            `fn(&State, Input, &Call) -> Output`",
    note = "`State` is the type given to `.state(..)`, which must come before this call; \
            without it the state is `()`",
    note = "a closure needs the types of its arguments written out: `|db: &Db, input: Input| ..`"
)]
pub trait Function<S, Shape>: Send + Sync + 'static {
    /// What it takes.
    type Input;
    /// What it gives.
    type Output;

    /// Whether it takes the call, and so may say something before its result.
    const SPEAKS: bool = false;

    /// Calls it.
    fn invoke(&self, state: &S, input: Self::Input, call: &Call<'_>) -> Self::Output;
}

impl<S, I, O, F> Function<S, OfInput<I>> for F
where
    F: Fn(I) -> O + Send + Sync + 'static,
{
    type Input = I;
    type Output = O;

    #[inline]
    fn invoke(&self, _state: &S, input: I, _call: &Call<'_>) -> O {
        self(input)
    }
}

impl<S, I, O, F> Function<S, OfStateAndInput<I>> for F
where
    F: Fn(&S, I) -> O + Send + Sync + 'static,
{
    type Input = I;
    type Output = O;

    #[inline]
    fn invoke(&self, state: &S, input: I, _call: &Call<'_>) -> O {
        self(state, input)
    }
}

impl<S, I, O, F> Function<S, OfStateInputAndCall<I>> for F
where
    F: Fn(&S, I, &Call<'_>) -> O + Send + Sync + 'static,
{
    type Input = I;
    type Output = O;

    const SPEAKS: bool = true;

    #[inline]
    fn invoke(&self, state: &S, input: I, call: &Call<'_>) -> O {
        self(state, input, call)
    }
}

/// What a function takes: any type that serde can decode and schemars can describe.
///
/// Implemented for all of them; with `default-features = false` the schema is not asked for, and
/// [`About::input_schema`](super::About::input_schema) gives it instead.
#[cfg(feature = "schema")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the input of a tool or prompt",
    note = "derive both: `#[derive(serde::Deserialize, schemars::JsonSchema)]`"
)]
pub trait Input: DeserializeOwned + schemars::JsonSchema {
    /// The JSON Schema (2020-12) of the input.
    fn schema() -> serde_json::Value;
}

#[cfg(feature = "schema")]
impl<T: DeserializeOwned + schemars::JsonSchema> Input for T {
    fn schema() -> serde_json::Value {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        settings.for_deserialize().into_generator().into_root_schema_for::<T>().to_value()
    }
}

/// What a function takes: any type that serde can decode.
#[cfg(not(feature = "schema"))]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the input of a tool or prompt",
    note = "derive `serde::Deserialize`"
)]
pub trait Input: DeserializeOwned {
    /// The JSON Schema of the input: any object, unless `About::input_schema` says more.
    fn schema() -> serde_json::Value;
}

#[cfg(not(feature = "schema"))]
impl<T: DeserializeOwned> Input for T {
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "object" })
    }
}

/// The input of a function that takes no arguments: `|_: Empty| …`.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Empty {}
