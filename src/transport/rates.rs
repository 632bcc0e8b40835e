//! Requests that come too often: where they are counted, and how they are refused.
//!
//! Where a request came from is looked at first, then who asks, then which tool, as soon as each is
//! known: from 2026-07-28 on all of it is in the head, before that the tool is in the body.

use std::collections::HashMap;
use std::net::IpAddr;

use super::fields::Fields;
use super::headers;
use super::line::Line;
use super::message::{Desk, id_text};
use super::refuse::HttpRefusal;
use super::route::Route;
use super::{Local, Shared};
use crate::app::Peer;
use crate::json::Value;
use crate::limits;
use crate::mcp::{Context, Method, Refusal};
use crate::protocol::{Era, Principal, ProtocolVersion};
use crate::rpc::{ErrorCode, Message};
use crate::store::{Rates, TooOften};

/// "Limit exceeded", as elsewhere (EIP-1474).
pub(super) const LIMIT_EXCEEDED: ErrorCode = ErrorCode(-32005);

/// What a request was counted for. It may be looked at several times: when its head is there, when
/// its body is, and again when it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Counted {
    #[default]
    Not,
    /// For where it came from.
    Arrived,
    /// For who asks, and for its tool, too.
    Asked,
}

/// The buckets, if this request is to be counted.
#[inline]
pub(super) fn counting<H>(route: Route, shared: &Shared<H>) -> Option<&Rates> {
    let rates = shared.rates.as_deref()?;
    (!matches!(route, Route::Health | Route::Ready | Route::Options { .. })).then_some(rates)
}

/// The same where the head alone is here: not where the refusal is to have its id, which is in the
/// body.
pub(super) fn counting_head<H>(route: Route, shared: &Shared<H>) -> Option<&Rates> {
    counting(route, shared).filter(|rates| !rates.refused_with_ok)
}

/// A request has come from here, if that is new.
#[cold]
pub(super) fn arrive(
    rates: &Rates,
    counted: &mut Counted,
    from: &Peer,
    now_ms: u64,
) -> Result<(), HttpRefusal> {
    if *counted != Counted::Not {
        return Ok(());
    }
    *counted = Counted::Arrived;
    rates.arrive(from.address, 1, now_ms).map_err(HttpRefusal::too_often)
}

/// It is known who asks, and of a modern request which tool is called, if that is new.
#[cold]
pub(super) fn ask(
    rates: &Rates,
    counted: &mut Counted,
    route: Route,
    principal: Option<&Principal>,
    fields: &Fields<'_>,
    now_ms: u64,
) -> Result<(), HttpRefusal> {
    if *counted == Counted::Asked {
        return Ok(());
    }
    *counted = Counted::Asked;
    let principal = principal.map(|principal| &*principal.name);
    if let Some(principal) = principal {
        rates.ask(principal, 1, now_ms).map_err(HttpRefusal::too_often)?;
    }
    let is_modern = |name: &[u8]| {
        ProtocolVersion::from_name(name).is_some_and(|version| version.era() == Era::Modern)
    };
    let names_tool = route == Route::Message
        && fields.protocol_version.is_some_and(is_modern)
        && fields.mcp_method == Some(b"tools/call");
    match fields.mcp_name.filter(|_| names_tool).and_then(headers::decoded) {
        Some(tool) => rates.call(&tool, principal, 1, now_ms).map_err(HttpRefusal::too_often),
        None => Ok(()),
    }
}

/// A refusal of a request that came too often, as its answer: where that is wanted, and it has an
/// id. Others are refused as they are.
#[cold]
pub(super) fn answering<H>(
    refusal: HttpRefusal,
    route: Route,
    body: &mut [u8],
    shared: &Shared<H>,
    local: &mut Local,
) -> HttpRefusal {
    let with_ok = shared.rates.as_ref().is_some_and(|rates| rates.refused_with_ok);
    if !with_ok || route != Route::Message || !refusal.is_too_often() {
        return refusal;
    }
    let Ok(document) = local.parser.parse(body) else { return refusal };
    match Message::read(document.root()) {
        Ok(message @ Message::Request { .. }) => {
            count(&refusal, shared);
            refusal.answering(id_text(&message), true)
        }
        _ => refusal,
    }
}

/// Counts a refusal whose status does not say that it is one.
fn count<H>(refusal: &HttpRefusal, shared: &Shared<H>) {
    if let Some(limit) = refusal.limit() {
        shared.hub.ledger.gauges.limited.add(limit);
    }
}

