//! `mcp-fastd connect`: the real command between a client that starts it as a child and servers of
//! every revision, with what goes wrong on the way.

#![cfg(feature = "daemon")]

#[path = "../common/mod.rs"]
mod common;

mod desktop;
mod far_side;
mod input;
mod legacy;
mod legacy_sse;
mod modern;
mod refusals;
