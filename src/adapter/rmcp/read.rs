//! From a message to rmcp's model of it.
//!
//! rmcp reads a message by trying one type after the other, each on a copy that it buffered. Here
//! the method is known, and so is the type; where that does not fit, rmcp's own way decides.

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, GetExtensions,
    JsonRpcMessage, RequestId,
};
use serde::de::DeserializeOwned;

use crate::app::Incoming;
use crate::json::Value;

use super::parts::parts;

/// Reads a request, with the head of its HTTP request in its extensions.
pub(super) fn request(incoming: &Incoming<'_>) -> Result<(RequestId, ClientRequest), String> {
    let id = incoming.message.get("id").map(|id| id.decode::<RequestId>());
    let known = incoming.request.and_then(|method| of_method(method, incoming.message));
    let (id, mut request) = match (id, known) {
        (Some(Ok(id)), Some(request)) => (id, request),
        _ => match decode::<ClientJsonRpcMessage>(incoming.message)? {
            JsonRpcMessage::Request(read) => (read.id, read.request),
            _ => return Err("not a request".to_owned()),
        },
    };
    request.extensions_mut().insert(parts(incoming));
    Ok((id, request))
}

/// Reads any message, with the head of its HTTP request in its extensions.
pub(super) fn message(incoming: &Incoming<'_>) -> Result<ClientJsonRpcMessage, String> {
    if incoming.request.is_some() {
        let (id, request) = request(incoming)?;
        return Ok(ClientJsonRpcMessage::request(request, id));
    }
    let mut message = decode::<ClientJsonRpcMessage>(incoming.message)?;
    if let JsonRpcMessage::Notification(notification) = &mut message {
        notification.notification.extensions_mut().insert(parts(incoming));
    }
    Ok(message)
}

fn decode<T: DeserializeOwned>(value: Value<'_>) -> Result<T, String> {
    value.decode().map_err(|error| error.to_string())
}

/// `None` when the parameters do not fit, or the method is not one of these.
fn of_method(method: &str, message: Value<'_>) -> Option<ClientRequest> {
    use ClientRequest as Request;
    let request = match method {
        "tools/call" => {
            let mut params: CallToolRequestParams = message.get("params")?.decode().ok()?;
            let meta = params.meta.take();
            let mut call = CallToolRequest::new(params);
            if let Some(meta) = meta {
                call.extensions.insert(meta);
            }
            Request::CallToolRequest(call)
        }
        "tools/list" => Request::ListToolsRequest(message.decode().ok()?),
        "prompts/get" => Request::GetPromptRequest(message.decode().ok()?),
        "prompts/list" => Request::ListPromptsRequest(message.decode().ok()?),
        "resources/read" => Request::ReadResourceRequest(message.decode().ok()?),
        "resources/list" => Request::ListResourcesRequest(message.decode().ok()?),
        "resources/templates/list" => Request::ListResourceTemplatesRequest(message.decode().ok()?),
        "completion/complete" => Request::CompleteRequest(message.decode().ok()?),
        "server/discover" => Request::DiscoverRequest(message.decode().ok()?),
        "subscriptions/listen" => Request::SubscriptionsListenRequest(message.decode().ok()?),
        "initialize" => Request::InitializeRequest(message.decode().ok()?),
        "ping" => Request::PingRequest(message.decode().ok()?),
        _ => return None,
    };
    Some(request)
}
