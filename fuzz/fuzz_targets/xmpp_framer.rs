#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::xmpp_framer(data));
