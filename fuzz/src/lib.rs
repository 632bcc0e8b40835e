//! What the fuzz targets check, as plain functions: `tests/fuzz_corpus.rs` calls them too.

pub mod sealed;
pub mod sentinel;
pub mod token;

use mcp_fastd::config::file::RawConfig;
use mcp_fastd::internal::{
    Decoder, Message, Parsed, ProxyHeader, ReadBuffer, field_storage, proxy_header,
};
use mcp_fastd::json::Parser;
use mcp_fastd::{Exchange, Handler, HttpLimits, Json, Server, about, limits};

/// Bytes as requests: what is seen does not depend on how they arrive.
pub fn request(data: &[u8]) {
    let whole = decode([data]);
    assert_eq!(whole, decode(data.chunks(1)));
    assert_eq!(whole, decode(data.chunks(1 + data.len() % 61)));
}

/// Bytes as a chunked body, with what may come after it.
pub fn chunked(data: &[u8]) {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    request(&[head, data].concat());
}

/// Bytes as JSON: accepted when serde_json accepts them (but for what is documented to be
/// stricter), and then of the same value; and as a message.
pub fn message(data: &[u8]) {
    let mut parser = Parser::new();
    let mut bytes = data.to_vec();
    let reference = serde_json::from_slice::<serde_json::Value>(data);
    let Ok(document) = parser.parse(&mut bytes) else {
        assert!(!reference.is_ok_and(|value| within_limits(&value, data)), "it is good JSON");
        return;
    };
    let mut written = Vec::new();
    document.root().write(&mut written);
    let again = serde_json::from_slice::<serde_json::Value>(&written).expect("we write JSON");
    let reference = match reference {
        // serde_json's quick parser rounds up what is just below the largest double.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        reference => reference.expect("what we take is JSON"),
    };
    assert!(same(&again, &reference), "{again} is {reference}");
    // Must not panic, nor say something about an id that is none.
    let _ = Message::read(document.root());
}

/// Bytes to a server: each answer is whole, and all of it is the same when the bytes arrive in
/// parts, but that a request refused by its head ends the connection when its body is not there.
pub fn exchange(data: &[u8]) {
    let whole = answers([data]);
    let parts = answers(data.chunks(1 + data.len() % 7));
    let (of_whole, of_parts) = (each(&whole), each(&parts));
    if whole != parts {
        let ended = of_parts.last().is_some_and(|last| last.contains("\r\nConnection: close\r\n"));
        assert!(ended, "answers differ, and the connection goes on");
    }
    assert!(of_parts.len() <= of_whole.len());
    // The last one may differ when it ends the connection: what is wrong with the head is seen
    // before what is wrong with a body that is not there.
    let alike = of_parts.len() - usize::from(whole != parts);
    for (one, other) in of_whole.iter().zip(&of_parts[..alike]) {
        assert_eq!(one.lines().next(), other.lines().next());
    }
}

/// The heads of the answers, each of which is whole.
fn each(mut rest: &[u8]) -> Vec<&str> {
    let mut heads = Vec::new();
    while !rest.is_empty() {
        let head_len =
            rest.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let head = std::str::from_utf8(&rest[..head_len]).expect("heads are ASCII");
        assert!(head.starts_with("HTTP/1.1 "), "{head}");
        if head.contains("\r\nTransfer-Encoding: chunked\r\n") {
            let end = b"\r\n0\r\n\r\n";
            let at = rest.windows(end.len()).position(|window| window == end);
            heads.push(head);
            rest = &rest[at.map_or(rest.len(), |at| at + end.len())..];
            continue;
        }
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
        let body_len: usize = length.map_or(0, |length| length.parse().expect("a number"));
        let body = rest.get(head_len..head_len + body_len);
        // The answer to a HEAD has the length and not the body.
        let headless = body.is_none_or(|body| body.starts_with(b"HTTP/1.1 "));
        heads.push(head);
        rest = &rest[if headless { head_len } else { head_len + body_len }..];
    }
    heads
}

/// Bytes as the beginning of a connection behind a proxy: what is seen of them does not depend on how
/// many of them have arrived, and no more of them is taken than there is.
pub fn proxy(data: &[u8]) {
    let whole = proxy_header(data);
    let decided = (0..data.len()).find_map(|cut| match proxy_header(&data[..cut]) {
        Ok(ProxyHeader::Partial) => None,
        decided => Some((cut, decided)),
    });
    match (decided, whole) {
        (Some((cut, seen)), whole) => {
            assert_eq!(seen, whole);
            if let Ok(ProxyHeader::Whole(len, _)) = whole {
                assert_eq!(len, cut, "it is whole with its last byte");
            }
        }
        (None, Ok(ProxyHeader::Whole(len, _))) => assert_eq!(len, data.len()),
        (None, Ok(ProxyHeader::Partial)) => assert!(data.len() < limits::PROXY_HEADER_BYTES_MAX),
        (None, Err(_)) => {}
    }
}

