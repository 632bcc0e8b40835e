//! What the server counts, as text for a collector (OpenMetrics 1.0).

use std::fmt::Write as _;

use crate::store::Hub;

/// All metrics.
#[cold]
pub(super) fn text(hub: &Hub) -> String {
    let mut out = String::new();
    let gauges = [
        ("mcp_sessions", "Sessions of clients up to 2025-11-25.", hub.sessions.count()),
        ("mcp_http_sse_sessions", "Sessions of clients of HTTP+SSE.", hub.lines.count()),
        ("mcp_tasks", "Tasks that are kept.", hub.tasks.count()),
    ];
    for (name, help, value) in gauges {
        // A text cannot refuse to be written to.
        let _ = write!(out, "# TYPE {name} gauge\n# HELP {name} {help}\n{name} {value}\n");
    }
    let started_s = hub.started_ms as f64 / 1000.0;
    let _ = write!(
        out,
        "# TYPE process_start_time_seconds gauge\n# HELP process_start_time_seconds When the \
         server started, since 1970.\nprocess_start_time_seconds {started_s:.3}\n"
    );
    let mut clients = Vec::new();
    hub.usage.each(|name, version, sessions, messages| {
        let labels = format!("{{client=\"{}\",version=\"{}\"}}", escaped(name), escaped(version));
        clients.push((labels, sessions, messages));
    });
    counters(&mut out, "mcp_http_sse_begun", "Sessions that clients of HTTP+SSE began.", {
        clients.iter().map(|(labels, sessions, _)| (labels, *sessions))
    });
    counters(&mut out, "mcp_http_sse_messages", "Messages that clients of HTTP+SSE sent.", {
        clients.iter().map(|(labels, _, messages)| (labels, *messages))
    });
    out.push_str("# EOF\n");
    out
}

fn counters<'c>(
    out: &mut String,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (&'c String, u64)>,
) {
    let _ = write!(out, "# TYPE {name} counter\n# HELP {name} {help}\n");
    for (labels, value) in values {
        let _ = writeln!(out, "{name}_total{labels} {value}");
    }
}

/// A label's value (OpenMetrics, "Text format").
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"")
}
