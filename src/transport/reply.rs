//! The answer that a connection waits for: JSON when it comes alone, an event stream when something
//! is said before it, and events without an end where that was asked for.
//!
//! ```text
//!              only the answer came
//!   Held ───────────────────────────────▶ JSON, done
//!    │ an event came, or it takes long
//!    ▼
//!   Open ── events, comments ──▶ the answer, the last chunk, done
//! ```

use std::fmt;
use std::sync::Arc;

use super::Local;
use super::forward::status_of_kind;
use super::http_sse;
use super::message::json_response;
use super::refuse::{HttpRefusal, retry_after};
use crate::http::{Connection as Persistence, Response, Stamp, Status, StreamFraming};
use crate::limits;
use crate::mcp::subscriptions;
use crate::observe::Observation;
use crate::protocol::{Era, ProtocolVersion};
use crate::store::{Hub, Kind, Reader, Reading, Session, Stream, StreamShare};

use right::Right;
pub(crate) use right::Standing;
pub(crate) use what::ReplyTo;
use what::What;

mod right;
mod what;

/// What a connection owes to one request.
pub(crate) struct Reply {
    stream: Arc<Stream>,
    session: Option<Arc<Session>>,
    version: ProtocolVersion,
    what: What,
    /// From after which event on.
    after: Option<u64>,
    persistence: Persistence,
    /// How events are framed; `None` for a client that takes none.
    framing: Option<StreamFraming>,
    /// What all responses to the request carry.
    lines: Box<[u8]>,
    /// When the event stream began.
    opened_ms: Option<u64>,
    /// The number under which the connection reads the stream.
    attachment: u64,
    /// All is said.
    settled: bool,
    /// By what right its client has it, where anybody asks.
    right: Option<Box<Right>>,
    /// What it is of what its client may have.
    _share: Option<Box<StreamShare>>,
    hub: Arc<Hub>,
    observation: Arc<Observation>,
}

/// What came of bringing a reply further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// There is nothing more for now; until this time at least, where it is given.
    Waiting(Option<u64>),
    /// There is more, when the client has taken what is written.
    Full,
    /// All is written: on to the next request.
    Done,
    /// All is written, and the connection ends.
    Close,
}

impl Reply {
    fn new(to: ReplyTo, stream: Arc<Stream>, what: What, after: Option<u64>) -> Box<Reply> {
        let ReplyTo { session, version, persistence, framing, right, share, lines, .. } = to;
        let ReplyTo { hub, observation, .. } = to;
        hub.ledger.gauges.streams.add(1);
        Box::new(Reply {
            stream,
            session,
            version,
            what,
            after,
            persistence,
            framing,
            lines,
            opened_ms: None,
            attachment: 0,
            settled: false,
            right,
            _share: share,
            hub,
            observation,
        })
    }

    /// What it says of the connection.
    pub(crate) fn persistence(&self) -> Persistence {
        self.persistence
    }

    /// What all that is written for it carries.
    pub(crate) fn stamp<'s>(&'s self, local: &'s Local) -> Stamp<'s> {
        Stamp { date: &local.date, lines: &self.lines }
    }

    /// Nobody will answer: the request was not taken.
    pub(crate) fn withdraw(&mut self) {
        self.settled = true;
        if let Some(session) = &self.session {
            session.forget(&self.stream);
        }
    }

    /// What is known of the request.
    pub(crate) fn observation(&self) -> &Observation {
        &self.observation
    }

    /// Makes a connection the one that delivers it, and that is told when there is something.
    pub(crate) fn attach(&mut self, reader: Reader, local: &Local) {
        if let Some(right) = &mut self.right {
            right.seen_at(local);
        }
        self.attachment = self.stream.attach(reader, self.after);
    }

    /// Begins what is an event stream from its first byte on.
    pub(crate) fn begin(&mut self, local: &Local, out: &mut Vec<u8>) {
        let at_once = self.what.lasts() || self.after.is_some();
        if let (Some(framing), true) = (self.framing, at_once) {
            self.open(framing, local, out);
            if let What::Notices(listener, _) = &self.what {
                let mut text = Vec::new();
                subscriptions::write_acknowledgement(&listener.filter, &listener.id, &mut text);
                framing.event(None, &text, out);
            }
        }
    }

