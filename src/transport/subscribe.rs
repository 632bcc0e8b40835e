//! A client listens to notices (2026-07-28, `subscriptions/listen`), over HTTP.

use std::sync::Arc;

use super::Next;
use super::message::{Desk, id_text};
use super::refuse::HttpRefusal;
use super::reply::Reply;
use crate::app::Handler;
use crate::mcp::{Context, subscriptions};
use crate::rpc::Message;
use crate::store::{Filter, Listener, Owner, Stream};

impl<H: Handler> Desk<'_, H> {
    /// Opens the stream of a subscription.
    #[cold]
    pub(super) fn subscribe(
        &self,
        filter: Filter,
        message: &Message<'_>,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        let Some(framing) = self.framing() else {
            return self.refuse_http(&HttpRefusal::needs_event_stream(), out);
        };
        let (hub, principal) = (&self.shared.hub, self.sender.principal.as_ref());
        let share = match hub.shares.stream(principal, self.sender.caller.peer.address) {
            Ok(share) => share,
            Err(limit) => return self.refuse_http(&HttpRefusal::too_many(limit), out),
        };
        let owner = Owner::of(context.version, None, principal);
        let filter = subscriptions::honored(filter, self.shared.handler.catalog(), &owner, hub);
        let stream = Arc::new(Stream::new(hub.streams.bounds()));
        let id = id_text(message).into();
        let mut to = self.reply_to(context.version, None, Some(framing));
        to.share = share;
        Next::Wait(Reply::notices(to, Arc::new(Listener { filter, owner, id, stream })))
    }
}
