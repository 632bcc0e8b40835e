//! What a connection does when it can go on: read, answer, write, and set its next deadline.

use std::sync::Arc;

use super::ConnectionKey;
use super::buffers::BufferPool;
use super::connection::{Connection, Kind, State};
use super::deadlines::{Deadlines, Tick, tick_after};
use super::mailbox::Address;
use super::parked::park;
use super::tls::{self, Handshakes};
use super::waiting::{background, defer, go_on_waiting, wait};
use super::workers::Jobs;
use crate::app::Handler;
use crate::config::Config;
use crate::http::{Parsed, continue_100, field_storage};
use crate::limits;
use crate::transport::{self, Counted, Local, Next, Shared};

/// All of a shard but its connections, so that one of those can be borrowed beside it.
pub(crate) struct Core<H> {
    pub(crate) shared: Arc<Shared<H>>,
    pub(crate) config: Arc<Config>,
    pub(crate) local: Local,
    pub(crate) read_buffers: BufferPool,
    pub(crate) write_buffers: BufferPool,
    pub(crate) deadlines: Deadlines,
    pub(crate) jobs: Jobs,
    pub(crate) address: Address,
    /// Connections that have more to do than one turn allows.
    pub(crate) ready: Vec<ConnectionKey>,
    /// Connections that were driven and have output to write.
    pub(crate) dirty: Vec<ConnectionKey>,
    /// Of those, the ones that wait for a worker, whose answer may yet come in this turn.
    pub(crate) late: Vec<ConnectionKey>,
    pub(crate) now: Tick,
    pub(crate) requests: u64,
    pub(crate) handshakes: Handshakes,
    pub(crate) read_buffer_max: usize,
    /// Connections end after so many requests, or when they are so old.
    pub(crate) bounds_connections: bool,
}

/// How far one step of reading came.
enum Step {
    /// A request was answered, deferred or refused.
    Answered,
    /// A request waits until it is known who it is from.
    Parked,
    /// There is no whole request; more bytes are needed.
    Partial,
}

/// Lets a connection do what it can in this turn; [`conclude`] follows, at once or with the batch.
///
/// Its requests are answered in order, up to `requests_per_turn_max`; while one waits for a worker
/// or its output for the client, nothing more is read.
#[inline(never)]
pub(crate) fn drive<H: Handler>(
    connection: &mut Connection,
    key: ConnectionKey,
    core: &mut Core<H>,
) {
    if !connection.output.is_empty() && !connection.in_dirty {
        connection.progress |= flush(connection, core);
    }
    let (mut answered, mut reads) = (0, 0);
    let (mut more, mut held_back) = (false, false);
    match &mut connection.state {
        State::Waiting(_) => go_on_waiting(connection, core),
        State::Parked(parked) if connection.half_closed => parked.half_closed(),
        _ => {}
    }
    while let State::Reading = connection.state {
        if connection.output.len() > limits::UNSENT_BYTES_MAX {
            held_back = true;
            break;
        }
        if answered >= core.config.requests_per_turn_max {
            more = true;
            break;
        }
        let step = match connection.input.is_empty() {
            true => Step::Partial,
            false => step(connection, key, core),
        };
        match step {
            Step::Answered => answered += 1,
            Step::Parked => {}
            Step::Partial if connection.at_end => {
                connection.state = State::Finishing { linger: false };
            }
            Step::Partial if !connection.readable => break,
            Step::Partial if reads == limits::READS_PER_TURN_MAX => {
                more = true;
                break;
            }
            Step::Partial => {
                reads += 1;
                if !fill(connection, core) {
                    more = true;
                    break;
                }
            }
        }
    }
    if let State::Waiting(_) = connection.state
        && connection.half_closed
    {
        // The end came with the request.
        go_on_waiting(connection, core);
    }
    core.requests += answered as u64;
    connection.answered |= answered > 0;
    connection.progress |= reads > 0;
    connection.more |= more;
    connection.held_back |= held_back;
    if connection.output.is_empty() {
        return conclude(connection, key, core);
    }
    if !connection.in_dirty {
        connection.in_dirty = true;
        match &connection.state {
            State::Waiting(reply) if !reply.is_open() => core.late.push(key),
            _ => core.dirty.push(key),
        }
    }
}

/// Writes what a connection has to say, all at once, and settles what it does next.
#[inline]
pub(crate) fn conclude<H: Handler>(
    connection: &mut Connection,
    key: ConnectionKey,
    core: &mut Core<H>,
) {
    let progress = flush(connection, core) | std::mem::take(&mut connection.progress);
    let answered = std::mem::take(&mut connection.answered);
    connection.in_dirty = false;
    settle(connection, core);
    core.release(connection);
    core.rearm(key, connection, answered, progress);
    // When the socket took it all at once, no event will say that there is room again.
    let held_back = std::mem::take(&mut connection.held_back);
    let room = held_back && connection.output.len() <= limits::UNSENT_BYTES_MAX
        || connection.more_events && connection.output.len() <= limits::EVENTS_IN_HAND_BYTES;
    if (std::mem::take(&mut connection.more) || room) && !connection.in_ready {
        connection.in_ready = true;
        core.ready.push(key);
    }
}

