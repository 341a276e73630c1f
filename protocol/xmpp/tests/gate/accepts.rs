//! What must pass, and what it reads as.

use bytes::Bytes;
use perch_xmpp::namespace;
use perch_xmpp::xml::{GateError, Item, Limits};

use super::spelling::{HEADER, SERVER_HEADER, read, spell};

/// Both streams read the same to their ends.
fn check_same(one: &str, other: &str) {
    let spelled = [one, other].map(|input| {
        let (items, error) = read(input.as_bytes(), Limits::CLIENT);
        assert_eq!(error, None, "{input}");
        spell(&items)
    });
    assert_eq!(spelled[0], spelled[1], "{one}\n{other}");
}

/// The text reads the same as the plain text beside it.
fn check_text(written: &str, text: &str) {
    let (items, error) =
        read(format!("{HEADER}<message><body>{written}</body></message>").as_bytes(), Limits::CLIENT);
    let [_, Item::Stanza(message)] = &items[..] else { panic!("{written:?}: {error:?}") };
    let body = message.child("body", namespace::CLIENT).expect("a body");
    assert_eq!(body.text(), text, "{written:?}");
    assert_eq!(body.element().text(), text, "{written:?}");
}

/// The attribute's value reads as that, in a stanza's tag and further in.
fn check_value(written: &str, value: &str) {
    let input = format!("{HEADER}<message id={written}><x a={written}/></message>");
    let (items, error) = read(input.as_bytes(), Limits::CLIENT);
    let [_, Item::Stanza(message)] = &items[..] else { panic!("{written:?}: {error:?}") };
    assert_eq!(message.id.as_deref(), Some(value), "{written:?}");
    let x = message.child("x", namespace::CLIENT).expect("an x").element();
    assert_eq!(x.attribute("a"), Some(value), "{written:?}");
}

/// The stanza's payload is kept as the bytes beside it.
fn check_payload(header: &str, stanza: &str, payload: &str) {
    let (items, error) = read(format!("{header}{stanza}").as_bytes(), Limits::CLIENT);
    let [_, Item::Stanza(stanza)] = &items[..] else { panic!("{stanza}: {error:?}") };
    assert_eq!(stanza.payload(), payload.as_bytes());
}

#[test]
fn text() {
    check_text("", "");
    check_text("plain", "plain");
    check_text("&lt;&gt;&amp;&apos;&quot;", "<>&'\"");
    check_text("&#65;&#x42;&#x000043;&#0000068;", "ABCD");
    check_text("&#x1F600;\u{1f600}&#x10FFFF;", "\u{1f600}\u{1f600}\u{10ffff}");
    check_text("&amp;lt;", "&lt;");
    check_text("a\r\nb\rc\nd\r\r\ne", "a\nb\nc\nd\n\ne");
    check_text("&#13;&#10;&#9;", "\r\n\t");
    check_text("a\r&#10;b", "a\n\nb");
    check_text("<![CDATA[<a>&amp;]]>", "<a>&amp;");
    check_text("<![CDATA[]]>", "");
    check_text("<![CDATA[]]]]>", "]]");
    check_text("<![CDATA[]]]]><![CDATA[>]]>", "]]>");
    check_text("<![CDATA[a]]]]>>", "a]]>");
    check_text("a<![CDATA[b\r\nc]]>d", "ab\ncd");
    check_text("a\r<![CDATA[\n]]>", "a\n\n");
    check_text("]]&gt; ]] > ]>", "]]> ]] > ]>");
    check_text("]<![CDATA[]]]>>", "]]>");
    check_text(
        "\u{7f}\u{80}\u{85}\u{9f}\u{2028}\u{feff}\u{fffd}",
        "\u{7f}\u{80}\u{85}\u{9f}\u{2028}\u{feff}\u{fffd}",
    );
    check_text(
        "\u{d7ff}\u{e000}\u{10000}\u{1fffe}\u{10ffff}",
        "\u{d7ff}\u{e000}\u{10000}\u{1fffe}\u{10ffff}",
    );
    check_text(" \t\n ", " \t\n ");
    check_text("a>b'c\"d", "a>b'c\"d");
    check_text("a<i>b</i>c", "ac");
}

