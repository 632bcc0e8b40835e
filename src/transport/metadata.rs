//! Where tokens for this server come from: protected resource metadata (RFC 9728).

use super::access::Asking;
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
    /// The issuers of tokens that are taken here.
    pub(crate) authorization_servers: Vec<String>,
    /// A name for people.
    pub(crate) name: Option<String>,
    /// A page about it, for people.
    pub(crate) documentation: Option<String>,
}

/// The path of the endpoint that a target is the metadata of, if it is.
pub(super) fn endpoint_of<'p, H>(target: &'p str, shared: &'p Shared<H>) -> Option<&'p str> {
    shared.metadata.as_ref()?;
    let endpoint = target.strip_prefix(WELL_KNOWN)?;
    let is_line = |path| shared.http_sse.as_ref().is_some_and(|sse| sse.stream_path == path);
    match endpoint {
        "" | "/" => Some(&shared.path),
        _ if endpoint == shared.path || is_line(endpoint) => Some(endpoint),
        _ => None,
    }
}

/// Where the metadata is, for somebody who asks for something else; `None` where there is none.
/// What is posted for a line belongs to its endpoint: a client that compares the metadata with the
/// URL it knows (RFC 9728 §3.3) knows the one of the stream.
#[cold]
pub(super) fn url<H>(asking: &Asking<'_>, shared: &Shared<H>) -> Option<String> {
    shared.metadata.as_ref()?;
    let path = asking.head.target.path;
    let line = shared.http_sse.as_ref();
    let line = line.filter(|sse| path == sse.stream_path || sse.takes_messages_at(path));
    let endpoint = line.map_or(&*shared.path, |sse| &*sse.stream_path);
    let endpoint = endpoint.strip_suffix('/').unwrap_or(endpoint);
    Some(format!("{}{WELL_KNOWN}{endpoint}", shared.guard.public_origin(&asking.caller)))
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
        let resource = format!("{}{endpoint}", shared.guard.public_origin(&asking.caller));
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
