//! Any text as a bearer token, and any bytes as the parts of one.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::token::token(data));
