//! Pieces, bounds and keep-alives.

use perch_sip::framer::{Framer, Item};
use perch_sip::header::Name;
use perch_sip::limits::Limits;
use perch_sip::message::{Fault, Message};

use super::{ESSENTIALS, read, response, with_headers};

/// Pings, a message with a fold, a lone line end, a message with a body that looks like one.
fn stream() -> Vec<u8> {
    let first = with_headers(&format!("{ESSENTIALS}Subject: a\n b\nContent-Length: 0"));
    let body = with_headers("Content-Length: 99");
    let second = with_headers(&format!("{ESSENTIALS}Content-Type: message/sip\nl : {}", body.len()));
    [b"\r\n\r\n", &first[..], b"\r\n", &second, &body, b"\r\n\r\n\r\n"].concat()
}

#[test]
fn pieces_make_no_difference() {
    let bytes = stream();
    let (items, rejection) = read([&bytes[..]], Limits::PEER);
    let kinds: Vec<_> = items.iter().map(|item| matches!(item, Item::Message(_))).collect();
    assert_eq!((kinds, &rejection), (vec![false, true, true, false], &None));
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(read([first, second], Limits::PEER), (items.clone(), None), "cut at {at}");
    }
    for size in 1..40 {
        assert_eq!(read(bytes.chunks(size), Limits::PEER), (items.clone(), None), "pieces of {size}");
    }
}

#[test]
fn faults_are_the_same_in_pieces() {
    let good = with_headers(&format!("{ESSENTIALS}Content-Length: 0"));
    for bad in ["Content-Length: x", "Content-Length: 999999", "Foobar roobar", "A\u{1}: b", " fold", ""] {
        let input = [&good[..], &with_headers(bad)].concat();
        let whole = read([&input[..]], Limits::PEER);
        assert!(whole.0.len() == 1 && whole.1.is_some(), "{bad}");
        assert_eq!(read(input.chunks(1), Limits::PEER), whole, "{bad}");
    }
}

/// One user's phone says something wrong: the stream of all users of a proxy goes on behind it, body and all.
#[test]
fn what_has_an_end_is_refused_by_itself() {
    let good = with_headers(&format!("{ESSENTIALS}Content-Length: 0"));
    let body = with_headers(&format!("{ESSENTIALS}Content-Length: 0"));
    let whole =
        with_headers(&format!("{ESSENTIALS}Subject: J\u{fc}rgen\n !\nContent-Length: {}", body.len()));
    let check = |from: &[u8], to: &[u8], fault: Fault, sender: &str| {
        let at = whole.windows(from.len()).position(|part| part == from).unwrap();
        let bad = [&whole[..at], to, &whole[at + from.len()..]].concat();
        let input = [&good[..], &bad, &body, &good].concat();
        for size in [1, 7, input.len()] {
            let (items, rejection) = read(input.chunks(size), Limits::PEER);
            let [Item::Message(_), Item::Refused(refused), Item::Message(_)] = &items[..] else {
                panic!("{fault:?}: {items:?}")
            };
            assert_eq!((refused.fault, rejection), (fault, None));
            let answer = response(&refused.answer("t").expect("a request is answered").into_bytes());
            assert_eq!(answer.status, fault.status());
            assert_eq!(answer.headers.values(Name::From).next(), Some(sender));
        }
    };
    let from = "<sip:a@example.com>;tag=1";
    let named = |name: &str| format!("From: {name}{from}");
    let from_line = named("");
    check(
        from_line.as_bytes(),
        b"From: J\xfcrgen <sip:a@example.com>;tag=1",
        Fault::Utf8,
        &named("J?rgen ")[6..],
    );
    check(b"\xc3\xbc", b"\xfc", Fault::Utf8, from);
    check(b" !", b" \0", Fault::Control, from);
    check(
        from_line.as_bytes(),
        named("\"\\\u{1}\u{1}\" ").as_bytes(),
        Fault::Control,
        &named("\"\\\u{1}?\" ")[6..],
    );
    check(b"OPTIONS ", b"OPTIONS  ", Fault::StartLine, from);
    check(b" SIP/2.0", b" SIP/3.0", Fault::Version, from);
}

/// Where two could differ about the end of a message, whatever else is wrong with it, the stream has ended.
#[test]
fn what_has_no_certain_end_is_fatal() {
    let good = with_headers(&format!("{ESSENTIALS}Content-Length: 0"));
    for lines in [
        "",
        "Content-Length: 0\nContent-Length: 0",
        "Content-Length: 0\u{1}",
        "Content-Length: 0\u{fc}",
        "Content-Length\u{1}: 0",
        "Content-Length: 0\nA\u{1}: b",
        "Content-Length: 999999",
    ] {
        for start in ["OPTIONS sip:pool@example.com SIP/3.0", "OPTIONS sip:pool@\0example.com SIP/2.0"] {
            let bad = String::from_utf8(with_headers(&format!("{ESSENTIALS}{lines}"))).unwrap();
            let bad = bad.replacen("OPTIONS sip:pool@example.com SIP/2.0", start, 1);
            let (items, rejection) = read([bad.as_bytes(), &good], Limits::PEER);
            assert!(items.is_empty() && rejection.is_some(), "{lines:?}: {items:?}");
        }
    }
}

