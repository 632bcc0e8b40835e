//! One request of the client, from its POST to its last answer.
//!
//! ```text
//! modern   POST ─▶ JSON, or events up to the answer. Broken: an error, but a subscription is
//!               opened again
//! legacy   POST ─▶ the same. Broken: taken up with GET and Last-Event-ID, where there was an id
//!               └▶ the session is lost: a new one, and the request once more
//! ```

use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use mcp_fastd::limits::{CONNECT_ANSWER_BYTES_MAX, CONNECT_PAGES_MAX, RESUMES_MAX};
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::{HeaderMap, Method};

use super::Bridge;
use super::backoff::Backoff;
use super::calls::{Call, CallKind};
use super::message::{Message, Trouble, answered, each, parsed};
use super::remote::{Failure, Outgoing};
use super::reply::{self, Reply};
use super::session::Agreed;
use super::sse::{self, Event};

/// How far a stream was read, over all of its connections.
#[derive(Default)]
pub(super) struct Cursor {
    pub(super) last_id: Option<String>,
    pub(super) backoff: Backoff,
}

/// A request, and what it still waits for.
struct Asked<'a> {
    call: &'a Call,
    message: &'a Message,
    waiting: Vec<Value>,
    /// A subscription that has begun.
    acknowledged: bool,
}

impl Bridge {
    /// Brings a request to the server, and what it is answered to the client.
    pub(super) fn exchange(self: &Arc<Bridge>, call: &Call, message: &Message) {
        let waiting = call.ids.clone();
        let mut asked = Asked { call, message, waiting, acknowledged: false };
        let outcome = match call.kind {
            CallKind::Modern | CallKind::Subscription => self.stateless(&mut asked),
            _ => self.in_session(&mut asked),
        };
        if let Err(trouble) = outcome
            && !call.is_stopped()
        {
            self.front.fail(&asked.waiting, &trouble);
        }
        if call.kind != CallKind::Subscription {
            self.remote.give_back(call);
        }
    }

    pub(super) fn post(
        &self,
        call: &Call,
        fields: HeaderMap,
        body: &str,
    ) -> Result<Result<Reply, Trouble>, Failure> {
        let outgoing = Outgoing { method: Method::POST, url: &self.remote.url, fields, body };
        self.remote.send(call, &outgoing).map(reply::read)
    }

    fn stateless(&self, asked: &mut Asked<'_>) -> Result<(), Trouble> {
        let Asked { call, message, .. } = *asked;
        let mut has_read_tools = false;
        let mut cursor = Cursor::default();
        loop {
            let fields = self.tools.headers(message)?;
            match self.post(call, fields, &message.text) {
                Ok(Ok(Reply::Events(body))) => {
                    if self.follow(body, &mut cursor, |event| self.take(asked, &event.data))? {
                        return Ok(());
                    }
                    if !asked.acknowledged {
                        return Err(broken());
                    }
                }
                Ok(Ok(Reply::Json(text))) => return self.whole(asked, &text),
                Ok(Ok(Reply::Refused(refused)))
                    if refused.is_header_mismatch()
                        && message.method() == Some("tools/call")
                        && !has_read_tools =>
                {
                    has_read_tools = true;
                    self.read_tools(asked)?;
                    continue;
                }
                Ok(Ok(Reply::Refused(refused))) if asked.acknowledged && refused.is_passing() => {}
                Ok(Ok(Reply::Refused(refused))) => return Err(refused.trouble()),
                Ok(Ok(Reply::Accepted)) => return Err(unanswered()),
                Ok(Err(trouble)) => return Err(trouble),
                Err(_) if asked.acknowledged => {}
                Err(failure) => return Err(failure.into()),
            }
            tracing::info!("the stream of a subscription broke: it is opened again");
            if !call.pause(cursor.backoff.next()) {
                return Ok(());
            }
        }
    }

    /// Reads the list of tools, since one has other headers than was known ("Client Behavior").
    fn read_tools(&self, asked: &Asked<'_>) -> Result<(), Trouble> {
        let mut params = json!({ "_meta": asked.message.json["params"]["_meta"] });
        for _ in 0..CONNECT_PAGES_MAX {
            let json = json!({
                "jsonrpc": "2.0", "id": "mcp-fastd-connect", "method": "tools/list",
                "params": params,
            });
            let message = Message { text: json.to_string(), json };
            let fields = self.tools.headers(&message)?;
            let mut text = String::new();
            match self.post(asked.call, fields, &message.text)?? {
                Reply::Json(json) => text = json,
                Reply::Events(body) => {
                    self.follow(body, &mut Cursor::default(), |event| {
                        text = event.data;
                        match parsed(&text).as_ref().and_then(answered) {
                            Some(_) => ControlFlow::Break(()),
                            None => ControlFlow::Continue(Heard::Nothing),
                        }
                    })?;
                }
                Reply::Accepted => {}
                Reply::Refused(refused) => return Err(refused.trouble()),
            }
            let mut page: Value = serde_json::from_str(&text).unwrap_or_default();
            self.tools.learn(&mut page);
            match page["result"]["nextCursor"].take() {
                Value::Null => break,
                cursor => params["cursor"] = cursor,
            }
        }
        Ok(())
    }

    fn in_session(self: &Arc<Bridge>, asked: &mut Asked<'_>) -> Result<(), Trouble> {
        let mut renewed = false;
        loop {
            let session = self.session.agreed();
            let text = &asked.message.text;
            match self.post(asked.call, session.fields(), text)?? {
                Reply::Events(body) => return self.stream(asked, &session, body),
                Reply::Json(text) => return self.whole(asked, &text),
                Reply::Accepted => return Err(unanswered()),
                Reply::Refused(refused)
                    if session.id.is_some() && refused.is_lost_session() && !renewed =>
                {
                    self.renew(&session)?;
                    renewed = true;
                }
                Reply::Refused(refused) => return Err(refused.trouble()),
            }
        }
    }

