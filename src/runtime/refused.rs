//! What is refused before it is a request: bytes that are none, and connections of an address that
//! has as many as it may.

use super::connection::{Connection, Kind, State};
use super::serve::{Core, fill};
use crate::app::Handler;
use crate::http::{self, Date};
use crate::limits;
use crate::transport::{self, Shared};

impl<H: Handler> Core<H> {
    /// What a connection sends is not HTTP: it is told so, and ends.
    #[cold]
    pub(super) fn malformed(&mut self, connection: &mut Connection, error: http::Error) {
        self.read_on(connection);
        self.refuse_unread(connection, |unread, shared, date, out| {
            transport::refuse_framing(error, unread, shared, date, out);
        });
    }

    /// A connection that is one too many has asked for something: it is told that, and ends.
    #[cold]
    pub(super) fn turned_away(&mut self, connection: &mut Connection) {
        self.refuse_unread(connection, transport::refuse_connection);
    }

    /// Answers what has not become a request with what `write` says of it, counts and logs that
    /// unless it was asked at the operators' listener, and ends the connection.
    pub(super) fn refuse_unread(
        &mut self,
        connection: &mut Connection,
        write: impl FnOnce(&[u8], &Shared<H>, &Date, &mut Vec<u8>),
    ) {
        let Connection { input, output, peer, kind, .. } = connection;
        let (unread, out) = (input.unread(), output.out());
        let from = out.len();
        match kind {
            Kind::Operator => self.local.watch.begin_unseen(),
            Kind::Client | Kind::TurnedAway => {
                transport::begin_unread(&self.local.watch, peer, unread, &self.shared);
            }
        }
        write(unread, &self.shared, &self.local.date, out);
        self.local.watch.written(&out[from..]);
        connection.state = State::Finishing { linger: true };
    }

    /// Reads what has come of a head that is refused in its middle: the page that it is from, which
    /// is to read the refusal, may stand behind that.
    fn read_on(&mut self, connection: &mut Connection) {
        for _ in 0..limits::READS_PER_TURN_MAX {
            let input = &mut connection.input;
            let is_whole = input.unread().windows(4).any(|bytes| bytes == b"\r\n\r\n");
            if is_whole || !connection.readable || input.len() >= self.read_buffer_max {
                return;
            }
            if !fill(connection, self) {
                return;
            }
        }
    }
}
