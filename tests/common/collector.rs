//! A collector of traces: it takes OTLP over HTTP, and reads it with OpenTelemetry's own messages.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// What was sent to it.
#[derive(Default)]
struct Seen {
    /// How the next requests are answered: status line and fields, body. Beyond them, with 200.
    answers: VecDeque<(&'static str, Vec<u8>)>,
    /// The heads of requests.
    heads: Vec<String>,
    exports: Vec<ExportTraceServiceRequest>,
}

#[derive(Clone)]
pub struct Collector {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Collector {
    pub fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let collector = Collector { address, seen: Arc::default() };
        let serving = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        collector
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers a request to come so: `"503 Busy\r\nRetry-After: 1"`.
    pub fn answer(&self, head: &'static str, body: Vec<u8>) {
        self.lock().answers.push_back((head, body));
    }

    /// The spans that were taken.
    pub fn spans(&self) -> Vec<Span> {
        let seen = self.lock();
        let scopes = seen.exports.iter().flat_map(|export| &export.resource_spans);
        let scopes = scopes.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The requests that were sent: how many, and the heads of all.
    pub fn heads(&self) -> Vec<String> {
        self.lock().heads.clone()
    }

    /// What is said of who sent them.
    pub fn resource(&self) -> Vec<KeyValue> {
        let seen = self.lock();
        let first = &seen.exports.first().expect("an export").resource_spans[0];
        first.resource.clone().expect("a resource").attributes
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no holder panics")
    }

    /// Serves a connection, until it ends.
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
        loop {
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a whole body");
            let export = ExportTraceServiceRequest::decode(&*body).expect("it is OTLP");
            let (status, answer) = {
                let mut seen = self.lock();
                seen.heads.push(head);
                let answer = seen.answers.pop_front().unwrap_or(("200 OK", Vec::new()));
                if answer.0.starts_with("200") {
                    seen.exports.push(export);
                }
                answer
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\n\
                 Content-Length: {}\r\n\r\n",
                answer.len()
            );
            if stream.write_all(&[head.as_bytes(), &answer].concat()).is_err() {
                return;
            }
        }
    }
}

/// An attribute, as text.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let value = found.next()?.value.clone();
    assert!(found.next().is_none(), "{key} stands once: {attributes:?}");
    match value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => Some(text),
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}
