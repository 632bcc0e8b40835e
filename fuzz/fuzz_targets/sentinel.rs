//! Any value of an `Mcp-Param-*` header, and any argument: equal when they say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::sentinel::sentinel(data));