#[test]
fn values() {
    check_value("''", "");
    check_value("\"\"", "");
    check_value("'a\"b'", "a\"b");
    check_value("\"a'b\"", "a'b");
    check_value("'a>b/>'", "a>b/>");
    check_value("'\t\n\r\r\n '", "     ");
    check_value("'&#9;&#10;&#13;&#32;'", "\t\n\r ");
    check_value("'&quot;&apos;&lt;&gt;&amp;amp;'", "\"'<>&amp;");
    check_value("' a  b '", " a  b ");
    check_value("']]>'", "]]>");
    check_value("'\u{e9}\u{1f600}&#xe9;'", "\u{e9}\u{1f600}\u{e9}");
}

#[test]
fn spellings_of_the_same() {
    let stanza = format!("{HEADER}<message to='b'><body>x</body></message>");
    let same = |inside: &str| check_same(&stanza, &format!("{HEADER}{inside}"));
    same("<message to=\"b\"><body>x</body></message>");
    same("<message\n\tto = 'b'\r\n><body >x</body\t></message\n>");
    same("<message to='b' xmlns='jabber:client'><body>x</body></message>");
    same("<message to='&#98;'><body>&#x78;</body></message>");
    same("<message to='b'> <body><![CDATA[x]]></body>\n</message>");
    same("<message to='b'><![CDATA[ ]]><body>x</body>&#32;</message>");
    same("<c:message xmlns:c='jabber:client' to='b'><c:body>x</c:body></c:message>");
    same("<c:message xmlns:c='jabber:client' to='b'><body>x</body></c:message>");
    same("<message xmlns:c='jabber:client' to='b'><c:body xmlns='urn:x'>x</c:body></message>");
    same("<c:message xmlns='urn:x' xmlns:c='jabber:client' to='b'><c:body>x</c:body></c:message>");
    same("<message to='b'><body xmlns='jabber:&#99;lient'>x</body></message>");
    same("<message to='b' xmlns:stream='urn:other'><body>x</body></message>");
    same("<message to='b' unknown='1' xmlns:p='urn:p' p:to='c'><body>x</body></message>");
    check_same(&stanza, &format!("<?xml version='1.0'?>{stanza}"));
    check_same(&stanza, &format!("<?xml version=\"1.0\" encoding=\"Utf-8\" standalone='no' ?> \r\n{stanza}"));
    check_same(&stanza, &format!("\n{stanza} \n"));
    check_same(
        &stanza,
        &stanza.replace("stream:stream xmlns", "s:stream xmlns").replace("xmlns:stream", "xmlns:s"),
    );
    check_same(
        &stanza,
        "<stream xmlns='http://etherx.jabber.org/streams'><message xmlns='jabber:client' to='b'><body>x</body></message>",
    );
    check_same(
        &stanza,
        "<stream xmlns:c='jabber:client' xmlns='http://etherx.jabber.org/streams'><c:message to='b'><c:body>x</c:body></c:message>",
    );
}

