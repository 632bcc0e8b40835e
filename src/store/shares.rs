//! What one client may have of a server at once: calls on workers, and streams.

use std::net::IpAddr;
use std::sync::Arc;

use super::counts::{Counts, Held};
use super::rates::network;
use crate::protocol::Principal;

/// What is counted; all of it only where it is bounded.
pub(crate) struct Shares {
    calls: Arc<Counts<Arc<str>>>,
    streams: Arc<Counts<Arc<str>>>,
    streams_from: Arc<Counts<u128>>,
}

/// How many there may be of each; zero is no bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharesMax {
    pub(crate) calls: usize,
    pub(crate) streams: usize,
    pub(crate) streams_from: usize,
}

/// A call of a principal, until it is dropped.
pub(crate) type CallShare = Held<Arc<str>>;

/// A stream of a client, until it is dropped.
pub(crate) struct StreamShare {
    _principal: Option<Held<Arc<str>>>,
    _address: Option<Held<u128>>,
}

impl Shares {
    pub(crate) fn new(max: SharesMax) -> Shares {
        Shares {
            calls: Counts::new(max.calls),
            streams: Counts::new(max.streams),
            streams_from: Counts::new(max.streams_from),
        }
    }

    /// From now on there may be so many.
    pub(crate) fn set(&self, max: SharesMax) {
        self.calls.set_max(max.calls);
        self.streams.set_max(max.streams);
        self.streams_from.set_max(max.streams_from);
    }

    /// One more call.
    ///
    /// # Errors
    /// The setting that does not allow it.
    pub(crate) fn call(
        &self,
        principal: Option<&Arc<Principal>>,
    ) -> Result<Option<CallShare>, &'static str> {
        let Some(principal) = principal else { return Ok(None) };
        self.calls.take(|| principal.name.clone()).map_err(|()| "calls_per_principal_max")
    }

    /// One more stream that is open until its client leaves.
    ///
    /// # Errors
    /// The setting that does not allow it.
    pub(crate) fn stream(
        &self,
        principal: Option<&Arc<Principal>>,
        from: IpAddr,
    ) -> Result<Option<Box<StreamShare>>, &'static str> {
        let named = principal.map(|principal| self.streams.take(|| principal.name.clone()));
        let named = named.unwrap_or(Ok(None)).map_err(|()| "streams_per_principal_max")?;
        let placed = self.streams_from.take(|| network(from));
        let placed = placed.map_err(|()| "streams_per_address_max")?;
        if named.is_none() && placed.is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(StreamShare { _principal: named, _address: placed })))
    }
}
