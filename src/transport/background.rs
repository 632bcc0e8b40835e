//! What a worker is left to do after the answer.

use std::sync::Arc;

use super::message::Desk;
use super::{Next, ROOTS_CHANGED, Taken};
use crate::app::Handler;
use crate::json::Value;
use crate::store::{Session, Stream};

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
        let stream = Arc::new(Stream::new(self.shared.hub.streams.bounds));
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
