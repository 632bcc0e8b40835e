//! What is told of a request to whoever observes: from the words of HTTP and MCP to its numbers.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::fields::Fields;
use super::line::{Line, Then};
use super::message::{Desk, id_text};
use crate::app::{Catalog, Handler, Peer};
use crate::http::{Head, Method as HttpMethod};
use crate::json::Value;
use crate::limits;
use crate::mcp::plan::Answer;
use crate::mcp::{Came, Context, Method};
use crate::observe::{
    AuditArguments, Caller, Http, Observation, Operation, Operations, Outcome, Said, Watch,
};
use crate::rpc::{ErrorCode, Message};
use crate::store::Session;

/// Notifications that clients send; the last one is any other, and any method that there is not.
const NOTIFICATIONS: [&str; 6] = [
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "notifications/tasks/status",
    "_OTHER",
];

const METHODS: u32 = Method::NAMES.len() as u32;
const UNKNOWN: Operation = Operation(METHODS + NOTIFICATIONS.len() as u32 - 1);
/// The call of a tool that the catalog has not.
const PROVIDED: Operation = Operation(UNKNOWN.0 + 1);
/// That of its first tool.
const TOOLS: u32 = PROVIDED.0 + 1;

/// The operations of a server with this catalog.
pub(crate) fn operations(catalog: &Catalog) -> Operations {
    let methods = Method::NAMES.into_iter().chain(NOTIFICATIONS).collect();
    Operations::new(methods, catalog.tool_names())
}

/// The operation that an answer is for.
#[inline]
pub(super) fn operation_of(answer: &Answer<'_>, context: &Context<'_>) -> Operation {
    match answer {
        Answer::CallTool { tool: Some(tool), .. } => Operation(TOOLS + tool.0 as u32),
        Answer::CallTool { tool: None, .. } => PROVIDED,
        _ => context.method.map_or(UNKNOWN, |method| Operation(method as u32)),
    }
}

/// The operation that a message asks for, before there is a plan for it.
#[cold]
pub(super) fn operation_asked(
    message: &Message<'_>,
    context: &Context<'_>,
    catalog: &Catalog,
) -> Operation {
    let name = context.params.name();
    match (context.method, message) {
        (Some(Method::CallTool), _) => name
            .and_then(|name| catalog.tool(name))
            .map_or(PROVIDED, |tool| Operation(TOOLS + tool.0 as u32)),
        (Some(method), _) => Operation(method as u32),
        (None, Message::Notification { method, .. }) => {
            let known = NOTIFICATIONS.iter().position(|name| name == method);
            known.map_or(UNKNOWN, |place| Operation(METHODS + place as u32))
        }
        (None, Message::Request { .. }) => UNKNOWN,
        (None, Message::Response { .. }) => Operation::NONE,
    }
}

#[inline]
pub(super) fn outcome_of(came: Came) -> Outcome {
    match came {
        Came::Result => Outcome::Ok,
        Came::ToolError => Outcome::ToolError,
        Came::Question => Outcome::InputRequired,
        Came::Error(code) => Outcome::of_error(code),
    }
}

impl<H: Handler> Desk<'_, H> {
    /// Notes what was asked, where that is not known any more when it is answered.
    #[cold]
    pub(super) fn asked(&self, message: &Message<'_>, context: &Context<'_>) {
        let operation = operation_asked(message, context, self.shared.handler.catalog());
        self.watch.note(operation, Outcome::Ok);
    }

    /// What is known of one message of a batch, which has an end of its own.
    #[cold]
    pub(super) fn part_of_batch(
        &self,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<&Arc<Session>>,
    ) -> Arc<Observation> {
        part_of_batch(self.watch.part(), message, context, session.map(|session| &**session))
    }

    /// Notes that the answer is this error.
    #[cold]
    pub(super) fn went_wrong(&self, code: ErrorCode) {
        self.watch.failed(UNKNOWN, Outcome::of_error(code));
    }

    /// Tells of a message. Says whether the request may go on.
    #[cold]
    pub(super) fn tell(
        &self,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<&Arc<Session>>,
    ) -> bool {
        let arguments = self.watch.ledger.audits();
        let session = session.map(|session| &**session);
        let mut goes_on = true;
        self.watch.tell(|observation| {
            goes_on = tell_of_message(observation, message, context, session, arguments);
        });
        if !goes_on {
            self.asked(message, context);
        }
        goes_on
    }
}

