//! Pieces, bounds and phases.

use std::time::Duration;

use perch_xmpp::namespace;
use perch_xmpp::xml::{Framer, GateError, Item, Limits};
use rustix::time::{ClockId, clock_gettime};

use super::spelling::{HEADER, read, read_pieces, spell};

const STREAM: &str = "<?xml version='1.0' encoding=\"UTF-8\"?>\n\
    <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' xml:lang='en'>\r\n \
    <message to='b'><body>H\u{e9}llo &lt;<![CDATA[ ]] > ]>]]]>&#x1F600;</body><x a='>\"' b=\"/>'\"/></message>\
    <presence/><iq id='1' type='get' ><ping xmlns='urn:xmpp:ping'></ping ></iq > \
    <r xmlns='urn:xmpp:sm:3'/></stream:stream >\n";

#[test]
fn pieces_make_no_difference() {
    let bytes = STREAM.as_bytes();
    let (items, error) = read(bytes, Limits::CLIENT);
    assert_eq!((items.len(), error), (6, None));
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(read_pieces([first, second], Limits::CLIENT), (items.clone(), None), "cut at {at}");
    }
    for size in 1..40 {
        assert_eq!(
            read_pieces(bytes.chunks(size), Limits::CLIENT),
            (items.clone(), None),
            "pieces of {size}"
        );
    }
}

#[test]
fn errors_are_the_same_in_pieces() {
    for fault in [
        "<!-- -->",
        "<![CDATX",
        "<message><![CDATX",
        "<a",
        "x",
        "<message><b></a></message>",
        "<message>\u{1}</message>",
        "<?x?>",
        "</a>",
    ] {
        let input = format!("{HEADER}<presence/>{fault}<presence/>");
        let whole = read(input.as_bytes(), Limits::CLIENT);
        assert_eq!(read_pieces(input.as_bytes().chunks(1), Limits::CLIENT), whole, "{fault}");
    }
}

#[test]
fn an_error_is_the_last_word() {
    let mut framer = Framer::new(Limits::CLIENT);
    framer.buffer().extend_from_slice(b"x");
    assert_eq!(framer.next(), Err(GateError::StrayText));
    framer.buffer().extend_from_slice(HEADER.as_bytes());
    assert_eq!(framer.next(), Err(GateError::StrayText));
}

#[test]
fn an_item_may_have_as_many_bytes_as_its_limit_and_none_more() {
    let limits = Limits { stanza_bytes_max: 1000, ..Limits::PRE_AUTH };
    let padding = 1000 - "<message><body></body></message>".len();
    for (length, expected) in [(padding, None), (padding + 1, Some(GateError::TooLong))] {
        let input = format!("{HEADER}<message><body>{}</body></message><presence/>", "x".repeat(length));
        for size in [1, 999, 1000, 1001, input.len()] {
            let (items, error) = read_pieces(input.as_bytes().chunks(size), limits);
            assert_eq!(error, expected, "{length} bytes in pieces of {size}");
            assert_eq!(items.len(), if expected.is_none() { 3 } else { 1 });
        }
    }
}

#[test]
fn a_huge_item_is_refused_before_it_is_kept() {
    let starts = ["<message a='", "<message><![CDATA[", "<message>", "<message ", "<message><", "</", "<"];
    for start in starts {
        let mut framer = Framer::new(Limits::CLIENT);
        framer.buffer().extend_from_slice(format!("{HEADER}{start}").as_bytes());
        assert!(matches!(framer.next(), Ok(Some(Item::Open(_)))));
        let error = loop {
            framer.buffer().extend_from_slice(&[b'x'; 4096]);
            match framer.next() {
                Ok(item) => assert_eq!(item, None),
                Err(error) => break error,
            }
            assert!(framer.buffer().len() < Limits::CLIENT.stanza_bytes_max);
        };
        assert_eq!(error, GateError::TooLong, "{start}");
        assert_eq!(framer.buffer().capacity(), 0);
    }
}

#[test]
fn white_space_keeps_a_stream_alive_within_bounds() {
    let limits = Limits { whitespace_bytes_max: 10, ..Limits::CLIENT };
    let blanks = " \t\r\n ".repeat(2);
    let input = format!("{HEADER}{blanks}<presence/>{blanks}<presence/>{blanks}");
    let (items, error) = read_pieces(input.as_bytes().chunks(3), limits);
    assert_eq!((items.len(), error), (3, None));
    let (items, error) = read(format!("{input} ").as_bytes(), limits);
    assert_eq!((items.len(), error), (3, Some(GateError::TooMuchWhitespace)));
}

#[test]
fn an_idle_stream_holds_no_memory() {
    let mut framer = Framer::new(Limits::CLIENT);
    for input in [HEADER, "<presence/>", " ", "\n", "<message><body>1</body></message> "] {
        framer.buffer().reserve(8192);
        framer.buffer().extend_from_slice(input.as_bytes());
        while framer.next().unwrap().is_some() {}
        assert_eq!(framer.buffer().capacity(), 0, "{input:?}");
    }
}

