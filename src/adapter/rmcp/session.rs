//! Sessions (up to 2025-11-25): each has a handler, and a loop of rmcp that serves it.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rmcp::ServerHandler;
use rmcp::model::{ClientJsonRpcMessage, ErrorData, GetMeta, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::serve_server_with_ct;
use tokio::sync::mpsc::{Sender, channel};
use tokio_util::sync::CancellationToken;

use super::carrier::{Routes, SessionCarrier, Underway, error_of, write};
use super::service::Contained;
use super::{Live, Rmcp, read};
use crate::app::{Incoming, Reception, SessionHandle};
use crate::limits;

/// The way into the loop of a session.
#[derive(Clone)]
pub(super) struct Session {
    to_loop: Sender<ClientJsonRpcMessage>,
    routes: Arc<Routes>,
    token: CancellationToken,
}

impl Session {
    /// The session has ended: so does its loop, with all that runs in it.
    pub(super) fn end(self) {
        self.token.cancel();
    }

    /// Hands a message to the loop, which must have room.
    fn pass_on(&self, message: ClientJsonRpcMessage) -> Result<(), Reception> {
        self.to_loop.try_send(message).map_err(|_| Reception::Full("session_calls_max"))
    }
}

impl<S, F> Rmcp<S, F>
where
    S: ServerHandler,
    F: Fn() -> Result<S, io::Error> + Send + Sync + 'static,
{
    pub(super) fn in_session(
        &self,
        handle: SessionHandle,
        incoming: &mut Incoming<'_>,
        out: &mut Vec<u8>,
    ) -> Reception {
        let message = match read::message(incoming) {
            Ok(message) => message,
            Err(problem) => {
                let error = ErrorData::invalid_request(problem, None);
                let answer: ServerJsonRpcMessage = ServerJsonRpcMessage::error(error, None);
                write(&answer, out);
                return Reception::Answered(error_of(&answer));
            }
        };
        let session = match incoming.begins_session() {
            true => self.begin(handle),
            false => self.find(incoming.session_name()),
        };
        let taken = match session {
            Ok(session) => take(&session, message, incoming),
            Err(reception) => Err(reception),
        };
        taken.unwrap_or_else(|reception| reception)
    }

    fn find(&self, name: Option<u64>) -> Result<Session, Reception> {
        match name.and_then(|name| self.register.live.lock().get(&name).map(Live::session)) {
            Some(Some(session)) => Ok(session),
            // Its loop is over, and the session about to be.
            _ => Err(Reception::Full("sessions_max")),
        }
    }

    /// Starts the loop of a new session.
    #[cold]
    fn begin(&self, handle: SessionHandle) -> Result<Session, Reception> {
        let service = (self.factory)().map_err(|error| {
            tracing::error!(%error, "the rmcp handler cannot be made");
            Reception::Full("sessions_max")
        })?;
        let (to_loop, messages) = channel(limits::SESSION_CALLS_MAX);
        let routes = Arc::new(Routes { session: handle.clone(), calls: Mutex::default() });
        let token = CancellationToken::new();
        let session = Session { to_loop, routes: routes.clone(), token: token.clone() };
        let name = self.register.name();
        self.register.live.lock().insert(name, Live::Session(session.clone()));
        handle.watch(self.register.endings.clone(), name);
        let carrier = SessionCarrier { messages, routes };
        let register = self.register.clone();
        self.runtime.spawn(async move {
            match serve_server_with_ct(Contained(service), carrier, token).await {
                // It says itself how it ended.
                Ok(running) => _ = running.waiting().await,
                Err(error) => tracing::debug!(%error, "an rmcp session did not begin"),
            }
            register.forget(name);
            handle.end();
        });
        Ok(session)
    }
}

impl Live {
    fn session(&self) -> Option<Session> {
        match self {
            Live::Session(session) => Some(session.clone()),
            Live::Request(_) => None,
        }
    }
}

/// So many requests of a session are kept before those are looked for that were cancelled.
const CALLS_FEW: usize = 16;

fn take(
    session: &Session,
    message: ClientJsonRpcMessage,
    incoming: &mut Incoming<'_>,
) -> Result<Reception, Reception> {
    if let JsonRpcMessage::Request(request) = &message {
        let outgoing = incoming.later()?;
        let token = request.request.get_meta().get_progress_token().map(|token| token.0);
        let mut calls = session.routes.calls.lock();
        if calls.len() >= CALLS_FEW {
            calls.retain(|call| !call.outgoing.is_over());
        }
        calls.push(Underway { id: request.id.clone(), token, outgoing });
    }
    let passed = session.pass_on(message);
    if passed.is_err() && incoming.request.is_some() {
        session.routes.calls.lock().retain(|call| !call.outgoing.answers(incoming));
    }
    passed.map(|()| Reception::Taken)
}
