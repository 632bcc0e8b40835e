//! What to send: a file of HTTP requests, written for people.
//!
//! Requests are separated by a line `###`. All but the last are sent once, when
//! a connection opens; the last is repeated. Lines starting with `#` before a
//! request line are comments; each `# expect: TEXT` there says what the first answer
//! of each connection must contain. `Host` and `Content-Length` are filled in;
//! `{{protocol}}` is replaced now, `{{session}}`, in a header, when a connection
//! has learnt its session. `# stream: PATH` means HTTP+SSE: each connection has a stream
//! from there, its session is where that says messages go, and answers come on it.

use std::net::SocketAddr;

const BUILT_IN: &[(&str, &str)] = &[
    ("tools_call", include_str!("../scenarios/tools_call.http")),
    ("tools_call_session", include_str!("../scenarios/tools_call_session.http")),
    ("tools_call_progress", include_str!("../scenarios/tools_call_progress.http")),
    ("tools_call_progress_session", include_str!("../scenarios/tools_call_progress_session.http")),
    ("tools_call_http_sse", include_str!("../scenarios/tools_call_http_sse.http")),
    ("tools_call_token", include_str!("../scenarios/tools_call_token.http")),
    ("tools_list", include_str!("../scenarios/tools_list.http")),
    ("search_documents", include_str!("../scenarios/search_documents.http")),
    ("nap", include_str!("../scenarios/nap.http")),
    ("health", include_str!("../scenarios/health.http")),
];

/// From this version on there are no sessions.
const STATELESS_SINCE: &str = "2026-07-28";
const SESSION: &str = "{{session}}";

pub struct Scenario {
    /// The requests' bytes, where only the session is still open.
    requests: Vec<Vec<u8>>,
    /// What the first answer of each connection must contain: all of it.
    pub expect: Vec<Vec<u8>>,
    /// The request that opens the stream of HTTP+SSE.
    pub stream: Option<Vec<u8>>,
}

impl Scenario {
    /// A built-in scenario. An older protocol turns the stateless call into the
    /// one with a session.
    pub fn built_in(name: &str, protocol: &str, host: SocketAddr) -> Result<Self, String> {
        let name = match name {
            "tools_call" if protocol < STATELESS_SINCE => "tools_call_session",
            "tools_call_progress" if protocol < STATELESS_SINCE => "tools_call_progress_session",
            name => name,
        };
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            return Err(format!("no scenario {name}; known: {}", known.join(", ")));
        };
        Self::parse(text, protocol, host)
    }

    pub fn parse(text: &str, protocol: &str, host: SocketAddr) -> Result<Self, String> {
        let text = text.replace("{{protocol}}", protocol);
        let expect = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect: "))
            .map(|expect| expect.trim_end().as_bytes().to_vec())
            .collect();
        let stream = text.lines().find_map(|line| line.strip_prefix("# stream: "));
        let stream = stream.map(|path| {
            let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n");
            format!("{head}Accept: text/event-stream\r\n\r\n").into_bytes()
        });
        let mut requests = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        for part in lines.split(|line| line.starts_with("###")) {
            requests.push(request(part, host)?);
        }
        Ok(Self { requests, expect, stream })
    }

    /// How many requests are sent before the one that is repeated.
    pub fn preparations(&self) -> usize {
        self.requests.len() - 1
    }

    /// Request number `step`, the last one if `step` is beyond it. `None` if it
    /// names a session and there is none: such a server is not compared.
    pub fn bytes(&self, step: usize, session: Option<&str>) -> Option<Vec<u8>> {
        let bytes = &self.requests[step.min(self.preparations())];
        let Some(at) = find(bytes, SESSION.as_bytes()) else {
            return Some(bytes.clone());
        };
        let (before, after) = (&bytes[..at], &bytes[at + SESSION.len()..]);
        Some([before, session?.as_bytes(), after].concat())
    }
}

/// One request's lines → its bytes.
fn request(lines: &[&str], host: SocketAddr) -> Result<Vec<u8>, String> {
    let mut lines = lines.iter().skip_while(|line| line.starts_with('#') || line.trim().is_empty());
    let Some(request_line) = lines.next().filter(|line| line.contains(" HTTP/1.")) else {
        return Err("a request starts with a line like: GET /health HTTP/1.1".into());
    };
    let mut head = format!("{}\r\n", request_line.trim());
    let mut own_host = format!("Host: {host}\r\n");
    let mut headers = String::new();
    for line in lines.by_ref().take_while(|line| !line.trim().is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        if name.eq_ignore_ascii_case("host") {
            own_host.clear();
        }
        headers.push_str(line.trim());
        headers.push_str("\r\n");
    }
    let body = lines.copied().collect::<Vec<_>>().join("\n");
    let body = body.trim_end();
    head.push_str(&own_host);
    head.push_str(&headers);
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    Ok(format!("{head}\r\n{body}").into_bytes())
}

pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len().max(1)).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8080))
    }

    #[test]
    fn the_stateless_call_is_495_bytes() {
        let scenario = Scenario::built_in("tools_call", "2026-07-28", host()).unwrap();
        let bytes = scenario.bytes(0, None).unwrap();
        assert_eq!(bytes.len(), 495);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type:"));
        assert!(text.contains("Mcp-Name: add\r\nContent-Length: 280\r\n\r\n{\"jsonrpc\""));
        assert_eq!(scenario.expect, [b"\"structuredContent\":{\"sum\":5}"]);
    }

    #[test]
    fn an_older_protocol_opens_a_session() {
        let scenario = Scenario::built_in("tools_call", "2025-11-25", host()).unwrap();
        assert_eq!(scenario.preparations(), 2);
        let text = String::from_utf8(scenario.bytes(9, Some("abc")).unwrap()).unwrap();
        assert!(text.contains("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: abc\r\n"));
        assert_eq!(scenario.bytes(9, None), None);
    }

    #[test]
    fn a_stream_is_expected_whole() {
        for (protocol, preparations) in [("2026-07-28", 0), ("2025-11-25", 2)] {
            let scenario = Scenario::built_in("tools_call_progress", protocol, host()).unwrap();
            assert_eq!((scenario.preparations(), scenario.expect.len()), (preparations, 4));
        }
    }

    #[test]
    fn a_stream_says_where_messages_go() {
        let scenario = Scenario::built_in("tools_call_http_sse", "2025-11-25", host()).unwrap();
        let stream = String::from_utf8(scenario.stream.clone().unwrap()).unwrap();
        assert!(stream.starts_with("GET /sse HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept:"));
        let text = String::from_utf8(scenario.bytes(2, Some("/to?x=1")).unwrap()).unwrap();
        assert!(text.starts_with("POST /to?x=1 HTTP/1.1\r\n"), "{text}");
    }

    #[test]
    fn every_scenario_parses() {
        for (name, _) in BUILT_IN {
            assert!(Scenario::built_in(name, "2026-07-28", host()).is_ok());
        }
    }
}
