//! Connections whose answer comes from elsewhere: from a worker, or as a stream.

use super::ConnectionKey;
use super::connection::{Connection, State};
use super::deadlines::tick_of;
use super::serve::{Core, flush};
use crate::app::Handler;
use crate::http::Connection as Persistence;
use crate::limits;
use crate::transport::{self, Deferred, Delivery, Next, Reply, Standing, Taken};

/// Waits for an answer that comes from elsewhere; writes what is there of it.
#[cold]
pub(super) fn wait<H: Handler>(
    connection: &mut Connection,
    key: ConnectionKey,
    mut reply: Box<Reply>,
    core: &mut Core<H>,
) {
    reply.attach(core.address.reader(key), &core.local);
    let out = connection.output.out();
    let from = out.len();
    reply.begin(&core.local, out);
    reply.observation().wrote(out.len() - from);
    connection.state = State::Waiting(reply);
    deliver(connection, core);
}

/// Hands a request to the workers; answers 503 when they have no room.
#[cold]
pub(super) fn defer<H: Handler>(
    connection: &mut Connection,
    key: ConnectionKey,
    mut reply: Box<Reply>,
    deferred: Box<Deferred>,
    core: &mut Core<H>,
) {
    reply.attach(core.address.reader(key), &core.local);
    match core.jobs.post(deferred) {
        Ok(()) => {
            core.shared.hub.ledger.gauges.queue.enter(core.local.watch.began_ns);
            connection.state = State::Waiting(reply);
        }
        Err((refused, overload)) => {
            reply.withdraw();
            let (persistence, stamp) = (reply.persistence(), reply.stamp(&core.local));
            let out = connection.output.out();
            let from = out.len();
            transport::refuse_overload(overload, &refused, persistence, stamp, out);
            reply.observation().refused(&out[from..]);
            close_if_last(connection, persistence);
        }
    }
}

/// Hands something to the workers that nobody waits for; answers at once, or 503 when they have no
/// room.
#[cold]
pub(super) fn background<H: Handler>(
    connection: &mut Connection,
    deferred: Box<Deferred>,
    taken: &Taken,
    core: &mut Core<H>,
) {
    match core.jobs.post(deferred) {
        Ok(()) => {
            core.shared.hub.ledger.gauges.queue.enter(core.local.watch.began_ns);
            let out = connection.output.out();
            let from = out.len();
            if let Next::Close = taken.write(&core.local.date, out) {
                connection.state = State::Finishing { linger: !connection.input.is_empty() };
            }
            core.local.watch.written(&connection.output.out()[from..]);
        }
        Err((refused, overload)) => {
            transport::withdraw(&refused, &core.shared.hub);
            let out = connection.output.out();
            let from = out.len();
            taken.refuse(overload, &refused, &core.local.date, out);
            core.local.watch.written(&out[from..]);
            close_if_last(connection, taken.persistence);
        }
    }
}

fn close_if_last(connection: &mut Connection, persistence: Persistence) {
    if persistence == Persistence::Close {
        connection.state = State::Finishing { linger: !connection.input.is_empty() };
    }
}

/// Writes what has come for a connection that waits.
///
/// A client that does not read finds it later: what is written waits for it up to a bound, the rest
/// in the stream, which has its own.
pub(crate) fn deliver<H: Handler>(connection: &mut Connection, core: &mut Core<H>) {
    if connection.output.len() > limits::EVENTS_IN_HAND_BYTES {
        connection.more_events = true;
        return;
    }
    core.output(connection);
    let State::Waiting(reply) = &mut connection.state else { return };
    let out = connection.output.out();
    let from = out.len();
    let delivery = match reply.standing(&core.shared, &core.local) {
        Standing::Good => reply.deliver(&core.local, out),
        Standing::Held => reply.hold(),
        Standing::Lost => reply.lapse(&core.local, out),
    };
    reply.observation().wrote(out.len() - from);
    settle_delivery(connection, delivery, core);
}

/// Moves a connection that waits to what comes next.
fn settle_delivery<H: Handler>(
    connection: &mut Connection,
    delivery: Delivery,
    core: &mut Core<H>,
) {
    connection.again = None;
    connection.more_events = false;
    match delivery {
        Delivery::Waiting(again_ms) => {
            connection.again = again_ms.map(tick_of);
            // The next sign of life is due so long after this one.
            connection.progress = true;
            return;
        }
        Delivery::Full => {
            connection.more_events = true;
            return;
        }
        Delivery::Done => connection.state = State::Reading,
        Delivery::Close => {
            connection.state = State::Finishing { linger: !connection.input.is_empty() };
        }
    }
    core.requests += 1;
}

/// A connection that waits can go on: it has room for more, or its client has closed its side.
#[cold]
pub(super) fn go_on_waiting<H: Handler>(connection: &mut Connection, core: &mut Core<H>) {
    let State::Waiting(reply) = &mut connection.state else { return };
    if connection.half_closed && !reply.half_closed() {
        return connection.abort();
    }
    if connection.more_events && connection.output.len() <= limits::EVENTS_IN_HAND_BYTES {
        deliver(connection, core);
    }
}

impl<H: Handler> Core<H> {
    /// A connection waits: what was put off is due, or a sign of life.
    #[cold]
    pub(super) fn keep_alive(&mut self, connection: &mut Connection) {
        if connection.again.take().is_some() || connection.more_events {
            return deliver(connection, self);
        }
        self.output(connection);
        let State::Waiting(reply) = &mut connection.state else { return };
        let out = connection.output.out();
        let from = out.len();
        let delivery = match reply.standing(&self.shared, &self.local) {
            // What was held.
            Standing::Good if reply.has_unsent() => reply.deliver(&self.local, out),
            Standing::Good | Standing::Held => reply.keep_alive(&self.local, out),
            Standing::Lost => reply.lapse(&self.local, out),
        };
        reply.observation().wrote(out.len() - from);
        settle_delivery(connection, delivery, self);
    }

    /// It was said that who waits may not be let in any more: if so, what they wait for ends.
    #[cold]
    pub(crate) fn ask_again(&mut self, connection: &mut Connection) {
        if let State::Waiting(reply) = &mut connection.state
            && reply.standing(&self.shared, &self.local) == Standing::Lost
        {
            deliver(connection, self);
        }
    }

    /// The server stops: a connection that waits for what never ends is let go.
    #[cold]
    pub(crate) fn let_go(&mut self, connection: &mut Connection) {
        self.output(connection);
        let State::Waiting(reply) = &mut connection.state else { return };
        if let Some(delivery) = reply.stop(connection.output.out()) {
            settle_delivery(connection, delivery, self);
            if let State::Reading = connection.state {
                connection.state = State::Finishing { linger: !connection.input.is_empty() };
            }
        }
    }

    /// The grace is over: a connection that still waits is told so.
    #[cold]
    pub(crate) fn give_up(&mut self, connection: &mut Connection) {
        self.output(connection);
        let State::Waiting(reply) = &mut connection.state else {
            if let State::Parked(_) = connection.state {
                self.undecided(connection);
                flush(connection, self);
            }
            return;
        };
        let out = connection.output.out();
        let from = out.len();
        let is_open = reply.is_open();
        reply.give_up(&self.local, out);
        match is_open {
            true => reply.observation().wrote(out.len() - from),
            false => reply.observation().refused(&out[from..]),
        }
        flush(connection, self);
    }
}
