//! Listening sockets: one for each shard, on one address.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

use crate::limits;

/// Opens `count` listeners on one address; the kernel spreads new connections over them.
///
/// Sockets with `SO_REUSEPORT` would also share the port with another process of the same user
/// without a word, so the address is first tried without it.
pub(crate) fn open(
    address: SocketAddr,
    count: usize,
) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
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
        // Inherited by what is accepted: a client that reads slowly is seen to read, since there is
        // room again long before all that the kernel holds for it has gone.
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(limits::NOTSENT_BYTES)?;
        socket.bind(&address.into())?;
        socket.listen(limits::BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = std::net::TcpListener::from(socket);
        address = listener.local_addr()?;
        listeners.push(TcpListener::from_std(listener));
    }
    Ok((listeners, address))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}
