//! What one client may have of a server at once: calls on workers, and streams.

use std::net::IpAddr;
use std::sync::Arc;

use super::counts::{Counts, Held};
use super::rates::network;
use crate::protocol::Principal;

/// What is counted; all of it only where it is bounded.
pub(crate) struct Shares {
    calls: Option<Arc<Counts<Arc<str>>>>,
    streams: Option<Arc<Counts<Arc<str>>>>,
    streams_from: Option<Arc<Counts<u128>>>,
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

    /// One more call.
    ///
    /// # Errors
    /// The setting that does not allow it.
    pub(crate) fn call(
        &self,
        principal: Option<&Arc<Principal>>,
    ) -> Result<Option<CallShare>, &'static str> {
        let (Some(counts), Some(principal)) = (&self.calls, principal) else { return Ok(None) };
        counts.take(principal.name.clone()).map(Some).ok_or("calls_per_principal_max")
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
        let named = match (&self.streams, principal) {
            (Some(counts), Some(principal)) => {
                let share = counts.take(principal.name.clone());
                Some(share.ok_or("streams_per_principal_max")?)
            }
            _ => None,
        };
        let placed = match &self.streams_from {
            Some(counts) => Some(counts.take(network(from)).ok_or("streams_per_address_max")?),
            None => None,
        };
        if named.is_none() && placed.is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(StreamShare { _principal: named, _address: placed })))
    }
}
