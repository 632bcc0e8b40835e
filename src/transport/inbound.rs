//! What a client tells a session and wants no answer to; and what it says of itself at first.

use std::sync::Arc;

use super::message::Desk;
use super::{Next, ROOTS_CHANGED, Taken};
use crate::app::Handler;
use crate::json::Value;
use crate::mcp::Accepted;
use crate::protocol::{Capabilities, ProtocolVersion};
use crate::rpc::Id;
use crate::store::{Client, Hub, Owner, Session, Stream};

/// What has to be done about what was taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    RootsChanged,
}

/// Does what a notification or response of a session is for.
pub(super) fn take_in(accepted: &Accepted<'_>, session: &Arc<Session>, hub: &Hub) -> Heard {
    match accepted {
        Accepted::Cancelled(request) => {
            let mut text = Vec::new();
            request.write(&mut text);
            if let Some(stream) = session.under_way(&text) {
                stream.cancel();
            }
        }
        Accepted::Response { id: Id::Text(id), outcome } => {
            let text = |value: Value<'_>| {
                let mut text = Vec::new();
                value.write(&mut text);
                text
            };
            hear(id, outcome.map(text).map_err(text), session, hub);
        }
        Accepted::RootsChanged => return Heard::RootsChanged,
        Accepted::Response { .. } | Accepted::Other => {}
    }
    Heard::Nothing
}

/// Brings the client's answer to whoever asked: a call (`q-STREAM-QUESTION`), or a task
/// (`t-TASK-QUESTION`). Others are ignored.
fn hear(id: &str, reply: crate::store::Reply, session: &Arc<Session>, hub: &Hub) {
    let mut parts = id.splitn(3, '-');
    let (kind, whose, question) = (parts.next(), parts.next(), parts.next());
    let Some(question) = question.and_then(|question| question.parse().ok()) else { return };
    let stream = match (kind, whose) {
        (Some("q"), Some(number)) => number.parse().ok().and_then(|number| session.stream(number)),
        (Some("t"), Some(task)) => {
            let owner = Owner::of(session.version(), Some(session), session.principal.as_ref());
            let task = hub.tasks.find(task, &owner, (hub.clock.steady_ms)());
            task.map(|task| task.stream.clone())
        }
        _ => None,
    };
    if let Some(stream) = stream {
        stream.hear(question, reply);
    }
}

/// What `initialize` says of the client.
pub(super) fn client_of(params: Value<'_>, version: ProtocolVersion) -> Client {
    let info = params.get("clientInfo");
    let text = |key| info.and_then(|info| info.get(key)).and_then(|value| value.as_str());
    let short = |text: Option<&str>| -> Box<str> {
        let text = text.unwrap_or_default();
        text.chars().take(crate::limits::NAME_BYTES_MAX).collect::<String>().into()
    };
    let capabilities = params.get("capabilities").map(Capabilities::read).unwrap_or_default();
    Client { version, capabilities, name: short(text("name")), release: short(text("version")) }
}

impl<H: Handler> Desk<'_, H> {
    /// Lets the application know that a client works on other folders; `body` is the answer.
    #[cold]
    pub(super) fn tell_roots_changed(
        &self,
        session: Arc<Session>,
        body: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Next {
        if !session.roots_changed() {
            // The application is about to look at them anyway.
            return self.taken(body).write(self.stamp.date, out);
        }
        let stream = Arc::new(Stream::new(self.shared.hub.streams.bounds()));
        let version = session.version();
        let mut deferred = self.deferred(Value::EMPTY_OBJECT, version, Some(session), stream, true);
        deferred.message = ROOTS_CHANGED.to_vec();
        Next::Background(deferred, Box::new(self.taken(body)))
    }

    pub(super) fn taken(&self, body: Vec<u8>) -> Taken {
        Taken {
            body,
            persistence: self.sender.persistence,
            lines: self.stamp.lines.into(),
            line: None,
        }
    }
}
