//! Who is asking, by the settings: tokens, keys and certificates, in this order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::api_keys::{ApiKeys, PREFIX};
use super::clients::Clients;
use super::{Checked, Tokens};
use crate::app::{Access, Authenticator, Credentials, Denied, Health};
use crate::config::AuthConfig;

/// Who is asking, by [`AuthConfig`], which says in what order what is shown counts. Where that asks
/// for nothing, everybody is let in.
///
/// Given to [`Builder::authenticator`](crate::Builder::authenticator); a clone is the same one.
#[derive(Clone)]
pub struct Authentication(Arc<Shared>);

struct Shared {
    /// Nobody has to show anything.
    is_open: AtomicBool,
    known: ArcSwap<Known>,
    tokens: Option<Tokens>,
}

/// What can be set anew.
struct Known {
    keys: ApiKeys,
    clients: Clients,
    anonymous: bool,
}

impl Known {
    fn new(config: &AuthConfig) -> Result<Known, String> {
        let keys = ApiKeys::new(&config.api_keys)?;
        Ok(Known { keys, clients: Clients::new(&config.mtls), anonymous: config.anonymous })
    }
}

impl Authentication {
    /// Begins to fetch the keys of issuers, where there are any.
    ///
    /// # Errors
    /// A setting cannot be, a file cannot be read, or a thread cannot be started.
    pub fn start(config: &AuthConfig) -> Result<Authentication, String> {
        config.check()?;
        let tokens = match config.tokens.issuers.is_empty() {
            true => None,
            false => Some(Tokens::start(&config.tokens)?),
        };
        Ok(Authentication(Arc::new(Shared {
            is_open: AtomicBool::new(!config.is_configured()),
            known: ArcSwap::from_pointee(Known::new(config)?),
            tokens,
        })))
    }

    /// Takes other API keys and client certificates from now on, and lets others in without. Whose
    /// tokens are taken stays what it was.
    ///
    /// # Errors
    /// A setting cannot be; nothing has changed.
    pub fn reload(&self, config: &AuthConfig) -> Result<(), String> {
        config.check()?;
        let known = Known::new(config)?;
        // What was closed is never open in between.
        let is_open = !config.is_configured() && self.0.tokens.is_none();
        if !is_open {
            self.0.is_open.store(false, Ordering::Release);
        }
        self.0.known.store(Arc::new(known));
        self.0.is_open.store(is_open, Ordering::Release);
        Ok(())
    }

    /// What checks tokens, where they are taken.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.0.tokens.as_ref()
    }

    #[cold]
    fn decide(&self, credentials: &Credentials<'_>) -> Access {
        let known = self.0.known.load();
        if let Some(bearer) = credentials.bearer() {
            return match self.0.tokens.as_ref().filter(|_| !bearer.starts_with(PREFIX)) {
                Some(tokens) => match tokens.check(bearer, credentials.unix_s) {
                    Checked::Yes(principal) => Access::Principal(principal),
                    Checked::No(reason) => Access::Denied(Denied::Invalid(reason.text())),
                    Checked::Later(verdict) => Access::Later(verdict),
                    Checked::Busy(busy) => Access::Busy(busy),
                },
                None => {
                    known.keys.find(bearer).map_or_else(|| credentials.denied(), Access::Principal)
                }
            };
        }
        let denied = credentials.denied();
        if let Some(key) = credentials.api_key
            && !matches!(denied, Access::Denied(Denied::UnknownScheme))
        {
            return known.keys.find(key).map_or(denied, Access::Principal);
        }
        let client = credentials.peer.certificate.as_deref();
        match (denied, client.and_then(|shown| known.clients.find(shown))) {
            (Access::Denied(Denied::NothingShown), Some(principal)) => Access::Principal(principal),
            (Access::Denied(Denied::NothingShown), None) if known.anonymous => Access::Anonymous,
            (denied, _) => denied,
        }
    }
}

impl<S> Authenticator<S> for Authentication {
    fn decides(&self) -> bool {
        true
    }

    fn issuers(&self) -> Vec<Health<'_>> {
        self.0.tokens.iter().flat_map(Tokens::health).collect()
    }

    #[inline]
    fn authenticate(&self, _: &S, credentials: &Credentials<'_>) -> Access {
        match self.0.is_open.load(Ordering::Relaxed) {
            true => Access::Anonymous,
            false => self.decide(credentials),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{ClientCertificate, Peer};
    use crate::auth::new_api_key;
    use crate::config::{ApiKey, KnownClient};

    fn said(access: Access) -> String {
        match access {
            Access::Principal(principal) => principal.name.to_string(),
            Access::Denied(denied) => format!("{denied:?}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_shown_first_counts() {
        let (key, sha256) = new_api_key().unwrap();
        let known = ApiKey { name: "k".into(), sha256, scopes: Vec::new() };
        let client = KnownClient { common_name: Some("c".into()), ..KnownClient::default() };
        let mut config =
            AuthConfig { api_keys: vec![known], mtls: vec![client], ..AuthConfig::default() };
        let authentication = Authentication::start(&config).unwrap();
        let certificate =
            ClientCertificate { common_name: Some("c".into()), ..ClientCertificate::default() };
        let secure = Peer { certificate: Some(Arc::new(certificate)), ..Peer::LOCAL };
        let bearer = format!("Bearer {key}");
        let ask = |authorization: Option<&str>, api_key: Option<&str>, peer: &Peer| {
            let credentials = Credentials { authorization, api_key, peer, unix_s: 0 };
            said(Authenticator::<()>::authenticate(&authentication, &(), &credentials))
        };
        let (bad_token, bad_key) =
            ("Invalid(\"the token is not accepted\")", "Invalid(\"the key is not accepted\")");
        assert_eq!(ask(Some(&bearer), None, &Peer::LOCAL), "key:k");
        assert_eq!(ask(None, Some(&key), &Peer::LOCAL), "key:k");
        assert_eq!(ask(None, None, &secure), "certificate:c");
        assert_eq!(ask(Some("Bearer x"), Some(&key), &secure), bad_token);
        assert_eq!(ask(Some("Bearer"), Some("x"), &secure), bad_key);
        assert_eq!(ask(Some("Basic x"), Some(&key), &secure), "UnknownScheme");
        assert_eq!(ask(Some("Bearer "), None, &secure), "certificate:c");
        assert_eq!(ask(None, None, &Peer::LOCAL), "NothingShown");
        config.anonymous = true;
        authentication.reload(&config).unwrap();
        assert_eq!(ask(None, None, &Peer::LOCAL), "Anonymous");
        assert_eq!(ask(Some("Bearer x"), None, &Peer::LOCAL), bad_token, "a wrong token is wrong");
        config.api_keys.clear();
        authentication.reload(&config).unwrap();
        assert_eq!(ask(None, Some(&key), &Peer::LOCAL), bad_key);
        config.mtls.clear();
        assert!(authentication.reload(&config).is_err(), "anonymous, with nobody known");
        assert_eq!(ask(None, None, &secure), "certificate:c", "nothing has changed");
        authentication.reload(&AuthConfig::default()).unwrap();
        assert_eq!(ask(Some("Bearer x"), None, &Peer::LOCAL), "Anonymous", "nobody is asked");
    }
}
