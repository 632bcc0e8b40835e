//! What stands between the command and a server, or in a server's place.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A relay whose connections can be cut, and which can lead elsewhere.
pub struct Relay {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    target: Mutex<SocketAddr>,
    streams: Mutex<Vec<TcpStream>>,
    closed: AtomicBool,
}

impl Relay {
    pub fn to(target: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            target: Mutex::new(target),
            streams: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let accepting = inner.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.closed.load(Ordering::SeqCst) {
                    continue;
                }
                let target = *accepting.target.lock().expect("a lock");
                let Ok(server) = TcpStream::connect(target) else { continue };
                let mut streams = accepting.streams.lock().expect("a lock");
                for (from, to) in [(&client, &server), (&server, &client)] {
                    streams.push(from.try_clone().expect("a clone"));
                    let from = from.try_clone().expect("a clone");
                    let to = to.try_clone().expect("a clone");
                    std::thread::spawn(move || pump(from, to));
                }
            }
        });
        Relay { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Ends all connections there are.
    pub fn cut(&self) {
        for stream in self.inner.streams.lock().expect("a lock").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// New connections are closed at once, or no more.
    pub fn close(&self, closed: bool) {
        self.inner.closed.store(closed, Ordering::SeqCst);
    }

    /// Leads to another server, and cuts what led to the old one.
    pub fn turn(&self, target: SocketAddr) {
        *self.inner.target.lock().expect("a lock") = target;
        self.cut();
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// A request as a fake server sees it.
pub struct Seen {
    pub method: String,
    pub target: String,
    /// By their names in lower case.
    pub fields: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// A server that does what a test says, each request on a connection of its own.
pub struct Fake {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Arc<Seen>>>>,
}

impl Fake {
    pub fn start(answer: impl Fn(&Seen, &mut TcpStream) + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (seen.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || {
                    let Some((request, mut stream)) = read(stream) else { return };
                    let request = Arc::new(request);
                    log.lock().expect("a lock").push(request.clone());
                    answer(&request, &mut stream);
                });
            }
        });
        Fake { address, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// How many requests there were with this method.
    pub fn count(&self, method: &str) -> usize {
        self.seen.lock().expect("a lock").iter().filter(|seen| seen.method == method).count()
    }
}

fn read(stream: TcpStream) -> Option<(Seen, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut fields = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        fields.insert(name.to_lowercase(), value.to_owned());
    }
    let len = fields.get("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some((Seen { method, target, fields, body }, reader.into_inner()))
}

/// Answers with a status and a body of JSON.
pub fn json(stream: &mut TcpStream, status: &str, fields: &str, body: &Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}Connection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// Answers with the head of an event stream, whose body lasts as long as the connection.
pub fn events(stream: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
}

/// Writes an event.
pub fn event(stream: &mut TcpStream, data: &Value) {
    let _ = write!(stream, "data: {data}\n\n");
}
