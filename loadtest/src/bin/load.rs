//! The load generator: one thread, many keep-alive connections, loopback only.

use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use loadtest::arguments::Arguments;
use loadtest::engine::{self, Options};
use loadtest::scenario::Scenario;
use loadtest::{idle, sys};

const USAGE: &str = "\
load --target ADDR [--scenario NAME | --request FILE] [--protocol VERSION]
     [--connections N] [--duration SECS] [--warmup SECS] [--requests N]
     [--rate PER_SECOND] [--pin CPU [--same-cpu]] [--start UNIX_SECONDS]
     [--spin] [--refusals] [--watch-pid PID] [--json]
load --target ADDR --idle N --hold SECS [--scenario NAME | --request FILE]
load --target ADDR --print-request [--scenario NAME | --request FILE]

Scenarios: tools_call, tools_call_session, tools_call_progress, tools_call_progress_session,
tools_call_http_sse, tools_list, search_documents, nap, health.
ADDR is a loopback address with a port; others are refused.";

// Hard caps: a mistyped number must not take the machine down.
const CONNECTIONS_MAX: usize = 20_000;
const DURATION_MAX: f64 = 300.0;
const HOLD_MAX: f64 = 600.0;
const REQUESTS_MAX: u64 = 200_000_000;
const RATE_MAX: u64 = 1_000_000;

enum Task {
    Load {
        options: Options,
        json: bool,
    },
    Idle {
        count: usize,
        hold: Duration,
    },
    /// Writes the bytes of the repeated request, and sends nothing.
    Print,
}

fn main() -> ExitCode {
    let (scenario, target, task) = match arguments() {
        Ok(task) => task,
        Err(message) => {
            eprintln!("load: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let done = match task {
        Task::Load { options, json } => load(&scenario, target, &options, json),
        Task::Print => std::io::stdout()
            .write_all(
                &scenario.bytes(scenario.preparations(), Some("SESSION")).unwrap_or_default(),
            )
            .map_err(|error| error.to_string()),
        Task::Idle { count, hold } => idle::hold(&scenario, target, count, hold),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("load: {message}");
            ExitCode::FAILURE
        }
    }
}

fn load(
    scenario: &Scenario,
    target: SocketAddr,
    options: &Options,
    json: bool,
) -> Result<(), String> {
    let report = engine::run(scenario, target, options)?;
    match json {
        true => println!("{}", report.json()),
        false => print!("{}", report.text()),
    }
    match report.tally.errors {
        0 => Ok(()),
        errors => {
            let first = report.tally.complaint.unwrap_or_default();
            Err(format!("{errors} errors, the first: {first}"))
        }
    }
}

fn arguments() -> Result<(Scenario, SocketAddr, Task), String> {
    let mut arguments = Arguments::from_env();
    let target = loopback(&arguments.required::<String>("--target")?)?;
    let scenario = scenario(&mut arguments, target)?;
    let cpu = arguments.optional("--pin")?;
    if let Some(cpu) = cpu {
        sys::pin_to_cpu(cpu).map_err(|error| format!("--pin {cpu}: {error}"))?;
    }
    let count = arguments.bounded("--idle", 0, CONNECTIONS_MAX)?;
    let hold = seconds(&mut arguments, "--hold", 10.0, HOLD_MAX)?;
    let print = arguments.flag("--print-request");
    let task = match count {
        _ if print => Task::Print,
        0 => Task::Load { options: options(&mut arguments, cpu)?, json: arguments.flag("--json") },
        count => Task::Idle { count, hold },
    };
    arguments.finish()?;
    sys::raise_open_files().map_err(|error| format!("open files: {error}"))?;
    Ok((scenario, target, task))
}

fn options(arguments: &mut Arguments, cpu: Option<usize>) -> Result<Options, String> {
    let rate = arguments.bounded("--rate", 0, RATE_MAX)?;
    let requests_max = arguments.bounded("--requests", REQUESTS_MAX, REQUESTS_MAX)?;
    // A number of requests is meant exactly: no warm-up, and time for all.
    let (warmup, duration) = match requests_max {
        REQUESTS_MAX => (0.3, 5.0),
        _ => (0.0, DURATION_MAX),
    };
    let same_cpu = arguments.flag("--same-cpu").then(|| cpu.ok_or("--same-cpu needs --pin"));
    let start = arguments.optional::<f64>("--start")?.map(Duration::try_from_secs_f64).transpose();
    let options = Options {
        connections: arguments.bounded("--connections", 64, CONNECTIONS_MAX)?,
        warmup: seconds(arguments, "--warmup", warmup, DURATION_MAX)?,
        start: start.map_err(|error| format!("--start: {error}"))?.map(|start| UNIX_EPOCH + start),
        same_cpu: same_cpu.transpose()?,
        duration: seconds(arguments, "--duration", duration, DURATION_MAX)?,
        requests_max,
        rate: Some(rate).filter(|rate| *rate > 0),
        spin: arguments.flag("--spin"),
        refusals: arguments.flag("--refusals"),
        server: arguments.optional("--watch-pid")?,
    };
    match options.connections {
        0 => Err("--connections 0: at least one".into()),
        _ => Ok(options),
    }
}

fn scenario(arguments: &mut Arguments, target: SocketAddr) -> Result<Scenario, String> {
    let protocol = arguments.optional::<String>("--protocol")?;
    let name = arguments.optional::<String>("--scenario")?;
    let file = arguments.optional::<String>("--request")?;
    match (file, name.as_deref()) {
        (Some(_), Some(_)) => Err("--scenario or --request, not both".into()),
        (Some(file), None) => {
            let text =
                std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
            Scenario::parse(&text, protocol.as_deref().unwrap_or("2026-07-28"), target)
        }
        (None, name) => {
            let default = match name {
                Some(name) if name.ends_with("_session") || name.ends_with("_http_sse") => {
                    "2025-11-25"
                }
                _ => "2026-07-28",
            };
            let protocol = protocol.as_deref().unwrap_or(default);
            Scenario::built_in(name.unwrap_or("tools_call"), protocol, target)
        }
    }
}

fn seconds(
    arguments: &mut Arguments,
    name: &str,
    default: f64,
    max: f64,
) -> Result<Duration, String> {
    let value = arguments.bounded(name, default, max)?;
    Duration::try_from_secs_f64(value).map_err(|error| format!("{name}: {error}"))
}

/// Load goes to this machine only.
fn loopback(target: &str) -> Result<SocketAddr, String> {
    let bare = target.trim_start_matches("http://").trim_end_matches('/');
    let mut addresses =
        bare.to_socket_addrs().map_err(|error| format!("--target {target}: {error}"))?;
    match addresses.next() {
        Some(address) if address.ip().is_loopback() => Ok(address),
        _ => Err(format!("--target {target}: not a loopback address, refused")),
    }
}