    /// Writes what has come.
    pub(crate) fn deliver(&mut self, local: &Local, out: &mut Vec<u8>) -> Delivery {
        if local.leaving {
            self.persistence = Persistence::Close;
        }
        let framing = match (self.opened_ms, self.framing) {
            (Some(_), Some(framing)) => framing,
            (_, framing) => match (self.stream.take_lone_answer(), framing) {
                (Some(answer), _) => {
                    return self.answer_alone(answer.kind, &answer.data, local, out);
                }
                (None, Some(framing)) if self.stream.has_unsent() => {
                    self.open(framing, local, out);
                    framing
                }
                (None, _) => return Delivery::Waiting(None),
            },
        };
        let from = out.len();
        let number = self.stream.number();
        let reading = self.stream.read(self.attachment, local.now_ms, |event| {
            match (&self.what, number) {
                _ if event.data.is_empty() => {}
                (What::Line(session, _), _) => {
                    let id = http_sse::event_id(session.id, event.number);
                    framing.named_event("message", Some(&id), &event.data, out);
                }
                (_, Some(stream)) => {
                    framing.event(Some(&format!("{stream}-{}", event.number)), &event.data, out);
                }
                (_, None) => framing.event(None, &event.data, out),
            }
            out.len() - from < limits::EVENTS_IN_HAND_BYTES
        });
        match reading {
            Reading::Waiting
                if self.is_aged(local) || (local.stopping && self.what.has_said_all()) =>
            {
                self.close(out)
            }
            Reading::Waiting => Delivery::Waiting(None),
            Reading::Later(at_ms) => Delivery::Waiting(Some(at_ms)),
            Reading::Full => Delivery::Full,
            Reading::Ended => self.end(framing, out),
            Reading::HungUp => {
                framing.retry(limits::RETRY_MS, out);
                self.end(framing, out)
            }
            Reading::Lost => {
                self.end(framing, out);
                Delivery::Close
            }
        }
    }

    /// Time has passed: a stream gives a sign of life, or ends because of its age; an answer that
    /// takes long becomes a stream, so that nobody on the way takes it for dead.
    pub(crate) fn keep_alive(&mut self, local: &Local, out: &mut Vec<u8>) -> Delivery {
        let Some(framing) = self.framing else { return Delivery::Waiting(None) };
        if self.opened_ms.is_none() {
            self.open(framing, local, out);
        } else if self.is_aged(local) {
            return self.close(out);
        }
        framing.comment(out);
        Delivery::Waiting(None)
    }

    /// Nothing is told for now.
    #[cold]
    pub(crate) fn hold(&self) -> Delivery {
        self.stream.put_off();
        Delivery::Waiting(None)
    }

    /// Whether there is something to tell.
    pub(crate) fn has_unsent(&self) -> bool {
        self.stream.has_unsent()
    }

    /// Whether it has become an event stream.
    pub(crate) fn is_open(&self) -> bool {
        self.opened_ms.is_some()
    }

    /// Whether the client takes events at all: otherwise there are no signs of life to give.
    pub(crate) fn takes_events(&self) -> bool {
        self.framing.is_some()
    }

    /// The server stops: what has no end by itself ends. Says whether it did.
    pub(crate) fn stop(&mut self, out: &mut Vec<u8>) -> Option<Delivery> {
        let owes = self.what.is_line() && (self.what.is_at_work() || self.stream.has_unsent());
        let goes_on = self.what.is_answer() || owes;
        (!goes_on).then(|| self.close(out))
    }

    /// The server ends, and nobody will answer: the response ends all the same.
    pub(crate) fn give_up(&mut self, local: &Local, out: &mut Vec<u8>) {
        match (self.opened_ms, self.framing) {
            (Some(_), Some(framing)) => {
                self.end(framing, out);
            }
            _ => HttpRefusal::stopping().write(Persistence::Close, false, self.stamp(local), out),
        }
        // Whoever works on it is told by the end of the connection.
        self.settled = false;
    }

    /// The client has closed its side. One that still wants its answer may do that; from
    /// 2026-07-28 on it is also how a client cancels ("Cancellation"). Says whether there is
    /// anything left to do.
    pub(crate) fn half_closed(&mut self) -> bool {
        let is_answer = self.what.is_answer();
        if is_answer && self.version.era() == Era::Modern {
            self.stream.give_up();
        }
        is_answer
    }

