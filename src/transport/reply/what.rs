//! What a connection waits for, and in what that differs.

use std::sync::Arc;

use super::super::HttpSse;
use super::Reply;
use super::right::Right;
use crate::http::{Connection as Persistence, StreamFraming};
use crate::limits;
use crate::mcp::subscriptions;
use crate::observe::Observation;
use crate::protocol::ProtocolVersion;
use crate::store::{Hub, Listener, Session, Stream, StreamShare};

/// What all replies to one request have in common.
pub(crate) struct ReplyTo {
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) version: ProtocolVersion,
    pub(crate) persistence: Persistence,
    pub(crate) framing: Option<StreamFraming>,
    /// By what right the client has it, where anybody asks.
    pub(crate) right: Option<Box<Right>>,
    /// Of a stream that is open until its client leaves.
    pub(crate) share: Option<Box<StreamShare>>,
    /// What all responses to the request carry.
    pub(crate) lines: Box<[u8]>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) observation: Arc<Observation>,
}

impl ReplyTo {
    /// It ends with the answer to the request of this id, as JSON.
    fn owing(mut self, request: &[u8]) -> ReplyTo {
        if let Some(right) = &mut self.right {
            right.request = Some(request.into());
        }
        self
    }
}

impl Reply {
    /// The answer to a request of this id, as JSON, on this stream; empty of a batch.
    pub(crate) fn answer(to: ReplyTo, stream: Arc<Stream>, request: &[u8]) -> Box<Reply> {
        Reply::new(to.owing(request), stream, What::Answer, None)
    }

    /// The rest of the answer to a request, after an event.
    pub(crate) fn resumed(to: ReplyTo, stream: Arc<Stream>, after: u64) -> Box<Reply> {
        Reply::new(to, stream, What::Answer, Some(after))
    }

    /// What the server says by itself, after an event where one is given.
    pub(crate) fn events(to: ReplyTo, stream: Arc<Stream>, after: Option<u64>) -> Box<Reply> {
        Reply::new(to, stream, What::Events, after)
    }

    /// The answer that begins a session, on this stream.
    pub(crate) fn first(
        to: ReplyTo,
        stream: Arc<Stream>,
        session: Arc<Session>,
        request: &[u8],
    ) -> Box<Reply> {
        Reply::new(to.owing(request), stream, What::First(session), None)
    }

    /// What comes to a subscription of this request, on this stream.
    pub(crate) fn subscription(to: ReplyTo, stream: Arc<Stream>, id: Box<[u8]>) -> Box<Reply> {
        Reply::new(to, stream, What::Subscription(id), None)
    }

    /// Notices.
    pub(crate) fn notices(to: ReplyTo, listener: Arc<Listener>) -> Box<Reply> {
        let place = to.hub.listen(listener.clone());
        Reply::new(to, listener.stream.clone(), What::Notices(listener, place), None)
    }

    /// All that a client of HTTP+SSE is told, after an event where one is given.
    pub(crate) fn line(
        to: ReplyTo,
        session: Arc<Session>,
        stream: Arc<Stream>,
        after: Option<u64>,
        http_sse: Arc<HttpSse>,
    ) -> Box<Reply> {
        Reply::new(to, stream, What::Line(session, http_sse), after)
    }
}

/// What is waited for.
pub(super) enum What {
    /// The answer to a request.
    Answer,
    /// What the server has to say by itself, in a session (GET).
    Events,
    /// Notices, by a filter; its place among the listeners.
    Notices(Arc<Listener>, usize),
    /// All that a client of HTTP+SSE is told.
    Line(Arc<Session>, Arc<HttpSse>),
    /// The answer to the `initialize` that begins this session, unless it is an error.
    First(Arc<Session>),
    /// What an application that speaks MCP says to a subscription; the request's id, as JSON.
    Subscription(Box<[u8]>),
}

impl What {
    /// Whether it is an event stream from its first byte on.
    pub(super) fn lasts(&self) -> bool {
        matches!(self, What::Events | What::Notices(..) | What::Line(..))
    }

    /// Whether it ends with an answer, which somebody works on.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, What::Answer | What::First(_))
    }

    /// Whether the answers to a client's requests come on it.
    pub(super) fn is_line(&self) -> bool {
        matches!(self, What::Line(..))
    }

    /// Whether there are answers under way that come on it.
    pub(super) fn is_at_work(&self) -> bool {
        matches!(self, What::Line(session, _) if session.is_at_work())
    }

    /// Whether a server that stops has nothing more to say on it.
    pub(super) fn has_said_all(&self) -> bool {
        matches!(self, What::Line(session, _) if !session.is_at_work())
    }

    /// Whether a client whose stream ends comes back for it.
    pub(super) fn can_be_opened_again(&self, in_session: bool, version: ProtocolVersion) -> bool {
        match self {
            What::Events | What::Notices(..) | What::Subscription(_) => true,
            // Clients poll from this revision on.
            What::Answer => in_session && version == ProtocolVersion::V2025_11_25,
            // Of those who speak HTTP+SSE, not all come back by themselves.
            What::First(_) | What::Line(..) => false,
        }
    }

    /// The session that the answer begins: one whose answer was an error has ended.
    pub(super) fn session_name(&self) -> Option<String> {
        match self {
            What::First(session) if !session.has_ended() => Some(session.id.to_string()),
            _ => None,
        }
    }

    /// Appends the last thing that is said where the server ends it on its own account.
    pub(super) fn write_last(&self, framing: StreamFraming, out: &mut Vec<u8>) {
        let id = match self {
            What::Notices(listener, _) => &listener.id,
            What::Subscription(id) => id,
            What::Events | What::Answer | What::First(_) | What::Line(..) => {
                return framing.retry(limits::RETRY_MS, out);
            }
        };
        let mut text = Vec::new();
        subscriptions::write_closure(id, &mut text);
        framing.event(None, &text, out);
    }
}
