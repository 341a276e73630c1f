//! Bytes of a stranger, cut into stanzas in whatever pieces they come.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| perch_fuzz::xmpp_framer(data));
