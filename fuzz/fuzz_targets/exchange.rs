//! Any bytes to a whole server: whole answers, however they arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::exchange(data));
