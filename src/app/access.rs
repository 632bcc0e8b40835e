//! Who is asking: from what a request shows to a principal, or a refusal.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::ClientCertificate;
use crate::protocol::Principal;
use crate::store::Verdict;

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
    /// The value of `X-API-Key`.
    pub api_key: Option<&'r str>,
    /// Where it came from, with the client's certificate.
    pub peer: &'r Peer,
    /// Seconds since 1970.
    pub unix_s: u64,
}

impl<'r> Credentials<'r> {
    /// The bearer token, when that is what was sent (RFC 6750 §2.1). An empty one is none.
    pub fn bearer(&self) -> Option<&'r str> {
        let (scheme, token) = self.authorization?.split_at_checked("Bearer".len())?;
        let token = token.strip_prefix(' ')?.trim();
        (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then_some(token)
    }

    /// The refusal of these: what is wrong depends on what was shown.
    pub fn denied(&self) -> Access {
        let is_empty = |value: &str| value.is_empty() || value.eq_ignore_ascii_case("Bearer");
        let authorization = self.authorization.filter(|value| !is_empty(value.trim()));
        Access::Denied(match authorization {
            Some(_) if self.bearer().is_none() => Denied::UnknownScheme,
            Some(_) => Denied::Invalid("the token is not accepted"),
            None if self.api_key.is_some_and(|key| !key.is_empty()) => {
                Denied::Invalid("the key is not accepted")
            }
            None => Denied::NothingShown,
        })
    }
}

/// Without tokens and keys: no log gives them away.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("authorization", &self.authorization.is_some())
            .field("api_key", &self.api_key.is_some())
            .field("peer", self.peer)
            .finish()
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Access {
    /// Nobody in particular, who may use whatever needs no scopes.
    Anonymous,
    /// Somebody: sessions, tasks and rounds of calls are theirs alone.
    Principal(Arc<Principal>),
    /// 401.
    Denied(Denied),
    /// It has to be found out elsewhere: the request waits until that is decided, and is then asked
    /// about again. If that takes too long, it is refused (503).
    Later(Arc<Verdict>),
    /// It cannot be found out now: 503.
    Busy(Busy),
}

/// Why it cannot be found out who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// In a few words that may be told to anybody.
    pub why: &'static str,
    /// The setting whose bound was met, if it was one.
    pub limit: Option<&'static str>,
}

impl Access {
    /// Somebody of this name, without scopes.
    pub fn named(name: impl Into<Arc<str>>) -> Access {
        Access::Principal(Arc::new(Principal::named(name)))
    }
}

/// Why somebody is not let in; the challenge of the response says it (RFC 6750 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Nothing was shown.
    NothingShown,
    /// What was shown is no good: why, in a few words that may be told to anybody.
    Invalid(&'static str),
    /// `Authorization` is of a kind that nobody here understands.
    UnknownScheme,
}

/// How it stands with somebody who issues tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Who.
    pub issuer: String,
    /// Whether its tokens can be checked at all.
    pub is_ready: bool,
    /// How old its keys are, in seconds; `None` without keys.
    pub keys_age_s: Option<u64>,
    /// What went wrong when it was last asked for something; `None` when nothing did. It may name
    /// addresses that are nobody's business.
    pub last_error: Option<String>,
}

/// Decides who is asking; `()` lets everybody in.
///
/// It runs on the shard for each request, before the body is read: it must not wait.
pub trait Authenticator<S>: Send + Sync + 'static {
    /// Whether anybody is ever refused.
    #[inline]
    fn decides(&self) -> bool {
        true
    }

    /// Decides.
    fn authenticate(&self, state: &S, credentials: &Credentials<'_>) -> Access;

    /// How it stands with those whose tokens are taken. Asked for `/ready` and `/metrics`, on a
    /// shard: it must not wait.
    fn issuers(&self) -> Vec<Health> {
        Vec::new()
    }
}

impl<S> Authenticator<S> for () {
    #[inline]
    fn decides(&self) -> bool {
        false
    }

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
