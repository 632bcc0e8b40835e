//! A session with a server of 2025-11-25 or before: its begin, its stream, its end, and what is
//! done when the server has lost it (2025-11-25, transports, "Session Management").

use std::ops::ControlFlow;
use std::sync::Arc;

use mcp_fastd::limits;
use parking_lot::Mutex;
use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Bridge;
use super::calls::{Call, CallKind, Underway};
use super::exchange::{Cursor, Heard};
use super::headers::VERSION;
use super::message::{Message, Trouble, answered, parsed};
use super::remote::Outgoing;
use super::reply::{self, Refused, Reply};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// What is known of the session, and what it takes to begin it again.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    /// Held by the one who begins it again; the others wait.
    renewing: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The client's own words.
    initialize: Option<Arc<Message>>,
    initialized: Option<Arc<Message>>,
    agreed: Arc<Agreed>,
}

/// What `initialize` agreed on.
#[derive(Default)]
pub(super) struct Agreed {
    pub(super) id: Option<HeaderValue>,
    version: Option<HeaderValue>,
}

impl Agreed {
    /// The headers of every request in this session.
    pub(super) fn fields(&self) -> HeaderMap {
        let id = self.id.iter().map(|id| (SESSION_ID, id.clone()));
        let version = self.version.iter().map(|version| (VERSION, version.clone()));
        id.chain(version).collect()
    }
}

impl Session {
    pub(super) fn agreed(&self) -> Arc<Agreed> {
        self.state.lock().agreed.clone()
    }

    /// What the client said to begin it: `initialize`, and `notifications/initialized`.
    pub(super) fn opening(&self) -> (Option<Arc<Message>>, Option<Arc<Message>>) {
        let state = self.state.lock();
        (state.initialize.clone(), state.initialized.clone())
    }

    pub(super) fn initialized(&self, message: Arc<Message>) {
        self.state.lock().initialized = Some(message);
    }
}

impl Bridge {
    /// Begins a session, of whatever transport the server has.
    pub(super) fn initialize(self: &Arc<Bridge>, underway: Underway, message: &Arc<Message>) {
        self.leave();
        let opened = State { initialize: Some(message.clone()), ..State::default() };
        *self.session.state.lock() = opened;
        match self.agree(&underway.call, message) {
            Ok(Ok((agreed, answer))) => {
                self.session.state.lock().agreed = Arc::new(agreed);
                self.front.say(&answer.to_string());
            }
            Ok(Err(refused)) if refused.may_be_http_sse() => match self.open_sse() {
                Ok(()) => self.send_over_sse(underway, message),
                Err(why) => {
                    tracing::debug!("nor is it a server of HTTP+SSE: {}", why.message());
                    self.front.fail(&message.ids(), &refused.trouble());
                }
            },
            Ok(Err(refused)) => self.front.fail(&message.ids(), &refused.trouble()),
            Err(trouble) => self.front.fail(&message.ids(), &trouble),
        }
    }

    /// Says `initialize`; gives what was agreed, and the answer.
    fn agree(
        &self,
        call: &Call,
        message: &Message,
    ) -> Result<Result<(Agreed, Value), Refused>, Trouble> {
        let (url, fields) = (&self.remote.url, HeaderMap::new());
        let outgoing = Outgoing { method: Method::POST, url, fields, body: &message.text };
        let response = self.remote.send(call, &outgoing)?;
        let id = response.headers().get(SESSION_ID).cloned();
        let mut answer = Value::Null;
        match reply::read(response)? {
            Reply::Json(text) => answer = serde_json::from_str(&text).unwrap_or_default(),
            Reply::Events(body) => {
                self.follow(body, &mut Cursor::default(), |event| {
                    match parsed(&event.data) {
                        Some(json) if answered(&json) == call.ids.first() => {
                            answer = json;
                            return ControlFlow::Break(());
                        }
                        Some(_) => self.front.say(&event.data),
                        None => {}
                    }
                    ControlFlow::Continue(Heard::Message)
                })?;
            }
            Reply::Accepted => {}
            Reply::Refused(refused) => return Ok(Err(refused)),
        }
        if answered(&answer) != call.ids.first() {
            return Err(Trouble::new("the server's answer to `initialize` is none"));
        }
        let version = answer["result"]["protocolVersion"].as_str();
        let version = version.and_then(|version| HeaderValue::from_str(version).ok());
        Ok(Ok((Agreed { id, version }, answer)))
    }

