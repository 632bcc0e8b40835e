//! Tasks as clients read them.

use super::{Outcome, State, Status, Task, Wire};
use crate::calendar::timestamp;
use crate::protocol::ProtocolVersion;
use crate::{json, limits};

impl Task {
    /// Appends the response that hands it to the client; `request` is the request's id, and
    /// `server_meta` a result's `_meta`, as JSON.
    pub(crate) fn write_handle(
        &self,
        request: &[u8],
        version: ProtocolVersion,
        server_meta: &str,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(request);
        let wire = Wire::of(version);
        let end: &[u8] = match wire {
            Wire::Modern => {
                out.extend_from_slice(br#","result":{"resultType":"task","_meta":"#);
                out.extend_from_slice(server_meta.as_bytes());
                out.push(b',');
                b"}}"
            }
            Wire::Legacy => {
                out.extend_from_slice(br#","result":{"task":{"#);
                b"}}}"
            }
        };
        self.write(wire, false, out);
        out.extend_from_slice(end);
    }

    /// `{"io.modelcontextprotocol/related-task":{"taskId":…}}`.
    pub(crate) fn write_related(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"io.modelcontextprotocol/related-task":{"taskId":"#);
        json::write_string(out, &self.id);
        out.extend_from_slice(b"}}");
    }

    /// Appends the members of `Task`, without braces; `whole` with what it asks and what came of
    /// it (`DetailedTask` of the extension).
    pub(crate) fn write(&self, wire: Wire, whole: bool, out: &mut Vec<u8>) {
        self.write_state(&self.state.lock(), wire, whole, out);
    }

    pub(super) fn write_state(&self, state: &State, wire: Wire, whole: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(br#""taskId":"#);
        json::write_string(out, &self.id);
        out.extend_from_slice(br#","status":"#);
        json::write_string(out, state.name(wire));
        out.extend_from_slice(br#","createdAt":"#);
        json::write_string(out, &timestamp(self.created_ms));
        out.extend_from_slice(br#","lastUpdatedAt":"#);
        json::write_string(out, &timestamp(state.updated_ms));
        let (ttl, interval) = match wire {
            Wire::Legacy => (br#","ttl":"#.as_slice(), br#","pollInterval":"#.as_slice()),
            Wire::Modern => (br#","ttlMs":"#.as_slice(), br#","pollIntervalMs":"#.as_slice()),
        };
        out.extend_from_slice(ttl);
        json::write_unsigned(out, self.ttl_ms);
        out.extend_from_slice(interval);
        json::write_unsigned(out, limits::TASK_POLL_INTERVAL_MS);
        if whole && wire == Wire::Modern {
            state.write_details(out);
        }
    }
}

impl State {
    fn write_details(&self, out: &mut Vec<u8>) {
        match (self.status, &self.outcome) {
            (Status::InputRequired, _) => {
                out.extend_from_slice(br#","inputRequests":{"#);
                for (index, (key, _, request)) in self.open.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    json::write_string(out, key);
                    out.push(b':');
                    out.extend_from_slice(request);
                }
                out.push(b'}');
            }
            (Status::Completed, Some(Outcome::Result { members, .. })) => {
                out.extend_from_slice(br#","result":{"#);
                out.extend_from_slice(members);
                out.push(b'}');
            }
            (Status::Failed, Some(Outcome::Error(error))) => {
                out.extend_from_slice(br#","error":"#);
                out.extend_from_slice(error);
            }
            _ => {}
        }
    }
}
