//! Who still uses HTTP+SSE: read from what the server counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::measured::Figures;

/// How long a server may take to say what it counts.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much it may say.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What was counted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// By name and version: sessions and messages.
    clients: BTreeMap<(String, String), (u64, u64)>,
    /// Since when, in seconds since 1970.
    since_s: Option<f64>,
}

/// Reads metrics from a URL or a file.
pub(super) fn read(source: &str) -> Result<Usage, String> {
    let text = match source.strip_prefix("http://") {
        Some(rest) => fetch(rest)?,
        None if source.starts_with("https://") => {
            return Err("fetch it with a tool of your own, and name the file".to_owned());
        }
        None => std::fs::read_to_string(source).map_err(|error| error.to_string())?,
    };
    parse(&text).ok_or_else(|| "these are no metrics of mcp-fastd".to_owned())
}

/// GET, over HTTP/1.0, so that the end of the connection is the end of the body.
fn fetch(rest: &str) -> Result<String, String> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, "metrics"));
    let with_port =
        if authority.contains(':') { authority.into() } else { format!("{authority}:80") };
    let get = || -> std::io::Result<String> {
        let address = with_port.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| std::io::Error::other("the name has no address"))?;
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        write!(socket, "GET /{path} HTTP/1.0\r\nHost: {authority}\r\n\r\n")?;
        let until = Instant::now() + PATIENCE;
        let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
        while answer.len() < BYTES_MAX {
            match socket.read(&mut piece)? {
                0 => return Ok(String::from_utf8_lossy(&answer).into_owned()),
                bytes => answer.extend_from_slice(&piece[..bytes]),
            }
            if Instant::now() > until {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Err(std::io::Error::other("it says too much"))
    };
    let answer = get().map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no HTTP answer")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        status => Err(format!("answered with status {}", status.unwrap_or("none"))),
    }
}

fn parse(text: &str) -> Option<Usage> {
    let mut usage = Usage::default();
    let mut is_ours = false;
    for line in text.lines() {
        is_ours |= line.starts_with("# TYPE mcp_http_sse_messages counter");
        if let Some(since) = line.strip_prefix("process_start_time_seconds ") {
            usage.since_s = since.parse().ok();
        }
        let Some((name, rest)) = line.split_once("{client=\"") else { continue };
        let Some((client, rest)) = label(rest) else { continue };
        let Some((version, rest)) = rest.strip_prefix(",version=\"").and_then(label) else {
            continue;
        };
        let Some(count) = rest.strip_prefix("} ").and_then(|count| count.parse().ok()) else {
            continue;
        };
        let entry = usage.clients.entry((client, version)).or_default();
        match name {
            "mcp_http_sse_begun_total" => entry.0 = count,
            "mcp_http_sse_messages_total" => entry.1 = count,
            _ => {}
        }
    }
    is_ours.then_some(usage)
}

/// A label's value up to its closing quote, without its escapes; and what follows.
fn label(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

/// Who came how often, and what each would gain.
pub(super) fn report(usage: &Usage, source: &str, measured: Option<&Figures>) -> String {
    let mut out = format!("\nWho still uses HTTP+SSE ({source}):\n");
    if usage.clients.is_empty() {
        out.push_str("  nobody did since the server was started\n");
        return out;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
    let hours = usage.since_s.map(|since| (now - since) / 3600.0);
    if let Some(hours) = hours {
        out.push_str(&format!("  in the {hours:.1} hours since the server was started\n"));
    }
    // Of less than an hour nothing can be said.
    let hours = hours.filter(|hours| *hours >= 1.0);
    let columns = ("client", "version", "sessions", "messages", "an hour", "server CPU saved");
    let mut line =
        |(name, version, sessions, messages, rate, gain): (&str, &str, &str, &str, &str, &str)| {
            // A text cannot refuse to be written to.
            let _ = writeln!(
                out,
                "  {name:<24} {version:<12} {sessions:>8} {messages:>10} {rate:>10} {gain:>17}"
            );
        };
    line(columns);
    for ((name, version), (sessions, messages)) in &usage.clients {
        // What a client calls itself must not become several lines, or colours.
        let clean = |text: &str| text.escape_debug().to_string();
        let name = if name.is_empty() { "(no name, or others)".to_owned() } else { clean(name) };
        let rate = hours.map_or("-".to_owned(), |hours| format!("{:.1}", *messages as f64 / hours));
        let gain = measured.map_or("?".to_owned(), |figures| {
            format!("{:.3} ms", figures.microseconds_saved() * *messages as f64 / 1000.0)
        });
        line((&name, &clean(version), &sessions.to_string(), &messages.to_string(), &rate, &gain));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_as_they_are_written() {
        let text = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.5\n\
            # TYPE mcp_http_sse_messages counter\n\
            mcp_http_sse_begun_total{client=\"a \\\"b\\\\\",version=\"1\"} 2\n\
            mcp_http_sse_messages_total{client=\"a \\\"b\\\\\",version=\"1\"} 30\n\
            mcp_other{client=\"x\"} 1\n# EOF\n";
        let usage = parse(text).expect("they are ours");
        let clients: Vec<_> = usage.clients.iter().collect();
        assert_eq!(clients, [(&("a \"b\\".to_owned(), "1".to_owned()), &(2, 30))]);
        assert_eq!(usage.since_s, Some(1.5));
        assert_eq!(parse("<html>"), None);
    }
}
