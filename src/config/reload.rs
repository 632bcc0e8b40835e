//! Which settings a server that runs takes, and which wait for its next start.

use super::tokens::TokenConfig;
use super::{
    AccessLogConfig, AuditLogConfig, AuthConfig, Config, HttpSseConfig, ObserveConfig, TlsConfig,
    TraceConfig,
};
use crate::http::HttpLimits;

/// What a reload did with each setting. Keys are as they are written in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Those that are others than before, and hold now.
    pub changed: Vec<&'static str>,
    /// Those that are others than before, and hold after a restart.
    pub needs_restart: Vec<&'static str>,
    /// Those that are as they were.
    pub unchanged: Vec<&'static str>,
}

impl Reloaded {
    /// What a setting names is another than before, though the setting may be the same.
    pub(crate) fn has_changed(&mut self, key: &'static str) {
        self.unchanged.retain(|other| *other != key);
        if !self.changed.contains(&key) {
            self.changed.push(key);
        }
    }
}

/// The key of a field: its name, behind that of its table, unless it is written otherwise.
macro_rules! key {
    ($prefix:literal, $field:ident) => {
        concat!($prefix, stringify!($field))
    };
    ($prefix:literal, $field:ident, $key:literal) => {
        $key
    };
}

/// Takes over what is `live` and notes what is not. Every field of the struct has to be named, so
/// that nobody adds one without a decision.
macro_rules! take_over {
    (
        $type:ident { $old:expr, $new:expr, $reloaded:expr, $prefix:literal }
        live { $($live:ident $(= $live_key:literal)?)* }
        restart { $($restart:ident $(= $restart_key:literal)?)* }
        apart { $($apart:ident)* }
    ) => {{
        let $type { $($live,)* $($restart,)* $($apart: _,)* } = $old;
        $(match *$live == $new.$live {
            true => $reloaded.unchanged.push(key!($prefix, $live $(, $live_key)?)),
            false => {
                $live.clone_from(&$new.$live);
                $reloaded.changed.push(key!($prefix, $live $(, $live_key)?));
            }
        })*
        $(match *$restart == $new.$restart {
            true => $reloaded.unchanged.push(key!($prefix, $restart $(, $restart_key)?)),
            false => $reloaded.needs_restart.push(key!($prefix, $restart $(, $restart_key)?)),
        })*
    }};
}

impl Config {
    /// Becomes what `new` says, as far as that is possible without a restart.
    pub(crate) fn take_over(&mut self, new: &Config) -> Reloaded {
        let mut reloaded = Reloaded::default();
        take_over! {
            HttpLimits { &mut self.http, new.http, reloaded, "http." }
            live {
                head_bytes_max target_bytes_max header_fields_max body_bytes_max
                chunk_line_bytes_max chunk_overhead_bytes_max trailer_bytes_max
            }
            restart {}
            apart {}
        }
        take_over! {
            HttpSseConfig { &mut self.http_sse, new.http_sse, reloaded, "http_sse." }
            live { connections_max session_timeout deprecation }
            restart { enabled sse_endpoint messages_endpoint }
            apart {}
        }
        take_over! {
            AuthConfig { &mut self.auth, new.auth, reloaded, "auth." }
            live { api_keys api_keys_file mtls anonymous decision_timeout resource_name
                resource_documentation anonymous_scopes scopes tools = "tools"
                prompts = "prompts" resources = "resources" }
            restart {}
            apart { tokens }
        }
        take_over! {
            TokenConfig { &mut self.auth.tokens, new.auth.tokens, reloaded, "auth." }
            live {
                issuers audiences = "auth.audience" algorithms leeway token_bytes_max require_at_jwt
                cache_entries_max cache_bytes_max refused_ttl keys_age_max keys_refresh_interval
                issuer_timeout allow_http introspection_threads introspection_waiting_max
            }
            restart {}
            apart {}
        }
        self.take_over_tls(new, &mut reloaded);
        self.observe.compare(&new.observe, &mut reloaded);
        take_over! {
            Config { self, new, reloaded, "" }
            live {
                spin connections_max requests_per_turn_max head_timeout body_timeout idle_timeout
                write_timeout shutdown_grace shutdown_delay sessions_max sessions_per_principal_max
                session_idle_timeout stream_events_max stream_bytes_max replay_window
                replay_bytes_max keep_alive stream_age_max answer_timeout allowed_origins cors
                tools = "tools.disabled" guard json_depth_max requests_per_connection_max
                connection_age_max rate overload call_timeout connections_per_address_max
                calls_per_principal_max streams_per_principal_max streams_per_address_max
            }
            // Threads, sockets, queues and pools that stand; and paths that clients know.
            restart {
                transports = "transport.mode" bind path cores pin workers deferred_max buffer_size
                max_buffers adaptive_sizing
            }
            apart { http http_sse auth tls observe }
        }
        reloaded
    }

