//! What is refused before it is a request: bytes that are none, and connections of an address that
//! has as many as it may.

use super::connection::{Connection, State};
use super::serve::{Core, fill};
use crate::app::Handler;
use crate::http;
use crate::limits;
use crate::transport;

impl<H: Handler> Core<H> {
    /// What a connection sends is not HTTP: it is told so, and ends.
    #[cold]
    pub(super) fn malformed(&mut self, connection: &mut Connection, error: http::Error) {
        self.read_on(connection);
        let Connection { input, output, .. } = connection;
        let (date, out) = (&self.local.date, output.out());
        let from = out.len();
        self.local.watch.begin();
        transport::refuse_framing(error, input.unread(), &self.shared, date, out);
        self.local.watch.written(&out[from..]);
        connection.state = State::Finishing { linger: true };
    }

    /// A connection that is one too many has asked for something: it is told that, and ends.
    #[cold]
    pub(super) fn turned_away(&mut self, connection: &mut Connection) {
        let Connection { input, output, .. } = connection;
        let (date, out) = (&self.local.date, output.out());
        transport::refuse_connection(input.unread(), &self.shared, date, out);
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
