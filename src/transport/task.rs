//! Calls that become tasks, and waiting for what comes of them.

use std::sync::Arc;

use super::message::{Desk, id, id_text};
use super::refuse::HttpRefusal;
use super::reply::Reply;
use super::{Next, Taken};
use crate::app::{Call, Handler};
use crate::json::Value;
use crate::mcp::{self, Context, Refusal, Stage};
use crate::rpc::{ErrorCode, Message};
use crate::store::{Owner, Session, Stream};

impl<H: Handler> Desk<'_, H> {
    /// Hands out a task, for a worker to work on.
    #[cold]
    pub(super) fn begin_task(
        &self,
        root: Value<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        ttl_ms: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Next {
        let hub = &self.shared.hub;
        let stream = Arc::new(Stream::new(hub.streams.bounds));
        let owner = Owner::of(context.version, session.as_ref(), self.sender.principal.as_ref());
        let now_ms = (hub.clock.unix_ms)();
        let Some(task) = hub.tasks.begin(owner, stream.clone(), ttl_ms, now_ms) else {
            let text = "too many tasks (tasks_running_max, tasks_max); try again later";
            let refusal = Refusal::new(Stage::InBand, ErrorCode::INTERNAL_ERROR, text);
            return self.refuse(&refusal, id(message), context.era(), out);
        };
        let mut body = Vec::new();
        let request = id_text(message);
        Call::new(self.link(context, session.as_ref(), &request), None)
            .write_handle(&task, &mut body);
        let mut deferred = self.deferred(root, context.version, session, stream, false);
        deferred.task = Some(task);
        let taken = Taken { body, persistence: self.sender.persistence };
        Next::Background(deferred, Box::new(taken))
    }

    /// Waits for the outcome of a task (2025-11-25, `tasks/result`).
    #[cold]
    pub(super) fn await_task(
        &self,
        task: &str,
        message: &Message<'_>,
        context: &Context<'_>,
        session: Option<Arc<Session>>,
        out: &mut Vec<u8>,
    ) -> Next {
        let hub = &self.shared.hub;
        let owner = Owner::of(context.version, session.as_ref(), self.sender.principal.as_ref());
        let Some(task) = hub.tasks.find(task, &owner, (hub.clock.unix_ms)()) else {
            return self.refuse(&mcp::tasks::unknown(), id(message), context.era(), out);
        };
        let request = id_text(message);
        let Some(stream) = self.stream(&request, session.as_ref()) else {
            return self.refuse_http(&HttpRefusal::too_many_calls(), out);
        };
        task.deliver(&stream, &request);
        Next::Wait(Reply::answer(self.reply_to(context.version, session, self.framing()), stream))
    }
}
