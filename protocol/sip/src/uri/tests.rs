use super::{Host, Uri, UriError, escape_user};

fn sip(text: &str) -> super::SipUri<'_> {
    *Uri::parse(text).unwrap().as_sip().unwrap()
}

#[test]
fn the_parts_of_an_address() {
    let uri =
        sip("sips:al%69ce:se%20cret@[2001:db8::1]:5061;transport=TLS;lr;gr=urn:uuid:1?subject=a%20b&x=");
    assert!(uri.is_secure && uri.is_loose_router());
    assert_eq!(uri.user().as_deref(), Some("alice"));
    assert_eq!(uri.host, Host::parse("[2001:db8::1]").unwrap());
    assert_eq!(uri.port, Some(5061));
    assert_eq!(uri.params.find("Transport"), Some("TLS"));
    assert_eq!(uri.params.find("lr"), Some(""));
    assert_eq!(uri.params.find("ttl"), None);
    assert_eq!(uri.gruu().as_deref(), Some("urn:uuid:1"));
    assert_eq!(uri.headers(), Some("subject=a%20b&x="));
    assert_eq!(
        sip("sip:user;par=u%40example.net@example.com").user().as_deref(),
        Some("user;par=u@example.net")
    );
    assert_eq!(sip("sip:null-%00-null@example.com").user().as_deref(), Some("null-\0-null"));
    assert_eq!(
        sip("sip:sips%3Auser%40example.com@example.net").user().as_deref(),
        Some("sips:user@example.com")
    );
    assert_eq!(sip("SIP:example.com").user(), None);
}

#[test]
fn whatever_is_read_is_written_as_it_was() {
    for text in [
        "sip:example.com",
        "Sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:a:@b",
        "tel:+1(201)555-0123;ext=7",
        "tel:7042;phone-context=example.com",
        "isbn:2983792873",
        "http://www.example.com",
        "soap.beep://192.0.2.103:3002",
        "name:John_Smith",
    ] {
        assert_eq!(Uri::parse(text).map(|uri| uri.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn what_is_no_address() {
    let many = format!("sip:a@b{}", (0..33).map(|n| format!(";p{n}")).collect::<String>());
    for wrong in [
        "",
        "sip",
        "sip:",
        "sip:@b",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@b c",
        "sip:a@b;",
        "sip:a@b;;lr",
        "sip:a@b; lr",
        "sip:a@b;lr;LR",
        "sip:a@b;%6cr;lr",
        "sip:a@b;l%72;%6cr",
        "sip:a@b;p=",
        "sip:a@b;p=q=r",
        "sip:a@b;p=\"q\"",
        "sip:a@b?",
        "sip:a@b?x",
        "sip:a@b?x=1&",
        "sip:a@b:",
        "sip:a@b:65536",
        "sip:a@b:-1",
        "sip:a@b:5060x",
        "sip:a%4@b",
        "sip:a%zz@b",
        "sip:\u{e4}@b",
        "sip:a\r\n@b",
        "sip:2001:db8::10",
        "<sip:a@b>",
        "1a:b",
        ":b",
        "a:",
        "a:b c",
        "a:<b>",
        "tel:",
        "tel:+",
        "tel:+()",
        "tel:7042",
        "tel:+1 201",
        &many,
    ] {
        assert_eq!(Uri::parse(wrong), Err(UriError), "{wrong:?}");
    }
}

/// The sets of RFC 3261 §19.1.4 and of RFC 3966 §5.
#[test]
fn equivalent_addresses() {
    let check = |one, other| {
        let (one, other) = (Uri::parse(one).unwrap(), Uri::parse(other).unwrap());
        assert!(one.is_equivalent(&other) && other.is_equivalent(&one), "{one} {other}");
    };
    check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp");
    check("sip:%61lice@b;p=%61b", "sip:a%6cice@b;%70=a%62");
    check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5");
    check("sip:carol@chicago.com", "sip:carol@chicago.com;security=on");
    check("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on");
    check(
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    );
    check(
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    );
    check("sip:room@pool;gr=member1", "sip:room@pool");
    check("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]");
    check("tel:+1-201-555-0123", "tel:+1(201)5550123");
    check("tel:7042;phone-context=Example.com", "tel:70-42;PHONE-context=example.COM");
}

#[test]
fn different_addresses() {
    let check = |one, other| {
        let (one, other) = (Uri::parse(one).unwrap(), Uri::parse(other).unwrap());
        assert!(!one.is_equivalent(&other) && !other.is_equivalent(&one), "{one} {other}");
    };
    check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP");
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060");
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp");
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp");
    check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting");
    check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4");
    check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off");
    check("sip:a@b", "sips:a@b");
    check("sip:a@b", "sip:b");
    check("sip:a:@b", "sip:a@b");
    check("sip:a@b;maddr=192.0.2.1", "sip:a@b");
    check("sip:a@b;user=ip", "sip:a@b");
    check("sip:a@b?x=a", "sip:a@b?x=A");
    check("sip:a@b;gr=1", "sip:a@b;gr=2");
    check("sip:value%2541@b", "sip:valueA@b");
    check("tel:+12015550123", "tel:+12015550123;ext=1");
    check("tel:+12015550123", "tel:+12015550124");
    check("tel:+1", "sip:+1@b");
    check("isbn:1", "isbn:2");
}

#[test]
fn a_user_is_escaped() {
    let check = |user, escaped| {
        assert_eq!(escape_user(user), escaped);
        let address = format!("sip:{escaped}@b");
        assert_eq!(sip(&address).user().as_deref(), Some(user));
    };
    check("alice", "alice");
    check("a b@c:d", "a%20b%40c%3Ad");
    check("f\u{fc}", "f%C3%BC");
    check("o'malley&=+$,;?/", "o'malley&=+$,;?/");
    check("#[\\]^`{|}%\r\n", "%23%5B%5C%5D%5E%60%7B%7C%7D%25%0D%0A");
}