    /// Whether the stream is as old as it may become, and its client can come back.
    fn is_aged(&self, local: &Local) -> bool {
        let age_max = self.hub.streams.age_max_ms();
        let age = self.opened_ms.map_or(0, |opened_ms| local.now_ms.saturating_sub(opened_ms));
        age >= age_max && self.what.can_be_opened_again(self.session.is_some(), self.version)
    }

    /// Begins the event stream: its first bytes go out at once.
    fn open(&mut self, framing: StreamFraming, local: &Local, out: &mut Vec<u8>) {
        self.opened_ms = Some(local.now_ms);
        self.observation.answered(Status::OK.code());
        if let What::Line(session, http_sse) = &self.what {
            framing.begin(self.persistence, self.stamp(local), &http_sse.fields(), out);
            let endpoint = format!("{}?sessionId={}", http_sse.messages_reference, session.id);
            return framing.named_event("endpoint", None, endpoint.as_bytes(), out);
        }
        let name = self.what.session_name();
        let field = name.as_deref().map(|name| (SESSION_FIELD, name));
        framing.begin(self.persistence, self.stamp(local), field.as_slice(), out);
        match (self.stream.number(), self.version) {
            (Some(stream), ProtocolVersion::V2025_11_25) => {
                let id = format!("{stream}-{}", self.stream.position());
                framing.prime(&id, limits::RETRY_MS, out);
            }
            // An event without data would not be understood.
            _ => framing.comment(out),
        }
    }

    fn answer_alone(
        &mut self,
        kind: Kind,
        body: &[u8],
        local: &Local,
        out: &mut Vec<u8>,
    ) -> Delivery {
        if let Some(session) = &self.session {
            session.forget(&self.stream);
        }
        self.settled = true;
        match (body.is_empty(), self.framing) {
            // Cancelled by the client: no answer follows, though a response must.
            (true, Some(framing)) => {
                self.observation.answered(Status::OK.code());
                framing.begin(self.persistence, self.stamp(local), &[], out);
                framing.comment(out);
                return self.end(framing, out);
            }
            (true, None) => {
                self.observation.answered(Status::ACCEPTED.code());
                let response = Response::new(Status::ACCEPTED, self.stamp(local));
                Response { connection: self.persistence, ..response }.empty(out);
            }
            (false, _) => {
                let status = status_of_kind(kind);
                self.observation.answered(status.code());
                let again = match kind {
                    Kind::Overloaded(ms) => Some(retry_after(ms)),
                    _ => None,
                };
                let name = self.what.session_name();
                let name = name.as_deref().map(|name| (SESSION_FIELD, name));
                let again = again.as_deref().map(|seconds| ("Retry-After", seconds));
                let fields: Vec<_> = name.into_iter().chain(again).collect();
                let response = json_response(status, self.persistence, self.stamp(local));
                Response { fields: &fields, ..response }.fixed(out, body);
            }
        }
        after(self.persistence)
    }

    /// Ends a stream on the server's own account.
    fn close(&mut self, out: &mut Vec<u8>) -> Delivery {
        let Some(framing) = self.framing.filter(|_| self.opened_ms.is_some()) else {
            return Delivery::Close;
        };
        self.what.write_last(framing, out);
        self.end(framing, out)
    }

    fn end(&mut self, framing: StreamFraming, out: &mut Vec<u8>) -> Delivery {
        framing.end(out);
        self.settled = true;
        match framing {
            StreamFraming::Chunked => after(self.persistence),
            StreamFraming::UntilClose => Delivery::Close,
        }
    }
}

const SESSION_FIELD: &str = "Mcp-Session-Id";

fn after(persistence: Persistence) -> Delivery {
    if persistence == Persistence::Close { Delivery::Close } else { Delivery::Done }
}

/// Whatever became of the connection, the stream is free for another one. A client that left
/// before all was said has cancelled, from 2026-07-28 on; before that, it may
/// come back, unless the server stops.
impl Drop for Reply {
    fn drop(&mut self) {
        self.stream.detach(self.attachment);
        self.hub.ledger.gauges.streams.subtract(1);
        match self.what {
            What::Notices(_, place) => self.hub.leave(place),
            // Settled, too, where it was closed before the application had ended it.
            What::Subscription(_) => self.stream.cancel(),
            What::Answer | What::First(_) if self.settled => {}
            What::Answer if self.version.era() == Era::Modern || self.hub.is_closing() => {
                self.stream.cancel();
            }
            What::Answer | What::First(_) | What::Events | What::Line(..) => {}
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("version", &self.version).finish_non_exhaustive()
    }
}
