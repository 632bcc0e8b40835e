//! What browsers are told, so that pages of other origins can call and read the answers: CORS
//! (Fetch Standard, "CORS protocol").
//!
//! What is said of a request's origin is rendered once, when its head is there, and goes with the
//! date into everything that is answered to it ([`Stamp`](crate::http::Stamp)): a page that cannot
//! read an error only sees that "something" failed.

use std::borrow::Cow;

use super::fields::Fields;
use super::guard::{Guard, Verdict};
use super::route::Route;
use crate::app::Catalog;
use crate::http::Method;
use crate::limits;

/// What is said beyond the origin.
#[derive(Debug, Clone)]
pub(crate) struct Cors {
    /// Pages may send credentials of the browser's own: cookies, client certificates.
    pub(crate) credentials: bool,
    /// How long a preflight holds, in seconds.
    pub(crate) max_age_s: u64,
}

/// Headers of responses that pages need, besides those that every page may read.
const EXPOSED: &str = "mcp-session-id, mcp-protocol-version, www-authenticate, retry-after";

/// Headers of requests that pages need.
const ALLOWED: &str = "content-type, authorization, accept, mcp-session-id, mcp-protocol-version, \
                       mcp-method, mcp-name, last-event-id, x-api-key";

/// What the headers of arguments begin with.
const PARAM_PREFIX: &str = "mcp-param-";

/// What a response says where it would be another one for a page: caches are to tell them apart.
const VARY: &[u8] = b"Vary: Origin\r\n";

impl Guard {
    /// The lines that every response to a request carries.
    #[inline]
    pub(crate) fn lines(
        &self,
        route: Route,
        method: Method,
        origin: Option<&[u8]>,
        verdict: Verdict,
    ) -> Cow<'static, [u8]> {
        match (verdict, method) {
            (Verdict::Absent, Method::Post) => Cow::Borrowed(b""),
            _ => self.lines_for_pages(route, origin, verdict),
        }
    }

    #[cold]
    fn lines_for_pages(
        &self,
        route: Route,
        origin: Option<&[u8]>,
        verdict: Verdict,
    ) -> Cow<'static, [u8]> {
        match (origin, verdict) {
            // The same for all, and so without `Vary`.
            _ if route.is_public() => Cow::Owned(render("*", false, b"")),
            (Some(origin), Verdict::Allowed) => Cow::Owned(self.lines_for(origin)),
            // Of what can be cached, or is about an origin.
            _ => Cow::Borrowed(VARY),
        }
    }

    /// The lines for an origin that is allowed.
    fn lines_for(&self, origin: &[u8]) -> Vec<u8> {
        let is_any = self.origins.contains(&crate::http::OriginPattern::Any);
        match std::str::from_utf8(origin) {
            Ok(origin) if origin != "null" && is_any => render("*", false, VARY),
            Ok(origin) => render(origin, self.cors.credentials, VARY),
            Err(_) => VARY.to_vec(),
        }
    }

    /// The lines for what has not become a request, of which `unread` is the beginning.
    #[cold]
    pub(crate) fn lines_of_unread(&self, unread: &[u8]) -> Cow<'static, [u8]> {
        let mut lines = unread.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).skip(1);
        let origin = lines.by_ref().take_while(|line| !line.is_empty()).find_map(|line| {
            let (name, value) = line.split_at_checked("origin:".len())?;
            name.eq_ignore_ascii_case(b"origin:").then(|| value.trim_ascii())
        });
        match (origin, self.judge(origin)) {
            (Some(origin), Verdict::Allowed) => Cow::Owned(self.lines_for(origin)),
            _ => Cow::Borrowed(VARY),
        }
    }

    /// What is said to a preflight besides, where the request is one: which methods and headers
    /// the request that follows may have (Fetch Standard, "CORS-preflight request").
    #[cold]
    pub(crate) fn preflight(
        &self,
        fields: &Fields<'_>,
        allow: &'static str,
        catalog: &Catalog,
    ) -> Vec<(&'static str, String)> {
        let asks = |name| fields.values(name).next();
        if fields.origin.is_none() || asks("Access-Control-Request-Method").is_none() {
            return Vec::new();
        }
        let requested = asks("Access-Control-Request-Headers").unwrap_or_default();
        let mut said = vec![
            ("Access-Control-Allow-Methods", allow.to_owned()),
            ("Access-Control-Allow-Headers", allowed_headers(requested, catalog)),
            ("Access-Control-Max-Age", self.cors.max_age_s.to_string()),
        ];
        if asks("Access-Control-Request-Private-Network") == Some(b"true") {
            said.push(("Access-Control-Allow-Private-Network", "true".to_owned()));
        }
        said
    }
}

fn render(origin: &str, credentials: bool, more: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(limits::RESPONSE_HEAD_BYTES);
    lines.extend_from_slice(b"Access-Control-Allow-Origin: ");
    lines.extend_from_slice(origin.as_bytes());
    if credentials {
        lines.extend_from_slice(b"\r\nAccess-Control-Allow-Credentials: true");
    }
    lines.extend_from_slice(b"\r\nAccess-Control-Expose-Headers: ");
    lines.extend_from_slice(EXPOSED.as_bytes());
    lines.extend_from_slice(b"\r\n");
    lines.extend_from_slice(more);
    lines
}

/// The headers that requests may have: ours, those of the declared arguments, and, since there are
/// tools that only a provider knows, what else is asked for of that kind.
fn allowed_headers(requested: &[u8], catalog: &Catalog) -> String {
    let declared = catalog.tools.iter().flat_map(|tool| &tool.param_headers);
    let mut params: Vec<&str> = Vec::new();
    for header in declared.map(|header| header.field.as_str()) {
        if params.len() == limits::CORS_PARAM_HEADERS_MAX {
            break;
        }
        if !params.contains(&header) {
            params.push(header);
        }
    }
    let requested = std::str::from_utf8(requested).unwrap_or_default();
    let requested = requested.split(',').map(str::trim).filter(|name| is_param(name));
    for name in requested {
        if !params.iter().any(|param| param.eq_ignore_ascii_case(name)) {
            params.push(name);
        }
    }
    params.into_iter().fold(ALLOWED.to_owned(), |all, param| all + ", " + param)
}

/// Whether it is the header of an argument: a token that begins as they do.
fn is_param(name: &str) -> bool {
    let begins = name.get(..PARAM_PREFIX.len());
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(PARAM_PREFIX))
        && name.bytes().all(is_name)
}
