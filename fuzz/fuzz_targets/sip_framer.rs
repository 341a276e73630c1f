//! Bytes of a stranger, cut into messages in whatever pieces they come.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::sip_framer(data));
