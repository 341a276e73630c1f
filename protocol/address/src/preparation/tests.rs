use proptest::prelude::*;

use super::*;

#[test]
fn localparts() {
    let check = |input: &str, expected: Result<&str, AddressError>| {
        assert_eq!(prepare_local(input).as_deref().map_err(|&error| error), expected, "{input:?}");
    };
    check("juliet", Ok("juliet"));
    check("Juliet", Ok("juliet"));
    check("foo\\20bar", Ok("foo\\20bar"));
    check("fußball", Ok("fussball"));
    check("π", Ok("π"));
    check("Σ", Ok("σ"));
    check("\u{1f4a9}", Ok("\u{1f4a9}"));
    // A capital letter that came after Unicode 3.2 (Osage).
    check("\u{104b0}", Ok("\u{104d8}"));
    check("", Err(AddressError::Empty(Part::Local)));
    check("\u{ad}", Err(AddressError::Empty(Part::Local)));
    check("a b", Err(AddressError::Prohibited(Part::Local)));
    check("a\u{a0}b", Err(AddressError::Prohibited(Part::Local)));
    check("\u{feff}a\u{202e}", Err(AddressError::Prohibited(Part::Local)));
    // Full width becomes what it stands for, and that is not allowed.
    check("a＠b", Err(AddressError::Prohibited(Part::Local)));
    check("\u{627}1", Err(AddressError::Prohibited(Part::Local)));
    for prohibited in "\"&'/:<>@\u{0}\u{7f}\u{e000}\u{fffe}\u{e0001}\u{378}".chars() {
        check(&format!("a{prohibited}b"), Err(AddressError::Prohibited(Part::Local)));
    }
    check(&"a".repeat(1023), Ok(&"a".repeat(1023)));
    check(&"a".repeat(1024), Err(AddressError::TooLong(Part::Local)));
    // U+FDFA stands for four words, with the spaces between them.
    check(&"\u{fdfa}".repeat(341), Err(AddressError::Prohibited(Part::Local)));
    check(&"ß".repeat(512), Err(AddressError::TooLong(Part::Local)));
}

#[test]
fn resources() {
    let check = |input: &str, expected: Result<&str, AddressError>| {
        assert_eq!(prepare_resource(input).as_deref().map_err(|&error| error), expected, "{input:?}");
    };
    check("Balcony / 2@x", Ok("Balcony / 2@x"));
    check("<foo> & 'bar'", Ok("<foo> & 'bar'"));
    check("Ⅳ", Ok("IV"));
    check("\u{1f914}\u{fe0f}", Ok("\u{1f914}"));
    check("", Err(AddressError::Empty(Part::Resource)));
    check("a\u{7}", Err(AddressError::Prohibited(Part::Resource)));
    check("a\nb", Err(AddressError::Prohibited(Part::Resource)));
    check("a\u{3000}b", Ok("a b"));
    check("a\u{2028}b", Err(AddressError::Prohibited(Part::Resource)));
    check(&"x".repeat(1024), Err(AddressError::TooLong(Part::Resource)));
    // The limit holds after preparation too: here each character became eleven times as long.
    check(&"\u{fdfa}".repeat(340), Err(AddressError::TooLong(Part::Resource)));
}

#[test]
fn domains() {
    let check = |input: &str, expected: Result<&str, AddressError>| {
        assert_eq!(prepare_domain(input).as_deref().map_err(|&error| error), expected, "{input:?}");
    };
    let prohibited = Err(AddressError::Prohibited(Part::Domain));
    check("example.com", Ok("example.com"));
    check("EXAMPLE.com.", Ok("example.com"));
    check("Bücher.example", Ok("bücher.example"));
    check("xn--bcher-kva.example", Ok("bücher.example"));
    check("XN--BCHER-KVA.example.", Ok("bücher.example"));
    check("例。test。", Ok("例.test"));
    check("my_host", Ok("my_host"));
    check("MY_host", Ok("my_host"));
    check("127.0.0.1", Ok("127.0.0.1"));
    check("[::1]", Ok("[::1]"));
    check("[0:0::00:1]", Ok("[::1]"));
    check("[2001:DB8::1].", Ok("[2001:db8::1]"));
    check("[::1", prohibited);
    check("[127.0.0.1]", prohibited);
    check("", Err(AddressError::Empty(Part::Domain)));
    check(".", Err(AddressError::Empty(Part::Domain)));
    for faulty in
        ["a..b", ".a", "a b", "-a", "a-", "a:5222", "a@b", "a%b", "xn--a", "a／b", "\u{0}", "A\u{7f}"]
    {
        check(faulty, prohibited);
    }
    check(&"a".repeat(63), Ok(&"a".repeat(63)));
    check(&"a".repeat(64), prohibited);
    check(&"a.".repeat(600), Err(AddressError::TooLong(Part::Domain)));
}

type Preparation = fn(&str) -> Result<Cow<'_, str>, AddressError>;

const PREPARATIONS: [Preparation; 3] = [prepare_local, prepare_resource, prepare_domain];

proptest! {
    #[test]
    fn preparation_is_idempotent(input in "\\PC{0,12}") {
        for prepare in PREPARATIONS {
            if let Ok(prepared) = prepare(&input) {
                let again = prepare(&prepared);
                prop_assert_eq!(again.as_deref(), Ok(&*prepared));
            }
        }
    }

    #[test]
    fn every_character_alone_is_stable(c in any::<char>()) {
        let input = format!("x{c}");
        for prepare in PREPARATIONS {
            if let Ok(prepared) = prepare(&input) {
                let again = prepare(&prepared);
                prop_assert_eq!(again.as_deref(), Ok(&*prepared));
            }
        }
    }

    #[test]
    fn the_short_way_agrees_with_the_long_way(input in "[ -~]{1,20}") {
        // The crate's own profiles know ASCII completely, so they are the oracle there.
        let local = stringprep::nodeprep(&input).ok();
        prop_assert_eq!(prepare_local(&input).ok(), local);
        let resource = stringprep::resourceprep(&input).ok();
        prop_assert_eq!(prepare_resource(&input).ok(), resource);
    }

    #[test]
    fn what_the_old_tables_accept_is_the_same_here(input in "\\PC{1,8}") {
        // Only what a second pass would change may be refused here and accepted there.
        if let (Ok(expected), Ok(local)) = (stringprep::nodeprep(&input), prepare_local(&input)) {
            prop_assert_eq!(local, expected);
        }
    }
}
