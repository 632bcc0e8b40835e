//! Listening sockets that whoever started this process has opened for it: systemd (socket
//! activation, `sd_listen_fds(3)`), or the process that this one follows (an upgrade).
//!
//! Both say in the environment which descriptors are meant, and for which process, since the
//! environment goes on to children, and the descriptors do not.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys;

/// The variable by which a process hands over to the one that follows it:
/// `PARENT:READY:SOCKET,SOCKET@NAME,…:NAME`, the process that hands over, descriptors, and the name
/// of all sockets that have none of their own, if any.
pub const HANDOVER_VARIABLE: &str = "MCP_FASTD_HANDOVER";

/// What the one that follows writes when it serves.
pub const READY: &[u8] = b"ready";

/// The first descriptor that systemd passes.
const FIRST_DESCRIPTOR: RawFd = 3;
/// The name of sockets for who runs the server, not for clients (`FileDescriptorName=`).
pub const ADMIN: &str = "admin";
/// The name of sockets that are handed over and were systemd's: they are served wherever they are.
pub const ACTIVATED: &str = "activated";
/// The same of sockets for who runs the server. [`ADMIN`] alone is one that the server opened.
pub const ACTIVATED_ADMIN: &str = "activated-admin";

/// What was left open for this process.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Listening sockets, with the names they were given.
    pub sockets: Vec<(String, TcpListener)>,
    /// There is a process that waits for this one to serve.
    pub predecessor: Option<Predecessor>,
}

/// A process that waits until this one serves in its place.
#[derive(Debug)]
pub struct Predecessor(File);

impl Predecessor {
    /// Says that this process serves.
    ///
    /// # Errors
    /// It is gone, or has given up.
    pub fn ready(mut self) -> io::Result<()> {
        self.0.write_all(READY)
    }
}

/// Takes what was left open for this process: the first time it is called, and nothing after that.
///
/// # Errors
/// What is left open is not what the environment says.
pub fn take() -> Result<Inherited, String> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(Inherited::default());
    }
    let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
    let promised = promised(&|name| std::env::var(name).ok(), own, parent)?;
    let adopt = |descriptor| {
        sys::adopt(descriptor)
            .map_err(|error| format!("descriptor {descriptor}, which was promised: {error}"))
    };
    let mut inherited = Inherited::default();
    if let Some(ready) = promised.ready {
        inherited.predecessor = Some(Predecessor(adopt(ready)?.into()));
    }
    for (name, descriptor) in promised.sockets {
        inherited.sockets.push((name, listener(adopt(descriptor)?)?));
    }
    Ok(inherited)
}

/// What the environment promises.
#[derive(Debug, Default, PartialEq, Eq)]
struct Promised {
    sockets: Vec<(String, RawFd)>,
    ready: Option<RawFd>,
}

fn promised(
    variable: &impl Fn(&str) -> Option<String>,
    own: u32,
    parent: u32,
) -> Result<Promised, String> {
    let is = |text: Option<&str>, id: u32| text == Some(&id.to_string());
    if let Some(text) = variable(HANDOVER_VARIABLE) {
        let mut parts = text.splitn(4, ':');
        if is(parts.next(), parent) {
            let number = |text: &str| text.parse().ok();
            let ready = parts.next().and_then(number);
            let sockets = parts.next().unwrap_or_default().split(',');
            let name = parts.next().unwrap_or_default();
            let sockets = sockets.map(|text| match text.split_once('@') {
                None => Some((name.to_owned(), number(text)?)),
                Some((text, own)) => Some((own.to_owned(), number(text)?)),
            });
            return match (ready, sockets.collect::<Option<Vec<_>>>()) {
                (Some(ready), Some(sockets)) => Ok(Promised { sockets, ready: Some(ready) }),
                _ => {
                    Err(format!("{HANDOVER_VARIABLE}={text}: expected PARENT:READY:SOCKET,…:NAME"))
                }
            };
        }
    }
    if !is(variable("LISTEN_PID").as_deref(), own) {
        return Ok(Promised::default());
    }
    let count = variable("LISTEN_FDS").unwrap_or_default();
    let Ok(count @ 0..=1024) = count.parse::<RawFd>() else {
        return Err(format!("LISTEN_FDS={count}: expected a number of descriptors"));
    };
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let sockets = (FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + count)
        .map(|descriptor| (names.next().unwrap_or_default(), descriptor));
    Ok(Promised { sockets: sockets.collect(), ready: None })
}

/// A descriptor as what it must be. (A socket of `Accept=yes` is a connection already.)
fn listener(descriptor: OwnedFd) -> Result<TcpListener, String> {
    let number = descriptor.as_raw_fd();
    let problem = |what: &str| format!("descriptor {number} is no listening TCP socket: {what}");
    match rustix::net::sockopt::socket_acceptconn(&descriptor) {
        Ok(true) => {}
        Ok(false) => return Err(problem("it does not listen (a .socket with Accept=yes?)")),
        Err(error) => return Err(problem(&error.to_string())),
    }
    let listener = TcpListener::from(descriptor);
    listener.local_addr().map_err(|error| problem(&error.to_string()))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Promised, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        promised(&find, 20, 10)
    }

    #[test]
    fn what_is_promised_to_this_process_is_found() {
        let socket = |name: &str, descriptor| (name.to_owned(), descriptor);
        let nothing = Ok(Promised::default());
        assert_eq!(read(&[]), nothing);
        assert_eq!(read(&[("LISTEN_PID", "21"), ("LISTEN_FDS", "2")]), nothing);
        assert_eq!(read(&[(HANDOVER_VARIABLE, "9:3:4")]), nothing);
        let systemd = [("LISTEN_PID", "20"), ("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "mcp:admin")];
        let sockets = vec![socket("mcp", 3), socket("admin", 4)];
        assert_eq!(read(&systemd), Ok(Promised { sockets, ready: None }));
        let unnamed = vec![socket("", 3), socket("", 4)];
        assert_eq!(read(&systemd[..2]), Ok(Promised { sockets: unnamed, ready: None }));
        let sockets = vec![socket("", 8), socket("admin", 9)];
        let promised = Ok(Promised { sockets, ready: Some(7) });
        assert_eq!(read(&[(HANDOVER_VARIABLE, "10:7:8,9@admin:")]), promised);
        for (text, name) in [("10:7:8,9", ""), ("10:7:8,9:activated", ACTIVATED)] {
            let sockets = vec![socket(name, 8), socket(name, 9)];
            let promised = Ok(Promised { sockets, ready: Some(7) });
            assert_eq!(read(&[(HANDOVER_VARIABLE, text)]), promised);
        }
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for variables in [
            &[("LISTEN_PID", "20")][..],
            &[("LISTEN_PID", "20"), ("LISTEN_FDS", "-1")],
            &[("LISTEN_PID", "20"), ("LISTEN_FDS", "x")],
            &[(HANDOVER_VARIABLE, "10")],
            &[(HANDOVER_VARIABLE, "10:7:")],
            &[(HANDOVER_VARIABLE, "10:x:8")],
        ] {
            assert!(read(variables).is_err(), "{variables:?}");
        }
    }
}
