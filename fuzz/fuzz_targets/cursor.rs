//! Any text as a cursor, and any contents under our seal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::sealed::cursor(data));
