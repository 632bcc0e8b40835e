//! The floor: the least a request can cost on this machine with epoll.
//!
//! One thread, one wait, one read and one write for each request of a length
//! known beforehand. Nothing is parsed; what is over the floor is the server's.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;

use loadtest::arguments::Arguments;
use loadtest::{canned, sys};

const EVENTS_MAX: usize = 1024;
const READ_BYTES: usize = 16 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("floor: {message}");
            eprintln!("floor --bind ADDR --request-bytes N --response-bytes N");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = Arguments::from_env();
    let bind: String = arguments.required("--bind")?;
    let request_bytes = arguments.required("--request-bytes")?;
    let response_bytes = arguments.required("--response-bytes")?;
    arguments.finish()?;
    if request_bytes == 0 || request_bytes > READ_BYTES {
        return Err(format!("--request-bytes: from 1 to {READ_BYTES}"));
    }
    let response = canned::response(response_bytes)
        .ok_or("--response-bytes: too few, or a length that no response has")?;
    sys::raise_open_files().map_err(|error| format!("open files: {error}"))?;
    let listener = TcpListener::bind(&bind).map_err(|error| format!("{bind}: {error}"))?;
    Floor::new(listener, request_bytes, response)
        .and_then(|mut floor| floor.serve())
        .map_err(|error| error.to_string())
}

struct Floor {
    epoll: sys::Epoll,
    listener: TcpListener,
    /// By descriptor: the socket, and how much of the current request is in.
    connections: Vec<Option<(TcpStream, usize)>>,
    request_bytes: usize,
    response: Vec<u8>,
}

impl Floor {
    fn new(listener: TcpListener, request_bytes: usize, response: Vec<u8>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = sys::Epoll::new(EVENTS_MAX)?;
        epoll.add(listener.as_raw_fd())?;
        Ok(Self { epoll, listener, connections: Vec::new(), request_bytes, response })
    }

    fn serve(&mut self) -> io::Result<()> {
        let listener = self.listener.as_raw_fd();
        let mut buffer = [0; READ_BYTES];
        loop {
            let count = match self.epoll.wait() {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for index in 0..count {
                let fd = self.epoll.ready(index);
                if fd == listener {
                    self.accept()?;
                } else if self.answer(fd, &mut buffer).is_err() {
                    self.connections[fd as usize] = None;
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            self.epoll.add(stream.as_raw_fd())?;
            let slot = stream.as_raw_fd() as usize;
            if slot >= self.connections.len() {
                self.connections.resize_with(slot + 1, || None);
            }
            self.connections[slot] = Some((stream, 0));
        }
    }

    /// One read, and one write if that completed a request.
    fn answer(&mut self, fd: RawFd, buffer: &mut [u8]) -> io::Result<()> {
        let Some((_, received)) = self.connections[fd as usize].as_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        match sys::receive(fd, buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => *received += count,
        }
        while *received >= self.request_bytes {
            *received -= self.request_bytes;
            if sys::send(fd, &self.response)? < self.response.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}