#[test]
fn headers() {
    let input = "<stream:stream to='a' from='b@a' id='&amp;1' version='1.0' xml:lang='de' p:to='x' \
        xmlns:p='urn:p' xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
    let (items, error) = read(input.as_bytes(), Limits::PRE_AUTH);
    let ([Item::Open(header)], None) = (&items[..], error) else { panic!("{items:?} {error:?}") };
    assert_eq!(header.namespace, namespace::SERVER);
    assert_eq!(header.to.as_deref(), Some("a"));
    assert_eq!(header.from.as_deref(), Some("b@a"));
    assert_eq!(header.id.as_deref(), Some("&1"));
    assert_eq!(header.version.as_deref(), Some("1.0"));
    assert_eq!(header.lang.as_deref(), Some("de"));
    let namespaces = [
        ("xmlns='jabber:client'", namespace::CLIENT),
        ("xmlns='urn:other'", "urn:other"),
        ("", ""),
        ("xmlns=''", ""),
    ];
    for (declaration, expected) in namespaces {
        let input = format!("<s:stream {declaration} xmlns:s='http://etherx.jabber.org/streams'>");
        let (items, error) = read(input.as_bytes(), Limits::PRE_AUTH);
        let ([Item::Open(header)], None) = (&items[..], error) else { panic!("{items:?} {error:?}") };
        assert_eq!(header.namespace, expected, "{declaration}");
    }
}