/// Reads once. `false`: that has to wait for the next turn.
#[inline(always)]
pub(crate) fn fill<H: Handler>(connection: &mut Connection, core: &mut Core<H>) -> bool {
    if !connection.input.has_storage() {
        connection.input.attach(core.read_buffers.take_filled());
    }
    match connection.tls {
        None => {
            let read = connection.fill(core.read_buffer_max);
            core.local.watch.bytes_in += read as u64;
            true
        }
        Some(_) => tls::fill(connection, core),
    }
}

/// Sends what a connection has to say, as far as the socket takes it. Says whether it took
/// anything.
#[inline(always)]
pub(crate) fn flush<H: Handler>(connection: &mut Connection, core: &mut Core<H>) -> bool {
    match connection.tls {
        None => {
            let taken = connection.flush();
            core.local.watch.bytes_out += taken as u64;
            taken > 0
        }
        Some(_) => tls::flush(connection, core),
    }
}

/// Moves a connection that has sent its last answer towards its end.
#[inline]
fn settle<H: Handler>(connection: &mut Connection, core: &mut Core<H>) {
    if let State::Finishing { linger } = connection.state
        && connection.output.is_empty()
        && tls::close(connection, core)
    {
        connection.finish(linger);
    }
    if let State::Draining { .. } = connection.state
        && connection.readable
    {
        connection.drain();
    }
}

/// Answers the next request in the buffer, if it is there.
///
/// It has one caller, and is the path of every request: left apart, its frame and its registers
/// cost 120 instructions.
#[inline(always)]
fn step<H: Handler>(connection: &mut Connection, key: ConnectionKey, core: &mut Core<H>) -> Step {
    if !connection.output.has_storage() {
        connection.output.attach(core.write_buffers.take());
    }
    if core.bounds_connections {
        core.local.closing = core.local.leaving || is_last(connection, core);
    }
    let mut storage = field_storage();
    let Connection { input, output, decoder, peer, counted, kind, .. } = connection;
    let out = output.out();
    let from = out.len();
    let next = match decoder.decode(input, &mut storage, &core.shared.limits) {
        Ok(Parsed::Partial) => return Step::Partial,
        Ok(Parsed::Head(_) | Parsed::Complete(_)) if *kind == Kind::TurnedAway => {
            core.turned_away(connection);
            return Step::Answered;
        }
        Ok(Parsed::Head(head)) => {
            // An operator is not asked who that is, and what is asked for is not counted.
            if *kind == Kind::Operator
                || transport::expect(&head, peer, counted, &core.shared, &mut core.local, out)
            {
                if head.wants_continue() {
                    continue_100(out);
                }
                return Step::Partial;
            }
            core.local.watch.written(&out[from..]);
            connection.state = State::Finishing { linger: true };
            return Step::Answered;
        }
        Ok(Parsed::Complete(ref request)) if *kind == Kind::Operator => {
            transport::operate(request, &core.shared, &core.local, out)
        }
        Ok(Parsed::Complete(ref mut request)) => {
            transport::respond(request, peer, counted, &core.shared, &mut core.local, out)
        }
        Err(error) => {
            core.malformed(connection, error);
            return Step::Answered;
        }
    };
    if !matches!(next, Next::Park(_)) {
        decoder.finish(input);
        *counted = Counted::Not;
        connection.requests = connection.requests.saturating_add(1);
    }
    match next {
        Next::Park(verdict) => {
            park(connection, key, verdict, core);
            return Step::Parked;
        }
        Next::Done | Next::Close => {
            core.local.watch.written(&out[from..]);
            if let Next::Close = next {
                connection.state = State::Finishing { linger: !input.is_empty() };
            }
        }
        Next::Wait(reply) => wait(connection, key, reply, core),
        Next::Defer(reply, deferred) => defer(connection, key, reply, deferred, core),
        Next::Background(deferred, taken) => background(connection, deferred, &taken, core),
    }
    Step::Answered
}

/// Whether the next answer of a connection is to be its last.
fn is_last<H>(connection: &Connection, core: &Core<H>) -> bool {
    let Config { requests_per_connection_max: requests_max, connection_age_max, .. } = *core.config;
    let is_old = || tick_after(connection.opened, connection_age_max) <= core.now;
    (requests_max > 0 && connection.requests + 1 >= requests_max)
        || (!connection_age_max.is_zero() && is_old())
}

impl<H: Handler> Core<H> {
    /// Where to write a connection's next answer.
    pub(crate) fn output<'c>(&mut self, connection: &'c mut Connection) -> &'c mut Vec<u8> {
        if !connection.output.has_storage() {
            connection.output.attach(self.write_buffers.take());
        }
        connection.output.out()
    }

    /// Takes back the buffers that a connection does not need for now.
    #[inline(always)]
    fn release(&mut self, connection: &mut Connection) {
        if connection.output.has_storage() && connection.output.is_empty() {
            self.write_buffers.put(connection.output.detach());
        }
        if connection.input.has_storage() && connection.input.is_empty() {
            self.read_buffers.put(connection.input.detach());
        }
    }

    /// Takes back all buffers of a connection that is gone.
    pub(crate) fn give_back(&mut self, mut connection: Connection) {
        tls::give_back(&mut connection, self);
        let unread = connection.input.len();
        connection.input.consume(unread);
        let unsent = connection.output.len();
        connection.output.sent(unsent);
        self.release(&mut connection);
    }
}
