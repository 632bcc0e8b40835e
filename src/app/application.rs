//! The handler that the builder makes: a state, and what was added over it, each thing in the type.
//!
//! A part that was not added is `()`, whose methods the compiler sees through: what is not used is
//! not there.

use super::access::{Access, Authenticator, Credentials, Health};
use super::call::Call;
use super::catalog::{Catalog, PromptId, ToolId};
use super::completion::{Completer, CompletionReply, CompletionRequest};
use super::content::ToolReply;
use super::logging::LoggingHandler;
use super::policy::{Action, Authorizer, Missing};
use super::prompt::{PromptPage, PromptProvider, PromptReply, Prompts};
use super::readiness::Readiness;
use super::resource::{ResourcePage, ResourceProvider, ResourceReply, Resources};
use super::roots::RootsWatcher;
use super::tool::{ToolPage, ToolProvider, Tools};
use super::{Failure, Handler};
use crate::json::Value;
use crate::protocol::{LogLevel, Principal};

/// The handler that the builder makes.
pub struct App<S, F, D, H> {
    pub(crate) state: S,
    /// [`Trees`] of functions.
    pub(crate) trees: F,
    /// [`Providers`].
    pub(crate) providers: D,
    /// [`Hooks`].
    pub(crate) hooks: H,
    pub(crate) catalog: Catalog,
    /// Says whether the application can do its work.
    pub(crate) readiness: fn(&S, &mut Readiness),
}

/// What is named one by one: trees of tools, prompts and resources.
#[derive(Default)]
pub struct Trees<T = (), P = (), R = ()> {
    pub(crate) tools: T,
    pub(crate) prompts: P,
    pub(crate) resources: R,
}

/// What is provided beside it, and who hears what is to be logged.
#[derive(Default)]
pub struct Providers<T = (), P = (), R = (), L = ()> {
    pub(crate) tools: T,
    pub(crate) prompts: P,
    pub(crate) resources: R,
    pub(crate) logging: L,
}

/// What the server asks, and tells, besides.
#[derive(Default)]
pub struct Hooks<C = (), W = (), A = (), Z = ()> {
    pub(crate) completer: C,
    pub(crate) roots_watcher: W,
    pub(crate) authenticator: A,
    pub(crate) authorizer: Z,
}

/// A group of an application's parts over the state `S`.
pub trait Parts<S> {
    /// Enters each of them into the catalog.
    fn describe(&self, catalog: &mut Catalog);
}

impl<S, T: Tools<S>, P: Prompts<S>, R: Resources<S>> Parts<S> for Trees<T, P, R> {
    fn describe(&self, catalog: &mut Catalog) {
        self.tools.describe(catalog);
        self.prompts.describe(catalog);
        self.resources.describe(catalog);
    }
}

impl<S, T, P, R, L> Parts<S> for Providers<T, P, R, L>
where
    T: ToolProvider<S>,
    P: PromptProvider<S>,
    R: ResourceProvider<S>,
    L: LoggingHandler<S>,
{
    fn describe(&self, catalog: &mut Catalog) {
        if T::OFFERED {
            self.tools.describe(catalog);
        }
        if P::OFFERED {
            self.prompts.describe(catalog);
        }
        if R::OFFERED {
            self.resources.describe(catalog);
        }
        if L::LISTENS {
            catalog.add_logging();
        }
    }
}

impl<S, C, W, A, Z> Parts<S> for Hooks<C, W, A, Z>
where
    C: Completer<S>,
    W: RootsWatcher<S>,
    A: Authenticator<S>,
    Z: Authorizer<S>,
{
    fn describe(&self, catalog: &mut Catalog) {
        if C::OFFERED {
            catalog.add_completions(self.completer.placement());
        }
        if W::LISTENS {
            catalog.add_roots_watcher();
        }
    }
}

