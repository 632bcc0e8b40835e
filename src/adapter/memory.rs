//! Clients in this process, for tests.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::outbound::{Outbound, Reader};
use super::{Error, Received, SessionKey, Transport};
use crate::limits;

type ToClient = (SessionKey, Vec<u8>);

/// A [`Transport`] in memory; its clients are made by the [`MemoryClient`] that comes with it.
pub struct InMemory {
    /// `None` once it is closed.
    to_clients: Mutex<Option<Sender<ToClient>>>,
    from_clients: Receiver<Received>,
    reader: Reader,
}

/// The clients' end. Cheap to clone; when the last one is dropped, the transport is closed.
#[derive(Clone)]
pub struct MemoryClient {
    to_server: Sender<Received>,
    from_server: Receiver<ToClient>,
    names: Arc<AtomicU64>,
}

impl InMemory {
    /// Both ends. Each holds as many messages as an inbox, and then lets the other wait.
    pub fn pair() -> (InMemory, MemoryClient) {
        let (to_server, from_clients) = bounded(limits::INBOX_MAX);
        let (to_clients, from_server) = bounded(limits::INBOX_MAX);
        let to_clients = Mutex::new(Some(to_clients));
        let transport = InMemory { to_clients, from_clients, reader: Reader::default() };
        (transport, MemoryClient { to_server, from_server, names: Arc::new(AtomicU64::new(1)) })
    }
}

impl MemoryClient {
    /// A new session.
    pub fn session(&self) -> SessionKey {
        SessionKey(self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a message of a session. Says whether there was somebody to take it.
    pub fn send(&self, session: SessionKey, message: &[u8]) -> bool {
        let message = message.to_vec();
        self.to_server.send(Received::Message { session, principal: None, message }).is_ok()
    }

    /// Ends a session.
    pub fn end(&self, session: SessionKey) {
        // Nobody is left to be told where this fails.
        let _ = self.to_server.send(Received::Ended { session });
    }

    /// Waits for the next message to a session; `None` when the transport is closed.
    pub fn receive(&self) -> Option<(SessionKey, Vec<u8>)> {
        self.from_server.recv().ok()
    }
}

impl Transport for InMemory {
    type Error = Error<Infallible>;

    fn start(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn receive(&self) -> Option<Received> {
        let is_closed = self.to_clients.lock().is_none();
        match is_closed {
            true => self.from_clients.try_recv().ok(),
            false => self.from_clients.recv().ok(),
        }
    }

    fn send(&self, session: SessionKey, message: &[u8]) -> Result<(), Self::Error> {
        let Outbound { text, .. } = self.reader.read(message)?;
        let to_clients = self.to_clients.lock().clone().ok_or(Error::Ended)?;
        to_clients.send((session, text)).map_err(|_| Error::Ended)
    }

    fn close(&self) {
        self.to_clients.lock().take();
    }
}
