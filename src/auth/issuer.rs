//! An issuer: its names, its keys as they are now, and who waits for new ones.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use crossbeam_channel::Sender;
use parking_lot::Mutex;

use super::Health;
use super::jwt::Jwt;
use super::keys::{KeySet, Verified};
use super::reason::Reason;
use crate::config::tokens::{IssuerConfig, Keys, TokenConfig, plain_audience, without_empty_path};
use crate::limits;
use crate::store::Verdict;

/// What an issuer's keys say of a token, or why they say nothing.
pub enum Source {
    Keys(Verified),
    /// New keys are being fetched.
    Fetching(Arc<Verdict>),
    /// There are none that could say it, and the issuer cannot be reached.
    Unreachable,
}

/// An authorization server whose tokens are taken.
pub struct Issuer {
    pub name: String,
    pub config: IssuerConfig,
    audiences: Vec<String>,
    keys: ArcSwapOption<KeySet>,
    /// Counts changes of keys, of all issuers.
    generation: Arc<AtomicU64>,
    refresh: Mutex<Refresh>,
    refresh_interval_s: u64,
    /// Wakes the thread that fetches the keys.
    wake: Sender<()>,
    status: Mutex<Status>,
}

/// The fetching of keys, as those see it who wait for it.
struct Refresh {
    /// What they wait for.
    pending: Option<Arc<Verdict>>,
    /// When somebody last asked for it, in seconds since 1970.
    asked_s: u64,
    has_failed: bool,
}

#[derive(Default)]
struct Status {
    fetched: Option<Instant>,
    keys_error: Option<String>,
    introspection_error: Option<String>,
}

