//! Messages of a stranger that come whole, asked for everything and passed on.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::sip_message(data));