/// Text as a configuration file, and its lines as variables of the environment: understood, and
/// then checked, or refused with the place where it stands; never a panic.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variables = text.lines().filter_map(|line| line.split_once('='));
    let variables = variables
        .map(|(name, value)| (format!("MCP_FASTD__{}", name.trim()).into(), value.trim().into()));
    let read = [
        RawConfig::from_text(text, true, "file"),
        RawConfig::from_text(text, false, "file"),
        RawConfig::from_environment(variables),
    ];
    for raw in read {
        match raw {
            Ok(mut raw) => {
                // Names of hosts are not looked up.
                raw.listen_on(([127, 0, 0, 1], 0).into());
                let _ = raw.settled().map(|settings| settings.config.check());
            }
            Err(error) => assert!(!error.place.is_empty() && !error.problem.is_empty()),
        }
    }
}

/// What a connection sees: each request on a line, and the error at the end.
fn decode<'d>(parts: impl IntoIterator<Item = &'d [u8]>) -> String {
    let limits = HttpLimits { body_bytes_max: 100_000, ..HttpLimits::default() };
    let (mut decoder, mut buffer, mut seen) = (Decoder::new(), ReadBuffer::new(), String::new());
    for part in parts {
        buffer.space(part.len(), usize::MAX)[..part.len()].copy_from_slice(part);
        buffer.filled(part.len());
        loop {
            let mut storage = field_storage();
            match decoder.decode(&mut buffer, &mut storage, &limits) {
                Ok(Parsed::Partial) => break,
                Ok(Parsed::Head(_)) => continue,
                Ok(Parsed::Complete(request)) => {
                    let head = request.head;
                    seen.push_str(&format!(
                        "{:?} {:?} {:?} {:?} {:?} {} {:?}\n",
                        head.method,
                        head.target,
                        head.host,
                        head.framing,
                        head.keep_alive,
                        head.fields.len(),
                        request.body
                    ));
                }
                Err(error) => return format!("{seen}{error}"),
            }
            decoder.finish(&mut buffer);
        }
    }
    seen
}

/// Everything an `Exchange` answers. An interim answer depends on how bytes arrive, and is left
/// out.
fn answers<'d>(parts: impl IntoIterator<Item = &'d [u8]>) -> Vec<u8> {
    let mut exchange = Exchange::new(server()).expect("a server in order");
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(exchange.send(part));
    }
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    while let Some(at) = all.windows(interim.len()).position(|window| window == interim) {
        all.drain(at..at + interim.len());
    }
    // Each session has a name of its own.
    let field = b"\r\nMcp-Session-Id: ";
    let mut from = 0;
    while let Some(at) = all[from..].windows(field.len()).position(|window| window == field) {
        from += at + field.len();
        all[from..from + 32].fill(b'0');
    }
    all
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Note {
    id: u32,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

fn server() -> Server<impl Handler> {
    Server::builder()
        .tool("add", |Add { a, b }: Add| match a.checked_add(b) {
            Some(sum) => Ok(Json(Sum { sum })),
            None => Err("out of range"),
        })
        .tool(about("echo").on_worker(), |Text { text }: Text| text)
        .prompt("greet", |Text { text }: Text| format!("Greet {text}."))
        .resource("app://readme", |_: &()| "Read me.")
        .resource_template("note://{id}", |Note { id }: Note| format!("Note {id}."))
        .build()
}

/// Whether two values are equal; doubles within what serde_json's quick parser may be off by.
fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (one, other) {
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Object(one), Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (Number(one), Number(other)) if one.is_f64() || other.is_f64() => {
            let (one, other) = (one.as_f64().expect("finite"), other.as_f64().expect("finite"));
            (one - other).abs() <= other.abs() * 1e-15 || (one - other).abs() < 1e-300
        }
        _ => one == other,
    }
}

/// Whether a value that serde_json takes is one that we take: see the comment of the room `json`.
fn within_limits(value: &serde_json::Value, text: &[u8]) -> bool {
    fn depth(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
            serde_json::Value::Object(members) => {
                1 + members.values().map(depth).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
    // serde_json reads integers beyond 64 bits as doubles: any run of 19 digits or more may be one.
    let long = text.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= 19);
    depth(value) < limits::JSON_DEPTH_MAX && !long
}
