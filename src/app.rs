//! What an application is: the seam [`Handler`], and the sugar over it.
//!
//! Everything above this room reaches the application through [`Handler`] alone. [`App`] is the
//! handler that [`Server::builder`](crate::Server::builder) puts together from plain functions and
//! from providers: its tools, prompts and resources are trees of types, so a call is an index and a
//! direct call, with no `dyn` and no table of boxed functions.
//!
//! This room has not heard of HTTP, sockets or protocol revisions.

pub mod about;
pub mod access;
pub mod application;
pub mod ask;
pub mod call;
pub mod catalog;
pub mod certificate;
pub mod completion;
pub mod content;
pub mod forwarded;
pub mod function;
pub mod logging;
mod notifier;
pub mod page;
pub mod policy;
pub mod prompt;
mod readiness;
pub mod resource;
pub mod roots;
mod template;
pub mod tool;

use crate::json::Value;
use crate::protocol::LogLevel;
pub use crate::protocol::Principal;

pub use crate::store::Verdict;
pub use about::{About, Annotations, Icon, Placement, TaskSupport};
pub use access::{Access, Authenticator, Busy, Credentials, Denied, Health, Peer};
pub use application::App;
pub use ask::{Elicitation, Elicited, Interrupted, Root, Sampled, Sampling};
pub use call::{Call, Progress, TraceContext};
pub use catalog::{Catalog, PromptId, ToolId};
pub use certificate::ClientCertificate;
pub use completion::{Completer, Completion, CompletionReply, CompletionRequest, Reference};
pub use content::{
    ContentAnnotations, ContentBlock, IntoToolResult, Json, ResourceContents, ToolReply,
};
pub use forwarded::{Incoming, Outgoing, Reception, SessionHandle};
pub use logging::LoggingHandler;
pub use notifier::Notifier;
pub use page::Page;
pub use policy::{Action, Authorizer, Missing, Policy};
pub use prompt::{
    IntoPrompt, PromptArgument, PromptEntry, PromptMessage, PromptPage, PromptProvider,
    PromptReply, Role,
};
pub use readiness::Readiness;
pub use resource::{IntoResource, ResourceEntry, ResourcePage, ResourceProvider, ResourceReply};
pub use roots::RootsWatcher;
pub use tool::{ToolEntry, ToolPage, ToolProvider};

/// Why an application could not answer. The client sees a JSON-RPC error; a tool that ran and
/// failed is not this but a result with `isError`, which the model sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The parameters are wrong (-32602): what was wrong, and what was expected.
    InvalidParams(String),
    /// A provider has no tool, or no prompt, of this name (-32602).
    UnknownName,
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

    /// How it stands with those whose tokens are taken. Called on a shard when somebody asks for
    /// `/ready` or `/metrics`: it must not wait.
    fn issuers(&self) -> Vec<Health> {
        Vec::new()
    }

    /// Whether it can do its work. Called on a shard when somebody asks for `/ready`: it must not
    /// wait.
    fn ready(&self, _readiness: &mut Readiness) {}

    /// Whether [`Handler::authenticate`] ever refuses anybody. A server whose settings say who may
    /// come does not start where it never does.
    fn authenticates(&self) -> bool {
        false
    }

    /// Whether [`Handler::authorize`] is to be asked.
    #[inline]
    fn authorizes(&self) -> bool {
        false
    }

    /// Whether somebody may do something: asked by what a request's head says, again by its body,
    /// and for each entry of a list. Without a principal, it is somebody unknown.
    ///
    /// # Errors
    /// [`Missing`]: the scopes with which they could.
    fn authorize(
        &self,
        _principal: Option<&Principal>,
        _action: Action<'_>,
    ) -> Result<(), Missing> {
        Ok(())
    }

    /// The scopes that [`Handler::authorize`] may ask for (`scopes_supported` of RFC 9728).
    fn scopes(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is offered: names, schemas, where each thing runs.
    fn catalog(&self) -> &Catalog;

    /// Calls a tool of the catalog. `arguments` is an object.
    ///
    /// # Errors
    /// [`Failure`] for what the model could do nothing about; all else goes into `reply`.
    fn call_tool(
        &self,
        _tool: ToolId,
        _arguments: Value<'_>,
        _call: &Call<'_>,
        _reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::Internal("the catalog has a tool that nobody calls".to_owned()))
    }

    /// Lists tools that are not in the catalog, a page at a time, where
    /// [`Catalog::add_tool_provider`] was called. `cursor` is what an earlier page of this function
    /// gave.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] for a cursor that is not one of ours.
    fn list_tools(&self, _cursor: Option<&str>, _page: &mut ToolPage<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Calls a tool that is not in the catalog, by its name. `arguments` is an object, and has not
    /// been checked against a schema.
    ///
    /// # Errors
    /// [`Failure::UnknownName`] when there is none; otherwise as [`Handler::call_tool`].
    fn call_provided_tool(
        &self,
        _name: &str,
        _arguments: Value<'_>,
        _call: &Call<'_>,
        _reply: &mut ToolReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::UnknownName)
    }

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

    /// Lists prompts that are not in the catalog, a page at a time, where
    /// [`Catalog::add_prompt_provider`] was called. `cursor` is what an earlier page of this
    /// function gave.
    ///
    /// # Errors
    /// [`Failure::InvalidParams`] for a cursor that is not one of ours.
    fn list_prompts(
        &self,
        _cursor: Option<&str>,
        _page: &mut PromptPage<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// Renders a prompt that is not in the catalog, by its name. `arguments` is an object of
    /// strings.
    ///
    /// # Errors
    /// [`Failure::UnknownName`] when there is none; otherwise as [`Handler::get_prompt`].
    fn get_provided_prompt(
        &self,
        _name: &str,
        _arguments: Value<'_>,
        _call: &Call<'_>,
        _reply: &mut PromptReply<'_>,
    ) -> Result<(), Failure> {
        Err(Failure::UnknownName)
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

    /// A session's client wants log lines of this level and above, and no others (up to
    /// 2025-11-25). Called on the shard, where [`Catalog::add_logging`] was: it must not wait.
    fn log_level_set(&self, _level: LogLevel, _call: &Call<'_>) {}

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
