//! Where tokens for this server come from: protected resource metadata (RFC 9728).

use super::access::Asking;
use super::refuse::http_sse_of;
use super::sender::Sender;
use super::{Local, Next, Shared, message};
use crate::app::Handler;
use crate::http::{ContentType, Method, Response, Status};
use crate::json;

/// The well-known path, which the path of a resource may follow (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What the metadata of this server says, besides what is known from its address and its policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceMetadata {
    /// The endpoints that tokens are asked for, that of MCP first.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The issuers of tokens that are taken here.
    pub(crate) authorization_servers: Vec<String>,
    /// A name for people.
    pub(crate) name: Option<String>,
    /// A page about it, for people.
    pub(crate) documentation: Option<String>,
}

/// An endpoint, which is a resource of its own: clients compare its URL with the one that they
/// have (RFC 9728 §3.3).
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) path: String,
    /// Its path as clients write it, who may have a proxy before them that takes a part of it away.
    pub(crate) public_path: String,
}

/// The endpoint that a target is the metadata of, if it is: by the path that clients write, or by
/// ours, where a proxy takes away of this path too.
pub(super) fn endpoint_of<'s, H>(target: &str, shared: &'s Shared<H>) -> Option<&'s Endpoint> {
    let endpoints = &shared.metadata.as_ref()?.endpoints;
    let path = target.strip_prefix(WELL_KNOWN)?;
    if let "" | "/" = path {
        return endpoints.first();
    }
    let public = endpoints.iter().find(|endpoint| endpoint.public_path == path);
    public.or_else(|| endpoints.iter().find(|endpoint| endpoint.path == path))
}

/// Where the metadata is, for somebody who asks for something else; `None` where there is none.
#[cold]
pub(super) fn url<H>(asking: &Asking<'_>, shared: &Shared<H>) -> Option<String> {
    let endpoints = &shared.metadata.as_ref()?.endpoints;
    // Messages of HTTP+SSE are of the stream that told where they go.
    let path = match http_sse_of(asking.head.target.path, shared) {
        Some(http_sse) => &http_sse.stream_path,
        None => &shared.path,
    };
    let endpoint = endpoints.iter().find(|endpoint| endpoint.path == *path)?;
    let path = endpoint.public_path.strip_suffix('/').unwrap_or(&endpoint.public_path);
    Some(format!("{}{WELL_KNOWN}{path}", shared.guard.public_origin(&asking.caller)))
}

/// Answers with the metadata of an endpoint. Whoever comes may read it, from any web page: it says
/// nothing that is not public.
#[cold]
pub(super) fn answer<H: Handler>(
    sender: &Sender<'_>,
    shared: &Shared<H>,
    local: &Local,
    out: &mut Vec<u8>,
) -> Next {
    let asking = sender.asking;
    let mut body = Vec::new();
    if let (Some(metadata), Some(endpoint)) =
        (&shared.metadata, endpoint_of(asking.head.target.path, shared))
    {
        let origin = shared.guard.public_origin(&asking.caller);
        let resource = format!("{origin}{}", endpoint.public_path);
        // The form without the slash is the one to use where it means nothing (2026-07-28,
        // authorization, "Canonical Server URI").
        let resource = resource.strip_suffix('/').unwrap_or(&resource);
        write(metadata, resource, &shared.handler.scopes(), &mut body);
    }
    let response = Response {
        connection: sender.persistence,
        content_type: Some(ContentType::Json),
        fields: &[("Cache-Control", "public, max-age=300")],
        ..Response::new(Status::OK, sender.stamp(&local.date))
    };
    match asking.head.method {
        Method::Head => response.head_only(out, body.len()),
        _ => response.fixed(out, &body),
    }
    message::after(sender.persistence)
}

fn write(metadata: &ResourceMetadata, resource: &str, scopes: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"resource":"#);
    json::write_string(out, resource);
    write_list("authorization_servers", &metadata.authorization_servers, out);
    write_list("scopes_supported", scopes, out);
    out.extend_from_slice(br#","bearer_methods_supported":["header"]"#);
    for (name, value) in
        [("resource_name", &metadata.name), ("resource_documentation", &metadata.documentation)]
    {
        if let Some(value) = value {
            write_name(name, out);
            json::write_string(out, value);
        }
    }
    out.push(b'}');
}

/// A member that is a list, unless that is empty (RFC 9728 §2: then it is left out).
fn write_list(name: &str, texts: &[String], out: &mut Vec<u8>) {
    if texts.is_empty() {
        return;
    }
    write_name(name, out);
    for (index, text) in texts.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        json::write_string(out, text);
    }
    out.push(b']');
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    json::write_string(out, name);
    out.push(b':');
}
