//! Where an engine puts messages, and where their senders wait for answers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use parking_lot::Mutex;

use super::outbound::{Kind, Outbound, Reader, meta_token};
use super::{Error, Received, SessionKey};
use crate::app::Principal;
use crate::app::{Catalog, Handler, Incoming, Outgoing, Reception, SessionHandle};
use crate::json::Value;
use crate::limits;

/// The application that [`HttpTransport`](super::HttpTransport) gives to its engine: it keeps
/// messages until they are received. A handler of one's own, which decides who may send them, has
/// one of these and passes on to it.
#[derive(Clone)]
pub struct Inbox(Arc<Shared>);

struct Shared {
    catalog: Catalog,
    messages: (Sender<Letter>, Receiver<Letter>),
    /// Of all messages that wait.
    bytes: AtomicUsize,
    /// Parties that have ended, or have to be looked at.
    endings: (Sender<u64>, Receiver<u64>),
    /// Open until the transport is closed.
    closing: (Mutex<Option<Sender<()>>>, Receiver<()>),
    parties: Mutex<HashMap<u64, Party>>,
    names: AtomicU64,
    reader: Reader,
}

struct Letter {
    name: u64,
    principal: Option<Arc<Principal>>,
    message: Vec<u8>,
}

/// Somebody to whom messages can be sent.
enum Party {
    /// A session, and its requests under way. `met`: a message of it was received, and so will its
    /// end be.
    Session { handle: SessionHandle, calls: Vec<Underway>, met: bool },
    /// A request without one; `met` until its end was received.
    Alone { underway: Underway, met: bool },
    /// Such a request that is answered, and whose end was not received yet.
    Over,
}

