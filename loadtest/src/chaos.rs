//! A run of chaos: clients that behave, beside peers that do not, and a verdict.
//!
//! In reading order: `run` says in what order things happen; `good` has the clients, each of which
//! knows what the right answer is; `bad` the peers, which need none; `servers` starts servers and
//! looks at what they hold; `clock` is theirs. `wire` and `message` are what both kinds of clients speak with.

pub mod bad;
pub mod clock;
pub mod dice;
pub mod good;
pub mod message;
pub mod run;
pub mod servers;
pub mod wire;
