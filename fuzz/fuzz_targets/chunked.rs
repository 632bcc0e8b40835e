//! Any bytes as a chunked body: the same, whole or byte by byte.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::chunked(data));