struct Underway {
    outgoing: Outgoing,
    /// Its progress token, as JSON.
    token: Option<Vec<u8>>,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        let (open, closing) = bounded(0);
        Inbox(Arc::new(Shared {
            catalog: Catalog::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            messages: bounded(limits::INBOX_MAX),
            bytes: AtomicUsize::new(0),
            endings: unbounded(),
            closing: (Mutex::new(Some(open)), closing),
            parties: Mutex::default(),
            names: AtomicU64::new(1),
            reader: Reader::default(),
        }))
    }

    pub(super) fn receive(&self) -> Option<Received> {
        let Shared { messages: (_, messages), endings: (_, endings), closing, .. } = &*self.0;
        loop {
            // Asked first, so that what came before the end is found below.
            let is_closed = closing.0.lock().is_none();
            // Ends first: they free something. What is left of a session that has ended is not
            // received any more.
            let received = if let Ok(name) = endings.try_recv() {
                self.see_off(name)
            } else if let Ok(letter) = messages.try_recv() {
                self.open(letter)
            } else if is_closed {
                return None;
            } else {
                select! {
                    recv(endings) -> name => name.ok().and_then(|name| self.see_off(name)),
                    recv(messages) -> letter => letter.ok().and_then(|it| self.open(it)),
                    recv(closing.1) -> _ => None,
                }
            };
            if received.is_some() {
                return received;
            }
        }
    }

    /// From now on, what is there can be received, and then nothing.
    pub(super) fn close(&self) {
        self.0.closing.0.lock().take();
    }

    pub(super) fn send<E>(
        &self,
        to: SessionKey,
        about: Option<&[u8]>,
        message: &[u8],
    ) -> Result<(), Error<E>> {
        let Outbound { text, kind } = self.0.reader.read(message)?;
        match kind {
            Kind::Response { id, error } => self.answer(to.0, &id, error, text),
            Kind::Said { method, token, asks } => {
                let concerns = |it: &Underway, of: usize| match (about, &token) {
                    (Some(request), _) => it.outgoing.id() == request,
                    (None, Some(_)) => it.token == token,
                    (None, None) => of == 1,
                };
                self.say(to.0, concerns, &method, asks, text)
            }
        }
    }

    fn answer<E>(
        &self,
        name: u64,
        id: &[u8],
        error: Option<i32>,
        text: Vec<u8>,
    ) -> Result<(), Error<E>> {
        let mut parties = self.0.parties.lock();
        let Entry::Occupied(mut party) = parties.entry(name) else { return Err(Error::Ended) };
        let underway = match party.get_mut() {
            Party::Over => return Err(Error::NoSuchRequest),
            Party::Session { calls, .. } => {
                // Ids may be used again when their request was cancelled.
                let wanted = |it: &Underway| it.outgoing.id() == id && !it.outgoing.is_over();
                let at = calls.iter().position(wanted);
                calls.swap_remove(at.ok_or(Error::NoSuchRequest)?)
            }
            Party::Alone { underway, .. } if underway.outgoing.id() != id => {
                return Err(Error::NoSuchRequest);
            }
            Party::Alone { .. } => match party.insert(Party::Over) {
                Party::Alone { underway, met } => {
                    if met {
                        // Of these there are as many as requests.
                        let _ = self.0.endings.0.send(name);
                    } else {
                        party.remove();
                    }
                    underway
                }
                Party::Session { .. } | Party::Over => return Err(Error::NoSuchRequest),
            },
        };
        drop(parties);
        underway.outgoing.finish(text, error);
        Ok(())
    }

    fn say<E>(
        &self,
        name: u64,
        concerns: impl Fn(&Underway, usize) -> bool,
        method: &str,
        asks: bool,
        text: Vec<u8>,
    ) -> Result<(), Error<E>> {
        let mut parties = self.0.parties.lock();
        match parties.get_mut(&name) {
            None | Some(Party::Over) => Err(Error::Ended),
            Some(Party::Alone { .. }) if asks => Err(Error::CannotAsk),
            Some(Party::Alone { underway, .. }) => {
                underway.outgoing.push(method, text);
                Ok(())
            }
            Some(Party::Session { handle, calls, .. }) => {
                calls.retain(|it| !it.outgoing.is_over());
                let found = calls.iter().find(|it| concerns(it, calls.len()));
                match found.filter(|it| it.outgoing.takes_events()) {
                    Some(underway) => _ = underway.outgoing.push(method, text),
                    None => handle.push(method, text),
                }
                Ok(())
            }
        }
    }

    /// What is received of a letter; nothing when its sender is gone.
    fn open(&self, letter: Letter) -> Option<Received> {
        let Letter { name, principal, message } = letter;
        self.0.bytes.fetch_sub(message.len(), Ordering::Relaxed);
        let is_here = match self.0.parties.lock().get_mut(&name) {
            Some(Party::Session { handle, met, .. }) if !handle.has_ended() => {
                *met = true;
                true
            }
            Some(Party::Alone { underway, met }) if !underway.outgoing.is_over() => {
                *met = true;
                if underway.outgoing.is_given_up() {
                    // Of that was told before anybody knew the request: it is told again.
                    let _ = self.0.endings.0.send(name);
                }
                true
            }
            // It is seen off without ever having been met.
            _ => false,
        };
        is_here.then_some(Received::Message { session: SessionKey(name), principal, message })
    }

    /// What is received of an ending; nothing when it was received before.
    fn see_off(&self, name: u64) -> Option<Received> {
        let mut parties = self.0.parties.lock();
        let Entry::Occupied(mut party) = parties.entry(name) else { return None };
        let news = match party.get_mut() {
            Party::Over => true,
            Party::Session { handle, .. } if !handle.has_ended() => return None,
            Party::Session { met, .. } => *met,
            Party::Alone { underway, met } => {
                let news = std::mem::take(met);
                if !underway.outgoing.is_over() {
                    // Half closed: the client may still read.
                    return news.then_some(Received::Ended { session: SessionKey(name) });
                }
                news
            }
        };
        let gone = party.remove();
        drop(parties);
        drop(gone);
        news.then_some(Received::Ended { session: SessionKey(name) })
    }

    /// The name of who sends a message, who is entered where he is new.
    fn enter(&self, incoming: &mut Incoming<'_>) -> Result<u64, Reception> {
        if let Some(name) = incoming.session_name()
            && incoming.request.is_none()
        {
            return Ok(name);
        }
        let session = incoming.session();
        let name = incoming.session_name();
        let name = name.unwrap_or_else(|| self.0.names.fetch_add(1, Ordering::Relaxed));
        let endings = &self.0.endings.0;
        let outgoing = incoming.later()?;
        let underway = Underway { outgoing, token: params(incoming).and_then(meta_token) };
        match session {
            None => {
                let party = Party::Alone { underway, met: false };
                // Before the entry can be found, so that nothing that ends it is missed.
                let mut parties = self.0.parties.lock();
                if let Party::Alone { underway, .. } = parties.entry(name).insert_entry(party).get()
                {
                    underway.outgoing.watch(endings.clone(), name);
                }
            }
            Some(session) => {
                let mut parties = self.0.parties.lock();
                let fresh =
                    || Party::Session { handle: session.clone(), calls: Vec::new(), met: false };
                if let Party::Session { calls, .. } = parties.entry(name).or_insert_with(fresh) {
                    if calls.len() >= CALLS_FEW {
                        // Those that were cancelled will not be answered.
                        calls.retain(|it| !it.outgoing.is_over());
                    }
                    calls.push(underway);
                }
                if incoming.begins_session() {
                    session.watch(endings.clone(), name);
                }
            }
        }
        Ok(name)
    }

    /// Takes back what [`Inbox::enter`] did.
    fn leave(&self, name: u64, incoming: &Incoming<'_>) {
        let mut parties = self.0.parties.lock();
        let gone = match parties.get_mut(&name) {
            Some(Party::Session { calls, .. }) if !incoming.begins_session() => {
                calls.retain(|it| !it.outgoing.answers(incoming));
                None
            }
            _ => parties.remove(&name),
        };
        drop(parties);
        drop(gone);
    }
}

/// So many requests of a session are kept before those are looked for that were cancelled.
const CALLS_FEW: usize = 16;

fn params<'m>(incoming: &Incoming<'m>) -> Option<Value<'m>> {
    incoming.message.get("params")
}

impl Handler for Inbox {
    const SPEAKS_MCP: bool = true;

    fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    fn receive(&self, incoming: &mut Incoming<'_>, _out: &mut Vec<u8>) -> Reception {
        let mut message = Vec::new();
        incoming.message.write(&mut message);
        let len = message.len();
        if self.0.bytes.fetch_add(len, Ordering::Relaxed) + len > limits::INBOX_BYTES_MAX {
            self.0.bytes.fetch_sub(len, Ordering::Relaxed);
            return Reception::Full("inbox_bytes_max");
        }
        let name = match self.enter(incoming) {
            Ok(name) => name,
            Err(reception) => {
                self.0.bytes.fetch_sub(len, Ordering::Relaxed);
                return reception;
            }
        };
        let letter = Letter { name, principal: incoming.principal.cloned(), message };
        match self.0.messages.0.try_send(letter) {
            Ok(()) => Reception::Taken,
            Err(_) => {
                self.0.bytes.fetch_sub(len, Ordering::Relaxed);
                if incoming.request.is_some() {
                    self.leave(name, incoming);
                }
                Reception::Full("inbox_max")
            }
        }
    }
}
