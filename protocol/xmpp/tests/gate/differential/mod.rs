//! Three readers, one content: whatever the gate lets through, expat and rxml read the same from it.
//!
//! `GATE_DIFFERENTIAL_DOCUMENTS` sets how many documents are compared, `GATE_DIFFERENTIAL_SEED` which.

mod generate;
mod interpret;
mod oracle;

use std::collections::BTreeMap;
use std::env;

use perch_xmpp::namespace;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::xml::{GateError, Item, Limits};

use self::generate::{Random, document};
use self::interpret::{NoStream, interpret};
use self::oracle::{Expat, Reading, rxml};
use super::spelling::{HEADER, read_pieces, spell};

const USUAL_DOCUMENTS: u64 = 3_000;

#[test]
fn three_readers_agree() {
    let documents = setting("GATE_DIFFERENTIAL_DOCUMENTS", USUAL_DOCUMENTS);
    let mut random = Random(setting("GATE_DIFFERENTIAL_SEED", 1));
    let mut expat = Expat::start();
    let mut outcomes = BTreeMap::new();
    for _ in 0..documents {
        let document = document(&mut random);
        let size = if random.one_in(3) { random.below(20) + 1 } else { document.len().max(1) };
        let (items, error) = read_pieces(document.chunks(size), Limits::CLIENT);
        let readings = [expat.read(&document), rxml(&for_rxml(&document))];
        let compared = compare(&items, error, &readings).and_then(|outcome| {
            for item in &items {
                if let Item::Stanza(stanza) = item {
                    compare_forwarded(stanza, &mut expat)?;
                }
            }
            Ok(outcome)
        });
        match compared {
            Ok(outcome) => *outcomes.entry(outcome).or_insert(0_u64) += 1,
            Err(fault) => panic!("{fault}\n{:?}", String::from_utf8_lossy(&document)),
        }
    }
    println!("{documents} documents: {outcomes:?}");
    assert!(outcomes[&Outcome::AllAccept] * 10 > documents, "too few documents were read to their end");
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    AllAccept,
    AllRefuse,
    /// Well-formed for at least one of the others; restricted, or of no meaning as a stream.
    OneRefuses,
    NoStream,
}

fn compare(items: &[Item], error: Option<GateError>, readings: &[Reading; 2]) -> Result<Outcome, String> {
    let content = match items.first() {
        Some(Item::Open(header)) => header.namespace.as_str(),
        _ => "",
    };
    let is_accepted = error.is_none() && matches!(items.last(), Some(Item::Close));
    match readings {
        [Some(by_expat), Some(by_rxml)] if is_accepted => {
            let spelled = Ok(spell(items));
            for (reader, events) in [("expat", by_expat), ("rxml", by_rxml)] {
                let read = interpret(events, content);
                if read != spelled {
                    return Err(format!("the gate reads {spelled:#?}\n{reader} reads {read:#?}"));
                }
            }
            Ok(Outcome::AllAccept)
        }
        [by_expat, by_rxml] if is_accepted => {
            Err(format!("accepted; refused by expat: {}, by rxml: {}", by_expat.is_none(), by_rxml.is_none()))
        }
        [Some(by_expat), Some(_)] => match (interpret(by_expat, content), error) {
            (Err(NoStream::StreamNamespace), Some(GateError::StreamNamespace))
            | (Err(NoStream::StreamName), Some(GateError::StreamName))
            | (Err(NoStream::ContentNamespace), Some(GateError::ContentNamespace))
            | (Err(NoStream::StanzaText), Some(GateError::StanzaText))
            | (Err(NoStream::StrayText), Some(GateError::StrayText)) => Ok(Outcome::NoStream),
            (read, error) => Err(format!("refused for {error:?}, but the others read {read:#?}")),
        },
        [None, None] => Ok(Outcome::AllRefuse),
        _ => Ok(Outcome::OneRefuses),
    }
}

/// The bytes that leave are read alike too, and here rxml gets them as they are.
fn compare_forwarded(stanza: &Stanza, expat: &mut Expat) -> Result<(), String> {
    let mut document = HEADER.as_bytes().to_vec();
    stanza.to_element().write(namespace::CLIENT, &mut document);
    document.extend_from_slice(b"</stream:stream>");
    let spelled = Ok(format!("open\n{}close\n", spell(&[Item::Stanza(stanza.clone())])));
    for (reader, events) in [("expat", expat.read(&document)), ("rxml", rxml(&document))] {
        let read = events.as_deref().map(|events| interpret(events, namespace::CLIENT));
        if read.as_ref() != Some(&spelled) {
            let document = String::from_utf8_lossy(&document);
            return Err(format!("forwarded {spelled:#?}\n{reader} reads {read:#?}\nfrom {document:?}"));
        }
    }
    Ok(())
}

/// The document without what XML allows and rxml does not: white space before the root, and carriage returns, which it
/// forgets or keeps in places. XML 1.0 §2.11 has line ends read as if they were line feeds from the start.
fn for_rxml(document: &[u8]) -> Vec<u8> {
    let document = document.trim_ascii_start();
    let mut plain = Vec::with_capacity(document.len());
    for (at, &byte) in document.iter().enumerate() {
        match (byte, document.get(at + 1)) {
            (b'\r', Some(b'\n')) => {}
            (b'\r', _) => plain.push(b'\n'),
            _ => plain.push(byte),
        }
    }
    plain
}

fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |value| value.parse().expect("a number"))
}
