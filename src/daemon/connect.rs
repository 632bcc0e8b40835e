//! `mcp-fastd connect URL`: a server on standard input and output, for clients that start theirs as
//! a child, in front of one that is far away and speaks HTTP.
//!
//! ```text
//!          ┌ stdin ─▶ read ─▶ calls ─▶ carry ┬ initialize ──────────▶ session ─┐
//!  client ─┤                                 ├ request ─▶ thread ─▶ exchange ──┼▶ remote ─▶ server
//!          │                                 └ notification, answer ▶ session ─┘      HTTP, SSE
//!          └ stdout ◀─ front ◀────────── answers and events, as they come ◀────────────────┘
//! ```
//!
//! The client decides on the era: what comes with `_meta` goes out without a session, anything
//! else within the one that its `initialize` began. Messages are passed on as they are.
//!
//! Waiting is bounded at both ends: no more than `CONNECT_REQUESTS_MAX` requests are under way,
//! each on a thread, and `CONNECT_WAITING_MAX` messages wait behind them; more are refused, so that
//! the input is always read. A message is read from the server when the one before has been
//! written.

mod arguments;
mod backoff;
mod calls;
mod credentials;
mod exchange;
mod front;
mod headers;
mod legacy_sse;
mod message;
mod remote;
mod reply;
mod session;
mod sse;
mod stdin;

use std::io::BufReader;
use std::process::ExitCode;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use mcp_fastd::{LogFormat, limits};
use parking_lot::Mutex;
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::{LevelFilter, Targets};
use ureq::http::HeaderName;

use super::Problem;
use super::serve::log_to_stderr;
use calls::{Call, CallKind, Calls, Underway};
use credentials::Credentials;
use front::Front;
use headers::Tools;
use legacy_sse::LegacySse;
use message::{Kind, Message, Trouble, error, failure};
use remote::Remote;
use session::Session;

pub(crate) use arguments::ConnectArguments;
pub(super) use arguments::url;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Why it ends.
enum End {
    /// There is no more input, and what was under way has ended.
    Input,
    /// Nobody reads what it says.
    Unread,
    Signal,
}

/// All that a message may have to do with on its way.
struct Bridge {
    front: Front,
    remote: Remote,
    calls: Arc<Calls>,
    tools: Tools,
    session: Session,
    /// The stream, with a server of HTTP+SSE.
    sse: Mutex<Option<Arc<LegacySse>>>,
}

/// Carries messages until the client leaves.
pub(crate) fn connect(mut arguments: ConnectArguments) -> Result<ExitCode, Problem> {
    let warnings = || Targets::new().with_default(LevelFilter::WARN);
    log_to_stderr(arguments.log.take().unwrap_or_else(warnings), LogFormat::Human);
    let credentials = Credentials::new(&arguments)?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (ends, ended) = bounded(4);
    let bridge = Arc::new(Bridge {
        front: Front::new(ends.clone()),
        remote: Remote::new(arguments.url, credentials),
        calls: Arc::default(),
        tools: Tools::default(),
        session: Session::default(),
        sse: Mutex::default(),
    });
    let (input, output, said, gone) = (bridge.clone(), bridge.clone(), ends.clone(), ends.clone());
    std::thread::Builder::new().spawn(move || Front::watch(&gone))?;
    std::thread::Builder::new().spawn(move || input.read(arguments.message_bytes_max, &said))?;
    std::thread::Builder::new().spawn(move || output.carry())?;
    std::thread::Builder::new().spawn(move || {
        signals.forever().next();
        let _ = ends.send(End::Signal);
    })?;
    match ended.recv() {
        Ok(End::Unread) => tracing::info!("nobody reads standard output any more"),
        Ok(End::Signal) => tracing::info!("ended by a signal"),
        Ok(End::Input) | Err(_) => tracing::info!("the input has ended"),
    }
    // Whatever still runs ends with the process.
    bridge.leave();
    Ok(ExitCode::SUCCESS)
}

