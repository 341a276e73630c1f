use std::collections::{BTreeSet, HashSet};

use super::*;

#[test]
fn parts() {
    let check = |text: &str, local: Option<&str>, domain: &str, resource: Option<&str>| {
        let jid = Jid::new(text).unwrap();
        assert_eq!((jid.local(), jid.domain(), jid.resource()), (local, domain, resource), "{text}");
        assert_eq!(jid.is_bare(), resource.is_none());
        assert_eq!(jid.full().is_some(), resource.is_some());
        assert_eq!(Jid::new(jid.as_str()).as_ref(), Ok(&jid));
    };
    check("example.com", None, "example.com", None);
    check("Juliet@Example.com", Some("juliet"), "example.com", None);
    check("juliet@example.com/foo", Some("juliet"), "example.com", Some("foo"));
    check("juliet@example.com/foo bar@b/az", Some("juliet"), "example.com", Some("foo bar@b/az"));
    check("example.com/foo@bar", None, "example.com", Some("foo@bar"));
    check("a.example.com/b@example.net", None, "a.example.com", Some("b@example.net"));
    check("fussball@example.com", Some("fussball"), "example.com", None);
    check("fußball@bücher.example/Ⅳ", Some("fussball"), "bücher.example", Some("IV"));
    check("room@[::1]", Some("room"), "[::1]", None);
}

#[test]
fn faults() {
    let check = |text: &str, expected: AddressError| assert_eq!(Jid::new(text), Err(expected), "{text}");
    check("", AddressError::Empty(Part::Domain));
    check("@example.com", AddressError::Empty(Part::Local));
    check("juliet@", AddressError::Empty(Part::Domain));
    check("juliet@/balcony", AddressError::Empty(Part::Domain));
    check("juliet@example.com/", AddressError::Empty(Part::Resource));
    check("/balcony", AddressError::Empty(Part::Domain));
    check("a@b@c", AddressError::Prohibited(Part::Domain));
    check("foo bar@example.com", AddressError::Prohibited(Part::Local));
    check("henry<@example.com", AddressError::Prohibited(Part::Local));
    check(" example.com", AddressError::Prohibited(Part::Domain));
}

#[test]
fn forms() {
    let full = FullJid::new("a@b/c").unwrap();
    let bare = BareJid::new("a@b").unwrap();
    assert_eq!(full.bare(), bare);
    assert_eq!(full.bare().as_str(), "a@b");
    assert_eq!(bare.with_resource("c").as_ref(), Ok(&full));
    assert_eq!(full.bare().with_resource("d").unwrap().as_str(), "a@b/d");
    assert_eq!(BareJid::from_parts(Some("A"), "B.").as_ref(), Ok(&bare));
    assert_eq!(BareJid::from_parts(None, "b").unwrap().as_str(), "b");
    assert_eq!(BareJid::new("a@b/c"), Err(AddressError::NotBare));
    assert_eq!(FullJid::new("a@b"), Err(AddressError::Empty(Part::Resource)));
    assert_eq!(Jid::from(full.clone()).full(), Some(full.clone()));
    assert_eq!(Jid::from(full.bare()), *bare.as_jid());
    assert_eq!(full.resource(), "c");
}

#[test]
fn an_address_is_its_text_in_every_collection() {
    let full = FullJid::new("a@b/c").unwrap();
    let set: HashSet<BareJid> = [full.bare()].into();
    assert!(set.contains("a@b"));
    assert!(set.contains(&BareJid::new("A@b").unwrap()));
    let sorted: BTreeSet<Jid> = ["b", "a@b", "a@b/c"].iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(sorted.iter().map(Jid::as_str).collect::<Vec<_>>(), ["a@b", "a@b/c", "b"]);
}

#[test]
fn json() {
    let full = FullJid::new("a@b/\"c\"").unwrap();
    let text = serde_json::to_string(&full).unwrap();
    assert_eq!(text, r#""a@b/\"c\"""#);
    assert_eq!(serde_json::from_str::<FullJid>(&text).unwrap(), full);
    assert!(serde_json::from_str::<BareJid>(&text).is_err());
    assert!(serde_json::from_str::<Jid>("\"@\"").is_err());
    assert!(serde_json::from_str::<Jid>("7").is_err());
}

proptest::proptest! {
    #[test]
    fn what_is_parsed_is_parsed_again_to_the_same(text in "\\PC{0,20}") {
        if let Ok(jid) = Jid::new(&text) {
            proptest::prop_assert_eq!(&Jid::new(jid.as_str()).unwrap(), &jid);
            let bare = jid.bare();
            proptest::prop_assert_eq!(&BareJid::new(bare.as_str()).unwrap(), &bare);
        }
    }
}
