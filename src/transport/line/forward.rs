//! Messages on a line for an application that speaks MCP by itself.

use super::super::forward::{hand_over, version_wanted};
use super::super::inbound::{client_of, take_in};
use super::super::message::{id, id_text};
use super::super::{Shared, headers};
use super::{Line, Then, error_of};
use crate::app::{Handler, Incoming, Reception};
use crate::json::Value;
use crate::mcp::{Accepted, Context, Method, Plan, plan};
use crate::rpc::Message;

impl<H: Handler> Line<'_, H> {
    /// Hands a message to an application that speaks MCP by itself; where its answer takes long, it
    /// flows into the line.
    pub(super) fn forward(
        &self,
        root: Value<'_>,
        message: &Message<'_>,
        context: &Context<'_>,
    ) -> Then {
        let Shared { handler, hub, .. } = self.shared;
        if context.method == Some(Method::Initialize) {
            // What it is asked twice is for the application to refuse.
            self.session.agree(client_of(message.params(), version_wanted(message)));
        }
        // The application knows the session from the first request on, and then hears of its end.
        let is_request = matches!(message, Message::Request { .. });
        let begins = self.session.name().is_none();
        if begins && !is_request {
            return Then::Nothing;
        }
        let planned = plan(message, context, handler.catalog(), &hub.seal, false);
        if let Plan::Accept(accepted @ Accepted::Cancelled(_)) = &planned {
            take_in(accepted, self.session, hub);
        }
        let mut incoming = Incoming {
            message: root,
            request: None,
            principal: self.session.principal.as_ref(),
            target: ("/", None),
            fields: &[],
            mismatch: headers::mismatch,
            id: id(message).filter(|_| is_request),
            version: context.version,
            session: Some(self.session),
            begins,
            streams: true,
            hub,
            stream: None,
        };
        if let Message::Request { method, .. } = *message {
            incoming.request = Some(method);
        }
        let mut out = Vec::new();
        match hand_over(&**handler, &mut incoming, &mut out) {
            Reception::Answered(_) if out.is_empty() => {}
            Reception::Answered(_) => self.push(out),
            Reception::Taken => {}
            Reception::Full(limit) => {
                if let Some(stream) = incoming.stream {
                    self.session.forget(&stream);
                }
                if incoming.request.is_some() {
                    let text = format!("the application has no room ({limit}); try again later");
                    self.push(error_of(&id_text(message), &text, limit, None));
                }
            }
        }
        Then::Nothing
    }
}
