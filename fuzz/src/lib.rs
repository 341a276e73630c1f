//! What the fuzz targets demand of every input. The same bodies run over the corpora in the crates' own tests.
//!
//! `cargo +nightly fuzz run xmpp_framer -- -dict=fuzz/dictionaries/xmpp.dict`

#[path = "../../protocol/xmpp/tests/gate/properties.rs"]
mod xmpp;

pub fn xmpp_framer(data: &[u8]) {
    xmpp::framer(data);
}

pub fn xmpp_stanza(data: &[u8]) {
    xmpp::stanza(data);
}
