//! HTTP+SSE of 2024-11-05, as a bridge out of the past: a GET opens the one stream on which a
//! client is told everything, a POST brings a message and is answered 202.
//!
//! The stream's first event names where messages go. Every response says that this transport is on
//! its way out, and what comes after it (RFC 9745, RFC 8594).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::access::{Judge, forbidden};
use super::line::{Line, Then};
use super::message::after;
use super::refuse::HttpRefusal;
use super::reply::{Reply, ReplyTo};
use super::sender::Sender;
use super::{Local, Next, Shared, Taken};
use crate::app::Handler;
use crate::http::{Head, Response, Status};
use crate::store::{self, Begun, Session, SessionId, Stream, seconds, session};

/// Where HTTP+SSE is served, and what its responses say of its end.
#[derive(Debug)]
pub(crate) struct HttpSse {
    /// The path of the stream.
    pub(crate) stream_path: String,
    /// The path of messages.
    pub(crate) messages_path: String,
    /// The same as clients are told it.
    pub(crate) messages_reference: String,
    /// What every response of these paths carries.
    pub(crate) fields: Vec<(&'static str, String)>,
    /// Each client that comes here is logged once, with this advice.
    pub(crate) warning: Option<String>,
}

/// Another name for the path of messages, which some clients were told to use.
const MESSAGES_ALIAS: &str = "/message";

impl HttpSse {
    pub(super) fn takes_messages_at(&self, path: &str) -> bool {
        path == self.messages_path || path == MESSAGES_ALIAS
    }

