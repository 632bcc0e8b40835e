//! Who is asking, by the settings: tokens, keys and certificates, in this order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::api_keys::{ApiKeys, PREFIX};
use super::clients::Clients;
use super::{Checked, Tokens};
use crate::app::{
    Access, Action, Authenticator, Authorizer, Credentials, Denied, Health, Missing, Policy,
};
use crate::config::AuthConfig;
use crate::config::tokens::TokenConfig;
use crate::protocol::Principal;

/// Who is asking, by [`AuthConfig`], which says in what order what is shown counts, and what they
/// may use, by the scopes that it names. Where that asks for nothing, everybody is let in.
///
/// Given to [`Builder::authenticator`](crate::Builder::authenticator), and to
/// [`Builder::authorizer`](crate::Builder::authorizer) for the scopes; a clone is the same one.
#[derive(Clone)]
pub struct Authentication(Arc<Shared>);

struct Shared {
    /// Nobody has to show anything.
    is_open: AtomicBool,
    /// Something needs scopes.
    needs_scopes: AtomicBool,
    known: ArcSwap<Known>,
}

/// What can be set anew.
struct Known {
    is_open: bool,
    config: TokenConfig,
    tokens: Option<Arc<Tokens>>,
    keys: ApiKeys,
    clients: Clients,
    anonymous: bool,
    policy: Policy,
}

impl Known {
    /// What these settings say. Keys of issuers that are as they were `before` are kept.
    fn new(config: &AuthConfig, before: Option<&Known>) -> Result<Known, String> {
        config.check()?;
        let keys = ApiKeys::new(&config.api_keys).map_err(within)?;
        // What is in files may be other keys now.
        let same = before.filter(|it| it.config == config.tokens && !config.tokens.has_files());
        let tokens = before.and_then(|before| before.tokens.as_ref());
        let tokens = match same {
            Some(same) => same.tokens.clone(),
            None if config.tokens.issuers.is_empty() => None,
            None => {
                let tokens = Tokens::start_after(tokens.map(|it| &**it), &config.tokens);
                Some(Arc::new(tokens.map_err(within)?))
            }
        };
        Ok(Known {
            is_open: !config.is_configured(),
            config: config.tokens.clone(),
            tokens,
            keys,
            clients: Clients::new(&config.mtls),
            anonymous: config.anonymous,
            policy: config.policy()?,
        })
    }
}

/// A problem of the table `auth`, by its key as it is written in a file.
fn within(problem: String) -> String {
    format!("auth.{problem}")
}

/// Other settings, understood, that do not count yet.
pub struct Prepared(Known);

impl Authentication {
    /// Begins to fetch the keys of issuers, where there are any.
    ///
    /// # Errors
    /// A setting cannot be, a file cannot be read, or a thread cannot be started: which, by its key
    /// as it is written in a file.
    pub fn start(config: &AuthConfig) -> Result<Authentication, String> {
        let known = Known::new(config, None)?;
        Ok(Authentication(Arc::new(Shared {
            is_open: AtomicBool::new(known.is_open),
            needs_scopes: AtomicBool::new(known.policy.decides()),
            known: ArcSwap::from_pointee(known),
        })))
    }

    /// Takes others from now on than before: by their tokens, API keys and client certificates, or
    /// without; and asks for other scopes. Tokens are looked at anew where anything about them has
    /// changed; issuers that are the same keep their keys until they are fetched again.
    ///
    /// # Errors
    /// A setting cannot be, a file cannot be read, or nobody would have to show anything any more,
    /// which takes a restart; nothing has changed.
    pub fn reload(&self, config: &AuthConfig) -> Result<(), String> {
        self.take(self.prepare(config)?);
        Ok(())
    }

    /// As [`Authentication::reload`], but for [`Authentication::take`].
    ///
    /// # Errors
    /// A setting cannot be, or a file cannot be read.
    pub fn prepare(&self, config: &AuthConfig) -> Result<Prepared, String> {
        if !self.0.is_open.load(Ordering::Relaxed) {
            config.check_closed()?;
        }
        Known::new(config, Some(&self.0.known.load())).map(Prepared)
    }

    /// Goes by these settings from now on.
    pub fn take(&self, Prepared(known): Prepared) {
        let (is_open, needs_scopes) = (known.is_open, known.policy.decides());
        // What was closed is never open in between.
        if !is_open {
            self.0.is_open.store(false, Ordering::Release);
        }
        self.0.known.store(Arc::new(known));
        self.0.is_open.store(is_open, Ordering::Release);
        self.0.needs_scopes.store(needs_scopes, Ordering::Release);
    }

    /// All that is wrong with the files and variables that these settings name, each beginning with
    /// the key as it is written in a file.
    pub fn problems(config: &AuthConfig) -> Vec<String> {
        let tokens = Tokens::problems(&config.tokens).into_iter();
        tokens.map(within).collect()
    }

    /// What checks tokens, where they are taken.
    pub fn tokens(&self) -> Option<Arc<Tokens>> {
        self.0.known.load().tokens.clone()
    }

    #[cold]
    fn decide(&self, credentials: &Credentials<'_>) -> Access {
        let known = self.0.known.load();
        if let Some(bearer) = credentials.bearer() {
            return match known.tokens.as_ref().filter(|_| !bearer.starts_with(PREFIX)) {
                Some(tokens) => {
                    match tokens.check_from(credentials.peer.address, bearer, credentials.unix_s) {
                        Checked::Yes(principal) => Access::Principal(principal),
                        Checked::No(reason) => Access::Denied(Denied::Invalid(reason.text())),
                        Checked::Later(verdict) => Access::Later(verdict),
                        Checked::Busy(busy) => Access::Busy(busy),
                    }
                }
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

    fn issuers(&self) -> Vec<Health> {
        let known = self.0.known.load();
        known.tokens.iter().flat_map(|tokens| tokens.health()).collect()
    }

    #[inline]
    fn authenticate(&self, _: &S, credentials: &Credentials<'_>) -> Access {
        match self.0.is_open.load(Ordering::Relaxed) {
            true => Access::Anonymous,
            false => self.decide(credentials),
        }
    }
}

impl<S> Authorizer<S> for Authentication {
    #[inline]
    fn decides(&self) -> bool {
        self.0.needs_scopes.load(Ordering::Relaxed)
    }

    fn scopes(&self) -> Vec<String> {
        self.0.known.load().policy.scopes().into_iter().map(str::to_owned).collect()
    }

    fn authorize(
        &self,
        _: &S,
        principal: Option<&Principal>,
        action: Action<'_>,
    ) -> Result<(), Missing> {
        self.0.known.load().policy.authorize(principal, action)
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
        assert_eq!(ask(None, None, &secure), "certificate:common_name=c");
        assert_eq!(ask(Some("Bearer x"), Some(&key), &secure), bad_token);
        assert_eq!(ask(Some("Bearer"), Some("x"), &secure), bad_key);
        assert_eq!(ask(Some("Basic x"), Some(&key), &secure), "UnknownScheme");
        assert_eq!(ask(Some("Bearer "), None, &secure), "certificate:common_name=c");
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
        assert_eq!(ask(None, None, &secure), "certificate:common_name=c", "nothing has changed");
        let problem = authentication.reload(&AuthConfig::default()).unwrap_err();
        assert!(problem.contains("restart"), "{problem}");
        assert_eq!(ask(Some("Bearer x"), None, &Peer::LOCAL), bad_token, "it is not open");
        let open = Authentication::start(&AuthConfig::default()).unwrap();
        open.reload(&AuthConfig::default()).unwrap();
    }
}
