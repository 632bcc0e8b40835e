//! Any text as a configuration file, and as variables of the environment.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mcp_fastd_fuzz::config(data));
