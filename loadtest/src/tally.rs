//! What was seen: counts, a histogram of latencies, the server's CPU time.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::sys;

pub struct Tally {
    /// Nanoseconds, up to a minute, to three digits.
    latencies: Histogram<u64>,
    /// The same of what was refused.
    refusals: Histogram<u64>,
    /// Answers since the last reset, and since the beginning.
    pub answers: u64,
    pub answers_all: u64,
    /// Of the answers since the last reset, heads and all.
    bytes: u64,
    pub errors: u64,
    pub reopened: u64,
    pub complaint: Option<String>,
}

impl Tally {
    pub fn new() -> Result<Self, String> {
        let latencies = Histogram::new_with_bounds(100, 60_000_000_000, 3);
        let latencies = latencies.map_err(|error| format!("histogram: {error:?}"))?;
        Ok(Self {
            refusals: latencies.clone(),
            latencies,
            answers: 0,
            answers_all: 0,
            bytes: 0,
            errors: 0,
            reopened: 0,
            complaint: None,
        })
    }

    pub fn answer(&mut self, latency: Duration, len: usize) {
        self.answers += 1;
        self.answers_all += 1;
        self.bytes += len as u64;
        self.latency(latency);
    }

    pub fn refusal(&mut self, latency: Duration) {
        self.answers_all += 1;
        self.refusals.saturating_record(latency.as_nanos() as u64);
    }

    pub fn latency(&mut self, latency: Duration) {
        self.latencies.saturating_record(latency.as_nanos() as u64);
    }

    pub fn error(&mut self, why: String) {
        self.errors += 1;
        self.complaint.get_or_insert(why);
    }

    /// The end of the warm-up: latencies start anew, errors stay errors.
    pub fn restart(&mut self) {
        self.answers = 0;
        self.bytes = 0;
        self.latencies.reset();
        self.refusals.reset();
    }

    fn micros(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// CPU time of the server: all of it to the nanosecond, its parts in ticks.
#[derive(Clone, Copy, Default)]
pub struct Cpu {
    pub total_ns: u64,
    pub user_ticks: u64,
    pub system_ticks: u64,
}

impl Cpu {
    pub fn of(pid: i32) -> Result<Self, String> {
        let complain = |error: std::io::Error| format!("process {pid}: {error}");
        let total_ns = sys::process_cpu_ns(pid).map_err(complain)?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).map_err(complain)?;
        // Fields are counted from the last parenthesis: names may have spaces.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let mut ticks = fields.split_whitespace().skip(11).map(|field| field.parse().unwrap_or(0));
        Ok(Self {
            total_ns,
            user_ticks: ticks.next().unwrap_or(0),
            system_ticks: ticks.next().unwrap_or(0),
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            total_ns: self.total_ns - before.total_ns,
            user_ticks: self.user_ticks - before.user_ticks,
            system_ticks: self.system_ticks - before.system_ticks,
        }
    }
}

pub struct Report {
    pub tally: Tally,
    pub seconds: f64,
    /// Requests that were due and could not be sent before the end.
    pub unsent: u64,
    pub server: Option<(Cpu, Cpu)>,
}

impl Report {
    pub fn text(&self) -> String {
        let tally = &self.tally;
        let mut text = format!(
            "{} requests in {:.2} s: {:.0} a second, {} errors\n\
             latency µs: p50 {:.1}  p99 {:.1}  p99.9 {:.1}  max {:.1}\n",
            tally.answers,
            self.seconds,
            tally.answers as f64 / self.seconds,
            tally.errors,
            tally.micros(0.5),
            tally.micros(0.99),
            tally.micros(0.999),
            tally.micros(1.0),
        );
        if !tally.refusals.is_empty() {
            let micros = tally.refusals.value_at_quantile(0.99) as f64 / 1000.0;
            text += &format!("{} refused, p99 {micros:.1} µs\n", tally.refusals.len());
        }
        if self.unsent > 0 {
            text += &format!("{} requests were due but not sent\n", self.unsent);
        }
        if let Some((before, after)) = self.server {
            let micros = after.since(before).total_ns as f64 / 1000.0;
            let each = micros / tally.answers.max(1) as f64;
            text += &format!("server: {each:.2} µs of CPU time a request\n");
        }
        text
    }

    pub fn json(&self) -> String {
        let tally = &self.tally;
        let cpu = self.server.map(|(before, after)| after.since(before));
        let cpu = cpu.unwrap_or_default();
        format!(
            "{{\"requests\":{},\"requests_all\":{},\"bytes\":{},\"seconds\":{:.6},\"rps\":{:.1},\
             \"p50_us\":{:.1},\"p99_us\":{:.1},\"p999_us\":{:.1},\"max_us\":{:.1},\
             \"refused\":{},\"refused_p99_us\":{:.1},\"errors\":{},\"reopened\":{},\"unsent\":{},\
             \"server_cpu_ns\":{},\"server_user_ticks\":{},\"server_system_ticks\":{}}}",
            tally.answers,
            tally.answers_all,
            tally.bytes,
            self.seconds,
            tally.answers as f64 / self.seconds,
            tally.micros(0.5),
            tally.micros(0.99),
            tally.micros(0.999),
            tally.micros(1.0),
            tally.refusals.len(),
            tally.refusals.value_at_quantile(0.99) as f64 / 1000.0,
            tally.errors,
            tally.reopened,
            self.unsent,
            cpu.total_ns,
            cpu.user_ticks,
            cpu.system_ticks,
        )
    }
}
