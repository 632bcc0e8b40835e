//! Many HTTP clients as one linear stream.

use std::marker::PhantomData;
use std::net::SocketAddr;

use parking_lot::Mutex;

use super::{Error, Inbox, Received, SessionKey, Transport};
use crate::app::Handler;
use crate::config::Config;
use crate::server::{Running, ServeError, Server};

/// What serves HTTP: it hands messages to a handler of its own kind.
pub trait HttpEngine {
    /// What it hands messages to, made of the inbox that they go to.
    type Handler: From<Inbox>;
    /// Why it does not start.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Begins to serve, and says where.
    ///
    /// # Errors
    /// Nothing was started.
    fn start(&mut self, handler: Self::Handler) -> Result<SocketAddr, Self::Error>;

    /// Ends what is under way, and returns when that is done.
    fn stop(&mut self);
}

/// Our engine. `H` is the handler that messages go through: an [`Inbox`], or one of your own that
/// has one, and decides who may send ([`Handler::authenticate`]).
pub struct Engine<H = Inbox> {
    config: Config,
    bind: Option<String>,
    running: Option<Running>,
    handler: PhantomData<fn(H)>,
}

impl Engine {
    /// An engine that listens here (`ADDRESS:PORT`; port 0 takes a free one).
    pub fn bind(address: &str) -> Engine {
        let config = Config::default();
        Engine { config, bind: Some(address.to_owned()), running: None, handler: PhantomData }
    }
}

impl<H> Engine<H> {
    /// An engine with these settings, and with a handler of your own.
    pub fn with(config: Config) -> Engine<H> {
        Engine { config, bind: None, running: None, handler: PhantomData }
    }
}

impl<H: Handler + From<Inbox>> HttpEngine for Engine<H> {
    type Handler = H;
    type Error = ServeError;

    fn start(&mut self, handler: H) -> Result<SocketAddr, ServeError> {
        let mut server = Server::new(handler).config(self.config.clone());
        if let Some(bind) = &self.bind {
            server = server.bind(bind.as_str());
        }
        let running = self.running.insert(server.start()?);
        Ok(running.addr())
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// A [`Transport`] over an HTTP engine: each client's messages come with its session, and each
/// answer finds the connection that waits for it, whatever else is under way.
///
/// What is not received in time is refused by the engine (503, `inbox_max` and `inbox_bytes_max`),
/// so that slow code slows its clients down and nothing grows.
pub struct HttpTransport<E> {
    engine: Mutex<E>,
    inbox: Inbox,
    address: Option<SocketAddr>,
}

impl<E: HttpEngine> HttpTransport<E> {
    /// A transport over this engine.
    pub fn new(engine: E) -> HttpTransport<E> {
        HttpTransport { engine: Mutex::new(engine), inbox: Inbox::new(), address: None }
    }

    /// Where it listens, once it is started.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl<E: HttpEngine> Transport for HttpTransport<E> {
    type Error = Error<E::Error>;

    fn start(&mut self) -> Result<(), Self::Error> {
        let started = self.engine.get_mut().start(self.inbox.clone().into());
        self.address = Some(started.map_err(Error::Carrier)?);
        Ok(())
    }

    fn receive(&self) -> Option<Received> {
        self.inbox.receive()
    }

    fn send(&self, session: SessionKey, message: &[u8]) -> Result<(), Self::Error> {
        self.inbox.send(session, None, message)
    }

    fn send_about(
        &self,
        session: SessionKey,
        request: &[u8],
        message: &[u8],
    ) -> Result<(), Self::Error> {
        self.inbox.send(session, Some(request), message)
    }

    fn close(&self) {
        self.engine.lock().stop();
        self.inbox.close();
    }
}
