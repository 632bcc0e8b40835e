//! The only mutable state that threads share: streams on their way to clients, sessions, tasks,
//! and who listens to notices. Locks are short, and no lock is held while another thread is waited
//! for.
//!
//! Knows neither HTTP nor sockets. Of threads it knows how to wake the shard that reads a stream
//! ([`Reader`]), and of time what it is told, or what [`Clock`] says.

mod counts;
mod farewell;
mod hub;
mod live;
mod load;
mod nudge;
mod overdue;
mod rates;
mod seal;
pub(crate) mod session;
mod sessions;
mod shares;
pub(crate) mod stream;
pub(crate) mod tasks;
mod usage;
mod verdict;

pub(crate) use counts::Counts;
pub(crate) use farewell::Farewell;
pub(crate) use hub::{
    Clock, Filter, Hub, Listener, Notice, Relieved, StreamLimits, write_subscription,
};
pub(crate) use load::{Load, LoadLimits, Overload, SHORT_OF_MEMORY, Started};
pub(crate) use nudge::{Bell, Reader};
pub(crate) use overdue::{Due, Overdue};
pub(crate) use rates::{Pace, Paces, Rates, TooOften, network};
pub use seal::{Seal, Unsealed};
pub(crate) use session::{Begun, Client, Line, Session, SessionId};
pub(crate) use sessions::{SessionLimits, Sessions};
pub(crate) use shares::{CallShare, Shares, SharesMax, StreamShare};
pub(crate) use stream::{Bounds, Kind, Reading, Reply, Silence, Stream};
pub(crate) use tasks::{Outcome, Owner, Task, Wire};
pub use verdict::Verdict;

/// 128 bits that nobody can guess; `None` when the system has none.
pub(crate) fn random_id() -> Option<u128> {
    let mut bits = [0; 16];
    match getrandom::fill(&mut bits) {
        Ok(()) => Some(u128::from_le_bytes(bits)),
        Err(error) => {
            tracing::error!(%error, "the system gives no random bits");
            None
        }
    }
}

/// The time of sessions, from the steady clock's milliseconds.
pub(crate) fn seconds(steady_ms: u64) -> u32 {
    u32::try_from(steady_ms / 1000).unwrap_or(u32::MAX)
}
