//! Which settings a server that runs takes, and which wait for its next start.

use super::{Config, HttpSseConfig};
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

/// Takes over what is `live` and notes what is not. Every field of the struct has to be named, so
/// that nobody adds one without a decision.
macro_rules! take_over {
    (
        $type:ident { $old:expr, $new:expr, $reloaded:expr, $prefix:literal }
        live { $($live:ident)* }
        restart { $($restart:ident)* }
        apart { $($apart:ident)* }
    ) => {{
        let $type { $($live,)* $($restart,)* $($apart: _,)* } = $old;
        $(match *$live == $new.$live {
            true => $reloaded.unchanged.push(concat!($prefix, stringify!($live))),
            false => {
                $live.clone_from(&$new.$live);
                $reloaded.changed.push(concat!($prefix, stringify!($live)));
            }
        })*
        $(match *$restart == $new.$restart {
            true => $reloaded.unchanged.push(concat!($prefix, stringify!($restart))),
            false => $reloaded.needs_restart.push(concat!($prefix, stringify!($restart))),
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
            Config { self, new, reloaded, "" }
            live {
                spin connections_max requests_per_turn_max head_timeout body_timeout idle_timeout
                write_timeout shutdown_grace shutdown_delay sessions_max sessions_per_principal_max
                session_idle_timeout stream_events_max stream_bytes_max replay_window
                replay_bytes_max keep_alive stream_age_max answer_timeout allowed_origins tools cors
                guard json_depth_max requests_per_connection_max connection_age_max rate
            }
            // Threads, sockets, queues and pools that stand; and paths that clients know.
            restart {
                transports bind path cores pin workers deferred_max buffer_size max_buffers
                adaptive_sizing tls overload call_timeout connections_per_address_max
                calls_per_principal_max streams_per_principal_max streams_per_address_max
            }
            apart { http http_sse }
        }
        reloaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
