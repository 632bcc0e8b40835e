//! The bytes of a connection with TLS: from the socket to its input, and from its output to the
//! socket.

use rustix::net::{RecvFlags, recv};

use super::{HANDSHAKE_RECORD, Received, Stage, Tls};
use crate::app::Handler;
use crate::limits;
use crate::runtime::connection::{Connection, Sent, State, send_unsent};
use crate::runtime::serve::Core;
use crate::transport;

/// Reads once, and decrypts what came. `false`: nothing was read, since enough handshakes were
/// taken a step further in this turn.
pub(crate) fn fill<H: Handler>(connection: &mut Connection, core: &mut Core<H>) -> bool {
    let Some(mut tls) = connection.tls.take() else { return true };
    if tls.is_handshaking() && !core.handshakes.take_step() {
        connection.tls = Some(tls);
        return false;
    }
    if !tls.input.has_storage() {
        tls.input.attach(core.read_buffers.take_filled());
    }
    if !tls.output.has_storage() {
        tls.output.attach(core.write_buffers.take());
    }
    let space = tls.input.space(limits::READ_SPACE_MIN, limits::TLS_INPUT_BYTES_MAX);
    let room = space.len();
    let received = recv(connection.socket(), space, RecvFlags::empty()).map(|(read, _)| read);
    let read = connection.received(received, room);
    tls.input.filled(read);
    core.local.watch.bytes_in += read as u64;
    if read > 0 && tls.stage == Stage::Greeting {
        if tls.input.unread()[0] != HANDSHAKE_RECORD {
            refuse_plain(connection, *tls, core);
            return true;
        }
        tls.stage = Stage::Handshake;
    }
    if read > 0 {
        understand(connection, &mut tls, core);
    }
    connection.tls = Some(tls);
    true
}

/// Decrypts; ends the connection when that fails.
fn understand<H: Handler>(connection: &mut Connection, tls: &mut Tls, core: &mut Core<H>) {
    let was_handshaking = tls.is_handshaking();
    let received = tls.receive(&mut connection.input);
    let received = match received {
        Ok(received) if was_handshaking && !tls.is_handshaking() => {
            tls.client(core.local.unix_s).map(|certificate| {
                connection.peer.secure = true;
                connection.peer.certificate = certificate;
                core.handshakes.succeeded();
                received
            })
        }
        received => received,
    };
    match received {
        Ok(Received::More) => {}
        Ok(Received::End) => {
            connection.half_closed = true;
            connection.at_end = true;
            connection.readable = false;
        }
        Err(error) => {
            if was_handshaking {
                core.local.watch.ledger.gauges.handshakes_failed.add("refused");
                core.handshakes.failed(&error, connection.peer.address, core.local.unix_s);
            }
            tls.stage = Stage::Closed;
            // What came before the failure is not answered: it may have been cut or changed.
            let unread = connection.input.len();
            connection.input.consume(unread);
            connection.state = State::Finishing { linger: true };
        }
    }
}

/// What came is not TLS: most likely HTTP in the clear. It is told so, in the clear.
#[cold]
fn refuse_plain<H: Handler>(connection: &mut Connection, mut tls: Tls, core: &mut Core<H>) {
    core.local.watch.ledger.gauges.handshakes_failed.add("not_tls");
    core.handshakes.failed(&"not TLS", connection.peer.address, core.local.unix_s);
    core.output(connection);
    let unread = tls.input.unread();
    let date = &core.local.date;
    transport::refuse_plain(unread, &core.shared, date, connection.output.out());
    connection.state = State::Finishing { linger: true };
    forget(&mut tls, core);
}

/// Encrypts and sends what is unsent, as far as the socket takes it. Says whether it took anything.
pub(crate) fn flush<H: Handler>(connection: &mut Connection, core: &mut Core<H>) -> bool {
    let Some(mut tls) = connection.tls.take() else { return false };
    let mut progress = false;
    loop {
        if tls.output.is_empty() {
            connection.output.sent(std::mem::take(&mut tls.encrypted));
        }
        if tls.encrypted == 0 && !connection.output.is_empty() {
            encrypt(connection, &mut tls, core);
        }
        if tls.output.is_empty() {
            break;
        }
        let Sent { taken, lost } = send_unsent(connection.socket(), &mut tls.output);
        core.local.watch.bytes_out += taken as u64;
        progress |= taken > 0;
        if lost {
            connection.abort();
        }
        if lost || !tls.output.is_empty() {
            break;
        }
    }
    release(&mut tls, core);
    connection.tls = Some(tls);
    progress
}

/// Encrypts the next part of the output; forgets it when our last word has been said.
fn encrypt<H: Handler>(connection: &mut Connection, tls: &mut Tls, core: &mut Core<H>) {
    if tls.stage == Stage::Closed {
        let unsent = connection.output.len();
        return connection.output.sent(unsent);
    }
    if !tls.output.has_storage() {
        tls.output.attach(core.write_buffers.take());
    }
    let unsent = connection.output.unsent();
    let part = &unsent[..unsent.len().min(limits::TLS_PART_BYTES)];
    if let Err(error) = tls.encrypt(part) {
        tracing::debug!(%error, "cannot encrypt an answer");
        tls.encrypted = 0;
        tls.stage = Stage::Closed;
        connection.abort();
    }
}

/// All of the output is sent: says so to the client. Whether the kernel has that too.
#[cold]
pub(crate) fn close<H: Handler>(connection: &mut Connection, core: &mut Core<H>) -> bool {
    let Some(tls) = &mut connection.tls else { return true };
    tls.write_close_notify();
    flush(connection, core);
    connection.tls.as_ref().is_none_or(|tls| tls.output.is_empty())
}

/// The connection is gone. A client that has all that was for it is told so, where that can be done
/// at once: an idle connection is closed in order.
#[cold]
pub(crate) fn give_back<H: Handler>(connection: &mut Connection, core: &mut Core<H>) {
    let Some(mut tls) = connection.tls.take() else { return };
    if tls.stage == Stage::Handshake {
        core.handshakes.failed(&"not completed", connection.peer.address, core.local.unix_s);
    }
    if connection.output.is_empty() && tls.output.is_empty() && tls.stage == Stage::Open {
        tls.write_close_notify();
        let _ = send_unsent(connection.socket(), &mut tls.output);
    }
    forget(&mut tls, core);
}

/// Takes back the buffers that are empty.
fn release<H: Handler>(tls: &mut Tls, core: &mut Core<H>) {
    if tls.input.has_storage() && tls.input.is_empty() {
        core.read_buffers.put(tls.input.detach());
    }
    if tls.output.has_storage() && tls.output.is_empty() {
        core.write_buffers.put(tls.output.detach());
    }
}

/// Takes back all of them, with what is in them.
fn forget<H: Handler>(tls: &mut Tls, core: &mut Core<H>) {
    let unread = tls.input.len();
    tls.input.consume(unread);
    let unsent = tls.output.len();
    tls.output.sent(unsent);
    release(tls, core);
}
