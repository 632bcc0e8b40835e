//! Whether a bearer token is good, and whose it is: JWTs by the keys of their issuers, all others
//! by asking the issuer (RFC 7662).
//!
//! Knows neither HTTP requests of ours nor MCP. What a shard does here never waits:
//!
//! ```text
//! token ─▶ remembered? ─▶ JWT ─▶ key known? ─▶ signature, claims ─▶ Yes, No
//!              │           │         └─ no ─▶ the issuer's thread fetches keys ─▶ Later
//!              ▼           └─ opaque ─▶ a thread asks the issuer ─▶ Later
//!           Yes, No
//! ```
//!
//! A `Later` is decided when the answer is there; whoever waited then checks the same token again,
//! and finds it.
//!
//! A signature is checked where the token is read: it takes some 30 to 100 µs, less than the way to
//! another thread under load would, and no queue can be filled by who sends bad ones.

mod api_keys;
mod authentication;
mod cache;
mod claims;
mod clients;
mod fetch;
mod introspection;
mod issuer;
mod jwt;
mod keeper;
mod keys;
mod reason;
mod turns;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crossbeam_channel::bounded;

use self::cache::{Answer, Cache};
use self::claims::{Claims, Rules};
use self::introspection::Introspection;
use self::issuer::{Issuer, Source};
use self::keys::Verified;
use crate::app::Busy;
use crate::config::tokens::{Keys, TokenConfig};
use crate::json::Parser;
use crate::protocol::Principal;
use crate::store::Verdict;

pub use crate::app::Health;

pub use self::api_keys::new_api_key;
pub use self::authentication::Authentication;
pub use self::jwt::Jwt;
pub use self::keys::KeySet;
pub use self::reason::Reason;

/// Whoever knows of a token, or of its key, does not say it.
const UNREACHABLE: Busy = Busy {
    why: "the issuer of this token cannot be reached, or says nothing of use, and without it the \
          token cannot be checked; try again later",
    limit: None,
};
/// Too many tokens are asked about.
const FULL: Busy = Busy {
    why: "too many tokens wait until their issuer is asked about them \
          (auth.introspection_waiting_max); try again later",
    limit: Some("auth.introspection_waiting_max"),
};

/// What becomes of a token.
#[derive(Debug)]
pub enum Checked {
    /// It is good, and theirs.
    Yes(Arc<Principal>),
    /// It is not: 401.
    No(Reason),
    /// That is being found out. Check it again when this is decided.
    Later(Arc<Verdict>),
    /// It cannot be found out now: 503, since a new token would be no better.
    Busy(Busy),
}

/// A token as somebody has shown it.
struct Shown<'t> {
    token: &'t str,
    from: IpAddr,
    /// Seconds since 1970.
    unix_s: u64,
}

/// Checks bearer tokens. Dropping it ends its threads when they have done what they are at.
pub struct Tokens {
    issuers: Box<[Arc<Issuer>]>,
    rules: Arc<Rules>,
    cache: Arc<Cache>,
    introspection: Option<Introspection>,
}

impl Tokens {
    /// Begins to fetch the keys of all issuers, and returns before they are there.
    ///
    /// # Errors
    /// A setting cannot be, a file cannot be read, or a thread cannot be started.
    pub fn start(config: &TokenConfig) -> Result<Tokens, String> {
        Tokens::start_after(None, config)
    }

    /// As [`Tokens::start`]; issuers that were there before, with their keys in the same place,
    /// begin with the keys that they had.
    ///
    /// # Errors
    /// As [`Tokens::start`].
    pub fn start_after(before: Option<&Tokens>, config: &TokenConfig) -> Result<Tokens, String> {
        config.check()?;
        let generation = Arc::new(AtomicU64::new(0));
        let (mut issuers, mut receivers) = (Vec::new(), Vec::new());
        for (index, issuer) in config.issuers.iter().enumerate() {
            let (wake, asked) = bounded(1);
            let issuer = Issuer::new(issuer, config, generation.clone(), wake)
                .map_err(|problem| format!("issuers[{index}].{problem}"))?;
            let before = before
                .and_then(|before| before.issuers.iter().find(|other| other.has_keys_of(&issuer)));
            if let Some(before) = before {
                issuer.keep_keys(before);
            }
            issuers.push(Arc::new(issuer));
            receivers.push(asked);
        }
        let rules = Arc::new(Rules::new(config));
        let cache = Arc::new(Cache::new(config, generation));
        let introspection = Introspection::start(&issuers, config, &rules, &cache)?;
        keeper::start(&issuers, receivers, config)?;
        Ok(Tokens { issuers: issuers.into(), rules, cache, introspection })
    }

