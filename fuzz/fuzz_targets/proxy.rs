//! Any bytes as a header of the PROXY protocol: the same, however many have arrived.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::proxy(data));
