//! Calls on a line that become tasks, and waiting for what comes of them.

use std::sync::Arc;

use super::super::message::{id, id_text};
use super::super::task;
use super::{Line, Then};
use crate::app::Handler;
use crate::json::Value;
use crate::mcp::{self, Context};
use crate::observe::{Observation, Outcome};
use crate::rpc::Message;
use crate::store::Owner;

impl<H: Handler> Line<'_, H> {
    #[cold]
    pub(super) fn begin_task(
        &self,
        root: Value<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
        ttl_ms: Option<u64>,
        observation: Arc<Observation>,
    ) -> Then {
        let hub = &self.shared.hub;
        let session = self.session_of(context.version);
        let owner = Owner::of(context.version, session, self.principal);
        let task = match task::begin(owner, ttl_ms, hub) {
            Ok(task) => task,
            Err(refusal) => {
                observation.failed(Outcome::of_error(refusal.code));
                return self.refuse(&refusal, id(message));
            }
        };
        observation.is_task(&task.id);
        let request = id_text(message);
        let stream = task.stream.clone();
        let server_meta = &self.shared.handler.catalog().server_meta;
        let mut handle = Vec::new();
        task.write_handle(&request, context.version, server_meta, &mut handle);
        let (mut deferred, mut promise) =
            self.work(root, context.version, stream, Some(request), Some(observation));
        promise.handle = handle;
        deferred.task = Some(task);
        Then::Work(deferred, promise)
    }

    #[cold]
    pub(super) fn await_task(
        &self,
        task: &str,
        message: &Message<'_>,
        context: &Context<'_>,
    ) -> Then {
        let hub = &self.shared.hub;
        let session = self.session_of(context.version);
        let owner = Owner::of(context.version, session, self.principal);
        let Some(task) = hub.tasks.find(task, &owner, (hub.clock.steady_ms)()) else {
            return self.refuse(&mcp::tasks::unknown(), id(message));
        };
        let request = id_text(message);
        let Some(stream) = self.begin(&request) else { return self.too_many(&request) };
        task.deliver(&stream, &request);
        Then::Nothing
    }
}
