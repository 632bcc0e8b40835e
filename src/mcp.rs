//! The Model Context Protocol, pure: a message in, a message out. No HTTP, no sockets, no clock.
//!
//! Two verbs. [`plan`] decides what a message gets, so that whoever carries the answer knows its
//! status before the first byte of it is written, and whether it has to wait for a worker.
//! [`answer`] writes it; the same function runs on a shard and on a worker.
//!
//! Before both, [`open`] decides once which era the message belongs to (versioning page,
//! "Backward Compatibility"), and refuses envelopes that break the rules of their era.

pub(crate) mod answer;
mod cursor;
mod handshake;
mod input;
mod lists;
mod method;
mod open;
mod params;
pub(crate) mod plan;
mod refusal;
pub(crate) mod subscriptions;
pub(crate) mod tasks;

#[cfg(test)]
mod tests;

pub(crate) use answer::{Written, answer};
pub use cursor::Cursor;
pub use input::{open_state, seal_state, state_purpose};
pub(crate) use method::Method;
pub(crate) use open::{Claims, Context, open};
pub(crate) use plan::{Accepted, Plan, plan};
pub(crate) use refusal::{Refusal, Stage, write_limit};
