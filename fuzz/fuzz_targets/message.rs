//! Any bytes as JSON and as a JSON-RPC message: as serde_json sees them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::message(data));