impl<H: Handler> Line<'_, H> {
    /// What is known of a message on a line, held by whoever answers it. Without a place in the
    /// audit log, it goes no further: what came of it.
    pub(super) fn observe(
        &self,
        message: &Message<'_>,
        context: &Context<'_>,
    ) -> Result<Arc<Observation>, Then> {
        let mut goes_on = true;
        self.watch.tell(|whole| {
            let arguments = self.watch.ledger.audits();
            goes_on = tell_of_message(whole, message, context, Some(self.session), arguments);
        });
        let observation = self.watch.part();
        let operation = operation_asked(message, context, self.shared.handler.catalog());
        observation.ended(operation, Outcome::Ok);
        if goes_on {
            return Ok(observation);
        }
        observation.failed(Outcome::Overloaded);
        Err(self.unaudited(&id_text(message)))
    }

    /// What is known of one message of a batch, which has an end of its own.
    #[cold]
    pub(super) fn part_of_batch(
        &self,
        message: &Message<'_>,
        context: &Context<'_>,
    ) -> Arc<Observation> {
        part_of_batch(self.watch.part(), message, context, Some(self.session))
    }

    /// Notes a message that is answered with this error.
    #[cold]
    pub(super) fn went_wrong(&self, code: ErrorCode) {
        self.watch.part().ended(UNKNOWN, Outcome::of_error(code));
    }
}

/// Tells of a request's head.
#[cold]
pub(super) fn tell_of_head(watch: &Watch, peer: &Peer, head: &Head<'_>, fields: &Fields<'_>) {
    let text = |value: Option<&[u8]>| value.map(short);
    let value = |name| fields.values(name).next();
    let parent = value("traceparent").and_then(|value| std::str::from_utf8(value).ok());
    let state = fields.values("tracestate").filter_map(|value| std::str::from_utf8(value).ok());
    let scheme = fields.authorization.and_then(|value| value.split(|byte| *byte == b' ').next());
    let http = Http {
        address: peer.address,
        method: name_of(head.method),
        path: short(head.target.path.as_bytes()),
        user_agent: text(value("user-agent")),
        scheme: text(scheme.filter(|scheme| Some(*scheme) != fields.authorization)),
        session: fields.session_id.map(|id| watch.ledger.veiled(id)),
        caller: Caller::read(parent, state),
    };
    watch.tell(|observation| observation.came_by(http));
}

fn name_of(method: HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Head => "HEAD",
        HttpMethod::Post => "POST",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
    }
}

fn short(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(&bytes[..bytes.len().min(limits::LOG_TEXT_BYTES_MAX)]).into()
}

/// Tells the part of a batch that is about this message, if anybody wants to be told.
#[cold]
pub(super) fn part_of_batch(
    part: Arc<Observation>,
    message: &Message<'_>,
    context: &Context<'_>,
    session: Option<&Session>,
) -> Arc<Observation> {
    if let Some(arguments) = part.is_told() {
        part.says(said_by(message, context, session, arguments));
    }
    part
}

/// Tells of a message, and takes a place in the audit log where it has to have one. Says whether
/// the request may go on.
#[cold]
pub(super) fn tell_of_message(
    observation: &Observation,
    message: &Message<'_>,
    context: &Context<'_>,
    session: Option<&Session>,
    arguments: Option<AuditArguments>,
) -> bool {
    observation.says(said_by(message, context, session, arguments));
    context.method != Some(Method::CallTool) || observation.reserve()
}

/// What is told of a message.
fn said_by(
    message: &Message<'_>,
    context: &Context<'_>,
    session: Option<&Session>,
    arguments: Option<AuditArguments>,
) -> Said {
    let is_call = context.method == Some(Method::CallTool);
    let meta = |key| context.params.meta.and_then(|meta| meta.get(key));
    let info = meta("io.modelcontextprotocol/clientInfo");
    let client = info.and_then(|info| info.get("name")).and_then(|name| name.as_str());
    let client = client.or(session.and_then(Session::client).map(|client| &*client.name));
    let text = |key| meta(key).and_then(|value| value.as_str());
    let method = match *message {
        Message::Notification { method, .. } => NOTIFICATIONS.iter().find(|name| **name == method),
        _ => context.method.map(|method| &Method::NAMES[method as usize]),
    };
    let mut id = id_text(message);
    id.truncate(if id.len() > limits::LOG_TEXT_BYTES_MAX { 0 } else { id.len() });
    Said {
        method: method.copied(),
        id: String::from_utf8(id).unwrap_or_default(),
        version: context.version.as_str(),
        client: client.map(|client| short(client.as_bytes())),
        tool: context.params.name().filter(|_| is_call).map(|name| short(name.as_bytes())),
        #[cfg(feature = "otlp")]
        target: {
            let target = context.params.name().or(context.params.uri());
            target.filter(|_| !is_call).map(|target| short(target.as_bytes()))
        },
        arguments: match (is_call, arguments, context.params.arguments()) {
            (true, Some(how), Some(arguments)) => told_of(arguments, how),
            _ => None,
        },
        caller: Caller::read(text("traceparent"), text("tracestate").into_iter()),
    }
}

/// What the audit log says of arguments, as JSON.
fn told_of(arguments: Value<'_>, how: AuditArguments) -> Option<String> {
    let mut text = Vec::new();
    if how == AuditArguments::None {
        return None;
    }
    arguments.write(&mut text);
    if how == AuditArguments::Full && text.len() <= limits::AUDIT_ARGUMENTS_BYTES_MAX {
        return String::from_utf8(text).ok();
    }
    let digits: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("\"sha256:{digits}\""))
}