    /// Other files of certificates are live; whether HTTPS is served is not.
    fn take_over_tls(&mut self, new: &Config, reloaded: &mut Reloaded) {
        if self.tls.is_on() != new.tls.is_on() {
            reloaded.needs_restart.push("tls");
            return;
        }
        take_over! {
            TlsConfig { &mut self.tls, new.tls, reloaded, "tls." }
            live { certificates client_auth client_ca client_crl min_version }
            restart {}
            apart {}
        }
    }
}

impl ObserveConfig {
    /// Nothing of it is live: files are open, and a socket listens.
    fn compare(&mut self, new: &ObserveConfig, reloaded: &mut Reloaded) {
        take_over! {
            ObserveConfig { self, new, reloaded, "" }
            live {}
            restart { admin_bind metrics_public = "metrics.public" }
            apart { access_log audit_log trace }
        }
        take_over! {
            TraceConfig { &mut self.trace, new.trace, reloaded, "trace." }
            live {}
            restart { endpoint headers_file headers_variable sample timeout service_name }
            apart {}
        }
        take_over! {
            AccessLogConfig { &mut self.access_log, new.access_log, reloaded, "access_log." }
            live {}
            restart { path format sample slow_only = "access_log.slow_only_ms" }
            apart {}
        }
        take_over! {
            AuditLogConfig { &mut self.audit_log, new.audit_log, reloaded, "audit_log." }
            live {}
            restart { path when_full arguments sync }
            apart {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Each name is a key of the file, or a table of it.
    #[test]
    #[cfg(feature = "daemon")]
    fn names_are_keys_of_the_file() {
        let schema = crate::config::raw::schema();
        let mut config = Config::default();
        let mut new = config.clone();
        new.tls.certificates =
            vec![crate::config::CertificateFiles { cert: "a".into(), key: "b".into() }];
        let all = config.take_over(&new);
        assert_eq!(all.needs_restart, ["tls"]);
        config.tls = new.tls.clone();
        let all = config.take_over(&new).unchanged.into_iter().chain(all.unchanged);
        for key in all {
            let mut at = &schema;
            for name in key.split('.') {
                if let Some(path) = at["$ref"].as_str() {
                    at = schema.pointer(path.trim_start_matches('#')).unwrap();
                }
                at = at["properties"].get(name).unwrap_or_else(|| panic!("{key} is no key"));
            }
        }
    }

    #[test]
    fn what_can_be_is_taken_over_and_all_is_named() {
        let mut config = Config::default();
        let mut new = config.clone();
        let all = config.take_over(&new.clone());
        assert!(all.changed.is_empty() && all.needs_restart.is_empty(), "{all:?}");
        new.http.body_bytes_max = 1;
        new.http_sse.sse_endpoint = "/other".to_owned();
        new.idle_timeout = Duration::from_secs(1);
        new.cores = Some(3);
        let reloaded = config.take_over(&new);
        assert_eq!(reloaded.changed, ["http.body_bytes_max", "idle_timeout"]);
        assert_eq!(reloaded.needs_restart, ["http_sse.sse_endpoint", "cores"]);
        assert_eq!(reloaded.unchanged.len() + 4, all.unchanged.len());
        assert_eq!((config.http.body_bytes_max, config.cores), (1, None));
        assert_eq!(config.take_over(&new).needs_restart, ["http_sse.sse_endpoint", "cores"]);
    }
}
