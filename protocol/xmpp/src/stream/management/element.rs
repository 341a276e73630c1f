//! The words of stream management, read and written.

use std::time::Duration;

use bytes::Bytes;
use compact_str::CompactString;

use crate::namespace;
use crate::stanza::error::StanzaCondition;
use crate::xml::Element;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `<enable/>`: begin to count.
    Enable {
        /// The client may want to resume the session.
        resume: bool,
        /// For how long it would like to be able to.
        max: Option<Duration>,
    },
    /// `<resume/>`: go on with a former session.
    Resume {
        /// Its identifier.
        previd: CompactString,
        /// How many of its stanzas the client has handled.
        h: u32,
    },
    /// `<r/>`: say how much was handled.
    Acknowledge,
    /// `<a/>`: the client has handled so many.
    Acknowledged {
        /// The count, modulo 2³².
        h: u32,
    },
}

impl Request {
    /// Reads an element of the namespace `urn:xmpp:sm:3`. `None` for one of another namespace; an error for one that is
    /// not of the schema.
    pub fn parse(element: &Element) -> Option<Result<Self, StanzaCondition>> {
        (element.namespace() == namespace::STREAM_MANAGEMENT)
            .then(|| Self::parse_known(element).ok_or(StanzaCondition::BadRequest))
    }

    fn parse_known(element: &Element) -> Option<Self> {
        let number = |name| element.attribute(name).map(|value| value.trim().parse::<u32>());
        let h = || number("h")?.ok();
        Some(match element.name() {
            "enable" => Self::Enable {
                resume: match element.attribute("resume").map(str::trim) {
                    Some("true" | "1") => true,
                    None | Some("false" | "0") => false,
                    Some(_) => return None,
                },
                max: number("max").transpose().ok()?.map(|seconds| Duration::from_secs(seconds.into())),
            },
            "resume" => {
                let previd = element.attribute("previd").filter(|previd| !previd.is_empty())?;
                Self::Resume { previd: previd.into(), h: h()? }
            }
            "r" => Self::Acknowledge,
            "a" => Self::Acknowledged { h: h()? },
            _ => return None,
        })
    }
}

/// `<enabled/>`: with the identifier and the time of a session that can be resumed, or without.
pub fn enabled(resumable: Option<(&str, Duration)>) -> Bytes {
    let mut element = Element::new("enabled", namespace::STREAM_MANAGEMENT);
    if let Some((id, max)) = resumable {
        element.set_attribute("id", id);
        element.set_attribute("resume", "true");
        element.set_attribute("max", max.as_secs().to_string());
    }
    element.to_bytes(namespace::CLIENT)
}

/// `<resumed/>`: the former session goes on, `h` of its stanzas were handled.
pub fn resumed(previd: &str, h: u32) -> Bytes {
    Element::new("resumed", namespace::STREAM_MANAGEMENT)
        .with_attribute("previd", previd)
        .with_attribute("h", h.to_string())
        .to_bytes(namespace::CLIENT)
}

/// `<failed/>`: with what was handled, where a session is known that can no longer be resumed.
pub fn failed(condition: StanzaCondition, h: Option<u32>) -> Bytes {
    Element::new("failed", namespace::STREAM_MANAGEMENT)
        .with_optional("h", h.map(|h| h.to_string()))
        .with_child(Element::new(condition.as_str(), namespace::STANZA_ERROR))
        .to_bytes(namespace::CLIENT)
}

/// `<a/>`: `h` stanzas were handled.
pub fn acknowledged(h: u32) -> Bytes {
    format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>").into()
}

/// `<r/>`: how much was handled?
pub fn request() -> Bytes {
    Bytes::from_static(b"<r xmlns='urn:xmpp:sm:3'/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_say() {
        let check = |xml: &str, expected: Option<Result<Request, StanzaCondition>>| {
            let xml = xml.replacen(' ', " xmlns='urn:xmpp:sm:3' ", 1);
            let element = Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap();
            assert_eq!(Request::parse(&element), expected, "{xml}");
        };
        let enable = |resume, max: Option<u64>| {
            Some(Ok(Request::Enable { resume, max: max.map(Duration::from_secs) }))
        };
        let bad = Some(Err(StanzaCondition::BadRequest));
        check("<enable />", enable(false, None));
        check("<enable resume='true' max='300'/>", enable(true, Some(300)));
        check("<enable resume='1'/>", enable(true, None));
        check("<enable resume='0'/>", enable(false, None));
        check("<enable resume='yes'/>", bad.clone());
        check("<enable max='-1'/>", bad.clone());
        check(
            "<resume previd='x' h='4294967295'/>",
            Some(Ok(Request::Resume { previd: "x".into(), h: u32::MAX })),
        );
        check("<resume previd='x'/>", bad.clone());
        check("<resume h='1'/>", bad.clone());
        check("<resume previd='' h='1'/>", bad.clone());
        check("<r />", Some(Ok(Request::Acknowledge)));
        check("<a h='7'/>", Some(Ok(Request::Acknowledged { h: 7 })));
        check("<a />", bad.clone());
        check("<a h='4294967296'/>", bad.clone());
        check("<a h=''/>", bad.clone());
        check("<x />", bad);
        let foreign = Element::new("r", "urn:xmpp:sm:2");
        assert_eq!(Request::parse(&foreign), None);
    }

    #[test]
    fn what_the_server_says() {
        assert_eq!(enabled(None), "<enabled xmlns='urn:xmpp:sm:3'/>");
        let resumable = enabled(Some(("a&b", Duration::from_secs(300))));
        assert_eq!(resumable, "<enabled xmlns='urn:xmpp:sm:3' id='a&amp;b' resume='true' max='300'/>");
        assert_eq!(resumed("a<b", 7), "<resumed xmlns='urn:xmpp:sm:3' previd='a&lt;b' h='7'/>");
        let not_found = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
        let lost = failed(StanzaCondition::ItemNotFound, Some(4));
        assert_eq!(lost, format!("<failed xmlns='urn:xmpp:sm:3' h='4'>{not_found}</failed>"));
        let lost = failed(StanzaCondition::ItemNotFound, None);
        assert_eq!(lost, format!("<failed xmlns='urn:xmpp:sm:3'>{not_found}</failed>"));
        assert_eq!(acknowledged(u32::MAX), "<a xmlns='urn:xmpp:sm:3' h='4294967295'/>");
        assert_eq!(request(), "<r xmlns='urn:xmpp:sm:3'/>");
    }
}
