//! What stands for TLS in a build without it (feature `tls`): nothing that there could be one of.

use std::convert::Infallible;

use super::connection::{Connection, Phase};
use super::serve::Core;
use crate::config::TlsConfig;

/// A connection's TLS.
pub(crate) struct Tls(Infallible);

/// The certificates of a server.
#[derive(Debug, Clone)]
pub struct Certificates(Infallible);

/// Files that were read anew.
pub(crate) struct Loaded;

/// Why certificates cannot be used.
pub type CertificateError = Infallible;

/// The handshakes of a shard.
#[derive(Default)]
pub(crate) struct Handshakes {}

impl Tls {
    pub(crate) fn new(certificates: &Certificates) -> Box<Tls> {
        match certificates.0 {}
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.0 {}
    }
}

impl Certificates {
    /// There are none; that some are set was found by `Config::check`.
    pub(crate) fn read(
        _: &TlsConfig,
        _: Option<&str>,
    ) -> Result<Option<Certificates>, CertificateError> {
        Ok(None)
    }

    pub(crate) fn prepare(
        &self,
        _: &TlsConfig,
        _: Option<&str>,
    ) -> Result<Loaded, CertificateError> {
        match self.0 {}
    }

    pub(crate) fn take(&self, _: Loaded) -> bool {
        match self.0 {}
    }

    /// There is nothing to warn of.
    pub fn warn(&self) {
        match self.0 {}
    }

    pub(crate) fn expires_at(&self) -> i64 {
        match self.0 {}
    }
}

impl Handshakes {
    pub(crate) fn begin_turn(&mut self, _: bool) {}

    pub(crate) fn begin_waiting(&mut self) {}

    pub(crate) fn done_and_failed(&self) -> (u64, u64) {
        (0, 0)
    }
}

pub(crate) fn fill<H>(_: &mut Connection, _: &mut Core<H>) -> bool {
    true
}

pub(crate) fn flush<H>(_: &mut Connection, _: &mut Core<H>) -> bool {
    false
}

pub(crate) fn close<H>(_: &mut Connection, _: &mut Core<H>) -> bool {
    true
}

pub(crate) fn give_back<H>(_: &mut Connection, _: &mut Core<H>) {}