    /// All that is wrong with the files and variables that these settings name, each beginning with
    /// the key.
    pub fn problems(config: &TokenConfig) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, issuer) in config.issuers.iter().enumerate() {
            let mut refuse = |problem| problems.push(format!("issuers[{index}].{problem}"));
            if let Keys::File(path) = &issuer.keys {
                issuer::keys_in(path).err().into_iter().for_each(&mut refuse);
            }
            if let Some(asked) = &issuer.introspection {
                let wrong = introspection::secret(&asked.client_secret).err();
                wrong.into_iter().for_each(|wrong| refuse(format!("introspection.{wrong}")));
            }
        }
        problems
    }

    /// Whose token this is at this time, in seconds since 1970. Never waits.
    #[inline]
    pub fn check(&self, token: &str, unix_s: u64) -> Checked {
        self.check_from(Ipv4Addr::LOCALHOST.into(), token, unix_s)
    }

    /// As [`Tokens::check`], of a token that somebody has shown who is at this address: where
    /// issuers have to be asked about many, each address has its turn.
    #[inline]
    pub fn check_from(&self, from: IpAddr, token: &str, unix_s: u64) -> Checked {
        match self.cache.find(token, unix_s) {
            Some(answer) => answer.into(),
            None => self.verify(&Shown { token, from, unix_s }),
        }
    }

    /// How it stands with each issuer.
    pub fn health(&self) -> impl Iterator<Item = Health> {
        self.issuers.iter().map(|issuer| issuer.health())
    }

    /// Finds out what is not remembered.
    #[cold]
    fn verify(&self, shown: &Shown<'_>) -> Checked {
        let Shown { token, unix_s, .. } = *shown;
        if token.len() > self.rules.token_bytes_max {
            return Checked::No(Reason::TooLong);
        }
        if !is_token(token) {
            return Checked::No(Reason::Malformed);
        }
        // Before the keys are looked at: if they change meanwhile, the answer does not count.
        let generation = self.cache.generation();
        let found = match Jwt::read(token, &mut Parser::new()) {
            Ok(jwt) => self.verify_jwt(shown, &jwt),
            Err(Reason::Malformed) => self.ask(shown, None),
            Err(reason) => Err(Checked::No(reason)),
        };
        let (answer, until_s) = match found {
            Ok((principal, until_s)) => (Answer::Yes(Arc::new(principal.until(until_s))), until_s),
            Err(Checked::No(reason)) => (Answer::No(reason), unix_s + self.rules.refused_s),
            Err(other) => return other,
        };
        self.cache.remember(token, answer.clone(), until_s, generation);
        answer.into()
    }

    /// Who a JWT is from, and until when; an error is what is said instead.
    fn verify_jwt(&self, shown: &Shown<'_>, jwt: &Jwt<'_>) -> Result<(Principal, u64), Checked> {
        let unix_s = shown.unix_s;
        let is_named = |name: &str| self.issuers.iter().position(|issuer| issuer.is_named(name));
        let Some(index) = jwt.claims.issuer.as_deref().and_then(is_named) else {
            return Err(Checked::No(Reason::Issuer));
        };
        let issuer = &self.issuers[index];
        if !issuer.has_keys() {
            return self.ask(shown, Some(index));
        }
        // What is cheap first: a token that is out of date needs no key.
        let form = jwt.header.check(&self.rules).map_err(Checked::No)?;
        let good = self.rules.check(&jwt.claims, form, issuer, unix_s).map_err(Checked::No)?;
        match issuer.verify(jwt, unix_s) {
            Source::Keys(Verified::Yes) => {
                log(&good.0, &jwt.claims, issuer);
                Ok(good)
            }
            Source::Keys(Verified::No(reason)) => Err(Checked::No(reason)),
            Source::Keys(Verified::UnknownKey) => Err(Checked::No(Reason::UnknownKey)),
            Source::Fetching(verdict) => Err(Checked::Later(verdict)),
            Source::Unreachable => Err(Checked::Busy(UNREACHABLE)),
        }
    }

    /// Has an issuer asked about a token: this one, or all that can be.
    fn ask(&self, shown: &Shown<'_>, issuer: Option<usize>) -> Result<(Principal, u64), Checked> {
        let Some(introspection) = &self.introspection else {
            return Err(Checked::No(Reason::Malformed));
        };
        Err(introspection.ask(shown, issuer))
    }
}

/// Says who has come with which client, once for as long as their token is remembered.
fn log(principal: &Principal, claims: &Claims, issuer: &Issuer) {
    let client = claims.client.as_deref().unwrap_or_default();
    tracing::debug!(principal = &*principal.name, client, issuer = issuer.name, "a good token");
}

/// RFC 6750 §2.1, `b64token`.
fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let is_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(is_byte)
}

#[cfg(test)]
mod tests;