impl<H> Desk<'_, H> {
    /// A message of which the body says whether it calls a tool, and which.
    #[inline]
    pub(super) fn too_often(
        &self,
        message: &Message<'_>,
        context: &Context<'_>,
    ) -> Option<HttpRefusal> {
        let rates = self.shared.rates.as_deref()?;
        let principal = self.sender.principal.as_deref();
        let refused = call(rates, message, context, principal, self.now_ms).err()?;
        let refusal = HttpRefusal::too_often(refused);
        if rates.refused_with_ok {
            count(&refusal, self.shared);
        }
        Some(refusal.answering(id_text(message), rates.refused_with_ok))
    }

    pub(super) fn batch_too_often(&self, root: Value<'_>) -> Option<HttpRefusal> {
        let rates = self.shared.rates.as_deref()?;
        let (from, principal) =
            (Some(self.sender.asking.caller.peer.address), self.sender.principal.as_deref());
        let counted = batch(rates, root, from, principal, self.now_ms);
        counted.err().map(HttpRefusal::too_often)
    }
}

impl<H> Line<'_, H> {
    pub(super) fn too_often<'b>(
        &self,
        message: &Message<'b>,
        context: &Context<'b>,
    ) -> Option<Refusal<'b>> {
        let rates = self.shared.rates.as_deref()?;
        let principal = self.session.principal.as_deref();
        let now_ms = (self.shared.hub.clock.steady_ms)();
        call(rates, message, context, principal, now_ms).err().map(refusal)
    }

    /// The error that answers a batch of which too much is asked.
    pub(super) fn batch_too_often(&self, root: Value<'_>) -> Option<Vec<u8>> {
        let rates = self.shared.rates.as_deref()?;
        let principal = self.session.principal.as_deref();
        let now_ms = (self.shared.hub.clock.steady_ms)();
        let refused = batch(rates, root, self.from, principal, now_ms).err()?;
        let mut out = Vec::new();
        refusal(refused).write(None, &mut out);
        Some(out)
    }
}

#[cold]
fn call(
    rates: &Rates,
    message: &Message<'_>,
    context: &Context<'_>,
    principal: Option<&Principal>,
    now_ms: u64,
) -> Result<(), TooOften> {
    match (message, context.method) {
        (Message::Request { params, .. }, Some(Method::CallTool)) => {
            let principal = principal.map(|principal| &*principal.name);
            tool_of(*params).map_or(Ok(()), |tool| rates.call(tool, principal, 1, now_ms))
        }
        _ => Ok(()),
    }
}

/// The messages of a batch, of which one was counted when it came.
#[cold]
fn batch(
    rates: &Rates,
    root: Value<'_>,
    from: Option<IpAddr>,
    principal: Option<&Principal>,
    now_ms: u64,
) -> Result<(), TooOften> {
    let messages = || root.elements().into_iter().flatten().take(limits::BATCH_MAX);
    let count = messages().count() as u64;
    rates.fit(count, from.is_some(), principal.is_some())?;
    let more = count.saturating_sub(1);
    if let Some(from) = from {
        rates.arrive(from, more, now_ms)?;
    }
    if let Some(principal) = principal {
        rates.ask(&principal.name, more, now_ms)?;
    }
    let mut calls = HashMap::new();
    for message in messages() {
        if let Ok(Message::Request { method: "tools/call", params, .. }) = Message::read(message)
            && let Some(tool) = tool_of(params)
        {
            *calls.entry(tool).or_insert(0) += 1;
        }
    }
    let principal = principal.map(|principal| &*principal.name);
    calls.into_iter().try_for_each(|(tool, count)| rates.call(tool, principal, count, now_ms))
}

fn tool_of<'b>(params: Value<'b>) -> Option<&'b str> {
    params.get("name").and_then(|name| name.as_str())
}

/// What a client is told.
pub(super) fn text(refused: TooOften) -> String {
    let TooOften { limit, retry_after_ms } = refused;
    let what = match limit {
        "rate.per_address" => "too many requests from this address",
        "rate.per_principal" => "too many requests of this principal",
        "rate.per_tool_and_principal" => "too many calls of this tool by this principal",
        "rate.per_tool" | "rate.tools" => "too many calls of this tool",
        _ => "too many requests",
    };
    match retry_after_ms {
        Some(ms) => format!("{what} ({limit}): try again in {ms} ms"),
        None => format!(
            "{what} at once ({limit}): this batch is more than its burst, and never let in: send \
             fewer messages in each"
        ),
    }
}

/// The same as the answer to a message.
fn refusal<'b>(refused: TooOften) -> Refusal<'b> {
    let TooOften { limit, retry_after_ms } = refused;
    Refusal::limited(LIMIT_EXCEEDED, text(refused), limit, retry_after_ms)
}
