//! Who sends a message, and what every response to it carries.

use std::sync::Arc;

use super::Shared;
use super::access::Asking;
use super::fields::Fields;
use super::refuse::HttpRefusal;
use crate::http::{Connection as Persistence, Date, Stamp, StreamFraming};
use crate::protocol::Principal;
use crate::store::{Session, SessionId, seconds};

/// What the transport knows of a message besides its text.
pub(crate) struct Sender<'r> {
    pub(crate) fields: &'r Fields<'r>,
    /// Who it is, and what was asked for.
    pub(super) asking: &'r Asking<'r>,
    /// What all responses carry.
    pub(crate) lines: &'r [u8],
    pub(crate) persistence: Persistence,
    /// How events would be framed for this client.
    pub(crate) framing: StreamFraming,
    pub(crate) principal: Option<Arc<Principal>>,
}

impl<'r> Sender<'r> {
    pub(super) fn stamp(&self, date: &'r Date) -> Stamp<'r> {
        Stamp { date, lines: self.lines }
    }

    /// The session of this name, if it is the sender's.
    pub(super) fn session<H>(
        &self,
        named: &[u8],
        shared: &Shared<H>,
        now_ms: u64,
    ) -> Result<Arc<Session>, HttpRefusal> {
        let found = SessionId::read(named).and_then(|id| {
            shared.hub.sessions.find(id, self.principal.as_deref(), seconds(now_ms))
        });
        found.ok_or_else(HttpRefusal::session_not_found)
    }
}
