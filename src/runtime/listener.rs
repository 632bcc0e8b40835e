//! Listening sockets: one for each shard, on one address; or those that somebody else has opened.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;

use mio::net::TcpListener;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::config::Config;
use crate::limits;

/// What each shard listens on, and the address.
type Listeners = (Vec<Vec<TcpListener>>, SocketAddr);

/// Listening sockets that are open already.
#[derive(Debug, Default)]
pub struct Opened {
    /// For clients. There may be more or fewer than shards.
    pub clients: Vec<StdListener>,
    /// For operators, where [`ObserveConfig::admin_bind`](crate::ObserveConfig::admin_bind) says
    /// that they have one of their own.
    pub admin: Option<StdListener>,
}

/// What a server listens on, and where.
pub(crate) struct Listening {
    pub(crate) shards: Vec<Vec<TcpListener>>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<TcpListener>,
    pub(crate) admin_address: Option<SocketAddr>,
}

/// The setting that says where, what it says, and why nothing can listen there.
pub(crate) type Refused = (&'static str, SocketAddr, io::Error);

/// Opens what `count` shards listen on, unless it is `opened` already.
pub(crate) fn listen(config: &Config, opened: Opened, count: usize) -> Result<Listening, Refused> {
    let (shards, address) = match opened.clients.is_empty() || count == 0 {
        true => open(config.bind, count),
        false => deal(opened.clients, count),
    }
    .map_err(|error| ("bind", config.bind, error))?;
    let mut listening = Listening { shards, address, admin: None, admin_address: None };
    if let Some(bind) = config.observe.admin_bind {
        let (listeners, address) = match opened.admin {
            Some(listener) => deal(vec![listener], 1),
            None => open(bind, 1),
        }
        .map_err(|error| ("admin_bind", bind, error))?;
        listening.admin = listeners.into_iter().flatten().next();
        listening.admin_address = Some(address);
    }
    Ok(listening)
}

/// Opens `count` listeners on one address; the kernel spreads new connections over them.
///
/// Sockets with `SO_REUSEPORT` would also share the port with another process of the same user
/// without a word, so the address is first tried without it.
fn open(address: SocketAddr, count: usize) -> io::Result<Listeners> {
    if address.port() != 0 && count > 0 {
        let probe = socket(address)?;
        probe.bind(&address.into())?;
        probe.listen(1)?;
    }
    let mut address = address;
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = socket(address)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        socket.listen(limits::BACKLOG)?;
        let listener = prepared(StdListener::from(socket))?;
        address = listener.local_addr()?;
        listeners.push(vec![listener]);
    }
    Ok((listeners, address))
}

/// Deals sockets that are open already to `count` shards, so that each has one at least and each is
/// had by somebody: connections that wait at a socket that nobody has would be lost with it.
fn deal(opened: Vec<StdListener>, count: usize) -> io::Result<Listeners> {
    let opened = distinct(opened)?;
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "no sockets were handed over");
    let address = opened.first().ok_or_else(nothing)?.local_addr()?;
    let mut listeners: Vec<Vec<TcpListener>> = (0..count).map(|_| Vec::new()).collect();
    for index in 0..opened.len().max(count) {
        let again = opened[index % opened.len()].as_fd().try_clone_to_owned()?;
        if let Some(shard) = listeners.get_mut(index % count.max(1)) {
            shard.push(prepared(StdListener::from(again))?);
        }
    }
    Ok((listeners, address))
}

/// Each socket once, though there may be several descriptors of it.
pub(crate) fn distinct(opened: Vec<StdListener>) -> io::Result<Vec<StdListener>> {
    let mut found = Vec::new();
    let mut distinct = Vec::new();
    for listener in opened {
        let inode = File::from(listener.as_fd().try_clone_to_owned()?).metadata()?.ino();
        if !found.contains(&inode) {
            found.push(inode);
            distinct.push(listener);
        }
    }
    Ok(distinct)
}

fn prepared(listener: StdListener) -> io::Result<TcpListener> {
    // Inherited by what is accepted: a client that reads slowly is seen to read, since there is
    // room again long before all that the kernel holds for it has gone.
    #[cfg(target_os = "linux")]
    SockRef::from(&listener).set_tcp_notsent_lowat(limits::NOTSENT_BYTES)?;
    listener.set_nonblocking(true)?;
    Ok(TcpListener::from_std(listener))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}
