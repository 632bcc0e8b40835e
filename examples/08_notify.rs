//! Notices: clients that subscribed to a resource hear that it changed.
//!
//! ```sh
//! cargo run --example 08_notify -- --bind 127.0.0.1:8000
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mcp_fastd::{Call, Server, about};

#[derive(Clone, Default)]
struct Counter(Arc<AtomicI64>);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct By {
    by: i64,
}

impl Counter {
    fn value(&self) -> String {
        self.0.load(Ordering::Relaxed).to_string()
    }

    fn add(&self, By { by }: By, call: &Call) -> String {
        self.0.fetch_add(by, Ordering::Relaxed);
        call.notifier().resource_updated("app:counter");
        self.value()
    }
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    let counter = Counter::default();
    let running = Server::builder()
        .state(counter.clone())
        .resource(about("app:counter").mime("text/plain"), Counter::value)
        .tool(about("add").describe("Adds to the counter."), Counter::add)
        .bind(bind.as_str())
        .start()?;
    println!("listening on http://{}/mcp", running.addr());
    // A notifier can be used from any thread: here it counts seconds.
    let notifier = running.notifier();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        counter.0.fetch_add(1, Ordering::Relaxed);
        notifier.resource_updated("app:counter");
    }
}
