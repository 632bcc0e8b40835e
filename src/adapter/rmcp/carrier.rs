//! What loops of rmcp send and receive through.

use std::future::{pending, ready};
use std::sync::Arc;

use parking_lot::Mutex;
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, GetExtensions, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
    ServerNotification,
};
use rmcp::service::OriginatingRequestId;
use rmcp::transport::Transport;
use serde::Serialize;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use crate::app::{Outgoing, SessionHandle};

/// Why something was not sent.
#[derive(Debug)]
pub(super) struct Unsent(&'static str);

impl std::fmt::Display for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unsent {}

const NO_SESSION: Unsent = Unsent("a request without a session cannot ask its client");

/// Nobody: requests that want nothing but their answer have it as their client.
pub(super) struct Mute;

impl Transport<RoleServer> for Mute {
    type Error = Unsent;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Unsent>> + Send + 'static {
        // What was said belongs to one of many requests, and none of them asked for it
        // (2026-07-28, "Logging", "Progress").
        tracing::debug!("said to nobody: the request has neither progress token nor log level");
        ready(match item {
            JsonRpcMessage::Request(_) => Err(NO_SESSION),
            _ => Ok(()),
        })
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        pending().await
    }

    async fn close(&mut self) -> Result<(), Unsent> {
        Ok(())
    }
}

/// One request, and its stream.
pub(super) struct Lone {
    pub(super) request: Option<ClientJsonRpcMessage>,
    pub(super) outgoing: Option<Outgoing>,
    /// The answer is sent.
    pub(super) done: CancellationToken,
}

impl Transport<RoleServer> for Lone {
    type Error = Unsent;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Unsent>> + Send + 'static {
        let sent = match &item {
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {
                answer(self.outgoing.take(), &item);
                self.done.cancel();
                Ok(())
            }
            JsonRpcMessage::Request(_) => Err(NO_SESSION),
            JsonRpcMessage::Notification(said) => match &self.outgoing {
                Some(outgoing) => {
                    outgoing.push(method(&said.notification), text(&item));
                    Ok(())
                }
                None => Err(Unsent("the request was answered")),
            },
        };
        ready(sent)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        if let Some(request) = self.request.take() {
            return Some(request);
        }
        self.done.cancelled().await;
        None
    }

    async fn close(&mut self) -> Result<(), Unsent> {
        self.outgoing.take();
        Ok(())
    }
}

/// A session's requests under way, and its own stream.
pub(super) struct Routes {
    pub(super) session: SessionHandle,
    pub(super) calls: Mutex<Vec<Underway>>,
}

/// A request of a session.
pub(super) struct Underway {
    pub(super) id: RequestId,
    /// The value of its progress token.
    pub(super) token: Option<RequestId>,
    pub(super) outgoing: Outgoing,
}

impl Routes {
    /// Brings a message to the stream it belongs to, as rmcp does: an answer, a question and
    /// progress to their request's, all else to the session's own.
    fn send(&self, message: &ServerJsonRpcMessage) {
        let mut calls = self.calls.lock();
        match message {
            JsonRpcMessage::Response(response) => {
                let call = take(&mut calls, Some(&response.id));
                drop(calls);
                answer(call, message);
            }
            JsonRpcMessage::Error(error) => {
                let call = take(&mut calls, error.id.as_ref());
                drop(calls);
                answer(call, message);
            }
            JsonRpcMessage::Request(asked) => {
                let origin = asked.request.extensions().get::<OriginatingRequestId>();
                let call = match (origin, calls.as_slice()) {
                    (Some(origin), calls) => calls.iter().find(|call| call.id == origin.0),
                    // Better there than on a stream that nobody may have opened.
                    (None, [only]) => Some(only),
                    (None, _) => None,
                };
                self.say(call, "", message);
            }
            JsonRpcMessage::Notification(said) => {
                let call = match &said.notification {
                    ServerNotification::ProgressNotification(progress) => {
                        let token = &progress.params.progress_token.0;
                        calls.iter().find(|call| call.token.as_ref() == Some(token))
                    }
                    _ => None,
                };
                self.say(call, method(&said.notification), message);
            }
        }
    }

    fn say(&self, call: Option<&Underway>, method: &str, message: &ServerJsonRpcMessage) {
        match call.map(|call| &call.outgoing).filter(|outgoing| outgoing.takes_events()) {
            Some(outgoing) => _ = outgoing.push(method, text(message)),
            None => self.session.push(method, text(message)),
        }
    }
}

fn take(calls: &mut Vec<Underway>, id: Option<&RequestId>) -> Option<Outgoing> {
    let at = calls.iter().position(|call| Some(&call.id) == id)?;
    Some(calls.swap_remove(at).outgoing)
}

/// A session's end of the loop of rmcp that serves it.
pub(super) struct SessionCarrier {
    pub(super) messages: Receiver<ClientJsonRpcMessage>,
    pub(super) routes: Arc<Routes>,
}

impl Transport<RoleServer> for SessionCarrier {
    type Error = Unsent;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Unsent>> + Send + 'static {
        self.routes.send(&item);
        ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> Result<(), Unsent> {
        Ok(())
    }
}

fn answer(outgoing: Option<Outgoing>, answer: &ServerJsonRpcMessage) {
    if let Some(outgoing) = outgoing {
        outgoing.finish(text(answer), error_of(answer));
    }
}

/// The code of an answer that is an error.
pub(super) fn error_of(answer: &ServerJsonRpcMessage) -> Option<i32> {
    match answer {
        JsonRpcMessage::Error(error) => Some(error.error.code.0),
        _ => None,
    }
}

fn text(message: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    write(message, &mut text);
    text
}

/// Appends a message as JSON, on one line.
pub(super) fn write(message: &impl Serialize, out: &mut Vec<u8>) {
    let from = out.len();
    if let Err(error) = serde_json::to_writer(&mut *out, message) {
        // Keys that are no strings, say.
        tracing::error!(%error, "a message of an rmcp handler is no JSON");
        out.truncate(from);
    }
}

/// The method of a notification, as far as it matters what may become of it.
fn method(notification: &ServerNotification) -> &'static str {
    match notification {
        ServerNotification::ProgressNotification(_) => "notifications/progress",
        ServerNotification::LoggingMessageNotification(_) => "notifications/message",
        ServerNotification::ResourceUpdatedNotification(_) => "notifications/resources/updated",
        ServerNotification::ResourceListChangedNotification(_) => {
            "notifications/resources/list_changed"
        }
        ServerNotification::ToolListChangedNotification(_) => "notifications/tools/list_changed",
        ServerNotification::PromptListChangedNotification(_) => {
            "notifications/prompts/list_changed"
        }
        _ => "",
    }
}
