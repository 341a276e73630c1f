//! Values of headers, read and written again.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::sip_header(data));
