//! Putting an application together from functions.

// The type of a builder is the list of what was added to it: long, and never written by hand.
#![allow(clippy::type_complexity)]

use std::net::ToSocketAddrs;

use super::{Running, ServeError, Server};
use crate::app::access::FunctionAuthenticator;
use crate::app::application::{Hooks, Parts, Providers, Trees};
use crate::app::completion::FunctionCompleter;
use crate::app::function::{Function, Input};
use crate::app::policy::FunctionAuthorizer;
use crate::app::prompt::FunctionPrompt;
use crate::app::resource::{FixedResource, TemplateResource};
use crate::app::roots::FunctionWatcher;
use crate::app::tool::{FunctionTool, Group, Leaf, Tool, Tools};
use crate::app::{
    About, Access, Action, App, Authenticator, Authorizer, Call, Catalog, Completion,
    CompletionRequest, Credentials, Handler, Icon, IntoPrompt, IntoResource, IntoToolResult,
    LoggingHandler, Missing, Placement, Policy, Principal, PromptProvider, Readiness,
    ResourceProvider, ToolProvider,
};
use crate::config::Config;

/// Puts an application together: a state, and functions over it. Made by [`Server::builder`].
///
/// Each function and each provider that is added changes the builder's type, which is how a call
/// finds its function without a table; nobody ever writes that type down.
pub struct Builder<S, F = Trees, D = Providers, H = Hooks> {
    app: App<S, F, D, H>,
}

impl Server<()> {
    /// Starts an application.
    ///
    /// ```no_run
    /// use mcp_fastd::{Json, Server};
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Add { a: i64, b: i64 }
    ///
    /// #[derive(serde::Serialize, schemars::JsonSchema)]
    /// struct Sum { sum: i64 }
    ///
    /// fn main() -> Result<(), mcp_fastd::ServeError> {
    ///     Server::builder()
    ///         .tool("add", |Add { a, b }: Add| Json(Sum { sum: a + b }))
    ///         .bind("127.0.0.1:8000")
    ///         .run()
    /// }
    /// ```
    pub fn builder() -> Builder<()> {
        let catalog = Catalog::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Builder { app: App::new((), catalog) }
    }
}

impl Builder<()> {
    /// Sets the state that functions see as `&S`. It comes before the functions, so that their
    /// types are known.
    pub fn state<S: Send + Sync + 'static>(self, state: S) -> Builder<S> {
        Builder { app: App::new(state, self.app.catalog) }
    }
}

impl<S, F, D, H> Builder<S, F, D, H> {
    /// The server's name and version, as clients see them.
    #[must_use]
    pub fn name(mut self, name: &str, version: &str) -> Self {
        self.app.catalog.identify(name, version);
        self
    }

    /// What else clients show of the server: a title, a page about it, icons.
    #[must_use]
    pub fn introduce(mut self, title: Option<&str>, website: Option<&str>, icons: &[Icon]) -> Self {
        self.app.catalog.introduce(title, website, icons);
        self
    }

    /// Says how the model should use this server.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.app.catalog.instructions(instructions);
        self
    }

    /// How long clients may keep lists and the contents of resources, in milliseconds. A list that
    /// a provider adds to may be kept as long as contents.
    #[must_use]
    pub fn cache(mut self, lists_ttl_ms: u64, reads_ttl_ms: u64) -> Self {
        self.app.catalog.cache(lists_ttl_ms, reads_ttl_ms);
        self
    }

    /// Needs scopes for what this says, beside those that tools, prompts and resources
    /// [say themselves](About::scopes).
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.app.catalog.policy.extend(policy);
        self
    }

    /// How many entries a page of a list has.
    #[must_use]
    pub fn page_size(mut self, entries: usize) -> Self {
        self.app.catalog.page_size(entries);
        self
    }
}

/// What is named one by one.
impl<S, T, P, R, D, H> Builder<S, Trees<T, P, R>, D, H> {
    /// Adds a tool: a name (or [`about`](crate::about) it), and a function in one of three shapes:
    /// `Fn(Input)`, `Fn(&State, Input)`, `Fn(&State, Input, &Call)`.
    ///
    /// The function returns `String`, [`Json<T>`](crate::Json), content blocks, `()`, or a `Result`
    /// of one of them with any error that can be displayed; an error is for the model to read.
    pub fn tool<F, Shape>(
        self,
        about: impl Into<About>,
        function: F,
    ) -> Builder<S, Trees<(T, Leaf<FunctionTool<F, Shape>>), P, R>, D, H>
    where
        Shape: 'static,
        F: Function<S, Shape>,
        F::Input: Input,
        F::Output: IntoToolResult,
    {
        self.with(FunctionTool::new(about.into(), function))
    }

