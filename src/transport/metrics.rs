//! What the server counts, for a collector (OpenMetrics 1.0), read when it is asked for.
//!
//! Names and labels of what is about MCP are those of the OpenTelemetry conventions for it, as
//! OpenTelemetry translates them for Prometheus. No label is a session, a principal or an address.

use std::fmt::{Debug, Error, Formatter};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder,
    NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::Shared;
use crate::app::Handler;
use crate::observe::{BOUNDS, Counter, Histogram, Outcome, Snapshot, Table};
use crate::store::Hub;

/// All metrics.
#[cold]
pub(super) fn text<H: Handler>(shared: &Shared<H>) -> String {
    let ages = shared.handler.issuers().into_iter();
    let keys = ages.filter_map(|issuer| Some((issuer.issuer, issuer.keys_age_s?)));
    let scrape = Scrape { hub: shared.hub.clone(), keys: keys.collect() };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut out = String::new();
    // A text cannot refuse to be written to.
    let _ = encode(&mut out, &registry);
    out
}

/// One look at all there is.
struct Scrape {
    hub: Arc<Hub>,
    /// How old the keys of issuers are, in seconds.
    keys: Vec<(String, u64)>,
}

impl Debug for Scrape {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result<(), Error> {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut out = Out(encoder);
        self.operations(&mut out)?;
        self.http(&mut out)?;
        self.protocol(&mut out)?;
        self.workers(&mut out)?;
        self.limits(&mut out)?;
        self.settled(&mut out)?;
        self.logs(&mut out)?;
        self.process(&mut out)
    }
}

/// What is written to.
struct Out<'e>(DescriptorEncoder<'e>);

type Labels<'l, const N: usize> = [(&'static str, &'l str); N];

impl Out<'_> {
    fn gauge<V: EncodeGaugeValue>(&mut self, name: &str, help: &str, v: V) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&v)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters<L: EncodeLabelSet, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn histograms<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, Snapshot)>,
    ) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, value) in values {
            write_histogram(&mut metric.encode_family(&labels)?, &value)?;
        }
        Ok(())
    }
}

fn write_histogram(metric: &mut MetricEncoder<'_>, value: &Snapshot) -> Result<(), Error> {
    let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(value.buckets).collect();
    metric.encode_histogram::<NoLabelSet>(value.sum_s(), value.count(), &buckets, None)
}

fn snapshot(histogram: &Histogram) -> Snapshot {
    let mut sum = Snapshot::ZERO;
    sum.include(histogram);
    sum
}

impl Scrape {
    /// Requests by method, tool and what came of them; only what there was.
    fn operations(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let ledger = &self.hub.ledger;
        let mut seen = Vec::new();
        for operation in ledger.operations.all() {
            for outcome in Outcome::ALL {
                let mut sum = Snapshot::ZERO;
                ledger.tables.iter().for_each(|table| table.include(operation, outcome, &mut sum));
                if sum.count() == 0 {
                    continue;
                }
                let method = ledger.operations.method(operation).unwrap_or_default();
                let mut labels = vec![("mcp_method_name", method)];
                labels.extend(ledger.operations.tool(operation).map(|t| ("gen_ai_tool_name", t)));
                labels.extend(outcome.error_type().map(|kind| ("error_type", kind)));
                seen.push((labels, outcome.class(), sum));
            }
        }
        let requests = seen.iter().map(|(labels, class, sum)| {
            let mut labels = labels.clone();
            labels.push(("outcome", class));
            (labels, sum.count())
        });
        out.counters(
            "mcp_server_requests",
            "Requests and notifications, by what came of them. A tool_error has HTTP status 200.",
            requests,
        )?;
        out.histograms(
            "mcp_server_operation_duration_seconds",
            "From when a request was read to when its answer was written, or ready where a worker \
             made it. Bounds are powers of two of a second (native schema 0).",
            seen.into_iter().map(|(labels, _, sum)| (labels, sum)),
        )?;
        out.histograms(
            "mcp_server_session_duration_seconds",
            "From the beginning to the last use of sessions that have ended.",
            [
                ([("network_transport", "http")], snapshot(&self.hub.sessions.durations)),
                ([("network_transport", "line")], snapshot(&self.hub.lines.durations)),
            ],
        )
    }

