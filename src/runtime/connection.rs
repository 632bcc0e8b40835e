//! A connection: socket, buffers, where it stands. Its I/O; what to do with the bytes is the
//! shard's business.
//!
//! ```text
//!    ProxyHeader ── it is whole ──▶ Reading (where connections begin with one)
//!
//!         the answer comes later      an answer that is the last one, a refusal
//!   Reading ────────────────────▶ Waiting ──────────────▶ Finishing ──all sent──▶ Closed
//!      ▲                             │                        │                     ▲
//!      └──── all of it came ─────────┘                        └─ bytes may still ─▶ Draining
//!                                                                be on their way
//!   Reading ── who asks is being found out ──▶ Parked ── it is known ──▶ Reading
//! ```

use std::net::{IpAddr, Shutdown};

use mio::net::TcpStream;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::deadlines::{Tick, Timer};
use super::parked::Parked;
use super::tls::Tls;
use crate::app::Peer;
use crate::buffer::{ReadBuffer, WriteBuffer};
use crate::http::{Decoder, Proxied, ProxyHeader, proxy_header};
use crate::limits;
use crate::transport::{Counted, Reply};

/// Where a connection stands.
#[derive(Debug)]
pub(crate) enum State {
    /// A header of the PROXY protocol is to come first, and says who is at the other end.
    ProxyHeader,
    /// Requests are read and answered.
    Reading,
    /// A request stays where it is, until somebody has said who it is from.
    Parked(Box<Parked>),
    /// The answer comes from elsewhere, at once or as a stream.
    Waiting(Box<Reply>),
    /// The last answer is being sent. `linger`: the client may not have stopped sending.
    Finishing { linger: bool },
    /// All is sent and the FIN with it; what still comes in is thrown away, so that the kernel does
    /// not reset the connection before the client has read its answer.
    Draining { left: usize },
    /// To be removed.
    Closed,
}

/// What the connection's deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    /// The handshake of TLS, from the connection's beginning.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "there is none"))]
    Handshake,
    Head,
    Body,
    Writing,
    Draining,
    /// Somebody has yet to say who a request is from.
    Parked,
    /// The answer comes from elsewhere, as long as it takes; signs of life are due meanwhile.
    Waiting,
}

/// Who a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    /// It came to the listener for operators, and gets their pages alone.
    Operator,
    /// Its address has as many as it may: it is told so when it asks for something.
    TurnedAway,
}