    /// Adds a tool that is a type of its own.
    pub fn with<X: Tool<S>>(self, tool: X) -> Builder<S, Trees<(T, Leaf<X>), P, R>, D, H> {
        Builder { app: self.app.map_trees(|trees| trees.and_tools(Leaf(tool))) }
    }

    /// Adds a [`group`](crate::group) of tools.
    pub fn tools<G: Tools<S>>(self, group: Group<S, G>) -> Builder<S, Trees<(T, G), P, R>, D, H> {
        Builder { app: self.app.map_trees(|trees| trees.and_tools(group.tools)) }
    }

    /// Adds a prompt: its arguments are the fields of the function's input, and are strings.
    pub fn prompt<F, Shape>(
        self,
        about: impl Into<About>,
        function: F,
    ) -> Builder<S, Trees<T, (P, FunctionPrompt<F, Shape>), R>, D, H>
    where
        Shape: 'static,
        F: Function<S, Shape>,
        F::Input: Input,
        F::Output: IntoPrompt,
    {
        let prompt = FunctionPrompt::new(about.into(), function);
        Builder { app: self.app.map_trees(|trees| trees.and_prompt(prompt)) }
    }

    /// Adds a resource at a fixed URI, which is the name of `about`.
    pub fn resource<F, O>(
        self,
        about: impl Into<About>,
        function: F,
    ) -> Builder<S, Trees<T, P, (R, FixedResource<F>)>, D, H>
    where
        F: Fn(&S) -> O + Send + Sync + 'static,
        O: IntoResource,
    {
        let resource = FixedResource { about: about.into(), function };
        Builder { app: self.app.map_trees(|trees| trees.and_resource(resource)) }
    }

    /// Adds the resources of a URI template, which is the name of `about`: `note://{id}`. The
    /// function's input is made of the template's variables.
    pub fn resource_template<F, Shape>(
        self,
        about: impl Into<About>,
        function: F,
    ) -> Builder<S, Trees<T, P, (R, TemplateResource<F, Shape>)>, D, H>
    where
        Shape: 'static,
        F: Function<S, Shape>,
        F::Input: serde::de::DeserializeOwned,
        F::Output: IntoResource,
    {
        let resource = TemplateResource::new(about.into(), function);
        Builder { app: self.app.map_trees(|trees| trees.and_resource(resource)) }
    }
}

/// What is provided beside it: one of each kind, in any combination. Of two of a kind the last
/// counts. One that is not there costs nothing.
impl<S, F, T, P, R, L, H> Builder<S, F, Providers<T, P, R, L>, H> {
    /// Adds tools that are too many, or too changeable, to be named one by one.
    pub fn tool_provider<X: ToolProvider<S>>(
        self,
        provider: X,
    ) -> Builder<S, F, Providers<X, P, R, L>, H> {
        Builder { app: self.app.map_providers(|providers| providers.with_tools(provider)) }
    }

    /// Adds prompts that are too many, or too changeable, to be named one by one.
    pub fn prompt_provider<X: PromptProvider<S>>(
        self,
        provider: X,
    ) -> Builder<S, F, Providers<T, X, R, L>, H> {
        Builder { app: self.app.map_providers(|providers| providers.with_prompts(provider)) }
    }

    /// Adds resources that are too many, or too changeable, to be named one by one.
    pub fn resource_provider<X: ResourceProvider<S>>(
        self,
        provider: X,
    ) -> Builder<S, F, Providers<T, P, X, L>, H> {
        Builder { app: self.app.map_providers(|providers| providers.with_resources(provider)) }
    }

    /// Hears which log lines clients want.
    pub fn logging_handler<X: LoggingHandler<S>>(
        self,
        handler: X,
    ) -> Builder<S, F, Providers<T, P, R, X>, H> {
        Builder { app: self.app.map_providers(|providers| providers.with_logging(handler)) }
    }
}

impl<S, F, D, H> Builder<S, F, D, H> {
    /// Says whether the application can do its work, when somebody asks for `/ready`: what it
    /// depends on, and what is wrong with that. It runs on a shard, and must not wait.
    #[must_use]
    pub fn readiness(mut self, readiness: fn(&S, &mut Readiness)) -> Self {
        self.app.readiness = readiness;
        self
    }
}