    fn http(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let ledger = &self.hub.ledger;
        let responses = Table::statuses().filter_map(|status| {
            let count: u64 = ledger.tables.iter().map(|table| table.responses(status)).sum();
            (count > 0).then(|| ([("http_response_status_code", status.to_string())], count))
        });
        out.counters("mcp_server_http_responses", "HTTP responses.", responses)?;
        let shards = || ledger.tables.split_last().map_or(&[][..], |(_, shards)| shards);
        let by_shard = |field: fn(&Table) -> &Counter| {
            let shards = shards().iter().enumerate();
            shards.map(move |(index, table)| ([("shard", index.to_string())], field(table).get()))
        };
        let closed = by_shard(|table| &table.closed).map(|(_, closed)| closed);
        let open = by_shard(|table| &table.accepted).zip(closed);
        out.gauges(
            "mcp_server_connections",
            "Connections open now.",
            open.map(|((labels, accepted), closed)| (labels, accepted as i64 - closed as i64)),
        )?;
        out.counters(
            "mcp_server_connections_accepted",
            "Connections accepted.",
            by_shard(|table| &table.accepted),
        )?;
        let received = ledger.sum(|table| &table.bytes_in);
        out.counter("mcp_server_received_bytes", "Bytes read from connections.", received)?;
        let sent = ledger.sum(|table| &table.bytes_out);
        out.counter("mcp_server_sent_bytes", "Bytes written to connections.", sent)?;
        let streams = ledger.gauges.streams.get() as i64;
        out.gauge("mcp_server_streams", "Connections that wait for an answer or events.", streams)
    }

    fn protocol(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let hub = &self.hub;
        let gauges = [
            ("mcp_sessions", "Sessions of clients up to 2025-11-25.", hub.sessions.count()),
            ("mcp_http_sse_sessions", "Sessions of clients of HTTP+SSE.", hub.lines.count()),
            ("mcp_tasks", "Tasks that are kept.", hub.tasks.count()),
        ];
        for (name, help, value) in gauges {
            out.gauge(name, help, value as i64)?;
        }
        let mut clients = Vec::new();
        hub.usage.each(|name, version, sessions, messages| {
            // Clients say what they like of themselves; some of it moves the cursor of a terminal.
            let plain = |text: &str| text.replace(char::is_control, "_");
            let labels = [("client", plain(name)), ("version", plain(version))];
            clients.push((labels, sessions, messages));
        });
        out.counters(
            "mcp_http_sse_begun",
            "Sessions that clients of HTTP+SSE began.",
            clients.iter().map(|(labels, sessions, _)| (labels.clone(), *sessions)),
        )?;
        out.counters(
            "mcp_http_sse_messages",
            "Messages that clients of HTTP+SSE sent.",
            clients.into_iter().map(|(labels, _, messages)| (labels, messages)),
        )
    }

    fn workers(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let gauges = &self.hub.ledger.gauges;
        let waiting = self.hub.relief.waiting() as i64;
        let now_ns = (self.hub.clock.steady_ns)();
        out.gauge("mcp_server_workers", "Threads for functions that may wait.", {
            gauges.workers.get() as i64
        })?;
        out.gauge("mcp_server_workers_busy", "Those that work.", gauges.busy.get() as i64)?;
        out.gauge("mcp_server_workers_waiting", "Those that wait for a client.", waiting)?;
        out.gauge("mcp_server_queue_length", "Calls that wait for a worker.", {
            gauges.queue.len() as i64
        })?;
        out.gauge("mcp_server_queue_oldest_seconds", "How long the first of them has waited.", {
            gauges.queue.oldest_ns(now_ns) as f64 / 1e9
        })?;
        let (name, help) =
            ("mcp_server_queue_duration_seconds", "How long calls waited for a worker.");
        write_histogram(
            &mut out.0.encode_descriptor(name, help, None, MetricType::Histogram)?,
            &snapshot(&gauges.queue.waited),
        )
    }

