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
        true => {
            let mut parked = Box::new(Parked { verdict, is_doubtful: false });
            if connection.half_closed {
                parked.half_closed();
            }
            connection.state = State::Parked(parked);
        }
        false => core.undecided(connection),
    }
}

/// A request that waits for a verdict.
#[derive(Debug)]
pub(crate) struct Parked {
    verdict: Arc<Verdict>,
    /// The client has closed its side: it may have left, or be waiting all the same.
    is_doubtful: bool,
}

impl Parked {
    /// The client has closed its side.
    pub(super) fn half_closed(&mut self) {
        if !std::mem::replace(&mut self.is_doubtful, true) {
            self.verdict.doubt();
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        if self.is_doubtful {
            self.verdict.forget_doubt();
        }
    }
}

/// A connection was told something: if that is what it waits for, it goes on.
#[cold]
pub(super) fn wake_up(connection: &mut Connection) {
    if let State::Parked(parked) = &connection.state
        && parked.verdict.is_decided()
    {
        connection.state = State::Reading;
    }
}

impl<H: Handler> Core<H> {
    /// Nobody has said in time who a request is from. The connection ends with that.
    #[cold]
    pub(super) fn undecided(&mut self, connection: &mut Connection) {
        self.output(connection);
        self.refuse_unread(connection, transport::refuse_undecided);
    }
}