impl Bridge {
    /// Takes messages from the client until there are no more, and lets what is under way finish.
    /// It never waits for the server: the end of the input, and what is cancelled, are always seen.
    fn read(&self, bytes_max: usize, ends: &Sender<End>) {
        let mut input = BufReader::with_capacity(64 * 1024, std::io::stdin());
        loop {
            match stdin::next(&mut input, bytes_max) {
                Ok(stdin::Line::Text(line)) => match Message::read(line) {
                    Ok(message) => self.take_in(Arc::new(message)),
                    Err(failure) => self.front.say(&failure.to_string()),
                },
                Ok(stdin::Line::TooLong(id)) => {
                    let what = format!(
                        "Invalid Request: the line is longer than --message-bytes-max \
                         ({bytes_max})"
                    );
                    let id = id.unwrap_or(Value::Null);
                    self.front.say(&failure(&id, &error(-32600, &what)).to_string());
                }
                Ok(stdin::Line::End) => break,
                Err(error) => {
                    tracing::warn!(%error, "standard input cannot be read");
                    break;
                }
            }
        }
        self.calls.wait(limits::CONNECT_GRACE);
        let _ = ends.send(End::Input);
    }

    fn take_in(&self, message: Arc<Message>) {
        if let Kind::Cancelled(id) = message.kind()
            && !self.cancel(&id)
        {
            return;
        }
        if let Err(trouble) = self.calls.put(message.clone()) {
            self.front.fail(&message.ids(), &trouble);
        }
    }

    /// Ends a request at once; says whether the server is to be told. From 2026-07-28 on, the end
    /// of its connection says it all.
    fn cancel(&self, id: &Value) -> bool {
        if self.calls.withdraw(id) {
            return false;
        }
        let call = self.calls.find(id);
        call.iter().for_each(|call| call.stop());
        self.forget_over_sse(id);
        call.is_none_or(|call| call.kind == CallKind::Legacy)
    }

    /// Sends what was read, in its order: a request behind `notifications/initialized` must not
    /// overtake it. What has an answer to wait for does so on a thread of its own.
    fn carry(self: &Arc<Bridge>) {
        loop {
            let (underway, message) = self.calls.next(|message| self.call(message));
            let is_over_sse = self.sse.lock().is_some();
            match (message.kind(), underway.call.kind) {
                (Kind::Initialize, _) => self.initialize(underway, &message),
                (Kind::Told, _) => self.tell(underway, &message),
                (Kind::Cancelled(_), _) if is_over_sse => self.tell(underway, &message),
                (_, CallKind::Legacy) if is_over_sse => self.send_over_sse(underway, &message),
                _ => self.send_apart(underway, message),
            }
        }
    }

    fn call(&self, message: &Message) -> Call {
        let is_listen = message.method() == Some("subscriptions/listen");
        let (kind, agent) = match (message.kind(), message.modern_version()) {
            (Kind::Initialize, _) => {
                (CallKind::Told, self.remote.brief_agent(limits::CONNECT_INITIALIZE_TIMEOUT))
            }
            (Kind::Told | Kind::Cancelled(_), _) => {
                (CallKind::Told, self.remote.brief_agent(limits::CONNECT_NOTICE_TIMEOUT))
            }
            (Kind::Request, Some(_)) if is_listen => {
                (CallKind::Subscription, self.remote.stream_agent())
            }
            (Kind::Request, Some(_)) => (CallKind::Modern, self.remote.agent()),
            (Kind::Request, None) => (CallKind::Legacy, self.remote.agent()),
        };
        Call::new(message.ids(), kind, agent)
    }

    fn send_apart(self: &Arc<Bridge>, underway: Underway, message: Arc<Message>) {
        let bridge = self.clone();
        let ids = message.ids();
        let spawned = std::thread::Builder::new().spawn(move || match underway.call.kind {
            CallKind::Told => bridge.tell(underway, &message),
            _ => bridge.exchange(&underway.call, &message),
        });
        if let Err(error) = spawned {
            self.front.fail(&ids, &Trouble::new(format!("no thread for the request: {error}")));
        }
    }

    /// Passes on what wants no answer.
    fn tell(self: &Arc<Bridge>, underway: Underway, message: &Arc<Message>) {
        let is_initialized = message.method() == Some("notifications/initialized");
        if is_initialized {
            self.session.initialized(message.clone());
        }
        if self.sse.lock().is_some() {
            return self.send_over_sse(underway, message);
        }
        if self.session.opening().0.is_none() {
            // 2026-07-28 has nothing for HTTP that a client says unasked.
            tracing::debug!("a notification without a session: it is left out");
            return;
        }
        let told = self.tell_in(&self.session.agreed(), &underway.call, message);
        match told {
            Ok(()) if is_initialized => self.listen(),
            Ok(()) => {}
            Err(trouble) => tracing::warn!("the server did not take it: {}", trouble.message()),
        }
    }
}
