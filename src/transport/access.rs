//! Who is asking, and whether they may: by what the head of a request says, and then by its body.

use std::borrow::Cow;
use std::sync::Arc;

use super::challenge::Challenge;
use super::fields::Fields;
use super::guard::Caller;
use super::headers::decoded;
use super::metadata;
use super::refuse::HttpRefusal;
use super::route::Route;
use super::{Local, Shared};
use crate::app::{Access, Action, Credentials, Denied, Handler, Missing, Principal, Verdict};
use crate::http::{Head, Status};
use crate::mcp::{self, Context};
use crate::rpc::Message;

/// A request that goes no further for now.
pub(super) enum Stopped {
    Refused(HttpRefusal),
    /// Who it is from is being found out.
    Later(Arc<Verdict>),
}

impl From<HttpRefusal> for Stopped {
    fn from(refusal: HttpRefusal) -> Self {
        Stopped::Refused(refusal)
    }
}

/// What a request is judged by, and what a challenge is made of.
#[derive(Clone, Copy)]
pub(super) struct Asking<'r> {
    pub(super) head: &'r Head<'r>,
    pub(super) caller: Caller<'r>,
}

/// Who is asking, where it matters, and may do what the head says.
#[inline(always)]
pub(super) fn identify<H: Handler>(
    route: Route,
    asking: &Asking<'_>,
    fields: &Fields<'_>,
    shared: &Shared<H>,
    local: &Local,
) -> Result<Option<Arc<Principal>>, Stopped> {
    match route {
        Route::Metrics if shared.pages.metrics_public => return Ok(None),
        _ if route.is_for_everybody() => return Ok(None),
        _ => {}
    }
    // What is not text is shown all the same, and no good: it has a U+FFFD, as no key and no token.
    let (authorization, api_key) = (fields.authorization.map(text), fields.api_key.map(text));
    let credentials = Credentials {
        authorization: authorization.as_deref(),
        api_key: api_key.as_deref(),
        peer: asking.caller.peer,
        unix_s: local.unix_s,
    };
    let principal = match shared.handler.authenticate(&credentials) {
        Access::Anonymous => None,
        Access::Principal(principal) => Some(principal),
        Access::Later(verdict) => return Err(Stopped::Later(verdict)),
        Access::Denied(denied) => {
            let needed = Judge::new(&*shared.handler, None).head(fields).err();
            return Err(unauthorized(denied, needed, asking, shared).into());
        }
        Access::Busy(busy) => return Err(HttpRefusal::nobody_decides(busy).into()),
    };
    if local.watch.is_telling() {
        local.watch.tell(|observation| observation.is_of(principal.as_ref()));
    }
    if shared.handler.authorizes() {
        let judge = Judge::new(&*shared.handler, principal.as_deref());
        if let Err(missing) = judge.head(fields) {
            return Err(forbidden(&missing, &judge, asking, shared).into());
        }
    }
    Ok(principal)
}

pub(super) fn text(value: &[u8]) -> Cow<'_, str> {
    // At once, as nearly all are: the other looks at each byte, and costs half a request for a JWT.
    match simdutf8::basic::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(value),
    }
}

/// Whether somebody may do what they ask for.
///
/// Where something is missing, all that the operation needs is named at once, what somebody has of
/// it too (2026-07-28, authorization, "Runtime Insufficient Scope Errors"): a client may ask for a
/// token with just that.
pub(super) struct Judge<'j, H> {
    handler: &'j H,
    principal: Option<&'j Principal>,
}

