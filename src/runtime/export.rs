//! The thread that sends spans to a collector: OTLP over HTTP, as protobuf. It alone waits for the
//! collector; when that is slower than requests come, or away, spans are dropped, and counted.

use std::io;
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use prost::Message as _;
use ureq::http::{HeaderName, HeaderValue, Response, StatusCode};
use ureq::{Agent, Body};

use crate::config::TraceConfig;
use crate::observe::{Export, Exported, KeyValue, Ledger, Letter, Queue, Resource};
use crate::{limits, outbound};

/// Where spans are sent, by what, and of whom they are.
pub(crate) struct Exporter {
    agent: Agent,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    resource: Resource,
}

impl Exporter {
    /// Reads what is needed, where there is an endpoint. The server has this name and version.
    ///
    /// # Errors
    /// Which setting is wrong, and why; no secret is in it.
    pub(crate) fn open(
        config: &TraceConfig,
        (name, version): (&str, &str),
    ) -> Result<Option<Exporter>, String> {
        let url = config.url().map_err(|problem| format!("trace.endpoint: {problem}"))?;
        let Some(url) = url else { return Ok(None) };
        Ok(Some(Exporter {
            agent: outbound::client().build().into(),
            url,
            headers: headers(config)?,
            timeout: config.timeout,
            resource: resource(config.service_name.as_deref().unwrap_or(name), version),
        }))
    }

    /// Starts the thread. When it is to end, it has this long to send what is left.
    pub(crate) fn start(self, ledger: &Arc<Ledger>, grace: Duration) -> io::Result<Exporting> {
        let ledger = ledger.clone();
        let (sender, gone) = bounded(0);
        let grace = grace.min(limits::TRACE_FLUSH);
        let for_thread = ledger.clone();
        let thread = Builder::new().name("traces".to_owned()).spawn(move || {
            // Held until the thread is done.
            let _sender: crossbeam_channel::Sender<()> = sender;
            if let Some(traces) = &for_thread.logs.traces {
                let (spans, ends_at) = (&traces.spans, None);
                Sender { exporter: self, spans, grace, ends_at, failing: false }.run();
            }
        })?;
        Ok(Exporting { ledger, thread, gone, grace })
    }
}

/// What the collector wants to see with each request (`trace.headers_file`, `.headers_variable`).
fn headers(config: &TraceConfig) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let (key, text) = match (&config.headers_file, &config.headers_variable) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                format!("trace.headers_file: cannot read {}: {error}", path.display())
            })?;
            ("headers_file", text)
        }
        (None, Some(name)) => {
            let text = std::env::var(name)
                .map_err(|error| format!("trace.headers_variable: {name}: {error}"))?;
            ("headers_variable", text)
        }
        (None, None) => return Ok(Vec::new()),
    };
    let fields = text.split(['\n', ',']).map(str::trim).filter(|field| !field.is_empty());
    let read = fields.map(|field| {
        let (name, value) = field.split_once('=')?;
        let name = HeaderName::try_from(name.trim()).ok()?;
        let mut value = HeaderValue::try_from(percent_decoded(value.trim())?).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    });
    let wrong = |at: usize| format!("trace.{key}: field {}: expected NAME=VALUE", at + 1);
    (0..).zip(read).map(|(at, field)| field.ok_or_else(|| wrong(at))).collect()
}

/// A comma stands in a value as `%2C`, as OpenTelemetry's variable has it.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}

fn resource(name: &str, version: &str) -> Resource {
    let host = rustix::system::uname();
    Resource {
        attributes: vec![
            KeyValue::text("service.name", name),
            KeyValue::text("service.version", version),
            KeyValue::integer("process.pid", std::process::id()),
            KeyValue::text("host.name", host.nodename().to_string_lossy()),
        ],
    }
}

/// The thread that sends spans.
pub(crate) struct Exporting {
    ledger: Arc<Ledger>,
    thread: JoinHandle<()>,
    /// Has no sender any more when it is done.
    gone: Receiver<()>,
    grace: Duration,
}

impl Exporting {
    /// Waits until all is sent, or given up; not for a collector that does not answer.
    pub(crate) fn join(self) {
        if let Some(traces) = &self.ledger.logs.traces {
            traces.spans.end();
        }
        match self.gone.recv_timeout(self.grace) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("the collector of traces does not answer: the last spans are lost");
            }
            _ if self.thread.join().is_err() => {
                tracing::error!("the thread of traces ended by a panic");
            }
            _ => {}
        }
    }
}

struct Sender<'q> {
    exporter: Exporter,
    spans: &'q Queue<Vec<u8>>,
    grace: Duration,
    /// When the last span has to be sent; known as soon as the server ends.
    ends_at: Option<Instant>,
    /// Whether it was said that spans cannot be sent.
    failing: bool,
}

/// What became of spans that were sent.
enum Sent {
    /// They were taken, but for so many.
    Taken { rejected: u64 },
    /// They will never be.
    Refused(String),
    /// They may be the next time; after so long, if the collector says so.
    Later(String, Option<Duration>),
}

