//! The HTTP request, as tools of rmcp find it in their extensions.

use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri};

use crate::app::Incoming;

/// The head of the POST. Values that `http` would not have are left out.
pub(super) fn parts(incoming: &Incoming<'_>) -> Parts {
    let mut parts = Request::new(()).into_parts().0;
    parts.method = Method::POST;
    let (path, query) = incoming.target;
    let uri = match query {
        None => Uri::try_from(path),
        Some(query) => Uri::try_from(format!("{path}?{query}")),
    };
    parts.uri = uri.unwrap_or_default();
    let mut headers = HeaderMap::with_capacity(incoming.fields().size_hint().0);
    for (name, value) in incoming.fields() {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    parts.headers = headers;
    parts
}
