//! What the load generator, the floor and the peers share.
//!
//! In reading order: a scenario says what to send, a connection sends it and
//! finds the end of the answer (which comes on a line, over HTTP+SSE), `engine` keeps many connections busy, `tally`
//! counts. Only `sys` has `unsafe` in it.

pub mod scenario;

pub mod response;

pub mod line;

pub mod connection;

pub mod pace;

pub mod tally;

pub mod engine;

pub mod idle;

pub mod chaos;

pub mod arguments;
pub mod canned;
pub mod sys;
