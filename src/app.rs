//! What an application is: the seam [`Handler`], and the sugar over it.
//!
//! Everything above this room reaches the application through [`Handler`] alone. [`App`] is the
//! handler that [`Server::builder`](crate::Server::builder) puts together from plain functions: its
//! tools, prompts and resources are trees of types, so a call is an index and a direct call, with
//! no `dyn` and no table of boxed functions.
//!
//! This room has not heard of HTTP, sockets or protocol revisions.

pub mod about;
pub mod access;
pub mod ask;
pub mod call;
pub mod catalog;
pub mod completion;
pub mod content;
pub mod forwarded;
pub mod function;
mod notifier;
pub mod prompt;
pub mod resource;
pub mod roots;
mod template;
pub mod tool;

use crate::json::Value;

pub use about::{About, Annotations, Icon, Placement, TaskSupport};
pub use access::{Access, Authenticator, Credentials};
pub use ask::{Elicitation, Elicited, Interrupted, Root, Sampled, Sampling};
pub use call::{Call, Progress, TraceContext};
pub use catalog::{Catalog, PromptId, ToolId};
pub use completion::{Completer, Completion, CompletionReply, CompletionRequest, Reference};
pub use content::{
    ContentAnnotations, ContentBlock, IntoToolResult, Json, ResourceContents, ToolReply,
};
pub use forwarded::{Incoming, Outgoing, Reception, SessionHandle};
pub use notifier::Notifier;
pub use prompt::{IntoPrompt, PromptMessage, PromptReply, Role};
pub use resource::{IntoResource, ResourceEntry, ResourcePage, ResourceProvider, ResourceReply};
pub use roots::RootsWatcher;

use prompt::Prompts;
use resource::Resources;
use tool::Tools;

/// Why an application could not answer. The client sees a JSON-RPC error; a tool that ran and
/// failed is not this but a result with `isError`, which the model sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The parameters are wrong (-32602): what was wrong, and what was expected.
    InvalidParams(String),
    /// There is no such resource (-32602, or -32002 up to 2025-11-25).
    ResourceNotFound,
    /// The application failed (-32603).
    Internal(String),
}

/// An application: what a server serves.
///
/// Implement it to serve without the sugar (a gateway, say); otherwise use
/// [`Server::builder`](crate::Server::builder).
pub trait Handler: Send + Sync + 'static {
    /// Who is asking. Called on the shard for each request, before its body is read.
    #[inline]
    fn authenticate(&self, _credentials: &Credentials<'_>) -> Access {
        Access::Anonymous
    }

    /// What is offered: names, schemas, where each thing runs.
    fn catalog(&self) -> &Catalog;

    /// Calls a tool of the catalog. `arguments` is an object.
    ///
    /// # Errors
    /// [`Failure`] for what the model could do nothing about; all else goes into `reply`.
    fn call_tool(
        &self,
        tool: ToolId,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure>;

    /// Renders a prompt of the catalog. `arguments` is an object of strings.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] when an argument is missing or wrong.
    fn get_prompt(
        &self,
        _prompt: PromptId,
        _arguments: Value<'_>,
        _call: &Call<'_>,
        _reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::InvalidParams("there are no prompts".to_owned()))
    }

    /// Reads a resource by its URI.
    ///
    /// # Errors
    /// [`Failure::ResourceNotFound`] when there is none.
    fn read_resource(
        &self,
        _uri: &str,
        _call: &Call<'_>,
        _reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::ResourceNotFound)
    }

    /// Lists resources that are not in the catalog, a page at a time. `cursor` is what an earlier
    /// page of this function gave.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] for a cursor that is not one of ours.
    fn list_resources(
        &self,
        _cursor: Option<&str>,
        _page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// Suggests values for an argument of a prompt or a resource template.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] when the reference names nothing we have.
    fn complete(
        &self,
        _request: &CompletionRequest<'_>,
        _call: &Call<'_>,
        reply: &mut CompletionReply<'_>,
    ) -> Result<(), Failure> {
        reply.values(Completion::default());
        Ok(())
    }

    /// A client works on other folders now; [`Call::roots`] asks which. Called on a worker, where
    /// [`Catalog::add_roots_watcher`] was.
    fn roots_changed(&self, _call: &Call<'_>) {}

    /// The application speaks MCP by itself: it is handed whole messages, with
    /// [`Handler::receive`], and none of the functions that answer for it are called.
    const SPEAKS_MCP: bool = false;

    /// Takes a message of which the engine knows only what HTTP and sessions need. It runs on the
    /// shard, and must not wait: what takes time is answered [later](Incoming::later), and what
    /// can be answered at once is appended to `out`, as one line.
    fn receive(&self, _incoming: &mut Incoming<'_>, _out: &mut Vec<u8>) -> Reception {
        Reception::Full("speaks_mcp")
    }
}

/// The handler that the builder makes: a state, and trees of functions over it.
pub struct App<S, T, P, R, D, C, W, A> {
    pub(crate) state: S,
    pub(crate) tools: T,
    pub(crate) prompts: P,
    pub(crate) resources: R,
    pub(crate) provider: D,
    pub(crate) completer: C,
    pub(crate) roots_watcher: W,
    pub(crate) authenticator: A,
    pub(crate) catalog: Catalog,
}

impl<S, T, P, R, D, C, W, A> Handler for App<S, T, P, R, D, C, W, A>
where
    S: Send + Sync + 'static,
    T: Tools<S>,
    P: Prompts<S>,
    R: Resources<S>,
    D: ResourceProvider<S>,
    C: Completer<S>,
    W: RootsWatcher<S>,
    A: Authenticator<S>,
{
    #[inline]
    fn authenticate(&self, credentials: &Credentials<'_>) -> Access {
        self.authenticator.authenticate(&self.state, credentials)
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
        self.tools.call(tool.0, &self.state, arguments, call, reply);
        Ok(())
    }

    fn get_prompt(
        &self,
        prompt: PromptId,
        arguments: Value<'_>,
        call: &Call<'_>,
        reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        self.prompts.get(prompt.0, &self.state, arguments, call, reply)
    }

    fn read_resource(
        &self,
        uri: &str,
        call: &Call<'_>,
        reply: &mut ResourceReply<'_>,
    ) -> Result<(), Failure> {
        match self.catalog.resources.find(uri) {
            Some((index, variables)) => {
                self.resources.read(index, &self.state, &variables, call, reply)
            }
            None => self.provider.read(&self.state, uri, call, reply),
        }
    }

    fn list_resources(
        &self,
        cursor: Option<&str>,
        page: &mut ResourcePage<'_>,
    ) -> Result<(), Failure> {
        self.provider.list(&self.state, cursor, page)
    }

    fn complete(
        &self,
        request: &CompletionRequest<'_>,
        call: &Call<'_>,
        reply: &mut CompletionReply<'_>,
    ) -> Result<(), Failure> {
        reply.values(self.completer.complete(&self.state, request, call)?);
        Ok(())
    }
    fn roots_changed(&self, call: &Call<'_>) {
        self.roots_watcher.roots_changed(&self.state, call);
    }
}
