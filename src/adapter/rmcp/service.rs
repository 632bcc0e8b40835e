//! A handler of rmcp whose panics cost one answer.

use std::borrow::Cow;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use rmcp::model::{
    ClientCapabilities, ClientNotification, ClientRequest, Implementation, InitializeRequestParams,
    ProtocolVersion, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler, Service};

/// The handler, contained.
pub(super) struct Contained<S>(pub(super) S);

impl<S: ServerHandler> Service<RoleServer> for Contained<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        contain(Service::handle_request(&self.0, request, context)).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        contain(Service::handle_notification(&self.0, notification, context)).await
    }

    fn get_info(&self) -> ServerConfig {
        Service::get_info(&self.0)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Service::supported_protocol_versions(&self.0)
    }
}

/// A panic becomes an error.
async fn contain<T>(work: impl Future<Output = Result<T, ErrorData>>) -> Result<T, ErrorData> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            tracing::error!("an rmcp handler panicked");
            let text = "Internal error: the handler panicked";
            Poll::Ready(Err(ErrorData::internal_error(text, None)))
        })
    })
    .await
}

/// What rmcp says of a client that has no session: its revision, and nothing else.
pub(super) fn stateless_peer(version: &str) -> InitializeRequestParams {
    let client = (ClientCapabilities::default(), Implementation::default());
    let mut peer = InitializeRequestParams::new(client.0, client.1);
    let known = |known: &&ProtocolVersion| known.as_str() == version;
    let version = ProtocolVersion::KNOWN_VERSIONS.iter().find(known);
    peer.protocol_version = version.cloned().unwrap_or(ProtocolVersion::V_2025_03_26);
    peer
}
