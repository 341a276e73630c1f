//! What must not pass, and which stream error says so.

use perch_xmpp::stream::error::StreamCondition;
use perch_xmpp::xml::{GateError, Limits};

use super::spelling::{HEADER, SERVER_HEADER, read};

/// The whole input of a stream is refused.
fn check(input: impl AsRef<[u8]>, expected: GateError) {
    let (items, error) = read(input.as_ref(), Limits::CLIENT);
    let shown: String = String::from_utf8_lossy(input.as_ref()).chars().take(300).collect();
    assert_eq!(error, Some(expected), "{shown:?} after {} items", items.len());
}

/// Content is refused behind the start tag of a stream, at whichever level of a stanza it stands.
fn check_content(content: impl AsRef<[u8]>, expected: GateError) {
    let content = content.as_ref();
    check([HEADER.as_bytes(), content].concat(), expected);
}

/// Text or markup is refused inside a stanza's child, and with it the text of a first-level element.
fn check_inside(inside: impl AsRef<[u8]>, expected: GateError) {
    let inside = inside.as_ref();
    check_content([b"<message><body>", inside, b"</body></message>"].concat(), expected);
    check_content(
        [b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", inside, b"</auth>"].concat(),
        expected,
    );
}

/// A start tag is refused as a stanza's own, as a child's and further in.
fn check_tag(attributes: impl AsRef<[u8]>, expected: GateError) {
    let attributes = attributes.as_ref();
    check_content([b"<message ", attributes, b"/>"].concat(), expected);
    check_content([b"<message ", attributes, b"></message>"].concat(), expected);
    check_inside([b"<x ", attributes, b"/>"].concat(), expected);
    check(
        [b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' ", attributes, b">"].concat(),
        expected,
    );
}

#[test]
fn entities_and_document_types() {
    check("<!DOCTYPE stream>", GateError::DocumentType);
    check("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", GateError::DocumentType);
    check("<?xml version='1.0'?><!DOCTYPE x SYSTEM 'http://example.com/x.dtd'>", GateError::DocumentType);
    check_content("<!DOCTYPE x>", GateError::DocumentType);
    check_content("<!doctype x>", GateError::DocumentType);
    check_content("<!ELEMENT x ANY>", GateError::DocumentType);
    check_content("<!x", GateError::DocumentType);
    check_content("<!>", GateError::DocumentType);
    check_inside("<!DOCTYPE x [<!ENTITY a 'aaaa'>]>", GateError::DocumentType);
    check_inside("<!ENTITY a 'b'>", GateError::DocumentType);
    check_inside("&a;", GateError::Entity);
    check_inside("&nbsp;", GateError::Entity);
    check_inside("&AMP;", GateError::Entity);
    check_inside("x&lol9;x", GateError::Entity);
    check_inside("&é;", GateError::Entity);
    check_tag("a='&b;'", GateError::Entity);
    check_tag("a='&amp;&copy;'", GateError::Entity);
    check_tag("xmlns:p='&b;'", GateError::Entity);
}

#[test]
fn instructions_comments_and_sections() {
    check("<?xml-stylesheet href='a'?>", GateError::ProcessingInstruction);
    check("<?xmlversion='1.0'?>", GateError::ProcessingInstruction);
    check("<??>", GateError::ProcessingInstruction);
    check(" <?xml version='1.0'?>", GateError::ProcessingInstruction);
    check("<?xml version='1.0'?><?xml version='1.0'?>", GateError::ProcessingInstruction);
    check_content("<?php echo 1 ?>", GateError::ProcessingInstruction);
    check_content("<?xml version='1.0'?>", GateError::ProcessingInstruction);
    check_inside("<?a?>", GateError::ProcessingInstruction);
    check_inside("<?xml version='1.0'?>", GateError::ProcessingInstruction);
    check("<!-- a -->", GateError::Comment);
    check_content("<!-- a -->", GateError::Comment);
    check_content("<!---->", GateError::Comment);
    check_inside("<!-- a -->", GateError::Comment);
    check_inside("<!-- a -- b -->", GateError::Comment);
    check_inside("<!-->", GateError::Comment);
    check_inside("<!-x", GateError::Comment);
    check_content("<![CDATA[x]]>", GateError::StrayText);
    check_content("<![CDATA[ ]]>", GateError::StrayText);
    check("<![CDATA[x]]>", GateError::StrayText);
    check_inside("<![cdata[x]]>", GateError::Markup);
    check_inside("<![CDATA x]]>", GateError::Markup);
    check_inside("<![INCLUDE[x]]>", GateError::Markup);
    check_inside("<![CDATA[a]]>]]>", GateError::CDataEnd);
}

#[test]
fn declarations() {
    check("<?xml version='1.1'?>", GateError::Declaration);
    check("<?xml version='2.0'?>", GateError::Declaration);
    check("<?xml?>", GateError::ProcessingInstruction);
    check("<?xml ?>", GateError::Declaration);
    check("<?xml encoding='utf-8'?>", GateError::Declaration);
    check("<?xml encoding='utf-8' version='1.0'?>", GateError::Declaration);
    check("<?xml version='1.0' standalone='yes' encoding='utf-8'?>", GateError::Declaration);
    check("<?xml version='1.0' standalone='maybe'?>", GateError::Declaration);
    check("<?xml version='1.0' encoding='utf-8'standalone='no'?>", GateError::Declaration);
    check("<?xml version='1.0' version='1.0'?>", GateError::Declaration);
    check("<?xml version='1.0' x='y'?>", GateError::Declaration);
    check("<?xml version=1.0?>", GateError::Declaration);
    check("<?xml version='1.0\"?>", GateError::Declaration);
    check("<?XML version='1.0'?>", GateError::ProcessingInstruction);
    check("<?xml version='1.0' encoding='utf-16'?>", GateError::Encoding);
    check("<?xml version='1.0' encoding='iso-8859-1'?>", GateError::Encoding);
    check("<?xml version='1.0' encoding='us-ascii'?>", GateError::Encoding);
    check("<?xml version='1.0' encoding=''?>", GateError::Encoding);
}

#[test]
fn broken_structure() {
    check("x", GateError::StrayText);
    check("</stream:stream>", GateError::Mismatch);
    check_content("x", GateError::StrayText);
    check_content("&#32;", GateError::StrayText);
    check_content("<presence/>x", GateError::StrayText);
    check_content("<presence/>\u{a0}<presence/>", GateError::StrayText);
    check_content("</stream:stream>x", GateError::Trailing);
    check_content("</stream:stream><presence/>", GateError::Trailing);
    check_content("</stream:stream></stream:stream>", GateError::Trailing);
    check_content("</stream>", GateError::Mismatch);
    check_content("</message>", GateError::Mismatch);
    check_content("</stream:streams>", GateError::Mismatch);
    check_content("</ stream:stream>", GateError::Mismatch);
    check_content("</stream:stream a='b'>", GateError::Mismatch);
    check_content("</stream:stream/>", GateError::Mismatch);
    check_content("<message></presence>", GateError::Mismatch);
    check_content("<message></Message>", GateError::Mismatch);
    check_content("<message></message a='1'>", GateError::Mismatch);
    check_content("<message></ message>", GateError::Mismatch);
    check_content("<message></>", GateError::Mismatch);
    check_content("<message><a><b></a></b></message>", GateError::Mismatch);
    check_content("<message xmlns:p='jabber:client'><p:a></a></message>", GateError::Mismatch);
    check_content(
        "<p:message xmlns:p='jabber:client' xmlns:q='jabber:client'></q:message>",
        GateError::Mismatch,
    );
    check_content("<message>x</message>", GateError::StanzaText);
    check_content("<message><body/>x</message>", GateError::StanzaText);
    check_content("<iq><![CDATA[x]]></iq>", GateError::StanzaText);
    check_content("<presence>&#65;</presence>", GateError::StanzaText);
    check_content("<message>]]></message>", GateError::CDataEnd);
    check_inside("]]>", GateError::CDataEnd);
    check_inside("a]]]>b", GateError::CDataEnd);
    check_inside("<x>]]></x>", GateError::CDataEnd);
}

#[test]
fn broken_references() {
    check_inside("&", GateError::Reference);
    check_inside("a & b", GateError::Reference);
    check_inside("&amp", GateError::Reference);
    check_inside("&;", GateError::Reference);
    check_inside("& amp;", GateError::Reference);
    check_inside("&amp ;", GateError::Reference);
    check_inside("&#;", GateError::Reference);
    check_inside("&#x;", GateError::Reference);
    check_inside("&#X41;", GateError::Reference);
    check_inside("&#xg;", GateError::Reference);
    check_inside("&#-1;", GateError::Reference);
    check_inside("&#+1;", GateError::Reference);
    check_inside("&1;", GateError::Reference);
    check_inside("&a b;", GateError::Reference);
    check_inside("&amp&amp;", GateError::Reference);
    check_inside("&#00000000065;", GateError::LongReference);
    check_tag("a='&'", GateError::Reference);
    check_tag("a='& '", GateError::Reference);
    check_tag("a='&lt'", GateError::Reference);
    check_tag("a='&;'", GateError::Reference);
}

#[test]
fn characters_beyond_xml() {
    for byte in (0..0x20).filter(|byte| !matches!(byte, 9 | 10 | 13)) {
        check_inside([byte], GateError::Character);
        check_inside([b"<![CDATA[", &[byte][..], b"]]>"].concat(), GateError::Character);
        check_tag([b"a='", &[byte][..], b"'"].concat(), GateError::Character);
        check_inside(format!("&#{byte};"), GateError::Character);
        check_tag(format!("a='&#x{byte:x};'"), GateError::Character);
    }
    for noncharacter in ["\u{fffe}", "\u{ffff}"] {
        check_inside(noncharacter, GateError::Character);
        check_tag(format!("a='{noncharacter}'"), GateError::Character);
    }
    for number in ["#xFFFE", "#xFFFF", "#xD800", "#xDFFF", "#55296", "#x110000", "#1114112", "#xFFFFFFF"] {
        check_inside(format!("&{number};"), GateError::Character);
    }
    check_content("<message\0/>", GateError::Character);
    check_content("<message><a\u{b}/></message>", GateError::Character);
    check_content(b"\0", GateError::StrayText);
    check("\u{feff}<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", GateError::StrayText);
}

#[test]
fn bytes_beyond_utf8() {
    let broken: [&[u8]; 12] = [
        b"\xff",
        b"\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xe9x",
        b"\xf0\x9f\x98",
    ];
    for bytes in broken {
        check_inside(bytes, GateError::Utf8);
        check_tag([b"a='", bytes, b"'"].concat(), GateError::Utf8);
        check_content([b"<message", bytes, b"/>"].concat(), GateError::Utf8);
        check_content(
            [b"<message><body><![CDATA[", bytes, b"]]></body></message>"].concat(),
            GateError::Utf8,
        );
    }
    check_content(b"\xe9", GateError::StrayText);
}

#[test]
fn broken_names() {
    for name in
        ["", " a", "1a", "-a", ".a", "a\u{d7}", "a=b", "a!", "\u{b7}", "\u{10000}", "\u{300}a", "a\u{2028}"]
    {
        check_inside(format!("<{name}></{name}>"), GateError::Name);
    }
    for name in [":", ":a", "a:", "a:b:c", "::", "a::b", "a:1", "1:a", "a:-b"] {
        check_inside(format!("<{name}></{name}>"), GateError::Name);
        check_tag(format!("{name}='1'"), GateError::Name);
        check_tag(format!("xmlns:{name}='urn:a'"), GateError::Name);
    }
    check_inside("< a/>", GateError::Name);
    check_inside("<a<b/>", GateError::Name);
    check_inside("</>", GateError::Mismatch);
    check_inside("<a/ ></a>", GateError::Name);
    check_inside("<a\u{a0}b='1'/>", GateError::Name);
    check_content("<1/>", GateError::Name);
    check_tag("1='a'", GateError::Name);
    check_tag("\u{10000}='a'", GateError::Name);
    check_tag("a&b='a'", GateError::Name);
    check_tag("xmlns:='urn:a'", GateError::Name);
}

#[test]
fn broken_attributes() {
    check_tag("a", GateError::Attribute);
    check_tag("a b='1'", GateError::Name);
    check_tag("a=", GateError::Attribute);
    check_tag("a=1", GateError::Attribute);
    check_tag("a=b'1'", GateError::Attribute);
    check_tag("='1'", GateError::Name);
    check_tag("a='1'b='2'", GateError::Attribute);
    check_tag("a='1'xmlns:p='urn:p'", GateError::Attribute);
    check_tag("a='1' =", GateError::Attribute);
    check_tag("a='<'", GateError::Attribute);
    check_tag("a='&lt;<'", GateError::Attribute);
    check_tag("a='1' a='2'", GateError::DuplicateAttribute);
    check_tag("a='1' b='2' a='1'", GateError::DuplicateAttribute);
    check_tag("xmlns:p='urn:a' xmlns:p='urn:b'", GateError::DuplicateAttribute);
    check_tag("xmlns='jabber:client' xmlns='jabber:client'", GateError::DuplicateAttribute);
    check_tag("xml:lang='en' xml:lang='en'", GateError::DuplicateAttribute);
    check_tag("xmlns:p='urn:a' xmlns:q='urn:a' p:x='1' q:x='2'", GateError::DuplicateAttribute);
    check_tag("p:x='1' xmlns:p='urn:a' q:x='2' xmlns:q='urn:&#97;'", GateError::DuplicateAttribute);
    check_tag("xmlns:x='http://www.w3.org/XML/1998/namespace'", GateError::NamespaceDeclaration);
    check_inside("</a", GateError::Mismatch);
    check_inside("<a b='1'/ ></a>", GateError::Attribute);
}

#[test]
fn broken_namespaces() {
    check_inside("<p:a/>", GateError::UnboundPrefix);
    check_content("<p:message/>", GateError::UnboundPrefix);
    check_content("<stream2:error/>", GateError::UnboundPrefix);
    check("<stream:stream xmlns='jabber:client'>", GateError::UnboundPrefix);
    check_tag("p:a='1'", GateError::UnboundPrefix);
    check_content("<message><a xmlns:p='urn:p'/><p:b/></message>", GateError::UnboundPrefix);
    check_content("<message xmlns:p='urn:p'/><message><p:b/></message>", GateError::UnboundPrefix);
    check_inside("<xmlns:a/>", GateError::UnboundPrefix);
    check_tag("xmlns:p=''", GateError::NamespaceDeclaration);
    check_tag("xmlns:xml='urn:x'", GateError::NamespaceDeclaration);
    check_tag("xmlns:xml=''", GateError::NamespaceDeclaration);
    check_tag("xmlns:xmlns='urn:x'", GateError::NamespaceDeclaration);
    check_tag("xmlns:xmlns='http://www.w3.org/2000/xmlns/'", GateError::NamespaceDeclaration);
    check_tag("xmlns:p='http://www.w3.org/2000/xmlns/'", GateError::NamespaceDeclaration);
    check_tag("xmlns='http://www.w3.org/2000/xmlns/'", GateError::NamespaceDeclaration);
    check_tag("xmlns='http://www.w3.org/XML/1998/namespace'", GateError::NamespaceDeclaration);
    check_tag(
        "xmlns:p='http://www.w3.org/XML/1998/namespace&#x20;' xmlns:q=''",
        GateError::NamespaceDeclaration,
    );
}

#[test]
fn streams_of_another_kind() {
    check("<stream xmlns='jabber:client'>", GateError::StreamNamespace);
    check("<stream:stream xmlns:stream='http://etherx.jabber.org/stream'>", GateError::StreamNamespace);
    check("<stream:stream xmlns:stream='HTTP://etherx.jabber.org/streams'>", GateError::StreamNamespace);
    check("<message/>", GateError::StreamNamespace);
    check("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", GateError::StreamNamespace);
    check("<stream:streams xmlns:stream='http://etherx.jabber.org/streams'>", GateError::StreamName);
    check("<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>", GateError::StreamName);
    check("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'/>", GateError::StreamName);
    check_content("<message xmlns='jabber:server'/>", GateError::ContentNamespace);
    check_content("<s:iq xmlns:s='jabber:server'/>", GateError::ContentNamespace);
    check(format!("{SERVER_HEADER}<presence xmlns='jabber:client'/>"), GateError::ContentNamespace);
}

#[test]
fn more_than_the_limits() {
    let repeat = |count: usize, part: fn(usize) -> String| (0..count).map(part).collect::<Vec<_>>().join(" ");
    check_tag(repeat(65, |n| format!("a{n}='1'")), GateError::TooManyAttributes);
    check_tag(repeat(33, |n| format!("xmlns:p{n}='urn:p'")), GateError::TooManyNamespaces);
    let nested = |levels: usize| format!("<message>{}", "<a>".repeat(levels));
    check_content(nested(64), GateError::TooDeep);
    check_content(nested(10_000), GateError::TooDeep);
    let level = |n: usize| {
        format!("<a {}>", repeat(30, |n| format!("xmlns:p{n}='urn:p'")).replace("p'", &format!("{n}'")))
    };
    let many: String = (0..5).map(level).collect();
    check_content(format!("<message>{many}{}</message>", "</a>".repeat(5)), GateError::TooManyNamespaces);
    check_content(format!("<message><body>{}</body></message>", "x".repeat(256 << 10)), GateError::TooLong);
    check(format!("{HEADER}{}", " ".repeat((1 << 20) + 1)), GateError::TooMuchWhitespace);
    let name = "n".repeat(50_000);
    let users = "<p:a/>".repeat(100);
    check_content(format!("<message xmlns:p='{name}'>{users}</message>"), GateError::Expansion);
    check_content(format!("<message xmlns:p='{name}'><x>{users}</x></message>"), GateError::Expansion);
    let users = "<p:a><b/></p:a>".repeat(100);
    check_content(format!("<x xmlns='{name}' xmlns:p='urn:p'>{users}</x>"), GateError::Expansion);
    check_content(
        format!("<message><x xmlns='{name}' xmlns:p='urn:p'>{users}</x></message>"),
        GateError::Expansion,
    );
}

#[test]
fn every_reason_has_its_condition() {
    for (error, condition) in [
        (GateError::Comment, StreamCondition::RestrictedXml),
        (GateError::DocumentType, StreamCondition::RestrictedXml),
        (GateError::Entity, StreamCondition::RestrictedXml),
        (GateError::ProcessingInstruction, StreamCondition::RestrictedXml),
        (GateError::Encoding, StreamCondition::UnsupportedEncoding),
        (GateError::Utf8, StreamCondition::UnsupportedEncoding),
        (GateError::Character, StreamCondition::NotWellFormed),
        (GateError::Mismatch, StreamCondition::NotWellFormed),
        (GateError::StrayText, StreamCondition::NotWellFormed),
        (GateError::UnboundPrefix, StreamCondition::BadNamespacePrefix),
        (GateError::NamespaceDeclaration, StreamCondition::BadNamespacePrefix),
        (GateError::StreamNamespace, StreamCondition::InvalidNamespace),
        (GateError::ContentNamespace, StreamCondition::InvalidNamespace),
        (GateError::StreamName, StreamCondition::BadFormat),
        (GateError::StanzaText, StreamCondition::BadFormat),
        (GateError::TooDeep, StreamCondition::PolicyViolation),
        (GateError::TooLong, StreamCondition::PolicyViolation),
        (GateError::LongReference, StreamCondition::PolicyViolation),
    ] {
        assert_eq!(error.condition(), condition, "{error}");
    }
}
