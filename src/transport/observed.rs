//! What is told of a request to whoever observes: from the words of HTTP and MCP to its numbers.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Shared;
use super::fields::Fields;
use super::forward::version_wanted;
use super::guard::Behind;
use super::headers::decoded;
use super::line::{Line, Then};
use super::message::{Desk, id_text};
use super::route::Route;
use crate::app::{Catalog, Handler, Peer};
use crate::http::{Field, Head, Method as HttpMethod};
use crate::json::Value;
use crate::limits;
use crate::mcp::plan::Answer;
use crate::mcp::{Came, Context, Method, write_limit};
use crate::observe::{
    AuditArguments, Caller, Http, Observation, Operation, Operations, Outcome, Said, Watch,
};
use crate::protocol::ProtocolVersion;
use crate::rpc::{self, ErrorCode, Message};
use crate::store::{Kind as EventKind, Session};

/// Notifications that clients send; the last one is any other, and any method that there is not.
const NOTIFICATIONS: [&str; 6] = [
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
    "notifications/tasks/status",
    "_OTHER",
];

/// Why a call goes no further that there is no place for in the audit log, and what decides that.
pub(super) const NO_AUDIT: &str = "the audit log cannot be written fast enough, or not at all, \
                                   and no call is made that is not in it (audit_log.when_full = \
                                   \"drop\" would count it instead)";
pub(super) const WHEN_FULL: &str = "audit_log.when_full";

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
        let mut out = Vec::new();
        write_unaudited(&id_text(message), &mut out);
        self.stream.push(EventKind::Response, out);
        Err(Then::Nothing)
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
    // Whoever forgets the scheme writes a secret in its place.
    let scheme = fields.authorization.and_then(|value| value.split(|byte| *byte == b' ').next());
    let is_named = |name: &&str| scheme.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()));
    let scheme = ["Bearer", "Basic", "Digest", "DPoP", "Negotiate"].into_iter().find(is_named);
    let http = Http {
        address: peer.address,
        method: Some(name_of(head.method)),
        path: Some(short(head.target.path.as_bytes())),
        user_agent: text(value("user-agent")),
        scheme: scheme.map(Into::into),
        session: fields.session_id.map(|id| watch.ledger.veiled(id)),
        caller: Caller::read(parent, state),
    };
    watch.tell(|observation| observation.came_by(http));
}

/// What came as `unread` is refused before it is a request: begins one, which is from `peer`. Where
/// its head is whole, it says as much of what was asked, and for whom, as can be read of it.
#[cold]
pub(crate) fn begin_unread<H>(watch: &Watch, peer: &Peer, unread: &[u8], shared: &Shared<H>) {
    watch.begin();
    if !watch.is_telling() {
        return;
    }
    let head_len = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(0);
    let mut lines = unread[..head_len].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut words = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
    let (method, target) = (words.next(), words.next());
    let is_http = words.next().is_some_and(|version| version.starts_with(b"HTTP/"));
    let known = |name| HttpMethod::from_name(std::str::from_utf8(name).ok()?);
    let method = method.map(|name| known(name).map_or("_OTHER", name_of));
    let path = target.filter(|target| target.starts_with(b"/"));
    let path = path.and_then(|target| target.split(|byte| *byte == b'?').next());
    let fields = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        Some(Field { name, value: line[colon + 1..].trim_ascii() })
    });
    let fields: Vec<_> = fields.take(limits::HEADER_FIELDS_MAX).collect();
    let behind = shared.guard.behind(peer, &fields);
    let http = Http {
        address: behind.as_ref().map_or(peer, Behind::peer).address,
        method: method.filter(|_| is_http),
        path: path.filter(|_| is_http).map(short),
        user_agent: None,
        scheme: None,
        session: None,
        caller: None,
    };
    watch.tell(|observation| observation.came_by(http));
}

/// Notes what the head of a request asks for that goes no further. Where nothing is, nothing can be
/// asked for.
#[cold]
pub(super) fn asked_by_head<H: Handler>(
    watch: &Watch,
    found: Route,
    fields: &Fields<'_>,
    outcome: Outcome,
    shared: &Shared<H>,
) {
    let is_named = |name: &&str| Some(name.as_bytes()) == fields.mcp_method;
    let place = Method::NAMES.iter().position(is_named).filter(|_| found != Route::NotFound);
    let Some(place) = place else { return };
    let is_call = place == Method::CallTool as usize;
    let tool = fields.mcp_name.and_then(decoded).filter(|_| is_call);
    let found = tool.as_deref().and_then(|name| shared.handler.catalog().tool(name));
    let operation = match (is_call, found) {
        (true, Some(tool)) => Operation(TOOLS + tool.0 as u32),
        (true, None) => PROVIDED,
        (false, _) => Operation(place as u32),
    };
    watch.note(operation, outcome);
    let version = fields.protocol_version.and_then(ProtocolVersion::from_name);
    watch.tell(|observation| {
        observation.says(Said {
            method: Some(Method::NAMES[place]),
            id: String::new(),
            version: version.map_or("", ProtocolVersion::as_str),
            client: None,
            tool: tool.as_deref().map(|name| short(name.as_bytes())),
            #[cfg(feature = "otlp")]
            target: None,
            arguments: None,
            caller: None,
        });
    });
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
    let version = match context.method {
        // What is agreed on with it.
        Some(Method::Initialize) => version_wanted(message),
        _ => context.version,
    };
    let mut id = id_text(message);
    id.truncate(if id.len() > limits::LOG_TEXT_BYTES_MAX { 0 } else { id.len() });
    Said {
        method: method.copied(),
        id: String::from_utf8(id).unwrap_or_default(),
        version: version.as_str(),
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

/// Tells of a message of a batch. One that may not go on is answered with an error.
#[cold]
pub(super) fn tell_of_part<H: Handler>(
    part: &Observation,
    message: &Message<'_>,
    context: &Context<'_>,
    session: Option<&Session>,
    shared: &Shared<H>,
    out: &mut Vec<u8>,
) -> bool {
    let Some(arguments) = part.is_told() else { return true };
    let goes_on = tell_of_message(part, message, context, session, arguments);
    if !goes_on {
        let operation = operation_asked(message, context, shared.handler.catalog());
        part.ended(operation, Outcome::Overloaded);
        write_unaudited(&id_text(message), out);
    }
    goes_on
}

/// Appends the answer to a call, by its id as JSON, that the audit log has no place for.
#[cold]
fn write_unaudited(request: &[u8], out: &mut Vec<u8>) {
    rpc::write_error_raw(out, request, |out| {
        rpc::write_error_object(out, ErrorCode::INTERNAL_ERROR, NO_AUDIT, |out| {
            write_limit(out, WHEN_FULL, Some(1000));
        });
    });
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
