//! Servers as child processes: how they are started, what they hold, and how they end.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::clock::WallClock;
use super::good::at;
use super::wire::Wire;
use crate::sys;

pub struct Server {
    pub name: &'static str,
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// What a server holds at a time.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    pub resident_kb: u64,
    /// The most there ever was.
    pub peak_kb: u64,
    pub threads: u64,
    pub descriptors: u64,
    /// Of `/metrics`: gauges of what comes and goes.
    pub gauges: BTreeMap<String, f64>,
}

/// What of a gauge's name says that it counts what comes and goes.
const COUNTED: [&str; 7] =
    ["session", "stream", "task", "connection", "queue", "deferred", "subscription"];

impl Server {
    /// Starts a program on a free port; with `ahead`, in a time namespace whose steady clocks are
    /// so many seconds ahead. Its wall clock is `clock`.
    ///
    /// # Errors
    /// It does not begin to listen.
    pub fn start(
        name: &'static str,
        program: &str,
        arguments: &[&str],
        ahead: Option<u64>,
        clock: &WallClock,
    ) -> Result<Server, String> {
        let mut command = match ahead {
            None => Command::new(program),
            Some(seconds) => {
                let seconds = seconds.to_string();
                let mut command = Command::new("unshare");
                command.args(["--time", "--monotonic", &seconds, "--boottime", &seconds]);
                command.args(["--", program]);
                command
            }
        };
        clock.of(&mut command);
        command.args(arguments).args(["--bind", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(at(program))?;
        let log = Arc::<Mutex<String>>::default();
        if let Some(errors) = child.stderr.take() {
            let log = log.clone();
            std::thread::spawn(move || keep(errors, &log));
        }
        let mut out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        out.read_line(&mut line).map_err(at(name))?;
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split('/').next());
        let address = address.and_then(|address| address.parse().ok());
        // What else it says is read, so that it does not wait for us.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let nowhere = SocketAddr::from(([0; 4], 0));
        let server = Server { name, address: address.unwrap_or(nowhere), child, log };
        match address {
            Some(_) => Ok(server),
            None => Err(format!("{name} does not listen: {line}{}", server.log())),
        }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn log(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        lines.iter().rev().map(|line| format!("\n{}: {line}", self.name)).collect()
    }

    /// Lines that ought not to be in the log.
    pub fn errors(&self) -> Vec<String> {
        let is_error = |line: &&str| {
            line.contains(" ERROR ") || line.contains("\"ERROR\"") || line.contains("panicked")
        };
        self.log().lines().filter(is_error).map(str::to_owned).collect()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it does something of its own about a signal, rather than end.
    pub fn catches(&self, signal: i32) -> bool {
        let caught = self.status("SigCgt").and_then(|mask| u64::from_str_radix(&mask, 16).ok());
        caught.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    pub fn signal(&self, signal: i32) -> Result<(), String> {
        sys::signal(self.pid(), signal).map_err(at(self.name))
    }

    fn status(&self, field: &str) -> Option<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        Some(line.trim().trim_end_matches(" kB").to_owned())
    }

    /// What it holds now.
    ///
    /// # Errors
    /// It is gone, or does not say.
    pub fn holdings(&self) -> Result<Holdings, String> {
        let number = |field| {
            let value = self.status(field).and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("{}: no {field}", self.name))
        };
        // Before the question for gauges, whose connection is one more.
        let descriptors = self.descriptors()?;
        let gauges = self.gauges()?;
        Ok(Holdings {
            resident_kb: number("VmRSS")?,
            peak_kb: number("VmHWM")?,
            threads: number("Threads")?,
            descriptors,
            gauges,
        })
    }

    /// How many descriptors it has open.
    ///
    /// # Errors
    /// It is gone.
    pub fn descriptors(&self) -> Result<u64, String> {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_err(at(self.name))?;
        Ok(files.count() as u64)
    }

    fn gauges(&self) -> Result<BTreeMap<String, f64>, String> {
        let mut wire = Wire::connect(self.address).map_err(at("/metrics"))?;
        let request = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        wire.send(request).map_err(at("/metrics"))?;
        let head = wire.head().map_err(at("/metrics"))?;
        let text = wire.body(&head).map_err(at("/metrics"))?;
        Ok(read_gauges(&String::from_utf8_lossy(&text)))
    }

    /// Waits for its end; how long that took.
    ///
    /// # Errors
    /// It goes on for longer than `patience`, and is killed.
    pub fn wait(&mut self, patience: Duration) -> Result<(ExitStatus, Duration), String> {
        let began = Instant::now();
        while began.elapsed() < patience {
            if let Some(status) = self.child.try_wait().map_err(at(self.name))? {
                return Ok((status, began.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{} goes on {patience:?} after it was told to stop", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left behind, whatever went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(from: impl Read, log: &Mutex<String>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if let Ok(mut log) = log.lock() {
            log.push_str(&line);
            log.push('\n');
        }
    }
}

/// Sums of gauges of what comes and goes, by name.
fn read_gauges(text: &str) -> BTreeMap<String, f64> {
    let declared =
        |line: &str| Some(line.strip_prefix("# TYPE ")?.strip_suffix(" gauge")?.to_owned());
    let mut gauges: BTreeMap<String, f64> = text
        .lines()
        .filter_map(declared)
        .filter(|name| COUNTED.iter().any(|word| name.contains(word)))
        .map(|name| (name, 0.0))
        .collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split([' ', '{']).next().unwrap_or_default();
        let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        if let (Some(sum), Some(value)) = (gauges.get_mut(name), value) {
            *sum += value;
        }
    }
    gauges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_of_what_comes_and_goes_are_read() {
        let text = "# TYPE mcp_sessions gauge\n# HELP mcp_sessions x\nmcp_sessions 3\n\
                    # TYPE open_streams gauge\nopen_streams{shard=\"0\"} 1\nopen_streams{shard=\"1\"} 2\n\
                    # TYPE sessions_begun counter\nsessions_begun_total 7\n\
                    # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.5\n# EOF\n";
        let gauges = read_gauges(text);
        assert_eq!(
            gauges.into_iter().collect::<Vec<_>>(),
            [("mcp_sessions".to_owned(), 3.0), ("open_streams".to_owned(), 3.0)]
        );
    }
}