#[test]
fn a_rejection_is_the_last_word() {
    let mut framer = Framer::new(Limits::PEER);
    framer.buffer().extend_from_slice(b"\n");
    assert_eq!(framer.next().unwrap_err().fault, Fault::LineEnd);
    framer.buffer().extend_from_slice(&stream());
    assert_eq!(framer.next().unwrap_err().fault, Fault::LineEnd);
    assert!(framer.buffer().is_empty());
}

#[test]
fn a_head_and_a_body_may_be_as_long_as_their_limits_and_no_longer() {
    let limits = Limits { head_bytes_max: 200, body_bytes_max: 100 };
    let message = |head: usize, body: usize| {
        let lines = format!("Content-Length: {body:03}\nA: ");
        let padding = head - with_headers(&lines).len();
        [with_headers(&format!("{lines}{}", "x".repeat(padding))), vec![b'x'; body]].concat()
    };
    for (head, body, expected) in
        [(200, 100, None), (201, 100, Some(Fault::HeadTooLong)), (200, 101, Some(Fault::BodyTooLong))]
    {
        let bytes = message(head, body);
        for size in [1, 199, 200, 201, bytes.len()] {
            let (items, rejection) = read(bytes.chunks(size), limits);
            assert_eq!(rejection.map(|rejection| rejection.fault), expected, "{head} + {body} in {size}");
            assert_eq!(items.len(), usize::from(expected.is_none()));
        }
    }
}

#[test]
fn a_head_without_end_is_refused_before_it_is_kept() {
    let mut framer = Framer::new(Limits::PEER);
    let rejection = loop {
        framer.buffer().extend_from_slice(&[b'x'; 4096]);
        match framer.next() {
            Ok(item) => assert_eq!(item, None),
            Err(rejection) => break rejection,
        }
        assert!(framer.is_within_message() && framer.buffer().len() < Limits::PEER.head_bytes_max);
    };
    assert_eq!((rejection.fault, framer.buffer().capacity()), (Fault::HeadTooLong, 0));
    assert!(!framer.is_within_message());
}

#[test]
fn an_idle_stream_holds_no_memory() {
    let mut framer = Framer::new(Limits::PEER);
    for input in [&stream()[..], b"\r\n", b"\r\n"] {
        framer.buffer().reserve(8192);
        framer.buffer().extend_from_slice(input);
        while framer.next().unwrap().is_some() {}
        assert_eq!(framer.buffer().capacity(), 0, "{input:?}");
        assert!(!framer.is_within_message());
    }
}

#[test]
fn a_short_message_does_not_hold_the_receive_buffer() {
    let mut framer = Framer::new(Limits::PEER);
    framer.buffer().reserve(1 << 16);
    framer.buffer().extend_from_slice(&stream());
    while framer.next().unwrap() == Some(Item::Ping) {}
    let Ok(Some(Item::Message(Message::Request(request)))) = framer.next() else { panic!() };
    let buffer = framer.buffer();
    let held = buffer.as_ptr() as usize..buffer.as_ptr() as usize + buffer.len();
    assert!(!held.contains(&(request.body.as_ptr() as usize)));
    assert!(buffer.try_reclaim(1 << 15), "the buffer is the framer's alone");
}

#[test]
fn limits_are_changed_between_messages() {
    let long = with_headers(&format!("{ESSENTIALS}Content-Length: 0\nA: {}", "x".repeat(20_000)));
    let mut framer = Framer::new(Limits::STRANGER);
    framer.buffer().extend_from_slice(&with_headers(&format!("{ESSENTIALS}Content-Length: 0")));
    assert!(matches!(framer.next(), Ok(Some(Item::Message(_)))));
    framer.set_limits(Limits::PEER);
    framer.buffer().extend_from_slice(&long);
    assert!(matches!(framer.next(), Ok(Some(Item::Message(_)))));
    framer.set_limits(Limits::STRANGER);
    framer.buffer().extend_from_slice(&long);
    assert_eq!(framer.next().unwrap_err().fault, Fault::HeadTooLong);
}

#[test]
fn a_head_that_is_under_way_has_the_limits_of_now() {
    let long = with_headers(&format!("{ESSENTIALS}Content-Length: 0\nA: {}", "x".repeat(20_000)));
    let (first, second) = long.split_at(18_000);
    let mut framer = Framer::new(Limits::PEER);
    framer.buffer().extend_from_slice(first);
    assert_eq!(framer.next(), Ok(None));
    framer.set_limits(Limits::STRANGER);
    framer.buffer().extend_from_slice(second);
    assert_eq!(framer.next().unwrap_err().fault, Fault::HeadTooLong);
    let mut framer = Framer::new(Limits::STRANGER);
    framer.buffer().extend_from_slice(&long[..10_000]);
    assert_eq!(framer.next(), Ok(None));
    framer.set_limits(Limits::PEER);
    framer.buffer().extend_from_slice(&long[10_000..]);
    assert!(matches!(framer.next(), Ok(Some(Item::Message(_)))));
}