    /// The fields of a response.
    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// Opens a client's stream, or goes on with one after the event that `Last-Event-ID` names.
#[cold]
pub(super) fn open<H: Handler>(
    http_sse: &Arc<HttpSse>,
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    let share =
        shared.hub.shares.stream(sender.principal.as_ref(), sender.asking.caller.peer.address);
    let begun = share.map_err(HttpRefusal::too_many);
    match begun.and_then(|share| Ok((begin(sender, shared, local)?, share))) {
        Ok(((session, line, after), share)) => {
            let to = ReplyTo {
                right: sender.right(shared),
                share,
                version: session.version(),
                session: None,
                persistence: sender.persistence,
                framing: Some(sender.framing),
                lines: sender.lines.into(),
                hub: shared.hub.clone(),
                observation: local.watch.hand_over(),
            };
            Next::Wait(Reply::line(to, session, line, after, http_sse.clone()))
        }
        Err(refusal) => refuse(refusal, http_sse, sender, local, out),
    }
}

type Begins = (Arc<Session>, Arc<Stream>, Option<u64>);

fn begin<H>(sender: &Sender<'_>, shared: &Shared<H>, local: &Local) -> Result<Begins, HttpRefusal> {
    let hub = &shared.hub;
    if let Some(last) = sender.fields.last_event_id.filter(|last| !last.is_empty()) {
        // An event's id names the session, since nothing else of a GET does.
        let (id, after) = read_event_id(last).ok_or_else(HttpRefusal::unknown_line_event)?;
        let found = hub.lines.find(id, sender.principal.as_deref(), seconds(local.now_ms));
        let session = found.ok_or_else(HttpRefusal::line_not_found)?;
        let line = session.events();
        let line = line.filter(|line| line.has_had(after) && line.holds_after(after));
        return Ok((session, line.ok_or_else(HttpRefusal::unknown_line_event)?, Some(after)));
    }
    let line = store::Line::new(Stream::line(Some(session::EVENTS), hub.streams.bounds()));
    let stream = line.stream.clone();
    let begun = Begun { principal: sender.principal.clone(), client: None, line: Some(line) };
    let session = hub.lines.begin(begun, seconds(local.now_ms));
    Ok((session.ok_or_else(HttpRefusal::too_many_lines)?, stream, None))
}

/// `SESSION-NUMBER`.
pub(super) fn event_id(session: SessionId, number: u64) -> String {
    format!("{session}-{number}")
}

fn read_event_id(id: &[u8]) -> Option<(SessionId, u64)> {
    let (session, number) = std::str::from_utf8(id).ok()?.split_once('-')?;
    Some((SessionId::read(session.as_bytes())?, number.parse().ok()?))
}

/// Takes in a message; what is answered to it comes on the stream.
// Not inlined into the way of Streamable HTTP, which it would make longer.
#[inline(never)]
pub(super) fn hear<H: Handler>(
    head: &Head<'_>,
    body: &mut [u8],
    http_sse: &Arc<HttpSse>,
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &mut Local,
    out: &mut Vec<u8>,
) -> Next {
    let (session, stream) = match find(head, sender, shared, local) {
        Ok(found) => found,
        Err(refusal) => return refuse(refusal, http_sse, sender, local, out),
    };
    if let (Some(line), Some(principal)) = (&session.line, &sender.principal) {
        let until_s = principal.expires_s.unwrap_or(u64::MAX);
        line.renewed_until_s.fetch_max(until_s, Ordering::Relaxed);
    }
    let line = Line {
        shared,
        session: &session,
        stream: &stream,
        watch: &local.watch,
        principal: sender.principal.as_ref(),
        guarded: shared.handler.authorizes(),
        both_eras: false,
        while_room: true,
        from: Some(sender.asking.caller.peer.address),
    };
    let then = line.hear(body, &mut local.parser);
    count(&session, shared, http_sse);
    match then {
        Ok(Then::Work(deferred, promise)) => {
            let (body, persistence) = (Vec::new(), sender.persistence);
            let (lines, line) = (sender.lines.into(), Some((promise, http_sse.clone())));
            Next::Background(deferred, Box::new(Taken { body, persistence, lines, line }))
        }
        // There are no subscriptions of this kind in the revisions that come here.
        Ok(Then::Nothing | Then::Listen(_)) => {
            let response = Response::new(Status::ACCEPTED, sender.stamp(&local.date));
            let (connection, fields) = (sender.persistence, &*http_sse.fields());
            Response { connection, fields, ..response }.empty(out);
            after(sender.persistence)
        }
        Ok(Then::Forbidden(missing)) => {
            let judge = Judge::new(&*shared.handler, sender.principal.as_deref());
            let refusal = forbidden(&missing, &judge, sender.asking, shared);
            refuse(refusal, http_sse, sender, local, out)
        }
        Ok(Then::Full) => refuse(HttpRefusal::unread(), http_sse, sender, local, out),
        Err(error) => refuse(HttpRefusal::with_body(error), http_sse, sender, local, out),
    }
}

/// The session that the query names, and its line.
fn find<H>(
    head: &Head<'_>,
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
) -> Result<(Arc<Session>, Arc<Stream>), HttpRefusal> {
    let parameters = head.target.query.unwrap_or_default().split('&');
    let named = parameters.filter_map(|one| one.strip_prefix("sessionId=")).next();
    let named = named.ok_or_else(|| {
        let text = "sessionId is missing: the first event of the stream says where messages go";
        HttpRefusal::new(Status::BAD_REQUEST, text)
    })?;
    let principal = sender.principal.as_deref();
    let found = SessionId::read(named.as_bytes())
        .and_then(|id| shared.hub.lines.find(id, principal, seconds(local.now_ms)));
    let session = found.ok_or_else(HttpRefusal::line_not_found)?;
    let line = session.events().filter(|line| !line.is_over());
    let line = line.ok_or_else(HttpRefusal::line_not_found)?;
    Ok((session, line))
}

/// Counts a message of a client, by its name where it has said it.
fn count<H>(session: &Session, shared: &Shared<H>, http_sse: &HttpSse) {
    let (Some(line), Some(client)) = (&session.line, session.client()) else {
        return shared.hub.usage.count_nameless();
    };
    let usage = line.usage.get_or_init(|| {
        let (usage, is_first) = shared.hub.usage.begin(&client.name, &client.release);
        if let (true, Some(advice)) = (is_first, &http_sse.warning) {
            let (name, version) = (&client.name, &client.release);
            tracing::warn!(client = ?name, ?version, "a client still uses HTTP+SSE; {advice}");
        }
        usage
    });
    usage.count_message();
}

#[cold]
fn refuse(
    refusal: HttpRefusal,
    http_sse: &Arc<HttpSse>,
    sender: &Sender<'_>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    let stamp = sender.stamp(&local.date);
    refusal.about(Some(http_sse)).write(sender.persistence, false, stamp, out);
    after(sender.persistence)
}
