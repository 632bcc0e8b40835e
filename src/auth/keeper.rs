//! The threads that keep the keys of issuers: one for each issuer whose keys are fetched, so that
//! one that does not answer keeps no other waiting.
//!
//! Keys are fetched at the start, before they are too old, and when a token has a key that is not
//! among them. When that fails they are kept, and it is tried again, ever less often.

use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::fetch::Fetcher;
use super::issuer::Issuer;
use crate::config::tokens::{Keys, TokenConfig};
use crate::limits;

/// Begins to keep the keys of these issuers.
///
/// # Errors
/// A thread cannot be started.
pub fn start(
    issuers: &[Arc<Issuer>],
    receivers: Vec<Receiver<()>>,
    config: &TokenConfig,
) -> Result<(), String> {
    for (issuer, asked) in issuers.iter().zip(receivers) {
        if !issuer.is_fetched() {
            continue;
        }
        let keeper = Keeper {
            issuer: Arc::downgrade(issuer),
            fetcher: Fetcher::new(config),
            age_max: config.keys_age_max,
            found: None,
        };
        Builder::new()
            .name("mcp-keys".to_owned())
            .spawn(move || keeper.run(&asked))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
    }
    Ok(())
}

struct Keeper {
    /// Gone when nobody checks tokens any more.
    issuer: Weak<Issuer>,
    fetcher: Fetcher,
    age_max: Duration,
    /// Where its metadata says that its keys are, and when it said so.
    found: Option<(String, Instant)>,
}

impl Keeper {
    fn run(mut self, asked: &Receiver<()>) {
        let mut retry = limits::KEYS_RETRY_MIN;
        loop {
            let Some(issuer) = self.issuer.upgrade() else { return };
            let outcome = self.fetch(&issuer);
            let wait = match &outcome {
                Ok(age) => {
                    retry = limits::KEYS_RETRY_MIN;
                    // Before they are too old, while those that are there still do.
                    *age * 4 / 5
                }
                Err(error) => {
                    tracing::warn!(
                        issuer = issuer.name,
                        error,
                        "cannot fetch the keys of an issuer"
                    );
                    let wait = retry;
                    retry = (retry * 2).min(limits::KEYS_RETRY_MAX);
                    wait
                }
            };
            issuer.end_fetch(outcome.map(|_| ()));
            // So that it can go while we sleep.
            drop(issuer);
            if asked.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Fetches the keys; says how long they are good for.
    fn fetch(&mut self, issuer: &Issuer) -> Result<Duration, String> {
        let is_old = |(_, when): &(String, Instant)| when.elapsed() >= limits::METADATA_AGE_MAX;
        if self.found.as_ref().is_some_and(is_old) {
            self.found = None;
        }
        let url = match (&issuer.config.keys, &self.found) {
            (Keys::At(url), _) => url.clone(),
            (_, Some((url, _))) => url.clone(),
            (_, None) => {
                let metadata = self.fetcher.metadata(issuer)?;
                let url = metadata.jwks_uri.ok_or("its metadata has no `jwks_uri`")?;
                self.found = Some((url.clone(), Instant::now()));
                url
            }
        };
        let fetched = self.fetcher.get(&url).and_then(|fetched| {
            let changed = issuer.take_keys(&fetched.body).map_err(|e| format!("{url}: {e}"))?;
            Ok((changed, fetched.max_age))
        });
        match fetched {
            Ok((changed, max_age)) => {
                tracing::debug!(issuer = issuer.name, changed, "the keys of an issuer are here");
                let age = max_age.unwrap_or(self.age_max);
                Ok(age.clamp(limits::KEYS_AGE_MIN, self.age_max))
            }
            Err(error) => {
                // They may be elsewhere now.
                self.found = None;
                Err(error)
            }
        }
    }
}
