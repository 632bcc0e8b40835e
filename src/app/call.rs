//! What a running function may ask about the call it answers.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::json::Value;

/// The call that a function answers: who called, in which revision, and whether anybody still
/// waits.
pub struct Call<'c> {
    protocol_version: &'static str,
    meta: Option<Value<'c>>,
    cancelled: Option<&'c AtomicBool>,
}

impl<'c> Call<'c> {
    pub(crate) fn new(
        protocol_version: &'static str,
        meta: Option<Value<'c>>,
        cancelled: Option<&'c AtomicBool>,
    ) -> Self {
        Call { protocol_version, meta, cancelled }
    }

    /// The protocol revision the client speaks: `2026-07-28`, say.
    pub fn protocol_version(&self) -> &'static str {
        self.protocol_version
    }

    /// A member of the request's `_meta`: `traceparent`, or a key of your own.
    pub fn meta(&self, key: &str) -> Option<Value<'c>> {
        self.meta?.get(key)
    }

    /// The client's name and version, when the request carries them (from 2026-07-28 on). They are
    /// what the client says of itself: for logs, not for decisions.
    pub fn client(&self) -> Option<(&'c str, &'c str)> {
        let info = self.meta("io.modelcontextprotocol/clientInfo")?;
        Some((info.get("name")?.as_str()?, info.get("version")?.as_str()?))
    }

    /// Whether the client is known to be gone: its connection was reset, or a write to it failed.
    /// A long-running function asks now and then, and stops.
    ///
    /// A client that only closed its side may still want its answer, and is not gone by this.
    /// Always `false` on a shard, where functions are over before anybody could leave.
    pub fn cancelled(&self) -> bool {
        self.cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