    /// Begins the session again that the server has lost, in the client's own words. It is told
    /// nothing: the answer is the one that it has.
    pub(super) fn renew(self: &Arc<Bridge>, lost: &Arc<Agreed>) -> Result<(), Trouble> {
        let _turn = self.session.renewing.lock();
        if !Arc::ptr_eq(&self.session.agreed(), lost) {
            return Ok(());
        }
        tracing::warn!("the server has lost the session: a new one is begun");
        let failed = |why: &Trouble| {
            Trouble::new(format!(
                "the server has lost the session, and a new one could not be begun: {}",
                why.message()
            ))
        };
        let (Some(initialize), initialized) = self.session.opening() else {
            return Err(Trouble::new("the server asks for a session: send `initialize` first"));
        };
        let agent = self.remote.brief_agent(limits::CONNECT_INITIALIZE_TIMEOUT);
        let call = Call::new(initialize.ids(), CallKind::Told, agent);
        let (agreed, answer) = match self.agree(&call, &initialize) {
            Ok(Ok(agreed)) => agreed,
            Ok(Err(refused)) => return Err(failed(&refused.trouble())),
            Err(trouble) => return Err(failed(&trouble)),
        };
        if let Some(error) = answer.get("error") {
            return Err(failed(&Trouble(error.clone())));
        }
        if agreed.version != lost.version {
            tracing::warn!("the server has agreed on another revision than before");
        }
        let agreed = Arc::new(agreed);
        if let Some(initialized) = initialized {
            let agent = self.remote.brief_agent(limits::CONNECT_NOTICE_TIMEOUT);
            let call = Call::new(Vec::new(), CallKind::Told, agent);
            self.tell_in(&agreed, &call, &initialized).map_err(|trouble| failed(&trouble))?;
            self.session.state.lock().agreed = agreed;
            self.calls.stop_background();
            self.listen();
            return Ok(());
        }
        self.session.state.lock().agreed = agreed;
        Ok(())
    }

    /// POSTs a notification, or an answer to a question of the server.
    pub(super) fn tell_in(
        &self,
        agreed: &Agreed,
        call: &Call,
        message: &Message,
    ) -> Result<(), Trouble> {
        match self.post(call, agreed.fields(), &message.text)?? {
            Reply::Refused(refused) => Err(refused.trouble()),
            _ => Ok(()),
        }
    }

    /// Opens the stream of the server's own messages, and keeps it open for as long as the session
    /// is (2025-11-25, transports, "Listening for Messages from the Server").
    pub(super) fn listen(self: &Arc<Bridge>) {
        let agent = self.remote.stream_agent();
        let call = Arc::new(Call::new(Vec::new(), CallKind::Background, agent));
        let underway = self.calls.begin(call);
        let bridge = self.clone();
        let agreed = self.session.agreed();
        let spawned = std::thread::Builder::new().spawn(move || {
            bridge.keep_listening(&underway.call, &agreed);
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread for the server's own messages: they will not come");
        }
    }

    fn keep_listening(self: &Arc<Bridge>, call: &Call, agreed: &Arc<Agreed>) {
        let mut cursor = Cursor::default();
        let mut was_open = false;
        loop {
            let reply = self.get(call, agreed, &cursor);
            match reply {
                Ok(Ok(Reply::Events(body))) => {
                    was_open = true;
                    cursor.backoff.failures = 0;
                    let followed = self.follow(body, &mut cursor, |event| {
                        self.pass(call, &event.data);
                        ControlFlow::Continue(Heard::Message)
                    });
                    if let Err(trouble) = followed {
                        tracing::warn!("{}", trouble.message());
                    }
                }
                Ok(Ok(Reply::Refused(refused)))
                    if was_open && agreed.id.is_some() && refused.is_lost_session() =>
                {
                    match self.renew(agreed) {
                        // The new session has a stream of its own.
                        Ok(()) => return,
                        Err(trouble) => tracing::warn!("{}", trouble.message()),
                    }
                    cursor.backoff.failures += 1;
                }
                Ok(Ok(Reply::Refused(refused))) if refused.is_passing() || was_open => {
                    // What was kept for us may be gone: the stream begins anew.
                    cursor.last_id = cursor.last_id.take().filter(|_| refused.is_passing());
                    cursor.backoff.failures += 1;
                }
                Err(_) => cursor.backoff.failures += 1,
                // 405: the server has no such stream. With any other answer, it has none either.
                reply => {
                    if let Ok(Ok(Reply::Refused(refused))) = reply {
                        let why = refused.trouble();
                        tracing::info!("no stream of the server's own: {}", why.message());
                    }
                    return;
                }
            }
            tracing::debug!("the session's stream is opened again in a moment");
            if !call.pause(cursor.backoff.next()) {
                return;
            }
        }
    }

    /// Passes on what the server says by itself.
    pub(super) fn pass(&self, call: &Call, text: &str) {
        if parsed(text).is_some() && !call.is_stopped() {
            self.front.say(text);
        }
    }

    /// Ends the session, if there is one: a server need not wait until it is idle.
    pub(super) fn leave(&self) {
        self.calls.stop_background();
        self.sse.lock().take();
        let agreed = std::mem::take(&mut *self.session.state.lock()).agreed;
        if agreed.id.is_none() {
            return;
        }
        let agent = self.remote.brief_agent(limits::CONNECT_GOODBYE);
        let call = Call::new(Vec::new(), CallKind::Told, agent);
        let (url, fields) = (&self.remote.url, agreed.fields());
        let outgoing = Outgoing { method: Method::DELETE, url, fields, body: "" };
        // 405 says that sessions end by themselves; anything else is too late to act on.
        let _ = self.remote.send(&call, &outgoing);
    }
}
