//! What is sent, as far as it has to be understood to find whom it is for.

use parking_lot::Mutex;

use super::Error;
use crate::json::{Parser, Value};
use crate::rpc::{Id, Message};

/// A message on its way to a client.
pub(super) struct Outbound {
    /// On one line, as event streams and stdio want it.
    pub(super) text: Vec<u8>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// The answer to the request of this id, as JSON; the code of its error.
    Response { id: Vec<u8>, error: Option<i32> },
    /// A request (`asks`) or a notification, and the progress token it names, as JSON.
    Said { method: String, token: Option<Vec<u8>>, asks: bool },
}

/// Reads messages that are sent.
#[derive(Default)]
pub(super) struct Reader(Mutex<Parser>);

impl Reader {
    /// Reads one.
    pub(super) fn read<E>(&self, message: &[u8]) -> Result<Outbound, Error<E>> {
        let mut text = message.to_vec();
        let mut parser = self.0.lock();
        let wrong = |problem: String| Error::NotAMessage(problem);
        let document = parser.parse(&mut text).map_err(|error| wrong(error.to_string()))?;
        let message = Message::read(document.root()).map_err(|it| wrong(it.message.to_owned()))?;
        let kind = match message {
            Message::Response { id, outcome } => {
                let code = |error: Value<'_>| error.get("code").and_then(|code| code.as_i64());
                let error = outcome.err().map(|error| code(error).unwrap_or_default());
                Kind::Response { id: id_text(id), error: error.map(|code| code as i32) }
            }
            Message::Request { method, params, .. } => said(method, params, true),
            Message::Notification { method, params } => said(method, params, false),
        };
        let mut text = Vec::new();
        document.root().write(&mut text);
        Ok(Outbound { text, kind })
    }
}

fn said(method: &str, params: Value<'_>, asks: bool) -> Kind {
    Kind::Said { method: method.to_owned(), token: token(params).or(meta_token(params)), asks }
}

/// The progress token of `params`, as JSON: where a notification has it.
fn token(params: Value<'_>) -> Option<Vec<u8>> {
    params.get("progressToken").map(json_text)
}

/// The progress token of `params._meta`, as JSON: where a request has it.
pub(super) fn meta_token(params: Value<'_>) -> Option<Vec<u8>> {
    params.get("_meta").and_then(token)
}

fn json_text(value: Value<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    value.write(&mut text);
    text
}

fn id_text(id: Id<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    id.write(&mut text);
    text
}
