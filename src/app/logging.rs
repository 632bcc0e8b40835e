//! Hearing which log lines clients want.

use super::call::Call;
use crate::protocol::LogLevel;

/// What hears that a client wants log lines of a level and above, so that the application's own
/// logging is turned up or down; `()` does not listen. What [`Call::log`] sends is filtered by the
/// server in any case.
pub trait LoggingHandler<S>: Send + Sync + 'static {
    /// Whether it listens.
    const LISTENS: bool = true;

    /// A session's client said so with `logging/setLevel` (up to 2025-11-25; later each request
    /// says it for itself). [`Call::session`], [`Call::client`] and [`Call::principal`] tell who
    /// it was. It runs on the shard, and must not wait.
    fn level_set(&self, state: &S, level: LogLevel, call: &Call<'_>);
}

impl<S> LoggingHandler<S> for () {
    const LISTENS: bool = false;

    fn level_set(&self, _: &S, _: LogLevel, _: &Call<'_>) {}
}