#[test]
fn first_level_elements() {
    fn check(written: &str, name: &str, namespace: &str) {
        let (items, error) = read(format!("{HEADER}{written}").as_bytes(), Limits::PRE_AUTH);
        let ([_, Item::Element(element)], None) = (&items[..], error) else { panic!("{items:?} {error:?}") };
        assert!(element.is(name, namespace), "{element:?}");
    }
    check("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "starttls", namespace::TLS);
    check("<stream:error><x/></stream:error>", "error", namespace::STREAM);
    check("<message xmlns='urn:x'/>", "message", "urn:x");
    check("<message xmlns=''/>", "message", "");
    check("<stream:message/>", "message", namespace::STREAM);
    check("<Message/>", "Message", namespace::CLIENT);
    check("<messages/>", "messages", namespace::CLIENT);
    check("<p:r xmlns:p='urn:xmpp:sm:3'/>", "r", namespace::STREAM_MANAGEMENT);
    check("<xml:a/>", "a", namespace::XML);
}

#[test]
fn payloads_stand_on_their_own() {
    // As it came in, white space between the children included.
    check_payload(HEADER, "<iq/>", "");
    check_payload(HEADER, "<iq> </iq>", "");
    check_payload(HEADER, "<iq> <a/> <b x='1'>&#9;</b > </iq>", "<a/> <b x='1'>&#9;</b >");
    check_payload(HEADER, "<iq><a xmlns='urn:a'><b/></a></iq>", "<a xmlns='urn:a'><b/></a>");
    check_payload(HEADER, "<iq><p:a xmlns:p='urn:a' p:x='1'/></iq>", "<p:a xmlns:p='urn:a' p:x='1'/>");
    check_payload(HEADER, "<iq><a xml:lang='en'/></iq>", "<a xml:lang='en'/>");
    check_payload(
        HEADER,
        "<iq xmlns:p='urn:a'><a xmlns:p='urn:b'><p:c/></a></iq>",
        "<a xmlns:p='urn:b'><p:c/></a>",
    );
    // What is declared further out is declared anew.
    check_payload(HEADER, "<iq xmlns:p='urn:p'><p:a/><b/></iq>", "<p:a xmlns:p='urn:p'/><b/>");
    check_payload(HEADER, "<iq xmlns:p='urn:p'><a p:x='1' /> <b/></iq>", "<a xmlns:p='urn:p' p:x='1' /><b/>");
    check_payload(
        HEADER,
        "<iq xmlns:p='u&apos;&lt;'><a><p:b/><p:c/></a></iq>",
        "<a xmlns:p='u&apos;&lt;'><p:b/><p:c/></a>",
    );
    check_payload(
        HEADER,
        "<iq><a><stream:b/></a></iq>",
        "<a xmlns:stream='http://etherx.jabber.org/streams'><stream:b/></a>",
    );
    check_payload(HEADER, "<c:iq xmlns='urn:d' xmlns:c='jabber:client'><a/></c:iq>", "<a xmlns='urn:d'/>");
    check_payload(
        HEADER,
        "<c:iq xmlns='' xmlns:c='jabber:client'><a><b/></a></c:iq>",
        "<a xmlns=''><b/></a>",
    );
    check_payload(
        HEADER,
        "<c:iq xmlns='urn:d' xmlns:c='jabber:client'><c:a><b/></c:a></c:iq>",
        "<c:a xmlns:c='jabber:client' xmlns='urn:d'><b/></c:a>",
    );
    // A carriage return means a line feed, and leaves as one.
    check_payload(
        HEADER,
        "<iq> <a b='1\r2\r\n\n' xmlns:p='\r'>\r\n</a></iq>",
        "<a b='1\n2\n\n' xmlns:p='\n'>\n</a>",
    );
    // Between servers the content namespace has another name, and means the same.
    check_payload(SERVER_HEADER, "<iq><a/><b xmlns='urn:b'/></iq>", "<a/><b xmlns='urn:b'/>");
    check_payload(SERVER_HEADER, "<iq><a xmlns='jabber:server'/></iq>", "<a xmlns='jabber:client'/>");
    check_payload(
        SERVER_HEADER,
        "<iq><f xmlns='urn:f'><message xmlns='jabber:client'/></f></iq>",
        "<f xmlns='urn:f'><message xmlns='jabber:client'/></f>",
    );
    check_payload(
        SERVER_HEADER,
        "<s:iq xmlns:s='jabber:server'><s:a><x xmlns:p='jabber:&#115;erver' p:y=''/></s:a></s:iq>",
        "<s:a xmlns:s='jabber:client'><x xmlns:p='jabber:client' p:y=''/></s:a>",
    );
}

#[test]
fn framed_items() {
    fn check(frame: &'static str, expected: Result<&str, GateError>) {
        let item = Item::parse(&Bytes::from_static(frame.as_bytes()), Limits::CLIENT);
        assert_eq!(item.map(|item| spell(&[item])), expected.map(str::to_owned), "{frame}");
    }
    check(
        "<message xmlns='jabber:client' to='a'><body>b</body></message>",
        Ok("stanza message\n  to=\"a\"\nelement \"jabber:client\" \"body\"\ntext \"b\"\nend\nend\n"),
    );
    check("<message/>", Ok("element \"\" \"message\"\nend\n"));
    check(
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a'/>",
        Ok("element \"urn:ietf:params:xml:ns:xmpp-framing\" \"open\"\n  \"\" \"to\"=\"a\"\nend\n"),
    );
    check("<a/><b/>", Err(GateError::Trailing));
    check("<a/> ", Err(GateError::Trailing));
    check(" <a/>", Err(GateError::Markup));
    check("", Err(GateError::Markup));
    check("<a>", Err(GateError::Incomplete));
    check("<a", Err(GateError::Markup));
    check("<?xml version='1.0'?><a/>", Err(GateError::ProcessingInstruction));
    check("<stream:features/>", Err(GateError::UnboundPrefix));
    check("<iq xmlns='jabber:server'/>", Err(GateError::ContentNamespace));
}

#[test]
fn as_much_as_the_limits_allow() {
    let repeat = |count: usize, part: fn(usize) -> String| (0..count).map(part).collect::<Vec<_>>().join(" ");
    let attributes = repeat(64, |n| format!("a{n}='1'"));
    let declarations = repeat(32, |n| format!("xmlns:p{n}='urn:p'"));
    let nested = format!("{}{}", "<a>".repeat(63), "</a>".repeat(63));
    for stanza in [
        format!("<message {attributes} {declarations}><x {attributes} {declarations}/></message>"),
        format!("<message>{nested}</message>"),
        format!("<message><body>{}</body></message>", "x".repeat(250_000)),
        format!("<message xmlns:p='{}'>{}</message>", "n".repeat(1000), "<p:a/>".repeat(200)),
    ] {
        let (items, error) = read(format!("{HEADER}{stanza}").as_bytes(), Limits::CLIENT);
        assert_eq!((items.len(), error), (2, None));
        spell(&items);
    }
}
