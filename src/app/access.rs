//! Who is asking: from what a request shows to a principal, or a refusal.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::ClientCertificate;
use crate::protocol::Principal;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Nobody on the way can read along: the connection is TLS.
    pub secure: bool,
    /// The certificate that it has shown, where clients are asked for one (`tls.client_auth`).
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl Peer {
    /// Who speaks from this address, in the clear.
    pub fn at(address: IpAddr) -> Peer {
        Peer { address, secure: false, certificate: None }
    }

    /// Somebody on this machine.
    pub const LOCAL: Peer =
        Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), secure: false, certificate: None };
}

/// What a request shows of who sent it.
#[derive(Clone, Copy)]
pub struct Credentials<'r> {
    /// The value of `Authorization`.
    pub authorization: Option<&'r str>,
    /// Where it came from.
    pub peer: &'r Peer,
    /// Seconds since 1970.
    pub unix_s: u64,
}

impl<'r> Credentials<'r> {
    /// The bearer token, when that is what was sent (RFC 6750 §2.1).
    pub fn bearer(&self) -> Option<&'r str> {
        let (scheme, token) = self.authorization?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
    }
}

/// Without the token: no log gives it away.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authorization = self.authorization.is_some();
        write!(f, "Credentials {{ authorization: {authorization}, peer: {:?} }}", self.peer)
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nobody in particular, who may use all there is.
    Anonymous,
    /// Somebody: sessions, tasks and rounds of calls are theirs alone.
    Principal(Arc<Principal>),
    /// 401.
    Denied,
}

impl Access {
    /// Somebody of this name, without scopes.
    pub fn named(name: impl Into<Arc<str>>) -> Access {
        Access::Principal(Arc::new(Principal::named(name)))
    }
}

/// Decides who is asking; `()` lets everybody in.
///
/// It runs on the shard for each request, before the body is read: it must not wait.
pub trait Authenticator<S>: Send + Sync + 'static {
    /// Decides.
    fn authenticate(&self, state: &S, credentials: &Credentials<'_>) -> Access;
}

impl<S> Authenticator<S> for () {
    #[inline]
    fn authenticate(&self, _: &S, _: &Credentials<'_>) -> Access {
        Access::Anonymous
    }
}

/// An authenticator made of a function.
pub struct FunctionAuthenticator<F>(pub(crate) F);

impl<S, F> Authenticator<S> for FunctionAuthenticator<F>
where
    F: Fn(&S, &Credentials<'_>) -> Access + Send + Sync + 'static,
{
    fn authenticate(&self, state: &S, credentials: &Credentials<'_>) -> Access {
        (self.0)(state, credentials)
    }
}
