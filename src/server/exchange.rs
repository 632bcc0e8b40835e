//! A server without sockets and threads, for tests.

use std::time::Duration;

use super::{ServeError, Server};
use crate::app::{Handler, Peer};
use crate::buffer::ReadBuffer;
use crate::http::{Date, Decoder, Parsed, continue_100, field_storage};
use crate::json::Parser;
use crate::observe::Watch;
use crate::store::{Clock, Reader};
use crate::transport::{self, Counted, Delivery, Local, Next, Reply, Shared};

/// One connection to a server, with bytes in place of the socket. Its client is on this machine,
/// and `Host` must be a name of the server, as elsewhere: `localhost` will do.
///
/// ```
/// use mcp_fastd::{Exchange, Server};
///
/// let server = Server::builder().tool("hello", |_: mcp_fastd::Empty| "Hello!").build();
/// let mut exchange = Exchange::new(server)?;
/// let answer = exchange.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
/// assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), mcp_fastd::ServeError>(())
/// ```
pub struct Exchange<H> {
    shared: Shared<H>,
    local: Local,
    input: ReadBuffer,
    decoder: Decoder,
    counted: Counted,
    answer: Vec<u8>,
    closed: bool,
}

impl<H: Handler> Exchange<H> {
    /// A connection to this server. The clock stands still, at the first second of 1970.
    ///
    /// # Errors
    /// [`ServeError`] for what would keep the server from starting.
    pub fn new(server: Server<H>) -> Result<Exchange<H>, ServeError> {
        let mut server = server;
        // Nobody could answer a question.
        server.config.answer_timeout = Duration::ZERO;
        let (shared, _) = server.checked(STILL)?;
        let parser = Parser::with_depth(shared.json_depth_max);
        let watch = Watch::new(shared.hub.ledger.clone(), 0);
        Ok(Exchange {
            shared,
            local: Local {
                parser,
                date: Date::at(0),
                now_ms: 0,
                watch,
                unix_s: 0,
                rights: 0,
                leaving: false,
                stopping: false,
                closing: false,
                known_host: Vec::new(),
            },
            input: ReadBuffer::new(),
            decoder: Decoder::new(),
            counted: Counted::Not,
            answer: Vec::new(),
            closed: false,
        })
    }

    /// Whether the server would have closed the connection.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Sends bytes (a part of a request, or many) and gives what the server answers to them.
    /// What a worker would do is done at once.
    pub fn send(&mut self, bytes: &[u8]) -> &[u8] {
        self.answer.clear();
        let space = self.input.space(bytes.len(), usize::MAX);
        space[..bytes.len()].copy_from_slice(bytes);
        self.input.filled(bytes.len());
        while !self.closed && !self.input.is_empty() && self.step() {}
        &self.answer
    }

    /// Answers the next request, if it is there.
    fn step(&mut self) -> bool {
        let Exchange { shared, local, input, decoder, counted, answer, closed } = self;
        let mut storage = field_storage();
        let next = match decoder.decode(input, &mut storage, &shared.limits) {
            Ok(Parsed::Partial) => return false,
            Ok(Parsed::Head(head)) => {
                *closed = !transport::expect(&head, &Peer::LOCAL, counted, shared, local, answer);
                if !*closed && head.wants_continue() {
                    continue_100(answer);
                }
                return false;
            }
            Ok(Parsed::Complete(ref mut request)) => {
                transport::respond(request, &Peer::LOCAL, counted, shared, local, answer)
            }
            Err(error) => {
                transport::refuse_framing(error, input.unread(), shared, &local.date, answer);
                *closed = true;
                return false;
            }
        };
        if !matches!(next, Next::Park(_)) {
            decoder.finish(input);
            *counted = Counted::Not;
        }
        *closed = match next {
            // It is looked at again with what is sent next.
            Next::Park(_) => return false,
            Next::Done => false,
            Next::Close => true,
            Next::Wait(mut reply) => deliver(&mut reply, local, answer),
            Next::Defer(mut reply, mut deferred) => {
                reply.attach(Reader::untold(), local);
                transport::run_deferred(&mut deferred, shared, &mut local.parser);
                deliver(&mut reply, local, answer)
            }
            Next::Background(mut deferred, taken) => {
                let next = taken.write(&local.date, answer);
                transport::run_deferred(&mut deferred, shared, &mut local.parser);
                matches!(next, Next::Close)
            }
        };
        true
    }
}

/// The clock of a server without threads.
const STILL: Clock = Clock { unix_ms: || 0, unix_ns: || 0, steady_ms: || 0, steady_ns: || 0 };

/// Writes what there is of a reply. Says whether the connection ends: so does a stream that would
/// go on, since nothing more will come on it.
fn deliver(reply: &mut Reply, local: &Local, answer: &mut Vec<u8>) -> bool {
    reply.attach(Reader::untold(), local);
    reply.begin(local, answer);
    reply.deliver(local, answer) != Delivery::Done
}
