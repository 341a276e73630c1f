//! Tries the language itself: a transcript that could not fail would show nothing.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::pattern::{Bindings, compare};
use super::script::Script;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("language/what-differs-is-noticed", what_differs_is_noticed),
        Trial::test("language/what-was-bound-has-to-come-again", what_was_bound_has_to_come_again),
        Trial::test("language/what-cannot-be-read-is-refused", what_cannot_be_read_is_refused),
    ]
}

fn what_differs_is_noticed() -> Result<(), Failed> {
    let check = |pattern: &str, came: &str, is_same: bool| {
        let outcome = compare(&element(pattern), &element(came), "a@x/r", &mut Bindings::default());
        assert_eq!(outcome.is_ok(), is_same, "{pattern} and {came}: {outcome:?}");
    };
    check("<message type='chat'/>", "<message type='chat' id='1' to='a@x/r' from='a@x'/>", true);
    check("<message type='chat'/>", "<message type='groupchat'/>", false);
    check("<message type='chat'/>", "<message/>", false);
    check("<message/>", "<message type='chat'/>", false);
    check("<message/>", "<message from='b@x'/>", false);
    check("<message><body>1</body></message>", "<message><body>1</body></message>", true);
    check("<message><body>1</body></message>", "<message><body>2</body></message>", false);
    check("<message><body>1</body></message>", "<message/>", false);
    check("<message/>", "<message><body>1</body></message>", false);
    check("<message>...</message>", "<message><body>1</body></message>", true);
    check("<message><a/><b/></message>", "<message> <b/> <a/> </message>", true);
    check("<message><a/><a/></message>", "<message><a/></message>", false);
    check("<message><a/></message>", "<message><a/><a/></message>", false);
    check("<message><a xmlns='u'/></message>", "<message><p:a xmlns:p='u'/></message>", true);
    check("<message><a xmlns='u'/></message>", "<message><a xmlns='v'/></message>", false);
    check("<message><a b='{any}'/></message>", "<message><a b='c'/></message>", true);
    check("<message><a b='{any}'/></message>", "<message><a b=''/></message>", false);
    check("<message><a b='{time}'/></message>", "<message><a b='2002-09-10T23:08:25Z'/></message>", true);
    check("<message><a b='{time}'/></message>", "<message><a b='yesterday'/></message>", false);
    let stamp = "<stanza-id xmlns='urn:xmpp:sid:0' by='a@x' id='1'/>";
    check("<message/>", &format!("<message>{stamp}</message>"), true);
    check(&format!("<message>{stamp}</message>"), "<message/>", false);
    check(&format!("<message>{stamp}</message>"), &format!("<message>{stamp}{stamp}</message>"), false);
    Ok(())
}

fn what_was_bound_has_to_come_again() -> Result<(), Failed> {
    let mut bindings = Bindings::default();
    let pattern = element("<message><a id='{x}'/></message>");
    let mut came = |id: &str| {
        compare(&pattern, &element(&format!("<message><a id='{id}'/></message>")), "a@x/r", &mut bindings)
            .is_ok()
    };
    assert!(came("1") && came("1") && !came("2"));
    assert_eq!(bindings.fill("<a id='{x}' b='{y}'/>"), "<a id='1' b='{y}'/>");
    Ok(())
}

fn what_cannot_be_read_is_refused() -> Result<(), Failed> {
    let check = |lines: &str, expected: &str| {
        let text = format!("# Something is shown.\ncovers RFC 6120 §1\nRomeo is romeo@x/r\n{lines}");
        let read = Script::read(Path::new("t"), &text, "rooms.x");
        let reason = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            reason.starts_with(expected) && reason.is_empty() == expected.is_empty(),
            "{lines}: {reason}"
        );
    };
    check("Romeo connects", "");
    check("Juliet connects", "t:4: nobody is introduced");
    check("Romeo waits", "t:4: nobody knows how one");
    check("Romeo connects\nRomeo sends:\n    <message>", "t:5: ");
    check("Romeo sends:", "t:4: nothing stands below");
    check("Romeo connects\n    <message/>", "t:4: a line with something below it");
    check("covers XEP-0045", "t:4: ");
    Ok(())
}

fn element(text: &str) -> Element {
    Element::parse(text.as_bytes(), namespace::CLIENT).expect("an element")
}
