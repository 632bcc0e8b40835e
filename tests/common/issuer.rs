//! A small authorization server: metadata, keys, answers about tokens, and the tokens themselves.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// A key that signs tokens.
pub struct SigningKey {
    pub id: &'static str,
    pub algorithm: Algorithm,
    key: EncodingKey,
    jwk: Value,
}

impl SigningKey {
    /// A new one, for this algorithm.
    pub fn new(id: &'static str, algorithm: Algorithm) -> SigningKey {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let curve = |name: &str, signing, half: usize| {
            let document = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new());
            let document = document.expect("a key");
            let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref()).expect("a key");
            let (x, y) = pair.public_key().as_ref()[1..].split_at(half);
            let jwk = json!({ "kty": "EC", "crv": name, "x": encode(x), "y": encode(y) });
            (EncodingKey::from_ec_der(document.as_ref()), jwk)
        };
        let (key, jwk) = match algorithm {
            Algorithm::ES256 => curve("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING, 32),
            Algorithm::ES384 => curve("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING, 48),
            Algorithm::EdDSA => {
                let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
                let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
                let x = encode(pair.public_key().as_ref());
                let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
                (EncodingKey::from_ed_der(document.as_ref()), jwk)
            }
            _ => {
                let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
                let document = pair.as_der().expect("DER");
                // The key itself, without what PKCS #8 puts in front of one of this size.
                let key = EncodingKey::from_rsa_der(&document.as_ref()[26..]);
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                (key, json!({ "kty": "RSA", "n": encode(&n), "e": encode(&e) }))
            }
        };
        SigningKey { id, algorithm, key, jwk }
    }

    /// Its public half, with these members besides.
    pub fn jwk(&self, more: Value) -> Value {
        let mut jwk = self.jwk.clone();
        let more = more.as_object().expect("an object").clone();
        jwk.as_object_mut().expect("an object").extend(more);
        jwk
    }

    /// Its public half as an issuer shows it.
    pub fn public(&self) -> Value {
        self.jwk(json!({ "kid": self.id, "use": "sig" }))
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let name = serde_json::to_value(self.algorithm).expect("a name");
        self.sign(&json!({ "alg": name, "kid": self.id, "typ": "at+jwt" }), claims)
    }

    /// A token with this header.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = crypto::sign(signed.as_bytes(), &self.key, self.algorithm);
        format!("{signed}.{}", signature.expect("a signature"))
    }
}

/// What the server answers.
#[derive(Default)]
pub struct Answers {
    /// `jwks`: the keys it shows.
    pub keys: Vec<Value>,
    /// `Cache-Control` of its keys.
    pub cache_control: Option<String>,
    /// Members that its metadata has besides, or instead.
    pub metadata: Value,
    /// The path of its metadata.
    pub metadata_path: String,
    /// What it says of tokens; of others, that they are not active.
    pub tokens: HashMap<String, Value>,
    /// The status of all answers but 200.
    pub status: Option<u16>,
    /// Where all requests are sent instead.
    pub redirect: Option<String>,
    /// Requests wait as long as this is set.
    pub is_held: bool,
    /// What was asked: the request line, `authorization` and the body.
    pub asked: Vec<(String, Option<String>, String)>,
    is_over: bool,
}

/// A server that answers so.
pub struct Issuer {
    pub address: SocketAddr,
    shared: Arc<(Mutex<Answers>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Issuer {
    pub fn start() -> Issuer {
        let answers = Answers {
            metadata_path: "/.well-known/oauth-authorization-server".to_owned(),
            metadata: json!({}),
            ..Answers::default()
        };
        let shared = Arc::new((Mutex::new(answers), Condvar::new()));
        let address = "127.0.0.1:0".parse().expect("an address");
        let mut issuer = Issuer { address, shared, thread: None };
        issuer.come_back();
        issuer
    }

    /// Its issuer identifier.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers from now on.
    pub fn answers(&self) -> MutexGuard<'_, Answers> {
        self.shared.0.lock().expect("a lock")
    }

    /// How often it was asked for what begins so.
    pub fn count(&self, request: &str) -> usize {
        self.answers().asked.iter().filter(|(line, ..)| line.starts_with(request)).count()
    }

    /// Lets requests wait, or go on.
    pub fn hold(&self, is_held: bool) {
        self.answers().is_held = is_held;
        self.shared.1.notify_all();
    }

    /// Goes: connections to it are refused.
    pub fn go(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.answers().is_over = true;
        self.hold(false);
        let _ = TcpStream::connect(self.address);
        thread.join().expect("no panic");
    }

    /// Comes back at the same address.
    pub fn come_back(&mut self) {
        self.go();
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let listener = listener.expect("a socket");
        listener.set_reuse_address(true).expect("a socket");
        listener.bind(&self.address.into()).expect("the address is free");
        listener.listen(64).expect("a socket");
        let listener = TcpListener::from(listener);
        self.address = listener.local_addr().expect("an address");
        self.answers().is_over = false;
        let (shared, url) = (self.shared.clone(), self.url());
        self.thread = Some(std::thread::spawn(move || {
            let mut threads = Vec::new();
            for stream in listener.incoming() {
                if shared.0.lock().expect("a lock").is_over {
                    break;
                }
                let (stream, shared, url) =
                    (stream.expect("a stream"), shared.clone(), url.clone());
                threads.push(std::thread::spawn(move || {
                    let _ = serve(&stream, &shared, &url);
                }));
            }
            drop(listener);
            for thread in threads {
                thread.join().expect("no panic");
            }
        }));
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.go();
    }
}

fn serve(
    mut stream: &TcpStream,
    shared: &(Mutex<Answers>, Condvar),
    url: &str,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut authorization) = (String::new(), 0, None);
    reader.read_line(&mut line)?;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a number"),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).expect("text");
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut answers = shared.0.lock().expect("a lock");
    answers.asked.push((line.trim_end().to_owned(), authorization, body.clone()));
    while answers.is_held {
        answers = shared.1.wait(answers).expect("a lock");
    }
    let (mut status, mut more, mut text) = (200, String::new(), String::new());
    match path.as_str() {
        "/jwks" => {
            text = json!({ "keys": answers.keys }).to_string();
            if let Some(control) = &answers.cache_control {
                more = format!("Cache-Control: {control}\r\n");
            }
        }
        "/introspect" => {
            let token = body.split('&').find_map(|field| field.strip_prefix("token="));
            let answer = answers.tokens.get(token.unwrap_or_default());
            text = answer.unwrap_or(&json!({ "active": false })).to_string();
        }
        path if path == answers.metadata_path => {
            let mut metadata = json!({
                "issuer": url, "jwks_uri": format!("{url}/jwks"),
                "introspection_endpoint": format!("{url}/introspect"),
            });
            let more = answers.metadata.as_object().expect("an object").clone();
            metadata.as_object_mut().expect("an object").extend(more);
            text = metadata.to_string();
        }
        _ => status = 404,
    }
    if let Some(place) = &answers.redirect {
        (status, more) = (302, format!("Location: {place}{path}\r\n"));
    }
    let status = answers.status.unwrap_or(status);
    drop(answers);
    let length = text.len();
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n")?;
    write!(stream, "Content-Length: {length}\r\n{more}Connection: close\r\n\r\n{text}")?;
    stream.flush()
}
