//! Calls that become tasks, and waiting for what comes of them.

use std::sync::Arc;

use super::Next;
use super::message::{Desk, id, id_text};
use super::refuse::HttpRefusal;
use super::reply::Reply;
use crate::app::Handler;
use crate::json::Value;
use crate::mcp::{self, Context, Refusal, Stage};
use crate::rpc::{ErrorCode, Message};
use crate::store::{Hub, Owner, Session, Stream, Task};

/// Begins a task, if there is room for one.
pub(super) fn begin<'b>(
    owner: Owner,
    ttl_ms: Option<u64>,
    hub: &Hub,
) -> Result<Arc<Task>, Refusal<'b>> {
    let stream = Arc::new(Stream::new(hub.streams.bounds()));
    hub.tasks.begin(owner, stream, ttl_ms, hub.clock).ok_or_else(|| {
        let text = "too many tasks (tasks_running_max, tasks_max); try again later";
        Refusal::new(Stage::InBand, ErrorCode::INTERNAL_ERROR, text)
    })
}

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
        self.asked(message, context);
        let owner = Owner::of(context.version, session.as_ref(), self.sender.principal.as_ref());
        let task = match begin(owner, ttl_ms, &self.shared.hub) {
            Ok(task) => task,
            Err(refusal) => return self.refuse(&refusal, id(message), context.era(), out),
        };
        let mut body = Vec::new();
        let server_meta = &self.shared.handler.catalog().server_meta;
        task.write_handle(&id_text(message), context.version, server_meta, &mut body);
        let stream = task.stream.clone();
        let mut deferred = self.deferred(root, context.version, session, stream, false);
        let observation = self.watch.part_over();
        observation.is_task(&task.id);
        deferred.observation = Some(observation);
        deferred.task = Some(task);
        Next::Background(deferred, Box::new(self.taken(body)))
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
        self.asked(message, context);
        let hub = &self.shared.hub;
        let owner = Owner::of(context.version, session.as_ref(), self.sender.principal.as_ref());
        let Some(task) = hub.tasks.find(task, &owner, (hub.clock.steady_ms)()) else {
            return self.refuse(&mcp::tasks::unknown(), id(message), context.era(), out);
        };
        let request = id_text(message);
        let Some(stream) = self.stream(&request, session.as_ref()) else {
            return self.refuse_http(&HttpRefusal::too_many_calls(), out);
        };
        task.deliver(&stream, &request);
        let to = self.reply_to(context.version, session, self.framing());
        Next::Wait(Reply::answer(to, stream, &request))
    }
}
