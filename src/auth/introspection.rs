//! Asking issuers about tokens (RFC 7662). A few threads ask; shards only look at what was said.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;

use super::cache::{Answer, Cache};
use super::claims::{Claims, Form, Rules};
use super::fetch::{Fetcher, form_encoded, write_field};
use super::issuer::Issuer;
use super::reason::Reason;
use super::turns::{Put, Turns};
use super::{Checked, Shown};
use crate::config::tokens::{ClientAuthentication, ClientSecret, IntrospectionConfig, TokenConfig};
use crate::json::Parser;
use crate::limits;
use crate::protocol::Principal;
use crate::store::{Verdict, network};

/// A way to have tokens asked about. The threads end when it is dropped.
pub struct Introspection {
    common: Arc<Common>,
}

impl Drop for Introspection {
    fn drop(&mut self) {
        self.common.jobs.close();
    }
}

/// A token to be asked about.
struct Job {
    token: Arc<str>,
    /// The issuer that the token names; `None`: it names none, and all are asked in turn.
    issuer: Option<usize>,
    /// When it was shown, in seconds since 1970.
    shown_s: u64,
    /// Whoever waits for it may have left: it is asked about when nothing else is to be.
    is_last: bool,
}

/// What the threads share.
struct Common {
    endpoints: Vec<Endpoint>,
    jobs: Turns<Job>,
    /// What those wait for who showed a token that is being asked about: each is asked about once.
    pending: Mutex<HashMap<Arc<str>, Arc<Verdict>>>,
    rules: Arc<Rules>,
    cache: Arc<Cache>,
}

/// Where an issuer is asked.
struct Endpoint {
    issuer: Arc<Issuer>,
    /// Its place among all issuers.
    index: usize,
    config: IntrospectionConfig,
    secret: String,
    /// Its URL, once it is known.
    url: Mutex<Option<String>>,
}

impl Introspection {
    /// Starts the threads; `None` when no issuer is to be asked.
    ///
    /// # Errors
    /// A secret is not there, or a thread cannot be started.
    pub fn start(
        issuers: &[Arc<Issuer>],
        config: &TokenConfig,
        rules: &Arc<Rules>,
        cache: &Arc<Cache>,
    ) -> Result<Option<Introspection>, String> {
        let mut endpoints = Vec::new();
        for (index, issuer) in issuers.iter().enumerate() {
            let Some(config) = issuer.config.introspection.clone() else { continue };
            let secret = secret(&config.client_secret)
                .map_err(|problem| format!("issuers[{index}].introspection.{problem}"))?;
            let url = Mutex::new(config.endpoint.clone());
            endpoints.push(Endpoint { issuer: issuer.clone(), index, config, secret, url });
        }
        if endpoints.is_empty() {
            return Ok(None);
        }
        let (rules, cache, pending) = (rules.clone(), cache.clone(), Mutex::default());
        let jobs = Turns::new(config.introspection_waiting_max);
        let common = Arc::new(Common { endpoints, jobs, pending, rules, cache });
        let introspection = Introspection { common: common.clone() };
        for _ in 0..config.introspection_threads {
            let (common, fetcher) = (common.clone(), Fetcher::new(config));
            Builder::new()
                .name("mcp-tokens".to_owned())
                .spawn(move || work(&common, &fetcher))
                .map_err(|error| format!("cannot start a thread: {error}"))?;
        }
        Ok(Some(introspection))
    }

    /// Has an issuer asked about a token, unless it just was.
    pub fn ask(&self, shown: &Shown<'_>, issuer: Option<usize>) -> Checked {
        let mut pending = self.common.pending.lock();
        // What was said goes into the cache before it is no longer pending.
        if let Some(answer) = self.common.cache.find(shown.token, shown.unix_s) {
            return answer.into();
        }
        let token: Arc<str> = shown.token.into();
        let place = match pending.entry(token.clone()) {
            Entry::Occupied(asked) => return Checked::Later(asked.get().clone()),
            Entry::Vacant(place) => place,
        };
        let job = Job { token, issuer, shown_s: shown.unix_s, is_last: false };
        let other = match self.common.jobs.put(network(shown.from), job) {
            Put::Full => return Checked::Busy(super::FULL),
            Put::Waits => None,
            Put::InPlaceOf(other) => Some(other),
        };
        let verdict = place.insert(Arc::default()).clone();
        let given_up = other.and_then(|other| pending.remove(&other.token));
        drop(pending);
        // Who waited for it looks again, and finds that there is no room.
        given_up.iter().for_each(|verdict| verdict.decide());
        Checked::Later(verdict)
    }
}

/// Our secret with an issuer.
///
/// # Errors
/// It is not where it should be.
pub fn secret(place: &ClientSecret) -> Result<String, String> {
    match place {
        ClientSecret::Given(secret) => Ok(secret.clone()),
        ClientSecret::File(path) => std::fs::read_to_string(path)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| format!("client_secret_file: {}: {error}", path.display())),
        ClientSecret::Variable(name) => std::env::var(name).map_err(|_| {
            format!("client_secret_variable: {name} is not set in the environment, or not UTF-8")
        }),
    }
}

