//! What is wrong with settings.

use std::net::SocketAddr;

use super::ranges::ranges;
use super::tokens::plain_audience;
use super::{Config, DEPRECATED, DeprecationConfig, HttpSseConfig, RateConfig, path};

impl Config {
    /// Looks for settings that cannot be. A server does so before it starts.
    ///
    /// # Errors
    /// What is wrong with the first of them, by its name.
    pub fn check(&self) -> Result<(), String> {
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// What can be, and may not be meant. Each begins with the key, as it is written in a file. A
    /// server logs it when it starts, and when it is given other settings.
    pub fn warnings(&self) -> Vec<String> {
        self.unheard_resources().into_iter().collect()
    }

    /// A client asks for a token for the URL that it is told (RFC 8707), and might be refused with
    /// it.
    fn unheard_resources(&self) -> Option<String> {
        let tokens = &self.auth.tokens;
        let is_taken = |resource: &String| {
            let is_it = |audience: &String| plain_audience(audience) == plain_audience(resource);
            tokens
                .issuers
                .iter()
                .all(|issuer| issuer.audiences.iter().chain(&tokens.audiences).any(is_it))
        };
        let mut unheard = self.resources();
        unheard.retain(|resource| !is_taken(resource));
        (!unheard.is_empty()).then(|| {
            format!(
                "auth.audience: clients are told to ask for tokens for {} (RFC 9728), which are \
                 not taken: name it here too, unless the issuer says the same in all its tokens",
                unheard.join(" and ")
            )
        })
    }

    /// All settings that cannot be. Each begins with the key, as it is written in a file.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut refuse = |is_wrong: bool, problem: &str| {
            if is_wrong {
                problems.push(problem.to_owned());
            }
        };
        if let Err(problem) = path(&self.path) {
            refuse(true, &format!("path: {problem}"));
        }
        check_http_sse(&self.http_sse, &self.path, &mut refuse);
        for problem in self.guarded().err().unwrap_or_default() {
            refuse(true, &problem);
        }
        self.tls.problems(&mut refuse);
        for problem in self.auth.problems() {
            refuse(true, &problem);
        }
        for problem in ranges(self).filter_map(|range| range.problem()) {
            refuse(true, &problem);
        }
        refuse(self.requests_per_turn_max == 0, "requests_per_turn_max must be at least 1");
        for name in impossible_rates(&self.rate) {
            refuse(true, &format!("rate.{name} must allow one request at least, in some time"));
        }
        refuse(
            !(0.0..=1.0).contains(&self.observe.access_log.sample),
            "access_log.sample must be from 0 to 1",
        );
        if let Err(problem) = self.observe.trace.check() {
            refuse(true, &format!("trace.{problem}"));
        }
        refuse(
            self.observe.admin_bind.is_some() && !self.transports.has_http(),
            "admin_bind needs HTTP (--transport http, or both)",
        );
        let is_all = |address: SocketAddr| address.ip().is_unspecified();
        let same = |admin: SocketAddr| {
            let overlap = admin.ip() == self.bind.ip() || is_all(admin) || is_all(self.bind);
            admin.port() == self.bind.port() && admin.port() != 0 && overlap
        };
        refuse(
            self.transports.has_http() && self.observe.admin_bind.is_some_and(same),
            "admin_bind must be another address than bind",
        );
        problems
    }
}

/// The names of rates that let nobody in.
fn impossible_rates(rate: &RateConfig) -> impl Iterator<Item = &str> {
    let RateConfig { global, per_address, per_principal, per_tool, .. } = rate;
    let named = [
        ("global", global),
        ("per_address", per_address),
        ("per_principal", per_principal),
        ("per_tool", per_tool),
        ("per_tool_and_principal", &rate.per_tool_and_principal),
    ];
    let named = named.into_iter().filter_map(|(name, rate)| Some((name, rate.as_ref()?)));
    let tools = rate.tools.values().map(|rate| ("tools", rate));
    named.chain(tools).filter(|(_, rate)| !rate.is_possible()).map(|(name, _)| name)
}

/// What is wrong with the settings of HTTP+SSE.
fn check_http_sse(http_sse: &HttpSseConfig, endpoint: &str, refuse: &mut impl FnMut(bool, &str)) {
    let HttpSseConfig { enabled, sse_endpoint, messages_endpoint, .. } = http_sse;
    if !enabled {
        return;
    }
    refuse(http_sse.connections_max == 0, "http_sse.connections_max must be at least 1");
    refuse(http_sse.session_timeout.as_secs() == 0, "http_sse.session_timeout must be at least 1s");
    for (key, text) in [("sse_endpoint", sse_endpoint), ("messages_endpoint", messages_endpoint)] {
        if let Err(problem) = path(text) {
            refuse(true, &format!("http_sse.{key}: {problem}"));
        }
    }
    let is_one = [&**sse_endpoint, messages_endpoint].contains(&endpoint);
    // The one that somebody has set, as far as that can be seen.
    let default = HttpSseConfig::default();
    let key = match () {
        () if is_one
            && [&*default.sse_endpoint, &default.messages_endpoint].contains(&endpoint) =>
        {
            "path"
        }
        () if *sse_endpoint == default.sse_endpoint => "http_sse.messages_endpoint",
        () => "http_sse.sse_endpoint",
    };
    let problem = format!(
        "{key}: path, http_sse.sse_endpoint and http_sse.messages_endpoint must be three different \
         paths (or set http_sse.enabled = false)"
    );
    refuse(sse_endpoint == messages_endpoint || is_one, &problem);
    let DeprecationConfig { docs_url, sunset, successor_endpoint, .. } = &http_sse.deprecation;
    for (key, reference) in [("docs_url", docs_url), ("successor_endpoint", successor_endpoint)] {
        if reference.as_ref().is_some_and(|reference| !is_reference(reference)) {
            refuse(true, &format!("http_sse.deprecation.{key} must be a URL, or a path"));
        }
    }
    // RFC 9745 §4.
    let problem =
        format!("http_sse.deprecation.sunset must not be before {DEPRECATED}, the deprecation");
    refuse(sunset.is_some_and(|sunset| sunset < DEPRECATED), &problem);
}

/// What may stand between `<` and `>` in a `Link` (RFC 8288 §3; RFC 3986 §2).
fn is_reference(text: &str) -> bool {
    let is_byte = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte);
    !text.is_empty() && text.bytes().all(is_byte)
}
