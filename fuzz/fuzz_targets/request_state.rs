//! Any text as `requestState`, and any contents under our seal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::sealed::request_state(data));
