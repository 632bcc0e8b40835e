//! The shape of what is written: every key, all of them optional, and how one layer lies over
//! another.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{Hosts, Micros, Networks, Origins, Seconds, Sunset};
use super::{CertificateFiles, ClientAuth, LogFormat, ProxyProtocol, TlsVersion, Transports};
use crate::observe::{AccessFormat, AuditArguments, TraceSample, WhenFull};

const ADDRESS: &str = r"^(\[.*|[^:]+):\+?[0-9]{1,5}$";
/// The path of an endpoint, which is none of ours.
const PATH: &str = r##"^(?!/(health|ready|metrics)$)/[!$%&(->@-\[\]-~]*$"##;

/// What an editor needs to know of such a file (JSON Schema, 2020-12).
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let mut schema = settings.into_generator().into_root_schema_for::<RawConfig>();
    schema.insert("title".to_owned(), "Settings of mcp-fastd".into());
    schema.to_value()
}

/// A struct of optional settings that can be laid over another one.
macro_rules! layer {
    (
        $(#[$about:meta])* $name:ident
        values { $($(#[$doc:meta])* $value:ident: $type:ty,)* }
        tables { $($(#[$table_doc:meta])* $table:ident: $table_type:ty,)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default, remote = "Self")]
        pub struct $name {
            $($(#[$doc])* pub $value: Option<$type>,)*
            $($(#[$table_doc])* pub $table: $table_type,)*
        }

        crate::config::raw::tables! { $name }

        impl $name {
            /// What is set here, and what is set in `under` where nothing is set here.
            #[must_use]
            pub fn over(self, under: $name) -> $name {
                $name {
                    $($value: self.$value.or(under.$value),)*
                    $($table: self.$table.over(under.$table),)*
                }
            }
        }
    };
}

mod auth;
mod limits;
mod tables;

pub use auth::{RawAuth, RawIntrospection, RawIssuer, RawThing, RawThings, RawTools};
pub use limits::{RawOverload, RawRate};
pub(super) use tables::{Named, tables};

layer! {
    /// Settings as written. Each is the field of [`Config`](super::Config) of the same name, but
    /// for `dataset`, `log`, `log_format` and `transport`, and what is of
    /// [`ObserveConfig`](super::ObserveConfig).
    RawConfig
    values {
        /// The dataset to serve.
        dataset: PathBuf,
        /// What to log: a level, or a filter.
        log: String,
        /// `"ADDRESS:PORT"`.
        #[schemars(regex(pattern = ADDRESS))]
        bind: String,
        /// The path of the endpoint.
        #[schemars(regex(pattern = PATH))]
        path: String,
        /// Shards.
        #[schemars(range(min = 1))]
        cores: usize,
        /// Whether shards are pinned to CPUs.
        pin: bool,
        /// `"50us"`, or a number of microseconds.
        spin: Micros,
        /// Worker threads.
        workers: usize,
        /// Calls that may wait for a worker.
        deferred_max: usize,
        /// Connections open at once.
        #[schemars(range(min = 1))]
        connections_max: usize,
        /// Requests of one connection in its turn.
        #[schemars(range(min = 1))]
        requests_per_turn_max: usize,
        /// `"10s"`, or a number of seconds; as all that follow.
        head_timeout: Seconds,
        /// Time for a body.
        body_timeout: Seconds,
        /// Time without a request.
        idle_timeout: Seconds,
        /// Time without a byte taken.
        write_timeout: Seconds,
        /// Time that a stop waits.
        shutdown_grace: Seconds,
        /// Time before a stop begins, in which only readiness fails.
        shutdown_delay: Seconds,
        /// Bytes.
        #[schemars(range(min = 4096))]
        buffer_size: usize,
        /// Buffers a shard keeps.
        max_buffers: usize,
        /// Whether buffers grow.
        adaptive_sizing: bool,
        /// Sessions at once.
        sessions_max: usize,
        /// Sessions of one principal.
        sessions_per_principal_max: usize,
        /// Time without use.
        session_idle_timeout: Seconds,
        /// Events of a stream.
        #[schemars(range(min = 32))]
        stream_events_max: usize,
        /// Bytes of a stream.
        #[schemars(range(min = 65536))]
        stream_bytes_max: usize,
        /// Time to come back for a stream.
        replay_window: Seconds,
        /// Bytes kept for that.
        replay_bytes_max: usize,
        /// Time of silence.
        keep_alive: Seconds,
        /// Age of a stream.
        stream_age_max: Seconds,
        /// Time for an answer to a question.
        answer_timeout: Seconds,
        /// A list, or text with commas.
        allowed_origins: Origins,
        /// Nesting of a message.
        #[schemars(range(min = 8))]
        json_depth_max: usize,
        /// Connections of one address.
        connections_per_address_max: usize,
        /// Calls of one principal.
        calls_per_principal_max: usize,
        /// Streams of one principal.
        streams_per_principal_max: usize,
        /// Streams of one address.
        streams_per_address_max: usize,
        /// Requests of one connection.
        requests_per_connection_max: usize,
        /// Age of a connection.
        connection_age_max: Seconds,
        /// Time for a call.
        call_timeout: Seconds,
        /// `"ADDRESS:PORT"`.
        #[schemars(regex(pattern = ADDRESS))]
        admin_bind: String,
        /// `"auto"`, `"human"` or `"json"`.
        log_format: LogFormat,
    }
    tables {
        /// What is counted.
        metrics: RawMetrics,
        /// A line for each request.
        access_log: RawAccessLog,
        /// Who called what.
        audit_log: RawAuditLog,
        /// Spans of requests; for a build with the feature `otlp`.
        trace: RawTrace,
        /// Who may come.
        auth: RawAuth,
        /// The same of prompts.
        prompts: RawThings,
        /// The same of resources, by their URIs or URI templates.
        resources: RawThings,
        /// Bounds on requests.
        http: RawHttp,
        /// HTTP+SSE.
        http_sse: RawHttpSse,
        /// How often clients may ask.
        rate: RawRate,
        /// What is refused when there is too much to do.
        overload: RawOverload,
        /// HTTPS.
        tls: RawTls,
        /// Which tools are offered.
        tools: RawTools,
        /// Over what clients come, and another way to write where to listen.
        transport: RawTransport,
        /// What browsers are told.
        cors: RawCors,
        /// Names and proxies.
        guard: RawGuard,
    }
}

layer! {
    /// [`HttpSseConfig`](super::HttpSseConfig) as written.
    RawHttpSse
    values {
        /// Whether it is served.
        enabled: bool,
        /// The path of the stream.
        #[schemars(regex(pattern = PATH))]
        sse_endpoint: String,
        /// The path of messages.
        #[schemars(regex(pattern = PATH))]
        messages_endpoint: String,
        /// Streams at once.
        #[schemars(range(min = 1))]
        connections_max: usize,
        /// Time to come back for a stream.
        session_timeout: Seconds,
    }
    tables {
        /// What is said of its end.
        deprecation: RawDeprecation,
    }
}

layer! {
    /// [`DeprecationConfig`](super::DeprecationConfig) as written.
    RawDeprecation
    values {
        /// Whether it is logged.
        warnings: bool,
        /// A page about it.
        docs_url: String,
        /// `"2027-07-28"`, or `"never"`.
        sunset: Sunset,
        /// Where to go.
        successor_endpoint: String,
    }
    tables {}
}

layer! {
    /// [`TlsConfig`](super::TlsConfig) as written.
    RawTls
    values {
        /// The first certificate.
        cert: PathBuf,
        /// Its key.
        key: PathBuf,
        /// More of them.
        certificates: Vec<CertificateFiles>,
        /// `"off"`, `"optional"` or `"required"`; the last, where `client_ca` is set.
        client_auth: ClientAuth,
        /// Who signs clients' certificates.
        client_ca: PathBuf,
        /// What is revoked of them.
        client_crl: PathBuf,
        /// `"1.2"` or `"1.3"`.
        min_version: TlsVersion,
    }
    tables {}
}

layer! {
    /// [`HttpLimits`](crate::HttpLimits) as written.
    RawHttp
    values {
        /// Bytes of a head.
        head_bytes_max: usize,
        /// Bytes of a request-target.
        target_bytes_max: usize,
        /// Field lines.
        header_fields_max: usize,
        /// Bytes of a body.
        body_bytes_max: usize,
        /// Bytes of a chunk-size line.
        chunk_line_bytes_max: usize,
        /// Bytes of chunk-size lines beyond their fair share.
        chunk_overhead_bytes_max: usize,
        /// Bytes of trailers.
        trailer_bytes_max: usize,
    }
    tables {}
}

layer! {
    /// `transport` as written.
    RawTransport
    values {
        /// `"http"`, `"stdio"` or `"both"`.
        mode: Transports,
    }
    tables {
        /// `transport.http`.
        http: RawTransportHttp,
    }
}

layer! {
    /// `transport.http` as written.
    RawTransportHttp
    values {
        /// The address of `bind`.
        host: String,
        /// The port of `bind`.
        port: u16,
        /// The same as `auth` at the top.
        auth: RawAuth,
        /// The same as `rate` at the top.
        rate_limit: RawRate,
    }
    tables {
        /// The same as `tls` at the top.
        ssl: RawTls,
        /// The same as `cors` at the top.
        cors: RawCors,
    }
}

layer! {
    /// [`CorsConfig`](super::CorsConfig) as written.
    RawCors
    values {
        /// The same as `allowed_origins` at the top.
        allowed_origins: Origins,
        /// How long a browser may remember.
        max_age: Seconds,
        /// Whether pages may send cookies.
        credentials: bool,
    }
    tables {}
}

layer! {
    /// [`GuardConfig`](super::GuardConfig) as written.
    RawGuard
    values {
        /// `"https://mcp.example.com"`.
        #[schemars(regex(pattern = r"^[hH][tT][tT][pP][sS]?://[^/?#@*\s]+(/[^?#\s]*)?$"))]
        public_url: String,
        /// A list, or text with commas.
        allowed_hosts: Hosts,
        /// A list, or text with commas.
        trusted_proxies: Networks,
        /// `"off"` or `"required"`.
        proxy_protocol: ProxyProtocol,
    }
    tables {}
}

layer! {
    /// `metrics` as written.
    RawMetrics
    values {
        /// Whether everybody may read them.
        public: bool,
    }
    tables {}
}

layer! {
    /// [`AccessLogConfig`](super::AccessLogConfig) as written.
    RawAccessLog
    values {
        /// A file, or `"-"`.
        path: PathBuf,
        /// `"json"` or `"text"`.
        format: AccessFormat,
        /// From 0 to 1.
        #[schemars(range(min = 0, max = 1))]
        sample: f64,
        /// Milliseconds.
        slow_only_ms: u64,
    }
    tables {}
}

layer! {
    /// [`TraceConfig`](super::TraceConfig) as written.
    RawTrace
    values {
        /// `"http://localhost:4318"`.
        endpoint: String,
        /// A file with lines such as `authorization=Bearer SECRET`.
        headers_file: PathBuf,
        /// The name of an environment variable with the same, with commas between.
        headers_variable: String,
        /// From 0 to 1, of requests whose callers do not say whether they are traced; or `"all"`.
        sample: TraceSample,
        /// Time for the collector to answer.
        timeout: Seconds,
        /// What the server is called.
        service_name: String,
    }
    tables {}
}

layer! {
    /// [`AuditLogConfig`](super::AuditLogConfig) as written.
    RawAuditLog
    values {
        /// A file.
        path: PathBuf,
        /// `"refuse"` or `"drop"`.
        when_full: WhenFull,
        /// `"none"`, `"hash"` or `"full"`.
        arguments: AuditArguments,
        /// Whether each piece is brought to the disk at once.
        sync: bool,
    }
    tables {}
}