    /// Reads the answer's events, on as many connections as it takes
    /// (2025-11-25, transports, "Resumability and Redelivery").
    fn stream(&self, asked: &mut Asked<'_>, session: &Agreed, body: Body) -> Result<(), Trouble> {
        let call = asked.call;
        let mut cursor = Cursor::default();
        let mut body = Some(body);
        loop {
            if let Some(body) = body.take()
                && self.follow(body, &mut cursor, |event| self.take(asked, &event.data))?
            {
                return Ok(());
            }
            if cursor.last_id.is_none() {
                return Err(broken());
            }
            if !call.pause(cursor.backoff.next()) {
                return Ok(());
            }
            match self.get(call, session, &cursor) {
                Ok(Ok(Reply::Events(next))) => {
                    cursor.backoff.failures = 0;
                    body = Some(next);
                }
                Ok(Ok(Reply::Refused(refused))) if !refused.is_passing() => {
                    let why = refused.trouble();
                    return Err(Trouble::new(format!(
                        "the answer's stream broke, and the server does not take it up again: {}",
                        why.message()
                    )));
                }
                _ if cursor.backoff.failures >= RESUMES_MAX => return Err(broken()),
                _ => cursor.backoff.failures += 1,
            }
        }
    }

    /// Opens, or opens again, a stream of a session.
    pub(super) fn get(
        &self,
        call: &Call,
        session: &Agreed,
        cursor: &Cursor,
    ) -> Result<Result<Reply, Trouble>, Failure> {
        let mut fields = session.fields();
        let last_id = cursor.last_id.as_deref().and_then(|id| id.parse().ok());
        fields.extend(last_id.map(|id| (super::LAST_EVENT_ID, id)));
        let outgoing = Outgoing { method: Method::GET, url: &self.remote.url, fields, body: "" };
        self.remote.send(call, &outgoing).map(reply::read)
    }

    /// Reads events until `take` has enough of them (`true`), or there are no more.
    pub(super) fn follow(
        &self,
        body: Body,
        cursor: &mut Cursor,
        mut take: impl FnMut(Event) -> ControlFlow<(), Heard>,
    ) -> Result<bool, Trouble> {
        let mut reader = body.into_reader();
        let mut parser = sse::Parser::new(CONNECT_ANSWER_BYTES_MAX);
        let mut bytes = [0; 8 * 1024];
        loop {
            let read = match reader.read(&mut bytes) {
                Ok(0) => return Ok(false),
                Ok(read) => read,
                Err(error) => {
                    tracing::debug!(%error, "a stream broke");
                    return Ok(false);
                }
            };
            let events = parser.feed(&bytes[..read]).map_err(|_| reply::too_long())?;
            cursor.last_id = parser.last_id().map(str::to_owned).or(cursor.last_id.take());
            cursor.backoff.said = parser.retry().or(cursor.backoff.said);
            for event in events {
                match take(event) {
                    ControlFlow::Break(()) => return Ok(true),
                    ControlFlow::Continue(Heard::Message) => cursor.backoff.heard(),
                    ControlFlow::Continue(Heard::Nothing) => {}
                }
            }
        }
    }

    /// Passes on a message of a request's stream; breaks when it has all of its answers.
    fn take(&self, asked: &mut Asked<'_>, text: &str) -> ControlFlow<(), Heard> {
        let Some(mut json) = parsed(text) else { return ControlFlow::Continue(Heard::Nothing) };
        for id in each(&json).iter().filter_map(answered) {
            asked.waiting.retain(|waiting| waiting != id);
        }
        if json["method"] == "notifications/subscriptions/acknowledged"
            && std::mem::replace(&mut asked.acknowledged, true)
        {
            // To the client, the subscription was never interrupted.
            return ControlFlow::Continue(Heard::Nothing);
        }
        let is_list =
            asked.call.kind == CallKind::Modern && asked.message.method() == Some("tools/list");
        let is_changed = is_list && self.tools.learn(&mut json);
        if !asked.call.is_stopped() {
            match is_changed {
                true => self.front.say(&json.to_string()),
                false => self.front.say(text),
            }
        }
        match asked.waiting.is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(Heard::Message),
        }
    }

    /// Passes on an answer that is one JSON text. An error that names no request is its error.
    fn whole(&self, asked: &mut Asked<'_>, text: &str) -> Result<(), Trouble> {
        let json: Value = serde_json::from_str(text)
            .map_err(|e| Trouble::new(format!("the server's answer is not JSON: {e}")))?;
        if let Some(error) = json.get("error")
            && json.get("id").is_none_or(Value::is_null)
        {
            return Err(Trouble(error.clone()));
        }
        let ours = |id: &Value| asked.waiting.contains(id);
        if !each(&json).iter().filter_map(answered).any(ours) {
            return Err(unanswered());
        }
        match self.take(asked, text) {
            ControlFlow::Break(()) => Ok(()),
            ControlFlow::Continue(_) => Err(unanswered()),
        }
    }
}

/// What an event was worth.
pub(super) enum Heard {
    Message,
    Nothing,
}

fn broken() -> Trouble {
    Trouble::new(
        "the connection broke before the answer came; the request is not repeated, since it may \
         have had effects",
    )
}

fn unanswered() -> Trouble {
    Trouble::new("the server took the request and gave no answer to it")
}
