//! Trace context: a call knows which trace it belongs to, for spans and logs of one's own.
//!
//! ```sh
//! cargo run --example 16_trace -- --bind 127.0.0.1:8000
//! ```

use mcp_fastd::{Call, Empty, Server, about};

/// `traceparent` is `VERSION-TRACE-SPAN-FLAGS` (W3C Trace Context).
fn trace_id(_state: &(), _: Empty, call: &Call) -> Option<String> {
    let trace = call.trace();
    let id = trace.traceparent?.split('-').nth(1)?;
    // A real tool gives it to its tracer, and to the services it calls.
    eprintln!("trace {id}, baggage {:?}", trace.baggage);
    Some(id.to_owned())
}

fn tell(state: &(), input: Empty, call: &Call) -> String {
    trace_id(state, input, call).unwrap_or_else(|| "This call belongs to no trace.".to_owned())
}

fn main() -> Result<(), mcp_fastd::ServeError> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let bind = arguments.nth(1).unwrap_or("127.0.0.1:8000".to_owned());
    Server::builder()
        .tool(about("trace_id").describe("Says which trace the call belongs to."), tell)
        .bind(bind.as_str())
        .run_with(|address| println!("listening on http://{address}/mcp"))
}
