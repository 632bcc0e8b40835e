//! Standard output: one message to a line, and nothing else.

use std::io::Write as _;

use crossbeam_channel::Sender;
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::Value;

use super::End;
use super::message::{Trouble, failure};

/// The client, as far as it reads.
pub(super) struct Front {
    ends: Sender<End>,
}

impl Front {
    pub(super) fn new(ends: Sender<End>) -> Front {
        Front { ends }
    }

    /// Writes a message, and waits until the client has taken it: nothing is queued here, so a
    /// client that does not read stops those who read for it, and they their servers.
    pub(super) fn say(&self, text: &str) {
        let mut line = text.trim().to_owned();
        if line.contains(['\n', '\r']) {
            // Between the parts of a JSON text; in its strings they are escaped.
            line = line.replace(['\n', '\r'], " ");
        }
        line.push('\n');
        let mut out = std::io::stdout().lock();
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            let _ = self.ends.try_send(End::Unread);
        }
    }

    /// Waits until the client has closed its end. It may be gone while nothing is said and no more
    /// input is taken; nobody would end this process then.
    pub(super) fn watch(ends: &Sender<End>) {
        let stdout = std::io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        loop {
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) if fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => break,
                // Something that cannot be watched.
                _ => return,
            }
        }
        let _ = ends.try_send(End::Unread);
    }

    /// Answers these requests with an error.
    pub(super) fn fail(&self, ids: &[Value], trouble: &Trouble) {
        tracing::warn!("{}", trouble.message());
        for id in ids {
            self.say(&failure(id, &trouble.0).to_string());
        }
    }
}