impl<S, T, P, R, TP, PP, RP, L, C, W, A, Z> Handler
    for App<S, Trees<T, P, R>, Providers<TP, PP, RP, L>, Hooks<C, W, A, Z>>
where
    S: Send + Sync + 'static,
    T: Tools<S>,
    P: Prompts<S>,
    R: Resources<S>,
    TP: ToolProvider<S>,
    PP: PromptProvider<S>,
    RP: ResourceProvider<S>,
    L: LoggingHandler<S>,
    C: Completer<S>,
    W: RootsWatcher<S>,
    A: Authenticator<S>,
    Z: Authorizer<S>,
{
    #[inline]
    fn authenticate(&self, credentials: &Credentials<'_>) -> Access {
        self.hooks.authenticator.authenticate(&self.state, credentials)
    }

    fn issuers(&self) -> Vec<Health> {
        self.hooks.authenticator.issuers()
    }

    fn ready(&self, readiness: &mut Readiness) {
        (self.readiness)(&self.state, readiness);
    }

    fn authenticates(&self) -> bool {
        self.hooks.authenticator.decides()
    }

    #[inline]
    fn authorizes(&self) -> bool {
        self.catalog.policy.decides() || self.hooks.authorizer.decides()
    }

    fn authorize(&self, principal: Option<&Principal>, action: Action<'_>) -> Result<(), Missing> {
        let mut decided = self.catalog.policy.authorize(principal, action);
        if self.hooks.authorizer.decides()
            && let Err(missing) = self.hooks.authorizer.authorize(&self.state, principal, action)
        {
            match &mut decided {
                Ok(()) => decided = Err(missing),
                Err(before) => before.and(&missing),
            }
        }
        decided
    }

    fn scopes(&self) -> Vec<String> {
        let mut scopes = self.hooks.authorizer.scopes();
        scopes.extend(self.catalog.policy.scopes().into_iter().map(str::to_owned));
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    #[inline]
    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    #[inline]
    fn call_tool(
        &self,
        tool: ToolId,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        self.trees.tools.call(tool.0, &self.state, arguments, call, reply);
        Ok(())
    }

    fn list_tools(&self, cursor: Option<&str>, page: &mut ToolPage<'_>) -> Result<(), Failure> {
        self.providers.tools.list(&self.state, cursor, page)
    }

    fn call_provided_tool(
        &self,
        name: &str,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        self.providers.tools.call(&self.state, name, arguments, call, reply)
    }

    fn get_prompt(
        &self,
        prompt: PromptId,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        self.trees.prompts.get(prompt.0, &self.state, arguments, call, reply)
    }

    fn list_prompts(&self, cursor: Option<&str>, page: &mut PromptPage<'_>) -> Result<(), Failure> {
        self.providers.prompts.list(&self.state, cursor, page)
    }

    fn get_provided_prompt(
        &self,
        name: &str,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        self.providers.prompts.get(&self.state, name, arguments, call, reply)
    }

    fn read_resource(
        &self,
        uri: &str,
        call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        match self.catalog.resources.find(uri) {
            Some((index, variables)) => {
                self.trees.resources.read(index, &self.state, &variables, call, reply)
            }
            None => self.providers.resources.read(&self.state, uri, call, reply),
        }
    }

    fn list_resources(
        &self,
        cursor: Option<&str>,
        page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure> {
        self.providers.resources.list(&self.state, cursor, page)
    }

    fn complete(
        &self,
        request: &CompletionRequest<'_>,
        call: &Call<'_>,
        reply: &mut CompletionReply<'_>,
    ) -> Result<(), Failure> {
        reply.values(self.hooks.completer.complete(&self.state, request, call)?);
        Ok(())
    }

    fn roots_changed(&self, call: &Call<'_>) {
        self.hooks.roots_watcher.roots_changed(&self.state, call);
    }

    fn log_level_set(&self, level: LogLevel, call: &Call<'_>) {
        self.providers.logging.level_set(&self.state, level, call);
    }
}
