//! Many connections that do nothing: what they cost is seen at the server.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use crate::engine::Engine;
use crate::scenario::Scenario;

/// Small enough for any listen queue.
const BATCH: usize = 64;

/// Opens `count` connections, asks once on each, then holds them. The line
/// printed in between tells a script that it may look at the server now.
pub fn hold(
    scenario: &Scenario,
    target: SocketAddr,
    count: usize,
    time: Duration,
) -> Result<(), String> {
    let mut engine = Engine::new(scenario, target, false)?;
    while engine.connections() < count {
        let batch = BATCH.min(count - engine.connections());
        engine.open(batch)?;
        engine.ask_last(batch)?;
        if let Some(why) = engine.tally.complaint.take() {
            return Err(why);
        }
    }
    println!("holding {count} connections");
    let _ = std::io::stdout().flush();
    std::thread::sleep(time);
    match engine.closed() {
        0 => Ok(()),
        closed => Err(format!("{closed} connections were closed meanwhile")),
    }
}
