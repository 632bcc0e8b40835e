//! What functions on a shard said before their answer.

use super::Next;
use super::message::{Desk, json_response};
use crate::app::Handler;
use crate::http::{Status, StreamFraming};
use crate::store::{Reader, Stream};

impl<H: Handler> Desk<'_, H> {
    /// Writes an answer whose head was not the right one: something was said before it, or its
    /// status is another.
    #[cold]
    pub(super) fn write_again(
        &self,
        said: impl IntoIterator<Item = Box<Stream>>,
        bad_request: bool,
        answer: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Next {
        let mut said = said.into_iter().peekable();
        let Some(framing) = self.framing().filter(|_| said.peek().is_some()) else {
            // A client that takes no events hears the answer alone.
            let status = if bad_request { Status::BAD_REQUEST } else { Status::OK };
            json_response(status, self.sender.persistence, self.stamp).fixed(out, &answer);
            return self.after();
        };
        framing.begin(self.sender.persistence, self.stamp, &[], out);
        for stream in said {
            stream.finish(Vec::new(), false);
            let attachment = stream.attach(Reader::untold(), None);
            stream.read(attachment, self.now_ms, |event| {
                if !event.data.is_empty() {
                    framing.event(None, &event.data, out);
                }
                true
            });
        }
        framing.event(None, &answer, out);
        framing.end(out);
        match framing {
            StreamFraming::Chunked => self.after(),
            StreamFraming::UntilClose => Next::Close,
        }
    }
}
