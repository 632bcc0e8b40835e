//! What a function says before its result: progress, and log lines.

use serde::Serialize;

use super::{Call, Progress};
use crate::json;
use crate::protocol::{Era, LogLevel};
use crate::rpc;
use crate::store::{Kind, Stream};

impl Call<'_> {
    /// Says how far the call has come, to a client that asked for it. Progress rises: what is not
    /// more than the last time is not said. Of much progress at once, some is said.
    pub fn progress(&self, progress: impl Into<Progress>) {
        let Progress { progress, total, message } = progress.into();
        // Tokens are strings and integers.
        let token = self.meta("progressToken");
        let token =
            token.filter(|token| matches!(token.kind(), json::Kind::String | json::Kind::Integer));
        let Some(token) = token else { return };
        let more = progress > self.last_progress.get();
        if !more || !progress.is_finite() {
            return;
        }
        self.last_progress.set(progress);
        let mut out = Vec::new();
        rpc::begin_notification(&mut out, "notifications/progress");
        out.extend_from_slice(br#"{"progressToken":"#);
        token.write(&mut out);
        out.extend_from_slice(br#","progress":"#);
        json::write_number(&mut out, progress);
        if let Some(total) = total.filter(|total| total.is_finite()) {
            out.extend_from_slice(br#","total":"#);
            json::write_number(&mut out, total);
        }
        if let Some(message) = message {
            out.extend_from_slice(br#","message":"#);
            json::write_string(&mut out, &message);
        }
        let Some(task) = self.task() else {
            out.extend_from_slice(b"}}");
            return self.say(Kind::Progress(0), out);
        };
        // The response is over; the session's own stream goes on (2025-11-25, "Task Progress
        // Notifications"). The extension of 2026-07-28 has none.
        let events = self.link.session.and_then(|session| session.events());
        if let Some(events) = events.filter(|events| events.is_read()) {
            out.extend_from_slice(br#","_meta":"#);
            task.write_related(&mut out);
            out.extend_from_slice(b"}}");
            events.push(Kind::Progress(0), out);
        }
    }

    /// Sends a log line to the client, if it wants lines of this level.
    pub fn log(&self, level: LogLevel, data: impl Serialize) {
        self.log_line(None, level, &data);
    }

    /// As [`Call::log`], with the name of what speaks.
    pub fn log_as(&self, logger: &str, level: LogLevel, data: impl Serialize) {
        self.log_line(Some(logger), level, &data);
    }

    fn log_line(&self, logger: Option<&str>, level: LogLevel, data: &impl Serialize) {
        if self.log_level().is_none_or(|wanted| level < wanted) {
            return;
        }
        let mut out = Vec::new();
        rpc::begin_notification(&mut out, "notifications/message");
        out.extend_from_slice(br#"{"level":"#);
        json::write_string(&mut out, level.as_str());
        if let Some(logger) = logger {
            out.extend_from_slice(br#","logger":"#);
            json::write_string(&mut out, logger);
        }
        out.extend_from_slice(br#","data":"#);
        if let Err(error) = json::write_serialized(&mut out, data) {
            return tracing::warn!(%error, "a log line for a client cannot be written as JSON");
        }
        out.extend_from_slice(b"}}");
        self.say(Kind::Log, out);
    }

    /// The least level that the client wants to see; `None` when it wants none (logging page of
    /// each revision).
    fn log_level(&self) -> Option<LogLevel> {
        match (self.link.version.era(), self.link.session) {
            (Era::Modern, _) => {
                LogLevel::from_name(self.meta("io.modelcontextprotocol/logLevel")?.as_str()?)
            }
            (Era::Legacy, Some(session)) => Some(session.log_level()),
            (Era::Legacy, None) => Some(LogLevel::Debug),
        }
    }

    pub(super) fn say(&self, kind: Kind, message: Vec<u8>) {
        // A task has no response to say it on (extension, "Task Status Notifications").
        if !self.link.streams || self.task.get().is_some() {
            return;
        }
        match self.link.stream {
            Some(stream) => stream.push(kind, message),
            None => {
                let bounds = self.link.hub.streams.bounds();
                self.said.get_or_init(|| Box::new(Stream::new(bounds))).push(kind, message);
            }
        }
    }
}
