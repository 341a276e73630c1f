//! The header by which a proxy introduces a client.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::proxy_header(data));