    fn limits(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let gauges = &self.hub.ledger.gauges;
        let labelled = |label: &'static str, named: Vec<(Box<str>, u64)>| {
            named.into_iter().map(move |(name, count)| ([(label, String::from(name))], count))
        };
        out.counters(
            "mcp_server_limited",
            "Requests refused with 503 or 429, by the limit that they met.",
            labelled("limit", gauges.limited.all()),
        )?;
        out.counters(
            "mcp_server_tls_handshakes_failed",
            "TLS handshakes that failed, by reason.",
            labelled("reason", gauges.handshakes_failed.all()),
        )?;
        out.gauges(
            "mcp_server_jwks_age_seconds",
            "Time since the keys of an issuer were fetched.",
            self.keys.iter().map(|(issuer, age_s)| ([("issuer", issuer.clone())], *age_s as i64)),
        )
    }

    /// What was settled beforehand: what all else comes near to.
    fn settled(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let gauges = &self.hub.ledger.gauges;
        let settled = &gauges.settled;
        let told = [
            (
                "mcp_server_connections_limit",
                "connections_max: more are not accepted.",
                &settled.connections_max,
            ),
            (
                "mcp_server_memory_limit_bytes",
                "overload.memory_max, or what follows from the control group: beyond it, calls \
                 are refused.",
                &settled.memory_max,
            ),
            (
                "mcp_server_tls_certificate_expires_timestamp_seconds",
                "When the first of the certificates expires, since 1970.",
                &settled.certificate_expires_s,
            ),
        ];
        for (name, help, value) in told {
            let mut metric = out.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
            if value.get() > 0 {
                metric.encode_gauge(&(value.get() as i64))?;
            }
        }
        let acts = [("ok", gauges.acts.all()), ("error", gauges.acts_failed.all())];
        let acts = acts.into_iter().flat_map(|(outcome, acts)| {
            let labels =
                move |act: Box<str>| [("act", String::from(act)), ("outcome", outcome.into())];
            acts.into_iter().map(move |(act, count)| (labels(act), count))
        });
        out.counters(
            "mcp_server_operator_acts",
            "What operators did (reload, reopen_logs, stop, upgrade), by what came of it.",
            acts,
        )
    }

    fn logs(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let logs = &self.hub.ledger.logs;
        let access = logs.access.iter().map(|log| ("access", &log.lines));
        let kept = access.chain(logs.audit.iter().map(|log| ("audit", &log.lines)));
        let kept: Vec<_> = kept.collect();
        let traces = || logs.traces.iter().map(|traces| ("traces", traces.counters()));
        let lines = || kept.iter().map(|(log, lines)| (*log, (&lines.dropped, &lines.written)));
        let counters = || lines().chain(traces());
        out.counters("mcp_server_log_entries_dropped", "Entries that a log had no room for.", {
            counters().map(|(log, (dropped, _))| ([("log", log)], dropped.get()))
        })?;
        out.counters("mcp_server_log_entries", "Entries that a log is done with.", {
            counters().map(|(log, (_, written))| ([("log", log)], written.get()))
        })?;
        out.gauges("mcp_server_log_entries_waiting", "Entries that are not written yet.", {
            kept.iter().map(|(log, lines)| ([("log", *log)], lines.len() as i64))
        })?;
        out.gauges(
            "mcp_server_log_failing",
            "1: the last write has failed, or no new file can be opened in place of the old one.",
            kept.iter().map(|(log, lines)| {
                let is_failing = lines.is_unwritable() || lines.is_unopened();
                ([("log", *log)], i64::from(is_failing))
            }),
        )
    }

    fn process(&self, out: &mut Out<'_>) -> Result<(), Error> {
        let started_s = self.hub.started_ms as f64 / 1000.0;
        let help = "When the server started, since 1970.";
        out.gauge("process_start_time_seconds", help, started_s)?;
        let process = (self.hub.ledger.times.process)();
        if let Some(bytes) = process.resident_bytes {
            out.gauge("process_resident_memory_bytes", "Memory in use.", bytes as i64)?;
        }
        if let Some(files) = process.open_files {
            out.gauge("process_open_fds", "File descriptors in use.", files as i64)?;
        }
        if let Some(files) = process.open_files_max {
            out.gauge("process_max_fds", "File descriptors that there may be.", files as i64)?;
        }
        let version: Labels<'_, 1> = [("version", env!("CARGO_PKG_VERSION"))];
        let mut info =
            out.0.encode_descriptor("mcp_server_build", "What runs.", None, MetricType::Info)?;
        info.encode_info(&version)
    }
}
