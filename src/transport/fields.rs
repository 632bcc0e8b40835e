//! The header fields this room reads, collected in one pass.

use crate::http::Field;

/// Values of the fields we know. They have no white space around them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'b> {
    pub(crate) all: &'b [Field<'b>],
    pub(crate) origin: Option<&'b [u8]>,
    pub(crate) content_type: Option<&'b [u8]>,
    /// The first `Accept`; there may be more.
    pub(crate) accept: Option<&'b [u8]>,
    pub(crate) protocol_version: Option<&'b [u8]>,
    pub(crate) mcp_method: Option<&'b [u8]>,
    pub(crate) mcp_name: Option<&'b [u8]>,
    pub(crate) session_id: Option<&'b [u8]>,
    pub(crate) last_event_id: Option<&'b [u8]>,
    pub(crate) authorization: Option<&'b [u8]>,
    pub(crate) api_key: Option<&'b [u8]>,
    /// The first field that may stand once and stands more often.
    pub(crate) repeated: Option<&'static str>,
}

impl<'b> Fields<'b> {
    /// Those of a request, none of which is read yet. In two steps, since nothing is copied then.
    #[inline]
    pub(crate) fn of(all: &'b [Field<'b>]) -> Fields<'b> {
        Fields {
            all,
            origin: None,
            content_type: None,
            accept: None,
            protocol_version: None,
            mcp_method: None,
            mcp_name: None,
            session_id: None,
            last_event_id: None,
            authorization: None,
            api_key: None,
            repeated: None,
        }
    }

    /// Reads them in one pass.
    #[inline(always)]
    pub(crate) fn read(&mut self) {
        for field in self.all {
            let (slot, known) = match field.name.len() {
                6 if is(field, b"Accept") => {
                    self.accept = self.accept.or(Some(field.value));
                    continue;
                }
                6 if is(field, b"Origin") => (&mut self.origin, "Origin"),
                8 if is(field, b"Mcp-Name") => (&mut self.mcp_name, "Mcp-Name"),
                9 if is(field, b"X-API-Key") => (&mut self.api_key, "X-API-Key"),
                10 if is(field, b"Mcp-Method") => (&mut self.mcp_method, "Mcp-Method"),
                12 if is(field, b"Content-Type") => (&mut self.content_type, "Content-Type"),
                13 if is(field, b"Authorization") => (&mut self.authorization, "Authorization"),
                13 if is(field, b"Last-Event-ID") => (&mut self.last_event_id, "Last-Event-ID"),
                14 if is(field, b"Mcp-Session-Id") => (&mut self.session_id, "Mcp-Session-Id"),
                20 if is(field, b"MCP-Protocol-Version") => {
                    (&mut self.protocol_version, "MCP-Protocol-Version")
                }
                _ => continue,
            };
            if slot.replace(field.value).is_some() {
                self.repeated = self.repeated.or(Some(known));
            }
        }
    }

    /// Whether `Accept` allows an event stream, by name or by a range (RFC 9110 §12.5.1).
    pub(crate) fn accepts_events(&self) -> bool {
        match self.accept {
            None => true,
            Some(b"application/json, text/event-stream") => true,
            Some(_) => accepts(self.values("accept"), b"text/event-stream", b"text/*"),
        }
    }

    /// The values of all fields of this name.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let named = move |field: &&Field<'b>| field.name.eq_ignore_ascii_case(name);
        self.all.iter().filter(named).map(|field| field.value)
    }
}

/// Whether the most specific range that matches a media type has a weight above 0
/// (RFC 9110 §12.5.1).
pub(super) fn accepts<'b>(
    values: impl Iterator<Item = &'b [u8]>,
    media_type: &[u8],
    of_type: &[u8],
) -> bool {
    let mut best = (0, false);
    for range in values.flat_map(|value| value.split(|&byte| byte == b',')) {
        let mut parts = range.split(|&byte| byte == b';');
        let specificity = match parts.next().unwrap_or_default().trim_ascii() {
            range if range.eq_ignore_ascii_case(media_type) => 3,
            range if range.eq_ignore_ascii_case(of_type) => 2,
            b"*/*" => 1,
            _ => continue,
        };
        if specificity > best.0 {
            best = (specificity, !parts.any(is_zero_weight));
        }
    }
    best.1
}

/// `q=0`, `q=0.0`, `q=0.000`.
fn is_zero_weight(parameter: &[u8]) -> bool {
    let Some(at) = parameter.iter().position(|&byte| byte == b'=') else { return false };
    let (name, value) = (&parameter[..at], &parameter[at + 1..]);
    name.trim_ascii().eq_ignore_ascii_case(b"q")
        && value.trim_ascii().iter().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Most clients write a name as the specification does, or in lower case, and those comparisons are
/// some instructions, since the length is known.
#[inline(always)]
fn is<const N: usize>(field: &Field<'_>, name: &[u8; N]) -> bool {
    let bytes = field.name.as_bytes();
    bytes == name || bytes.eq_ignore_ascii_case(name)
}
