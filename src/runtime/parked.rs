//! Requests that stay where they are until somebody has said who they are from.
//!
//! Nothing more is read meanwhile, so what is behind such a request keeps its place. When it is
//! decided, the request is looked at again from its head on; if that takes too long, it is refused.

use std::sync::Arc;

use super::ConnectionKey;
use super::connection::{Connection, State};
use super::serve::Core;
use crate::app::Handler;
use crate::store::Verdict;
use crate::transport;

/// Lets a connection wait for a verdict; 503 when too many do.
#[cold]
pub(super) fn park<H: Handler>(
    connection: &mut Connection,
    key: ConnectionKey,
    verdict: Arc<Verdict>,
    core: &mut Core<H>,
) {
    match verdict.wake(core.address.reader(key)) {
        true => connection.state = State::Parked(verdict),
        false => core.undecided(connection),
    }
}

/// A connection was told something: if that is what it waits for, it goes on.
#[cold]
pub(super) fn wake_up(connection: &mut Connection) {
    if let State::Parked(verdict) = &connection.state
        && verdict.is_decided()
    {
        connection.state = State::Reading;
    }
}

impl<H: Handler> Core<H> {
    /// Nobody has said in time who a request is from. The connection ends with that.
    #[cold]
    pub(super) fn undecided(&mut self, connection: &mut Connection) {
        self.output(connection);
        let Connection { input, output, .. } = connection;
        let date = &self.local.date;
        transport::refuse_undecided(input.unread(), &self.shared, date, output.out());
        connection.state = State::Finishing { linger: true };
    }
}