fn work(common: &Common, fetcher: &Fetcher) {
    while let Some(job) = common.jobs.take() {
        let Some(job) = common.wanted(job) else { continue };
        let generation = common.cache.generation();
        let (answer, until_s) = answer(common, fetcher, &job);
        common.cache.remember(&job.token, answer, until_s, generation);
        let verdict = common.pending.lock().remove(&job.token);
        if let Some(verdict) = verdict {
            verdict.decide();
        }
    }
}

impl Common {
    /// A job whose turn has come, if it is to be done now.
    fn wanted(&self, job: Job) -> Option<Job> {
        let mut pending = self.pending.lock();
        let verdict = pending.get(&job.token)?;
        // It is handed out under this lock, so nobody begins to wait meanwhile.
        let waiting = Arc::strong_count(verdict) - 1;
        if waiting == 0 {
            pending.remove(&job.token);
            return None;
        }
        if job.is_last || waiting > verdict.doubtful() {
            return Some(job);
        }
        drop(pending);
        self.jobs.put_last(Job { is_last: true, ..job });
        None
    }
}

/// What is to be remembered of a token, and until when.
fn answer(common: &Common, fetcher: &Fetcher, job: &Job) -> (Answer, u64) {
    let mut reason = Reason::Inactive;
    let mut has_failed = false;
    for endpoint in &common.endpoints {
        if job.issuer.is_some_and(|named| named != endpoint.index) {
            continue;
        }
        let body = match endpoint.ask(fetcher, &job.token) {
            Ok(body) => body,
            Err(error) => {
                let issuer = &endpoint.issuer.name;
                tracing::warn!(issuer, error, "cannot ask an issuer about a token");
                endpoint.issuer.note_introspection(Some(error));
                has_failed = true;
                continue;
            }
        };
        endpoint.issuer.note_introspection(None);
        match endpoint.read(body, &common.rules, job.now_s()) {
            Ok((principal, until_s)) => {
                return (Answer::Yes(Arc::new(principal.until(until_s))), until_s);
            }
            Err(Reason::Inactive) => {}
            Err(other) => reason = other,
        }
    }
    match has_failed {
        true => (Answer::Busy, job.now_s() + limits::INTROSPECTION_RETRY.as_secs()),
        false => (Answer::No(reason), job.now_s() + common.rules.refused_s),
    }
}

impl Endpoint {
    /// What the issuer answers.
    fn ask(&self, fetcher: &Fetcher, token: &str) -> Result<Vec<u8>, String> {
        let url = self.url.lock().clone();
        let url = match url {
            Some(url) => url,
            None => {
                let found = fetcher.metadata(&self.issuer)?.introspection_endpoint;
                let found = found.ok_or("its metadata has no `introspection_endpoint`")?;
                self.url.lock().insert(found).clone()
            }
        };
        let mut form = String::new();
        write_field(&mut form, "token", token);
        write_field(&mut form, "token_type_hint", "access_token");
        let (id, secret) = (&self.config.client_id, &self.secret);
        let authorization = match self.config.client_authentication {
            ClientAuthentication::Basic => {
                // RFC 6749 §2.3.1: both are written as in a form first.
                let pair = format!("{}:{}", form_encoded(id), form_encoded(secret));
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
            ClientAuthentication::Post => {
                write_field(&mut form, "client_id", id);
                write_field(&mut form, "client_secret", secret);
                None
            }
        };
        let fetched = fetcher.post(&url, &form, authorization.as_deref());
        if fetched.is_err() && self.config.endpoint.is_none() {
            // It may be elsewhere now.
            *self.url.lock() = None;
        }
        fetched.map(|fetched| fetched.body)
    }

    /// Who an answer says that the token is from, and until when that may be believed.
    fn read(
        &self,
        mut body: Vec<u8>,
        rules: &Rules,
        now_s: u64,
    ) -> Result<(Principal, u64), Reason> {
        let mut parser = Parser::new();
        let document = parser.parse(&mut body).map_err(|_| Reason::Claims)?;
        match document.root().get("active").and_then(|active| active.as_bool()) {
            Some(true) => {}
            Some(false) => return Err(Reason::Inactive),
            None => return Err(Reason::Claims),
        }
        let claims = Claims::read(document.root())?;
        let form = Form::Answer { require_audience: self.config.require_audience };
        let (principal, ends_s) = rules.check(&claims, form, &self.issuer, now_s)?;
        super::log(&principal, &claims, &self.issuer);
        Ok((principal, ends_s.min(now_s + self.config.ttl.as_secs())))
    }
}

impl Job {
    /// The time, which is not before it was shown: what is remembered until a time must not have
    /// ended for who asked.
    fn now_s(&self) -> u64 {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        clock.map_or(0, |time| time.as_secs()).max(self.shown_s)
    }
}
