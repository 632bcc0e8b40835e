//! Requests without a session: those of 2026-07-28, and those of clients that begin none.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, GetExtensions, GetMeta, RequestId, ServerJsonRpcMessage,
    ServerResult,
};
use rmcp::service::{RequestContext, serve_directly_with_ct};
use rmcp::{ErrorData, ServerHandler, Service};
use tokio_util::sync::CancellationToken;

use super::carrier::{Lone, error_of, write};
use super::service::{Contained, stateless_peer};
use super::{Live, Rmcp, read};
use crate::app::{Incoming, Outgoing, Reception};

impl<S, F> Rmcp<S, F>
where
    S: ServerHandler,
    F: Fn() -> Result<S, io::Error> + Send + Sync + 'static,
{
    pub(super) fn alone(&self, incoming: &mut Incoming<'_>, out: &mut Vec<u8>) -> Reception {
        let (id, request) = match read::request(incoming) {
            Ok(read) => read,
            Err(problem) => return refuse(ErrorData::invalid_request(problem, None), None, out),
        };
        let service = match (self.factory)() {
            Ok(service) => Contained(service),
            Err(error) => {
                let text = format!("Internal error: the handler cannot be made: {error}");
                return refuse(ErrorData::internal_error(text, None), Some(id), out);
            }
        };
        if let Some(text) = mismatch(&service.0, &request, incoming) {
            return refuse(ErrorData::header_mismatch(text, None), Some(id), out);
        }
        let taken = match wants_more(&request, incoming) {
            true => self.converse(service, id, request, incoming),
            false => self.answer(service, id, request, incoming, out),
        };
        taken.unwrap_or_else(|reception| reception)
    }

    /// Polls the handler once, here; a task of tokio goes on with it where that is not enough.
    fn answer(
        &self,
        service: Contained<S>,
        id: RequestId,
        mut request: ClientRequest,
        incoming: &mut Incoming<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Reception, Reception> {
        let mut context = RequestContext::new(id.clone(), self.mute());
        context.meta = std::mem::take(request.get_meta_mut());
        context.extensions = std::mem::take(request.extensions_mut());
        let token = context.ct.clone();
        let mut work = Box::pin(async move { service.handle_request(request, context).await });
        // For handlers that use timers, or start tasks.
        let _within = self.runtime.enter();
        let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(result) => Ok(write_answer(result, id, out)),
            Poll::Pending => {
                let outgoing = incoming.later()?;
                self.go_on(work, id, token, outgoing);
                Ok(Reception::Taken)
            }
        }
    }

    #[cold]
    fn go_on(
        &self,
        work: Pin<Box<impl Future<Output = Result<ServerResult, ErrorData>> + Send + 'static>>,
        id: RequestId,
        token: CancellationToken,
        outgoing: Outgoing,
    ) {
        let name = self.enter(token, &outgoing);
        let register = self.register.clone();
        self.runtime.spawn(async move {
            let mut out = Vec::new();
            let reception = write_answer(work.await, id, &mut out);
            register.forget(name);
            if let Reception::Answered(error) = reception {
                outgoing.finish(out, error);
            }
        });
    }

    /// Serves a request by a loop of its own, for it may say something before its answer.
    #[cold]
    fn converse(
        &self,
        service: Contained<S>,
        id: RequestId,
        request: ClientRequest,
        incoming: &mut Incoming<'_>,
    ) -> Result<Reception, Reception> {
        let outgoing = incoming.later()?;
        let token = CancellationToken::new();
        let name = self.enter(token.clone(), &outgoing);
        let request = Some(ClientJsonRpcMessage::request(request, id));
        let done = CancellationToken::new();
        let carrier = Lone { request, outgoing: Some(outgoing), done };
        let peer = stateless_peer(incoming.version());
        let register = self.register.clone();
        let _within = self.runtime.enter();
        let running = serve_directly_with_ct(service, carrier, Some(peer), token);
        self.runtime.spawn(async move {
            // It says itself how it ended.
            let _ = running.waiting().await;
            register.forget(name);
        });
        Ok(Reception::Taken)
    }

    /// Lets a request be cancelled when its client leaves.
    fn enter(&self, token: CancellationToken, outgoing: &Outgoing) -> u64 {
        let name = self.register.name();
        self.register.live.lock().insert(name, Live::Request(token));
        outgoing.watch(self.register.endings.clone(), name);
        name
    }
}

/// Whether something may be said to the client before the answer.
fn wants_more(request: &ClientRequest, incoming: &Incoming<'_>) -> bool {
    let meta = request.get_meta();
    matches!(request, ClientRequest::SubscriptionsListenRequest(_))
        || meta.contains_key("progressToken")
        || meta.contains_key("io.modelcontextprotocol/logLevel")
        // Up to 2025-11-25, log lines come unasked.
        || incoming.version() != "2026-07-28"
}

/// How headers and arguments of a call differ, where the tool has arguments that are repeated in
/// headers (`x-mcp-header`).
fn mismatch<S: ServerHandler>(
    handler: &S,
    request: &ClientRequest,
    incoming: &Incoming<'_>,
) -> Option<String> {
    let ClientRequest::CallToolRequest(call) = request else { return None };
    let schema = handler.get_tool(&call.params.name)?.input_schema;
    if !schema.values().any(repeats_arguments) {
        return None;
    }
    incoming.header_mismatch(&serde_json::Value::Object((*schema).clone()))
}

fn repeats_arguments(schema: &serde_json::Value) -> bool {
    match schema {
        serde_json::Value::Object(members) => {
            members.contains_key("x-mcp-header") || members.values().any(repeats_arguments)
        }
        serde_json::Value::Array(elements) => elements.iter().any(repeats_arguments),
        _ => false,
    }
}

fn write_answer(
    result: Result<ServerResult, ErrorData>,
    id: RequestId,
    out: &mut Vec<u8>,
) -> Reception {
    let answer = match result {
        Ok(result) => ServerJsonRpcMessage::response(result, id),
        Err(error) => ServerJsonRpcMessage::error(error, Some(id)),
    };
    write(&answer, out);
    Reception::Answered(error_of(&answer))
}

fn refuse(error: ErrorData, id: Option<RequestId>, out: &mut Vec<u8>) -> Reception {
    let answer: ServerJsonRpcMessage = ServerJsonRpcMessage::error(error, id);
    write(&answer, out);
    Reception::Answered(error_of(&answer))
}
