//! Who a request is from.

use std::fmt;
use std::sync::Arc;

/// Somebody: sessions, tasks and rounds of calls are theirs alone. Two principals of one name are
/// the same; their scopes may differ from request to request.
#[derive(Clone)]
pub struct Principal {
    /// The name. It tells one principal of this server from every other.
    pub name: Arc<str>,
    /// What they may do, in the words of whoever let them in (RFC 6749 §3.3).
    pub scopes: Box<[Box<str>]>,
    /// Until when that is known, in seconds since 1970: then it is asked again whether they are to
    /// be let in, for what is still open for them. `None`: for ever.
    pub expires_s: Option<u64>,
}

impl Principal {
    /// A principal without scopes.
    pub fn named(name: impl Into<Arc<str>>) -> Principal {
        Principal { name: name.into(), scopes: Box::default(), expires_s: None }
    }

    /// The same with these scopes.
    #[must_use]
    pub fn with_scopes<'s>(mut self, scopes: impl IntoIterator<Item = &'s str>) -> Principal {
        self.scopes = scopes.into_iter().map(Box::from).collect();
        self
    }

    /// The same, known until this time, in seconds since 1970.
    #[must_use]
    pub fn until(mut self, expires_s: u64) -> Principal {
        self.expires_s = Some(expires_s);
        self
    }

    /// Whether they have this scope. Scopes are case-sensitive (RFC 6749 §3.3).
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| **own == *scope)
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Principal) -> bool {
        self.name == other.name
    }
}

impl Eq for Principal {}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({})", self.name)
    }
}
