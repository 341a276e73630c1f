//! The body of an INFO, read and answered.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::xccos_body(data));
