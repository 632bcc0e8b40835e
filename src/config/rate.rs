//! How often clients may ask.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How often clients may ask: token buckets. Nothing is counted unless it is set.
///
/// Who asks too often gets 429 with `Retry-After`, and a JSON-RPC error that names the setting and
/// says in `error.data.retryAfterMs` when to come again. `/health`, `/ready` and OPTIONS are not
/// counted;
/// a batch counts as its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateConfig {
    /// Requests of all clients together.
    pub global: Option<Rate>,
    /// Requests from one address, whoever sends them; of IPv6, from one /64.
    pub per_address: Option<Rate>,
    /// Requests of one principal.
    pub per_principal: Option<Rate>,
    /// Calls of one tool, by all clients together.
    pub per_tool: Option<Rate>,
    /// Calls of one tool by one principal.
    pub per_tool_and_principal: Option<Rate>,
    /// Calls of the tools of these names by all clients together, instead of `per_tool`.
    pub tools: BTreeMap<String, Rate>,
    /// The status of a request that is refused.
    pub reject_status: RejectStatus,
}

/// The status of a request that came too often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RejectStatus {
    /// 429, as RFC 6585 has it.
    #[default]
    TooManyRequests,
    /// 200, with the id of the request, for clients that throw the body of a 429 away. What is no
    /// request, and has no id, gets 429 all the same.
    Ok,
}

/// So many in so long: `"10/s"`, `"600/min"`, `"5000/h"`; and how many of them at once, where that
/// is not all of them: `"600/min burst 20"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many come back in each period.
    pub count: u32,
    /// The period.
    pub period: Duration,
    /// How many there are at most.
    pub burst: u32,
}

impl Rate {
    /// So many a second, all of them at once if need be.
    pub fn per_second(count: u32) -> Rate {
        Rate { count, period: Duration::from_secs(1), burst: count }
    }

    /// So many a minute, all of them at once if need be.
    pub fn per_minute(count: u32) -> Rate {
        Rate { period: Duration::from_secs(60), ..Rate::per_second(count) }
    }

    /// With so many at once.
    #[must_use]
    pub fn burst(self, burst: u32) -> Rate {
        Rate { burst, ..self }
    }

    pub(crate) fn is_possible(&self) -> bool {
        self.count > 0 && self.burst > 0 && !self.period.is_zero()
    }
}

const EXPECTED: &str = "expected a rate such as \"10/s\", \"600/min\" or \"5000/h burst 100\"";

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let problem = || format!("{text:?}: {EXPECTED}");
        let (count, rest) = text.trim().split_once('/').ok_or_else(problem)?;
        let (unit, burst) = match rest.split_once("burst") {
            Some((unit, burst)) => (unit, Some(burst.trim().parse().map_err(|_| problem())?)),
            None => (rest, None),
        };
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1,
            "m" | "min" | "minute" => 60,
            "h" | "hour" => 3600,
            _ => return Err(problem()),
        };
        let count = count.trim().parse().map_err(|_| problem())?;
        let rate =
            Rate { count, period: Duration::from_secs(seconds), burst: burst.unwrap_or(count) };
        if rate.is_possible() { Ok(rate) } else { Err(problem()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.period.as_secs() {
            1 => "s".to_owned(),
            60 => "min".to_owned(),
            3600 => "h".to_owned(),
            _ => format!("{:?}", self.period),
        };
        write!(f, "{}/{unit}", self.count)?;
        if self.burst == self.count { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}