#[test]
fn a_small_payload_does_not_hold_the_receive_buffer() {
    let mut framer = Framer::new(Limits::CLIENT);
    framer.buffer().reserve(1 << 16);
    framer
        .buffer()
        .extend_from_slice(format!("{HEADER}<message><body>1</body></message><presence/>").as_bytes());
    framer.next().unwrap();
    let Ok(Some(Item::Stanza(message))) = framer.next() else { panic!() };
    let payload = message.payload();
    drop(message);
    let buffer = framer.buffer();
    let held = buffer.as_ptr() as usize..buffer.as_ptr() as usize + buffer.len();
    assert!(!held.contains(&(payload.as_ptr() as usize)));
    assert!(buffer.try_reclaim(1 << 15), "the buffer is the framer's alone");
}

#[test]
fn a_new_stream_begins_afresh() {
    let mut framer = Framer::new(Limits::PRE_AUTH);
    framer.buffer().extend_from_slice(format!("{HEADER}<starttls xmlns='{}'/>", namespace::TLS).as_bytes());
    assert!(matches!(framer.next(), Ok(Some(Item::Open(_)))));
    assert!(matches!(framer.next(), Ok(Some(Item::Element(_)))));
    assert!(!framer.reset());
    framer.set_limits(Limits::CLIENT);
    framer.buffer().extend_from_slice(STREAM.as_bytes());
    let Ok(Some(Item::Open(header))) = framer.next() else { panic!() };
    assert_eq!(header.to.as_deref(), Some("a"));
    assert_eq!(header.lang.as_deref(), Some("en"));
}

#[test]
fn what_came_behind_starttls_is_told() {
    for (behind, expected) in
        [("", false), (" \r\n", false), ("<", true), ("<?xml version='1.0'?>", true), (" x", true)]
    {
        let mut framer = Framer::new(Limits::PRE_AUTH);
        let input = format!("{HEADER}<starttls xmlns='{}'/>{behind}", namespace::TLS);
        framer.buffer().extend_from_slice(input.as_bytes());
        framer.next().unwrap();
        framer.next().unwrap();
        assert_eq!(framer.reset(), expected, "{behind:?}");
    }
}

#[test]
fn work_is_linear() {
    let body = "x<y a='b'/>&amp;".repeat(13_000);
    let stanza = format!("<message><body>{body}</body></message>");
    let hostile = [
        stanza,
        format!("<message><body><![CDATA[{}]]></body></message>", "]".repeat(200_000)),
        format!("<message a='{}'/>", ">".repeat(200_000)),
        format!("<message>{}</message>", " ".repeat(200_000)),
    ];
    for stanza in hostile {
        let input = format!("{HEADER}{stanza}");
        let once = elapsed(|| assert_eq!(read(input.as_bytes(), Limits::CLIENT).1, None));
        let bytewise =
            elapsed(|| assert_eq!(read_pieces(input.as_bytes().chunks(1), Limits::CLIENT).1, None));
        // 200 000 pieces, each looked at from the start, would take minutes.
        assert!(bytewise < once * 20 + Duration::from_secs(2), "{once:?} at once, {bytewise:?} bytewise");
    }
}

#[test]
fn hostile_shapes_are_cheap_to_refuse() {
    let attributes: String = (0..80_000).map(|n| format!(" a{n}='1'")).collect();
    let deep = "<a>".repeat(1_000_000);
    let large = Limits { stanza_bytes_max: 8 << 20, ..Limits::SERVER };
    for (input, limits, expected) in [
        (format!("<message{attributes}/>"), large, GateError::TooManyAttributes),
        (deep.clone(), large, GateError::TooDeep),
        (format!("<message>{deep}"), Limits::CLIENT, GateError::TooDeep),
    ] {
        let input = format!("{HEADER}{input}");
        let spent = elapsed(|| assert_eq!(read(input.as_bytes(), limits).1, Some(expected)));
        assert!(spent < Duration::from_secs(2), "{expected:?} after {spent:?}");
    }
}

#[test]
fn the_worst_that_passes_is_cheap() {
    let declared =
        |level: usize| -> String { (0..31).map(|n| format!(" xmlns:a{level}{n:02}='u'")).collect() };
    let scope: String = (0..4).map(|level| format!("<a{}>", declared(level))).collect();
    let close = "</a>".repeat(4);
    let attributes: String = (0..64).map(|n| format!(" a000:b{n}='&#65;'")).collect();
    for inside in [
        format!("{scope}{}{close}", "<a000:b/>".repeat(25_000)),
        format!("{scope}{}{close}", format!("<b{attributes}/>").repeat(180)),
        format!("<a{}/>", declared(0)).repeat(480),
        "<a b='\r'/>".repeat(22_000),
        "&#9;".repeat(60_000),
        "<![CDATA[]]>".repeat(20_000),
    ] {
        let input = format!("{HEADER}<iq><q xmlns:p='urn:p' p:c=''>{inside}</q></iq>");
        let spent = elapsed(|| assert_eq!(read(input.as_bytes(), Limits::CLIENT).1, None));
        assert!(spent < Duration::from_secs(1), "{spent:?} for {}", &inside[..20]);
    }
}

#[test]
fn spelling_is_stable() {
    let (items, _) = read(STREAM.as_bytes(), Limits::CLIENT);
    assert!(
        spell(&items).starts_with("open\n  lang=\"en\"\n  to=\"a\"\nstanza message\n  to=\"b\"\nelement ")
    );
}

/// The processor's time, so that who else uses the machine does not matter.
fn elapsed(work: impl FnOnce()) -> Duration {
    let clock = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let start = clock();
    work();
    clock() - start
}