pub(crate) struct Connection {
    socket: TcpStream,
    pub(crate) peer: Peer,
    pub(crate) generation: u32,
    /// What is between the socket and the buffers, where that is TLS.
    pub(crate) tls: Option<Box<Tls>>,
    pub(crate) input: ReadBuffer,
    pub(crate) decoder: Decoder,
    /// What the request that is being read was counted for.
    pub(crate) counted: Counted,
    pub(crate) output: WriteBuffer,
    pub(crate) state: State,
    pub(crate) timer: Timer,
    pub(crate) phase: Phase,
    pub(crate) kind: Kind,
    /// The socket may have bytes for us.
    pub(crate) readable: bool,
    /// The client has closed its side; the socket is to be read to its end.
    pub(crate) half_closed: bool,
    /// There is nothing more to read.
    pub(crate) at_end: bool,
    /// It is in the list of connections that have more to do next turn.
    pub(crate) in_ready: bool,
    /// It is in one of the lists of connections that have output to write.
    pub(crate) in_dirty: bool,
    /// Since it was last concluded: a request was answered, bytes were moved, it ran into the bound
    /// on one turn, it ran into the bound on unsent bytes.
    pub(crate) answered: bool,
    pub(crate) progress: bool,
    pub(crate) more: bool,
    pub(crate) held_back: bool,
    /// When it was opened, and how many requests it had.
    pub(crate) opened: Tick,
    pub(crate) requests: usize,
    /// The address that it is counted for.
    pub(crate) from: Option<IpAddr>,
    /// When the stream has something to say again that has to wait now.
    pub(crate) again: Option<Tick>,
    /// The stream has more to say when what is written is sent.
    pub(crate) more_events: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, peer: Peer, generation: u32) -> Connection {
        Connection {
            opened: 0,
            requests: 0,
            from: None,
            socket,
            peer,
            generation,
            tls: None,
            input: ReadBuffer::new(),
            decoder: Decoder::new(),
            counted: Counted::Not,
            output: WriteBuffer::new(),
            state: State::Reading,
            timer: Timer::default(),
            phase: Phase::Idle,
            kind: Kind::Client,
            readable: false,
            half_closed: false,
            at_end: false,
            in_ready: false,
            in_dirty: false,
            answered: false,
            progress: false,
            more: false,
            held_back: false,
            again: None,
            more_events: false,
        }
    }

    /// Reads once into the input buffer, which may grow to `max` bytes. Says how much.
    ///
    /// `recv` and `send` are called without libc between, whose wrappers are points of
    /// cancellation and cost 60 instructions each.
    ///
    /// A read that does not fill the space has emptied the socket: asking again would be a system
    /// call to hear "would block". Only the end of the stream must be read for.
    #[inline(always)]
    pub(crate) fn fill(&mut self, max: usize) -> usize {
        let space = self.input.space(limits::READ_SPACE_MIN, max);
        let room = space.len();
        let received = recv(&self.socket, space, RecvFlags::empty()).map(|(read, _)| read);
        let read = self.received(received, room);
        self.input.filled(read);
        read
    }

    /// What a read into so much room came to: how many bytes there are.
    #[inline]
    pub(crate) fn received(&mut self, received: Result<usize, Errno>, room: usize) -> usize {
        match received {
            Ok(0) => {
                self.at_end = true;
                self.readable = false;
            }
            Ok(read) => {
                self.readable = read == room || self.half_closed;
                return read;
            }
            Err(Errno::WOULDBLOCK) => self.readable = false,
            Err(Errno::INTR) => {}
            Err(_) => self.abort(),
        }
        0
    }

    #[cfg(feature = "tls")]
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Reads the header of the PROXY protocol, and nothing of what follows it, which may be TLS:
    /// until all of it is there, it stays in the socket.
    #[cold]
    pub(crate) fn read_proxy_header(&mut self) {
        if !self.readable {
            return;
        }
        let mut bytes = [0; limits::PROXY_HEADER_BYTES_MAX];
        let there = match recv(&self.socket, &mut bytes, RecvFlags::PEEK) {
            Ok((there, _)) if there > 0 => there,
            Err(Errno::WOULDBLOCK | Errno::INTR) => return self.readable = false,
            Ok(_) | Err(_) => return self.abort(),
        };
        let (len, proxied) = match proxy_header(&bytes[..there]) {
            Ok(ProxyHeader::Whole(len, proxied)) => (len, proxied),
            Ok(ProxyHeader::Partial) if !self.half_closed => return self.readable = false,
            Ok(ProxyHeader::Partial) => return self.abort(),
            Err(error) => {
                tracing::debug!(peer = %self.peer.address, %error, "a connection is closed");
                return self.abort();
            }
        };
        if !recv(&self.socket, &mut bytes[..len], RecvFlags::empty()).is_ok_and(|(n, _)| n == len) {
            return self.abort();
        }
        if let Proxied::From { address, secure } = proxied {
            self.peer.address = address;
            self.peer.secure |= secure;
        }
        self.state = State::Reading;
    }

    /// Sends what is unsent, as far as the socket takes it. Says how much it took.
    #[inline]
    pub(crate) fn flush(&mut self) -> usize {
        let Sent { taken, lost } = send_unsent(&self.socket, &mut self.output);
        if lost {
            self.abort();
        }
        taken
    }

    /// All is sent: says so to the client, and closes unless bytes may still be on their way.
    pub(crate) fn finish(&mut self, linger: bool) {
        if !linger || self.at_end {
            self.state = State::Closed;
            return;
        }
        self.state = match self.socket.shutdown(Shutdown::Write) {
            Ok(()) => State::Draining { left: limits::LINGER_BYTES_MAX },
            Err(_) => State::Closed,
        };
        self.readable = true;
    }

    /// Reads and forgets, up to the end of the stream or of our patience.
    #[cold]
    pub(crate) fn drain(&mut self) {
        let mut scratch = [0_u8; 4096];
        while let State::Draining { left } = &mut self.state {
            match recv(&self.socket, &mut scratch, RecvFlags::empty()).map(|(read, _)| read) {
                Ok(read) if read > 0 && read < *left => *left -= read,
                Err(Errno::WOULDBLOCK) => {
                    self.readable = false;
                    return;
                }
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => self.state = State::Closed,
            }
        }
    }

    /// The connection is gone: nothing more is read, written or waited for.
    #[cold]
    pub(crate) fn abort(&mut self) {
        self.state = State::Closed;
    }
}

/// What came of sending.
pub(crate) struct Sent {
    /// So much the socket took.
    pub(crate) taken: usize,
    /// The connection is broken.
    pub(crate) lost: bool,
}

/// Sends what is unsent, as far as the socket takes it.
#[inline]
pub(crate) fn send_unsent(socket: &TcpStream, output: &mut WriteBuffer) -> Sent {
    let mut taken = 0;
    while !output.is_empty() {
        match send(socket, output.unsent(), SendFlags::NOSIGNAL) {
            Ok(0) => return Sent { taken, lost: true },
            Ok(sent) => {
                let all = sent == output.unsent().len();
                output.sent(sent);
                taken += sent;
                if !all {
                    break;
                }
            }
            Err(Errno::WOULDBLOCK) => break,
            Err(Errno::INTR) => {}
            Err(_) => return Sent { taken, lost: true },
        }
    }
    Sent { taken, lost: false }
}
