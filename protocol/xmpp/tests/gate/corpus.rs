//! Every input that a fuzzer found worth keeping, as a plain test.

use std::fs;
use std::path::Path;

use super::properties;

#[test]
fn framer() {
    run("xmpp_framer", properties::framer);
}

#[test]
fn stanza() {
    run("xmpp_stanza", properties::stanza);
}

fn run(target: &str, property: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&corpus).expect("a corpus") {
        property(&fs::read(entry.expect("a readable corpus").path()).expect("a readable input"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", corpus.display());
}