/// What the server asks, and tells, besides.
impl<S, F, D, C, W, A, Z> Builder<S, F, D, Hooks<C, W, A, Z>> {
    /// Suggests values for the arguments of prompts and the variables of resource templates.
    pub fn completion<X, O>(
        self,
        function: X,
    ) -> Builder<S, F, D, Hooks<FunctionCompleter<X>, W, A, Z>>
    where
        X: Fn(&S, &CompletionRequest<'_>) -> O + Send + Sync + 'static,
        O: Into<Completion>,
    {
        let completer = FunctionCompleter { function, placement: Placement::Shard };
        Builder { app: self.app.map_hooks(|hooks| hooks.with_completer(completer)) }
    }

    /// Decides who is asking, by what each request shows; see [`Access`](crate::Access). It runs on
    /// the shard, and must not wait. Without it, everybody may use everything.
    pub fn authenticate<X>(
        self,
        function: X,
    ) -> Builder<S, F, D, Hooks<C, W, FunctionAuthenticator<X>, Z>>
    where
        X: Fn(&S, &Credentials<'_>) -> Access + Send + Sync + 'static,
    {
        self.authenticator(FunctionAuthenticator(function))
    }

    /// As [`Builder::authenticate`], with a type of its own.
    pub fn authenticator<X: Authenticator<S>>(
        self,
        authenticator: X,
    ) -> Builder<S, F, D, Hooks<C, W, X, Z>> {
        Builder { app: self.app.map_hooks(|hooks| hooks.with_authenticator(authenticator)) }
    }

    /// Decides what somebody may do, beside the [scopes](About::scopes) that things need; see
    /// [`Action`]. It runs on the shard, several times for one request, and must not wait. What
    /// somebody may not use is not listed for them either.
    pub fn authorize<X>(
        self,
        function: X,
    ) -> Builder<S, F, D, Hooks<C, W, A, FunctionAuthorizer<X>>>
    where
        X: Fn(&S, Option<&Principal>, Action<'_>) -> Result<(), Missing> + Send + Sync + 'static,
    {
        self.authorizer(FunctionAuthorizer(function))
    }

    /// As [`Builder::authorize`], with a type of its own.
    pub fn authorizer<X: Authorizer<S>>(
        self,
        authorizer: X,
    ) -> Builder<S, F, D, Hooks<C, W, A, X>> {
        Builder { app: self.app.map_hooks(|hooks| hooks.with_authorizer(authorizer)) }
    }

    /// Calls this when a client works on other folders than before (up to 2025-11-25), on a worker;
    /// [`Call::roots`] asks which.
    pub fn on_roots_changed<X>(
        self,
        function: X,
    ) -> Builder<S, F, D, Hooks<C, FunctionWatcher<X>, A, Z>>
    where
        X: Fn(&S, &Call<'_>) + Send + Sync + 'static,
    {
        let watcher = FunctionWatcher(function);
        Builder { app: self.app.map_hooks(|hooks| hooks.with_roots_watcher(watcher)) }
    }

    /// As [`Builder::completion`], for a function that may wait or takes its time.
    pub fn completion_on_worker<X, O>(
        self,
        function: X,
    ) -> Builder<S, F, D, Hooks<FunctionCompleter<X>, W, A, Z>>
    where
        X: Fn(&S, &CompletionRequest<'_>) -> O + Send + Sync + 'static,
        O: Into<Completion>,
    {
        let completer = FunctionCompleter { function, placement: Placement::Worker };
        Builder { app: self.app.map_hooks(|hooks| hooks.with_completer(completer)) }
    }
}

impl<S, F, D, H> Builder<S, F, D, H>
where
    App<S, F, D, H>: Handler,
    F: Parts<S>,
    D: Parts<S>,
    H: Parts<S>,
{
    /// Ends the building: all that is left is where and how it runs.
    pub fn build(self) -> Server<App<S, F, D, H>> {
        let mut app = self.app;
        app.trees.describe(&mut app.catalog);
        app.providers.describe(&mut app.catalog);
        app.hooks.describe(&mut app.catalog);
        Server::new(app)
    }

    /// Ends the building, and listens here; see [`Server::bind`].
    pub fn bind(self, address: impl ToSocketAddrs + std::fmt::Debug) -> Server<App<S, F, D, H>> {
        self.build().bind(address)
    }

    /// Ends the building, and serves standard input and output; see [`Server::stdio`].
    pub fn stdio(self) -> Server<App<S, F, D, H>> {
        self.build().stdio()
    }

    /// Ends the building, and runs with these settings; see [`Server::config`].
    pub fn config(self, config: Config) -> Server<App<S, F, D, H>> {
        self.build().config(config)
    }

    /// Builds and starts the server on 127.0.0.1:8080; see [`Server::start`].
    ///
    /// # Errors
    /// [`ServeError`]: nothing has been started.
    pub fn start(self) -> Result<Running, ServeError> {
        self.build().start()
    }

    /// Builds and runs the server on 127.0.0.1:8080; see [`Server::run`].
    ///
    /// # Errors
    /// [`ServeError`]: nothing has been started.
    pub fn run(self) -> Result<(), ServeError> {
        self.build().run()
    }
}
