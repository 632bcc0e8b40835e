//! Code that is written against one linear stream of messages, and other people's servers, on this
//! engine.
//!
//! A [`Transport`] brings messages, each with its session, and takes answers in any order.
//! [`HttpTransport`] is one over an [`HttpEngine`] (ours is [`Engine`]); [`Stdio`] and [`InMemory`]
//! are others, so that the same code runs over all of them.
//!
//! ```text
//!   clients ══▶ engine ─▶ Inbox │ messages │ ─▶ receive ─▶ your code
//!           ◀══        ◀─ the request's own stream ◀─ send ◀─┘
//! ```
//!
//! Nothing here is asynchronous: [`Transport::receive`] waits, and [`Transport::send`] does not. In
//! an async program, receive on a thread of its own (tokio: `spawn_blocking`), which passes on what
//! it gets, and send from wherever there is something to send.

mod http;
mod inbox;
mod memory;
mod outbound;
#[cfg(feature = "rmcp")]
pub mod rmcp;
mod stdio;

use std::fmt;
use std::sync::Arc;

use crate::app::Principal;

pub use http::{Engine, HttpEngine, HttpTransport};
pub use inbox::Inbox;
pub use memory::{InMemory, MemoryClient};
pub use stdio::Stdio;

/// A session, for as long as the process runs: what a client began with `initialize`, or a single
/// request of 2026-07-28, which is a session of its own that ends with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey(pub(crate) u64);

/// What a transport brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A message of a client.
    Message {
        /// Where it came from, and answers go.
        session: SessionKey,
        /// Who was authenticated, if anybody was.
        principal: Option<Arc<Principal>>,
        /// One JSON-RPC message.
        message: Vec<u8>,
    },
    /// Nothing more comes from a session, and nothing can be sent to it: what is kept for it can be
    /// forgotten. It comes once for each session, after all of its messages. A client that has only
    /// closed its side of the connection is told of here, too, and still takes an answer.
    Ended {
        /// Which one.
        session: SessionKey,
    },
}

/// One linear stream of messages, for any number of clients. Ids are those of the clients, and
/// unique within a session only.
pub trait Transport {
    /// Why something did not work.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Begins to take in messages.
    ///
    /// # Errors
    /// Nothing was started.
    fn start(&mut self) -> Result<(), Self::Error>;

    /// Waits for the next message. `None` when the transport is closed, and all has been received.
    fn receive(&self) -> Option<Received>;

    /// Sends a JSON-RPC message, and does not wait. A response goes to its request; what names a
    /// progress token goes with that request; all else with the session's only request under way,
    /// or on the session's own stream.
    ///
    /// # Errors
    /// It was not sent: the session has ended, or the message is none.
    fn send(&self, session: SessionKey, message: &[u8]) -> Result<(), Self::Error>;

    /// As [`Transport::send`], for what belongs to a request, whose id is given as JSON text.
    ///
    /// # Errors
    /// As [`Transport::send`].
    fn send_about(
        &self,
        session: SessionKey,
        _request: &[u8],
        message: &[u8],
    ) -> Result<(), Self::Error> {
        self.send(session, message)
    }

    /// Stops taking in messages, and ends all sessions. What is received already can be received.
    fn close(&self);
}

/// Why a transport did not do what it was asked to.
#[derive(Debug)]
pub enum Error<E> {
    /// What carries the messages says so.
    Carrier(E),
    /// The session has ended.
    Ended,
    /// What was to be sent is not one JSON-RPC message.
    NotAMessage(String),
    /// A response to no request that is under way.
    NoSuchRequest,
    /// A request to a client that cannot answer: it has no session.
    CannotAsk,
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Carrier(error) => error.fmt(f),
            Error::Ended => f.write_str("the session has ended: its client is gone"),
            Error::NotAMessage(problem) => write!(f, "not a JSON-RPC message: {problem}"),
            Error::NoSuchRequest => {
                f.write_str("no request of this id is under way: it was answered, or cancelled")
            }
            Error::CannotAsk => f.write_str(
                "a request of 2026-07-28 has no session, and cannot be asked in return: \
                 answer it with `input_required`",
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Error<E> {}