impl Issuer {
    /// An issuer whose keys are not there yet, unless they are in a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(
        config: &IssuerConfig,
        all: &TokenConfig,
        generation: Arc<AtomicU64>,
        wake: Sender<()>,
    ) -> Result<Issuer, String> {
        let (mut keys, mut status) = (None, Status::default());
        if let Keys::File(path) = &config.keys {
            keys = Some(Arc::new(keys_in(path)?));
            status.fetched = Some(Instant::now());
        }
        // The first fetch begins with the thread.
        let pending = is_fetched(config).then(|| Arc::new(Verdict::new()));
        Ok(Issuer {
            name: config.issuer.clone(),
            config: config.clone(),
            audiences: all
                .audiences
                .iter()
                .chain(&config.audiences)
                .map(|it| plain_audience(it))
                .collect(),
            keys: ArcSwapOption::new(keys),
            generation,
            refresh: Mutex::new(Refresh { pending, asked_s: 0, has_failed: false }),
            refresh_interval_s: all.keys_refresh_interval.as_secs(),
            wake,
            status: Mutex::new(status),
        })
    }

    /// Begins with the keys of what stood for it before. Those of a file are read already.
    pub fn keep_keys(&self, before: &Issuer) {
        if self.is_fetched() {
            self.keys.store(before.keys.load_full());
            self.status.lock().fetched = before.status.lock().fetched;
        }
    }

    /// Whether it is the same issuer, with its keys in the same place.
    pub fn has_keys_of(&self, other: &Issuer) -> bool {
        let place = |issuer: &Issuer| (issuer.name.clone(), issuer.config.keys.clone());
        place(self) == place(other)
    }

    /// Whether this is its name: the very text, but for the slash of an empty path, which some
    /// issuers write in their tokens and not in their metadata, or the other way round.
    pub fn is_named(&self, name: &str) -> bool {
        without_empty_path(&self.name) == without_empty_path(name)
    }

    /// Whether its tokens for this audience are for us.
    pub fn has_audience(&self, audience: &str) -> bool {
        self.audiences.contains(&plain_audience(audience))
    }

    /// Whether it has keys, though maybe not yet here.
    pub fn has_keys(&self) -> bool {
        self.config.keys != Keys::None
    }

    /// Whether they are fetched.
    pub fn is_fetched(&self) -> bool {
        is_fetched(&self.config)
    }

    /// Whether it signed this token. A key that is not known is asked for, now and then.
    pub fn verify(&self, jwt: &Jwt<'_>, unix_s: u64) -> Source {
        if let Some(verified) = self.verify_now(jwt) {
            return Source::Keys(verified);
        }
        let refresh = self.refresh(unix_s);
        if let Ok(verdict) = refresh {
            return Source::Fetching(verdict);
        }
        // They may have come just before we looked who fetches them.
        match (self.verify_now(jwt), refresh) {
            (Some(verified), _) => Source::Keys(verified),
            // The key may be there, and we cannot see it: a new token would be no better.
            (None, Err(HasFailed(true))) => Source::Unreachable,
            (None, _) => Source::Keys(Verified::No(Reason::UnknownKey)),
        }
    }

    /// `None`: no key that we have can tell.
    fn verify_now(&self, jwt: &Jwt<'_>) -> Option<Verified> {
        let keys = self.keys.load();
        let verified = keys.as_ref()?.verify(jwt);
        (verified != Verified::UnknownKey).then_some(verified)
    }

    /// What to wait for until keys are fetched. An error: they were fetched just now.
    fn refresh(&self, unix_s: u64) -> Result<Arc<Verdict>, HasFailed> {
        let mut refresh = self.refresh.lock();
        if let Some(pending) = &refresh.pending {
            return Ok(pending.clone());
        }
        // Who asked by a clock that was set back since has asked long ago.
        let is_set_back = refresh.asked_s > unix_s.saturating_add(limits::CLOCK_STEP_S);
        let waited_s = if is_set_back { u64::MAX } else { unix_s.saturating_sub(refresh.asked_s) };
        if !self.is_fetched() || waited_s < self.refresh_interval_s {
            return Err(HasFailed(refresh.has_failed));
        }
        let verdict = Arc::new(Verdict::new());
        refresh.pending = Some(verdict.clone());
        refresh.asked_s = unix_s;
        drop(refresh);
        // A full channel has woken it already.
        let _ = self.wake.try_send(());
        Ok(verdict)
    }

    /// Takes the text of its keys; says whether they are others than before.
    ///
    /// # Errors
    /// They are none.
    pub fn take_keys(&self, text: &[u8]) -> Result<bool, String> {
        let is_same = self.keys.load().as_ref().is_some_and(|keys| keys.are(text));
        if !is_same {
            self.keys.store(Some(Arc::new(KeySet::read(text)?)));
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        Ok(!is_same)
    }

    /// Notes how a fetch went, and tells those who wait for it.
    pub fn end_fetch(&self, outcome: Result<(), String>) {
        let has_failed = outcome.is_err();
        {
            let mut status = self.status.lock();
            if !has_failed {
                status.fetched = Some(Instant::now());
            }
            status.keys_error = outcome.err();
        }
        let mut refresh = self.refresh.lock();
        refresh.has_failed = has_failed;
        let pending = refresh.pending.take();
        drop(refresh);
        if let Some(verdict) = pending {
            verdict.decide();
        }
    }

    /// Notes how asking about a token went.
    pub fn note_introspection(&self, error: Option<String>) {
        self.status.lock().introspection_error = error;
    }

    /// How it stands.
    pub fn health(&self) -> Health {
        let status = self.status.lock();
        let keys_age_s = status.fetched.map(|fetched| fetched.elapsed().as_secs());
        Health {
            issuer: self.name.to_string(),
            is_ready: keys_age_s.is_some() || !self.has_keys(),
            keys_age_s,
            last_error: status.keys_error.clone().or_else(|| status.introspection_error.clone()),
        }
    }
}

/// Who waits for its keys looks again, and finds what stands for it now.
impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(pending) = self.refresh.get_mut().pending.take() {
            pending.decide();
        }
    }
}

/// The keys in a file.
///
/// # Errors
/// It cannot be read, or has none.
pub fn keys_in(path: &Path) -> Result<KeySet, String> {
    let problem = |problem: String| format!("jwks_file: {}: {problem}", path.display());
    let text = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    KeySet::read(&text).map_err(problem)
}

/// Whether the last fetch has failed.
#[derive(Clone, Copy)]
struct HasFailed(bool);

fn is_fetched(config: &IssuerConfig) -> bool {
    matches!(config.keys, Keys::Discovered | Keys::At(_))
}
