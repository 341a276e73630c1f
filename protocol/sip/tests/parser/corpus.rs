//! Every input that a fuzzer found worth keeping, and every message of the RFCs, as a plain test.

use std::fs;
use std::path::Path;

use super::properties;

#[test]
fn message() {
    run("../../fuzz/corpus/sip_message", properties::message);
    run("tests/torture/rfc4475", properties::message);
    run("tests/torture/rfc5118", properties::message);
}

#[test]
fn header() {
    run("../../fuzz/corpus/sip_header", properties::header);
}

#[test]
fn framer() {
    run("../../fuzz/corpus/sip_framer", properties::framer);
}

fn run(folder: &str, property: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut count = 0;
    for entry in fs::read_dir(&corpus).expect("a corpus") {
        let path = entry.expect("a readable corpus").path();
        property(&fs::read(path).expect("a readable input"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", corpus.display());
}
