//! What the fuzz targets demand of every input. The same bodies run over the corpora in the crates' own tests.
//!
//! `cargo +nightly fuzz run xmpp_framer -- -dict=fuzz/dictionaries/xmpp.dict`

#[path = "../../protocol/xmpp/tests/gate/properties.rs"]
mod xmpp;

#[path = "../../protocol/sip/tests/parser/properties.rs"]
mod sip;

#[path = "../../protocol/xccos/tests/documents/properties.rs"]
mod xccos;

// The file alone: the whole server would be built with the fuzzer's instrumentation otherwise.
#[path = "../../src/listener/proxy.rs"]
mod proxy;

pub fn xmpp_framer(data: &[u8]) {
    xmpp::framer(data);
}

pub fn xmpp_stanza(data: &[u8]) {
    xmpp::stanza(data);
}

pub fn sip_message(data: &[u8]) {
    sip::message(data);
}

pub fn sip_header(data: &[u8]) {
    sip::header(data);
}

pub fn sip_framer(data: &[u8]) {
    sip::framer(data);
}

pub fn xccos_body(data: &[u8]) {
    xccos::body(data);
}

pub fn proxy_header(data: &[u8]) {
    let Some((prefix, rest)) = data.split_first_chunk() else { return };
    let Ok(prefix) = proxy::Prefix::parse(prefix) else { return };
    assert!(prefix.rest_bytes() <= proxy::REST_BYTES_MAX);
    if let Some(rest) = rest.get(..prefix.rest_bytes()) {
        let client = prefix.client(rest);
        // What the proxy adds behind the addresses does not change whose connection it is.
        let longer = [rest, b"\x04\x00\x01\x00"].concat();
        if client.is_ok() {
            assert_eq!(client, prefix.client(&longer));
        }
    }
}