impl<'j, H: Handler> Judge<'j, H> {
    pub(super) fn new(handler: &'j H, principal: Option<&'j Principal>) -> Judge<'j, H> {
        Judge { handler, principal }
    }

    /// By what the head of a request says of it: `Mcp-Method` and `Mcp-Name`, which its body is
    /// compared with.
    #[cold]
    fn head(&self, fields: &Fields<'_>) -> Result<(), Missing> {
        self.whole(|judge| judge.head_once(fields))
    }

    fn head_once(&self, fields: &Fields<'_>) -> Result<(), Missing> {
        let mut all = self.one(Action::Request);
        let method = fields.mcp_method.and_then(|method| std::str::from_utf8(method).ok());
        if let Some(method) = method {
            also(&mut all, self.one(Action::Method(method)));
            let name = fields.mcp_name.and_then(decoded);
            if let Some(action) = name.as_deref().and_then(|name| mcp::action_named(method, name)) {
                also(&mut all, self.one(action));
            }
        }
        all
    }

    /// By the message itself.
    #[cold]
    pub(super) fn message(
        &self,
        message: &Message<'_>,
        context: &Context<'_>,
    ) -> Result<(), Missing> {
        self.whole(|judge| {
            let mut all = Ok(());
            mcp::each_action(message, context, |action| also(&mut all, judge.one(action)));
            all
        })
    }

    /// Whether all of it is allowed; if not, what somebody without any scope would need for it.
    fn whole(&self, decide: impl Fn(&Judge<'_, H>) -> Result<(), Missing>) -> Result<(), Missing> {
        let mut missing = match decide(self) {
            Err(missing) if !missing.is_empty() => missing,
            decided => return decided,
        };
        if let Some(principal) = self.principal {
            let bare = Principal::named(principal.name.clone());
            let judge = Judge { handler: self.handler, principal: Some(&bare) };
            for needed in [judge.one(Action::Request), decide(&judge)] {
                needed.err().iter().for_each(|needed| missing.and(needed));
            }
        }
        Err(missing)
    }

    fn one(&self, action: Action<'_>) -> Result<(), Missing> {
        self.handler.authorize(self.principal, action)
    }
}

/// Something has to be allowed besides.
pub(super) fn also(all: &mut Result<(), Missing>, one: Result<(), Missing>) {
    match (all.as_mut(), one) {
        (_, Ok(())) => {}
        (Ok(()), Err(missing)) => *all = Err(missing),
        (Err(before), Err(missing)) => before.and(&missing),
    }
}

/// 403, with the scopes that would do; 401 for somebody who has shown nothing yet, and would have
/// to.
#[cold]
pub(super) fn forbidden<H: Handler>(
    missing: &Missing,
    judge: &Judge<'_, H>,
    asking: &Asking<'_>,
    shared: &Shared<H>,
) -> HttpRefusal {
    if judge.principal.is_none() {
        return unauthorized(Denied::NothingShown, Some(missing.clone()), asking, shared);
    }
    let scope = missing.text();
    let text = match scope.is_empty() {
        true => "this principal may not do that".to_owned(),
        false => format!("this needs the scopes `{scope}`: ask for a token with them"),
    };
    let challenge = Challenge {
        error: Some("insufficient_scope"),
        resource_metadata: metadata::url(asking, shared),
        scope: Some(scope),
        ..Challenge::default()
    };
    HttpRefusal::challenged(Status::FORBIDDEN, text, &challenge)
}

/// 401; an error is named where something was shown (RFC 6750 §3.1).
#[cold]
fn unauthorized<H: Handler>(
    denied: Denied,
    needed: Option<Missing>,
    asking: &Asking<'_>,
    shared: &Shared<H>,
) -> HttpRefusal {
    let (error, description) = match denied {
        Denied::Invalid(why) => (Some("invalid_token"), Some(why)),
        Denied::NothingShown | Denied::UnknownScheme => (None, None),
    };
    let text = match denied {
        Denied::Invalid(why) => Cow::from(format!("Authorization is not accepted: {why}")),
        Denied::UnknownScheme => "Authorization must be `Bearer TOKEN`; or send X-API-Key".into(),
        Denied::NothingShown => {
            "Authorization is missing: send `Authorization: Bearer TOKEN`, or X-API-Key".into()
        }
    };
    let challenge = Challenge {
        error,
        description,
        resource_metadata: metadata::url(asking, shared),
        scope: needed.map(|missing| missing.text()),
    };
    HttpRefusal::challenged(Status::UNAUTHORIZED, text, &challenge)
}