impl Sender<'_> {
    fn run(mut self) {
        loop {
            let ending = self.is_ending();
            let batch = self.gather(ending);
            if !batch.is_empty() {
                let count = batch.len();
                self.send(batch);
                self.spans.done(count);
            }
            if ending && self.spans.len() == 0 {
                return;
            }
        }
    }

    fn is_ending(&mut self) -> bool {
        if self.ends_at.is_none() && self.spans.has_ended() {
            self.ends_at = Some(Instant::now() + self.grace);
        }
        self.ends_at.is_some()
    }

    /// Waits for a span, and takes what comes within the interval.
    fn gather(&mut self, ending: bool) -> Vec<Vec<u8>> {
        let receiver = self.spans.receiver();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        if !ending && let Ok(Letter::Entry(span)) = receiver.recv() {
            bytes += span.len();
            batch.push(span);
            let until = Instant::now() + limits::TRACE_INTERVAL;
            while receiver.len() < limits::TRACE_BATCH_SPANS_MAX
                && Instant::now() < until
                && !self.spans.has_ended()
            {
                // Whoever puts more in meanwhile does not have to wake us.
                thread::sleep(limits::LOG_GATHER);
            }
        }
        while batch.len() < limits::TRACE_BATCH_SPANS_MAX
            && bytes < limits::TRACE_BATCH_BYTES_MAX
            && let Ok(letter) = receiver.try_recv()
        {
            if let Letter::Entry(span) = letter {
                bytes += span.len();
                batch.push(span);
            }
        }
        batch
    }

    /// Sends spans, again where that may help, and counts those that were not taken.
    fn send(&mut self, batch: Vec<Vec<u8>>) {
        let count = batch.len() as u64;
        let body = Export::new(self.exporter.resource.clone(), batch).encode_to_vec();
        let mut pause = limits::TRACE_RETRY_MIN;
        let mut attempts = 0;
        let (lost, problem) = loop {
            attempts += 1;
            let (problem, after) = match self.post(&body) {
                Sent::Taken { rejected: 0 } => return self.works(),
                Sent::Taken { rejected } => {
                    break (rejected.min(count), "the collector rejected some".to_owned());
                }
                Sent::Refused(problem) => break (count, problem),
                Sent::Later(problem, after) => (problem, after),
            };
            self.fails(&problem);
            let wait = after.unwrap_or(pause).min(limits::TRACE_RETRY_MAX);
            // What ends does not wait for a collector that says nothing.
            let is_over = self.is_ending() && after.is_none();
            if attempts == limits::TRACE_ATTEMPTS_MAX || is_over || !self.wait(wait) {
                break (count, problem);
            }
            pause *= 2;
        };
        self.fails(&problem);
        tracing::debug!(spans = lost, problem, "spans are lost");
        self.spans.dropped.add(lost);
    }

    fn post(&mut self, body: &[u8]) -> Sent {
        let left = self.ends_at.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(self.exporter.timeout, |left| left.min(self.exporter.timeout));
        if timeout.is_zero() {
            return Sent::Refused("there is no time left".to_owned());
        }
        let Exporter { agent, url, headers, .. } = &self.exporter;
        let mut request = agent.post(url).header("content-type", "application/x-protobuf");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.config().timeout_global(Some(timeout)).build().send(body) {
            Ok(answer) => judged(answer),
            Err(error) => Sent::Later(error.to_string(), None),
        }
    }

    /// Waits before the next attempt. Says whether there is one: not where the server has to have
    /// ended before.
    fn wait(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            if self.is_ending() && self.ends_at.is_some_and(|at| at < until) {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(limits::DEADLINE_TICK));
        }
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!(url = self.exporter.url, "traces are taken again");
        }
    }

    /// Said once, until it works again.
    fn fails(&mut self, problem: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            let url = &self.exporter.url;
            tracing::warn!(url, problem, "cannot send traces; what does not fit is dropped");
        }
    }
}

/// What an answer says (OTLP 1.x, "OTLP/HTTP Response").
fn judged(mut answer: Response<Body>) -> Sent {
    let status = answer.status();
    let problem = format!("the collector answers with status {status}");
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let after = after.and_then(|seconds| seconds.trim().parse().ok());
            Sent::Later(problem, after.map(Duration::from_secs))
        }
        _ if status.is_success() => {
            let body = answer.body_mut().with_config().limit(limits::TRACE_ANSWER_BYTES_MAX);
            let body = body.read_to_vec().unwrap_or_default();
            let partial = Exported::decode(&*body).ok().and_then(|said| said.partial_success);
            let rejected = partial.map_or(0, |partial| partial.rejected_spans);
            Sent::Taken { rejected: u64::try_from(rejected).unwrap_or(0) }
        }
        _ => Sent::Refused(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_from_lines_and_from_a_list() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let config = |text: &str| {
            std::fs::write(file.path(), text).expect("it can be written");
            let headers_file = Some(file.path().to_owned());
            headers(&TraceConfig { headers_file, ..TraceConfig::default() })
        };
        let read = config("authorization=Bearer a=b\n\nX-Key = 1%2C2,x=\n").expect("three");
        let read: Vec<_> =
            read.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(read, [("authorization", &b"Bearer a=b"[..]), ("x-key", b"1,2"), ("x", b"")]);
        for wrong in ["a", "a b=c", "a=%2", "a=%0A", "secret"] {
            let problem = config(&format!("x=y\n{wrong}")).expect_err("it is wrong");
            assert_eq!(problem, "trace.headers_file: field 2: expected NAME=VALUE");
        }
    }
}
