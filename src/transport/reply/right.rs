//! By what right something is open: what its request showed of who sent it, kept so that it can be
//! asked again whether they would be let in.
//!
//! That is asked when it is no longer known (a token ends), and when somebody has said that it may
//! be otherwise now (a reload). In between it costs a comparison when something is brought. A call
//! that has begun may outlive its token, whose life may be shorter than what was asked for takes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::access::text;
use super::super::sender::Sender;
use super::super::{Local, Shared};
use super::what::What;
use super::{Delivery, Reply};
use crate::app::{Access, Action, Credentials, Handler, Peer, Verdict};
use crate::protocol::Principal;
use crate::rpc::{self, ErrorCode};

/// What a request has shown, and what came of it.
pub(crate) struct Right {
    authorization: Option<Box<str>>,
    api_key: Option<Box<str>>,
    peer: Peer,
    principal: Option<Arc<Principal>>,
    /// The id of the request whose answer ends it, as JSON; empty of a batch.
    pub(super) request: Option<Box<[u8]>>,
    /// What [`Local::rights`] was when this was found out.
    seen: u32,
    /// What is being found out, which goes on as long as somebody has it.
    awaited: Option<Arc<Verdict>>,
}

impl Sender<'_> {
    /// What is kept of it with what is opened for it; nothing where nobody asks who comes.
    pub(in super::super) fn right<H: Handler>(&self, shared: &Shared<H>) -> Option<Box<Right>> {
        let shown = |value: Option<&[u8]>| value.map(|value| text(value).into());
        shared.handler.authenticates().then(|| {
            Box::new(Right {
                authorization: shown(self.fields.authorization),
                api_key: shown(self.fields.api_key),
                peer: self.asking.caller.peer.clone(),
                principal: self.principal.clone(),
                request: None,
                seen: 0,
                awaited: None,
            })
        })
    }
}

impl Right {
    /// It was found out in this turn.
    pub(super) fn seen_at(&mut self, local: &Local) {
        self.seen = local.rights;
    }

    fn expires_s(&self) -> u64 {
        self.principal.as_ref().and_then(|principal| principal.expires_s).unwrap_or(u64::MAX)
    }

    /// Asks again whether they would be let in, as those they were, with all that they had.
    #[cold]
    fn is_lost<H: Handler>(&mut self, what: &What, shared: &Shared<H>, local: &Local) -> bool {
        let unix_s = local.unix_s;
        if what.is_answer() && self.expires_s() <= unix_s {
            return false;
        }
        let credentials = Credentials {
            authorization: self.authorization.as_deref(),
            api_key: self.api_key.as_deref(),
            peer: &self.peer,
            unix_s,
        };
        let principal = match shared.handler.authenticate(&credentials) {
            Access::Anonymous => None,
            Access::Principal(principal) => Some(principal),
            Access::Denied(_) => return true,
            // Nothing is known against them. It is asked again with what comes next.
            Access::Later(verdict) => {
                self.awaited = Some(verdict);
                return false;
            }
            // Nobody can say; beyond the time for which somebody has, that is not enough. Only our
            // own bound on who may wait for an answer says nothing of them.
            Access::Busy(busy) => return self.expires_s() <= unix_s && busy.limit.is_none(),
        };
        self.awaited = None;
        let has_all = match (&self.principal, &principal) {
            (Some(before), Some(now)) => {
                before == now && before.scopes.iter().all(|scope| now.has(scope))
            }
            (before, now) => before.is_none() && now.is_none(),
        };
        let ends = principal.as_ref().and_then(|principal| principal.expires_s);
        let is_over = ends.is_some_and(|expires_s| expires_s <= unix_s);
        if !has_all || is_over || !may(principal.as_deref(), what, shared) {
            return true;
        }
        self.principal = principal;
        self.seen_at(local);
        false
    }
}

/// Whether somebody may have what is open. A call was judged when it began.
fn may<H: Handler>(principal: Option<&Principal>, what: &What, shared: &Shared<H>) -> bool {
    let may = |action: Action<'_>| shared.handler.authorize(principal, action).is_ok();
    let uris = match what {
        What::Notices(listener, _) => &*listener.filter.uris,
        _ => &[],
    };
    may(Action::Request) && uris.iter().all(|uri| may(Action::Resource(uri)))
}

/// How it stands with the right to what is open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    /// Nothing is told for now. It is a line, whose client shows something new when it posts: a
    /// stream of its own it would not open again.
    Held,
    Lost,
}

impl Reply {
    /// Whether its client would be let in still.
    #[inline]
    pub(crate) fn standing<H: Handler>(&mut self, shared: &Shared<H>, local: &Local) -> Standing {
        let Some(right) = &mut self.right else { return Standing::Good };
        let is_over = local.unix_s >= right.expires_s() && !self.what.is_answer();
        let is_asked = right.seen != local.rights;
        if !is_asked && !is_over {
            return Standing::Good;
        }
        let mut without = Standing::Lost;
        // A reload is another matter: what was shown since is not kept, and cannot be asked about.
        if let What::Line(session, _) = &self.what
            && let Some(line) = session.line.as_ref().filter(|_| !is_asked)
        {
            if local.unix_s < line.renewed_until_s.load(Ordering::Relaxed) {
                return Standing::Good;
            }
            without = Standing::Held;
        }
        if right.is_lost(&self.what, shared, local) { without } else { Standing::Good }
    }

    /// How long it is known that its client is let in; `None` where that has no end, or nothing
    /// ends with it. Not less than the clock is read.
    pub(crate) fn lapses_in(&self, local: &Local) -> Option<Duration> {
        let ends = !self.what.is_answer() && !self.what.is_line();
        let right = self.right.as_ref().filter(|_| ends);
        let expires_s = right.map(|right| right.expires_s())?;
        let left_s = expires_s.saturating_sub(local.unix_s).max(1);
        (expires_s != u64::MAX).then(|| Duration::from_secs(left_s))
    }

    /// Its client would not be let in any more. What can be opened again ends, so that who comes
    /// back hears why; a call ends with an error, and its function is told that nobody waits.
    #[cold]
    pub(crate) fn lapse(&mut self, local: &Local, out: &mut Vec<u8>) -> Delivery {
        let opens_again = self.framing.is_some()
            && self.what.can_be_opened_again(self.session.is_some(), self.version);
        let right = self.right.take();
        let principal = right.as_ref().and_then(|right| right.principal.as_ref());
        let name = principal.map_or("nobody", |principal| &principal.name);
        tracing::debug!(principal = name, "no longer let in: what was open for them ends");
        let request = right.and_then(|right| right.request);
        if let Some(request) = request.filter(|_| !opens_again) {
            if self.stream.finish(error(&request), false) {
                self.stream.give_up();
            }
            return self.deliver(local, out);
        }
        if let (None, Some(framing)) = (self.opened_ms, self.framing) {
            self.open(framing, local, out);
        }
        self.close(out)
    }
}

/// The answer to a call whose client is not let in any more.
fn error(request: &[u8]) -> Vec<u8> {
    let id = if request.is_empty() { b"null" } else { request };
    let text = "what let this client in does not any more: its token has ended, or a reload has \
                taken back what it may do";
    let mut out = Vec::new();
    rpc::write_error_raw(&mut out, id, |out| {
        rpc::write_error_object(out, ErrorCode::INVALID_REQUEST, text, |_| ());
    });
    out
}
