//! How long a connection may take for what it does next, and what comes of it when it takes longer.

use std::time::Duration;

use super::ConnectionKey;
use super::connection::{Connection, Phase, State};
use super::deadlines::tick_after;
use super::serve::Core;
use crate::app::Handler;
use crate::http::Progress;
use crate::limits;
use crate::transport;

impl<H: Handler> Core<H> {
    /// Sets the first deadline of a connection.
    pub(crate) fn arm(
        &mut self,
        key: ConnectionKey,
        connection: &mut Connection,
        idle_timeout: Duration,
    ) {
        let timeout = match (&connection.state, &connection.tls) {
            (State::ProxyHeader, _) | (_, Some(_)) => self.config.head_timeout,
            (_, None) => idle_timeout,
        };
        connection.phase = phase_of(connection);
        let due = tick_after(self.now, timeout);
        self.deadlines.set(key, &mut connection.timer, Some(due));
    }

    /// Sets the deadline for what a connection does next. Where that is still the same thing, the
    /// deadline stands, unless it is about another request (one was `answered`), or there was
    /// `progress` in something that is measured by its pauses.
    #[inline]
    pub(super) fn rearm(
        &mut self,
        key: ConnectionKey,
        connection: &mut Connection,
        answered: bool,
        progress: bool,
    ) {
        let phase = phase_of(connection);
        let paused = matches!(phase, Phase::Idle | Phase::Writing | Phase::Waiting);
        if phase == connection.phase && !answered && !(paused && progress) {
            return;
        }
        connection.phase = phase;
        let timeout = match phase {
            Phase::Waiting => self.wait_max(connection),
            Phase::Idle => Some(self.config.idle_timeout),
            Phase::Head | Phase::Handshake => Some(self.config.head_timeout),
            Phase::Body => Some(self.config.body_timeout),
            Phase::Writing => Some(self.config.write_timeout),
            Phase::Draining => Some(limits::LINGER_TIMEOUT),
            Phase::Parked => Some(self.config.auth.decision_timeout),
        };
        let due = timeout.map(|timeout| tick_after(self.now, timeout));
        let again = connection.again.filter(|_| phase == Phase::Waiting);
        let due = [due, again].into_iter().flatten().min();
        self.deadlines.set(key, &mut connection.timer, due);
    }

    /// How long nothing has to be done about a connection that waits: until a sign of life is due,
    /// or it has to be asked again whether its client is let in.
    fn wait_max(&self, connection: &Connection) -> Option<Duration> {
        let State::Waiting(reply) = &connection.state else { return None };
        let alive = reply.takes_events().then_some(self.config.keep_alive);
        alive.into_iter().chain(reply.lapses_in(&self.local)).min()
    }

    /// Ends what took too long.
    #[cold]
    pub(crate) fn time_out(&mut self, connection: &mut Connection) {
        if let State::ProxyHeader = connection.state {
            return connection.abort();
        }
        let limit = match connection.phase {
            Phase::Head => "head_timeout",
            Phase::Body => "body_timeout",
            Phase::Parked => return self.undecided(connection),
            Phase::Waiting => return self.keep_alive(connection),
            Phase::Idle | Phase::Handshake | Phase::Writing | Phase::Draining => {
                return connection.abort();
            }
        };
        self.output(connection);
        self.refuse_unread(connection, |unread, shared, date, out| {
            transport::refuse_timeout(limit, unread, shared, date, out);
        });
    }
}

#[inline]
fn phase_of(connection: &Connection) -> Phase {
    if !connection.output.is_empty() {
        return Phase::Writing;
    }
    match connection.state {
        State::Parked(_) => Phase::Parked,
        State::Waiting(_) => Phase::Waiting,
        State::Draining { .. } => Phase::Draining,
        State::ProxyHeader => Phase::Head,
        State::Reading | State::Finishing { .. } | State::Closed => {
            match connection.decoder.progress(&connection.input) {
                Progress::Idle | Progress::Done | Progress::Failed => match &connection.tls {
                    None => Phase::Idle,
                    Some(tls) => tls.phase(),
                },
                Progress::Head => Phase::Head,
                Progress::Body => Phase::Body,
            }
        }
    }
}
