//! What persistent-chat clients ask before anything else: where the pool is ([MS-SIPREGE], in-band provisioning).
//!
//! Such a client says at registration that it knows categories of presence, hears that this server does too, and fetches the
//! groups of settings that it names by a SUBSCRIBE that ends at once (RFC 6665 §4.4.3). It takes the NOTIFY in the response
//! itself, with the header `ms-piggyback-cseq`. Of the groups there is one here.

use perch_address::BareJid;
use perch_sip::Status;
use perch_sip::header::Name;
use perch_sip::message::{Answer, Request, Writer};
use perch_xmpp::xml::Element;

use crate::sip::check::{account_of, answer, explained};

/// Whether whoever registers looks for provisioning afterwards.
pub(super) fn is_wanted_by(request: &Request) -> bool {
    supports(request, CATEGORIES)
}

/// Tells a client, at its registration, that there is something to ask for.
pub(super) fn announce(registered: Writer<Status>) -> Writer<Status> {
    // COMPAT: pidgin-sipe looks for a Supported with that tag alone.
    registered.header(Name::Supported, CATEGORIES).header(Name::AllowEvents, EVENT)
}

/// Sees that a SUBSCRIBE asks for provisioning, in a way in which it can be answered; or refuses it.
pub(super) fn check(request: &Request) -> Result<(), Answer> {
    let event = request.headers.values(Name::Event).next().unwrap_or_default();
    let package = event.split(';').next().unwrap_or_default().trim();
    if package != EVENT {
        return Err(answer(request, Status::BAD_EVENT).header(Name::AllowEvents, EVENT).finish());
    }
    if !supports(request, PIGGYBACK) {
        return Err(answer(request, Status::EXTENSION_REQUIRED).header(Name::Require, PIGGYBACK).finish());
    }
    let media = request.headers.content_type().ok().flatten();
    if !request.body.is_empty() && !media.is_some_and(|media| media.is(MEDIA)) {
        return Err(answer(request, Status::UNSUPPORTED_MEDIA_TYPE).header(Name::Accept, MEDIA).finish());
    }
    Ok(())
}

/// Tells the account what it asks for of itself; `pool` is the URI of the contact object, if the account may use it.
pub(super) fn tell(request: &Request, account: &BareJid, pool: Option<&str>) -> Answer {
    let uri = request.uri().ok();
    if uri.and_then(|uri| account_of(&uri, account.domain())).as_ref() != Some(account) {
        let reason = "everybody asks for his own provisioning";
        return explained(request, Status::FORBIDDEN, reason).finish();
    }
    let Ok(wanted) = wanted(&request.body) else {
        return explained(request, Status::BAD_REQUEST, "the body is no list of groups").finish();
    };
    let groups = wanted.iter().any(|name| name == GROUP).then(|| persistent_chat(pool));
    let told = Element::new("provisionGroupList", TOLD).with_children(groups).to_bytes("");
    answer(request, Status::OK)
        .header(Name::Contact, format_args!("<sip:{}>", account.domain()))
        .header(Name::Event, EVENT)
        .header(Name::Expires, 0)
        .header(Name::SubscriptionState, "terminated;reason=timeout")
        .header(Name::Supported, PIGGYBACK)
        .extension("ms-piggyback-cseq", 1)
        .header(Name::ContentType, MEDIA)
        .finish_with(&told)
}

/// The names of the groups that are asked for.
fn wanted(body: &[u8]) -> Result<Vec<String>, ()> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let list = Element::parse(body, "").map_err(|_| ())?;
    let groups = list.children().filter(|child| child.is("provisioningGroup", WANTED));
    let names = groups.filter_map(|group| group.attribute("name").map(str::to_owned)).collect();
    if list.is("provisioningGroupList", WANTED) { Ok(names) } else { Err(()) }
}

/// The settings of persistent chat: whether there is any for whoever asks, and the one pool.
fn persistent_chat(pool: Option<&str>) -> Element {
    let property = |name: &str, value: &str| {
        Element::new("property", TOLD).with_attribute("name", name).with_text(value)
    };
    let is_enabled = if pool.is_some() { "true" } else { "false" };
    let pools = ["DefaultPersistentChatPoolUri", "PersistentChatPoolUris"];
    let properties = Element::new("propertyEntryList", TOLD)
        .with_child(property("EnablePersistentChat", is_enabled))
        .with_children(pools.into_iter().filter_map(|name| pool.map(|pool| property(name, pool))));
    Element::new("provisionGroup", TOLD).with_attribute("name", GROUP).with_child(properties)
}

fn supports(request: &Request, tag: &str) -> bool {
    let tags = request.headers.tokens(Name::Supported).unwrap_or_default();
    tags.iter().any(|supported| supported.eq_ignore_ascii_case(tag))
}

/// By which clients and servers of Office Communications Server 2007 and later know each other.
const CATEGORIES: &str = "msrtc-event-categories";
/// The one package of events that there is.
pub(super) const EVENT: &str = "vnd-microsoft-provisioning-v2";
const MEDIA: &str = "application/vnd-microsoft-roaming-provisioning-v2+xml";
/// The first NOTIFY may come within the response.
const PIGGYBACK: &str = "ms-piggyback-first-notify";
const GROUP: &str = "persistentChatConfiguration";
/// The namespace of what is asked for, and of what is told.
const WANTED: &str = "http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist";
const TOLD: &str = "http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification";

#[cfg(test)]
mod tests {
    use perch_sip::limits::Limits;
    use perch_sip::message::Message;

    use super::*;

    /// The status, and the body or the header that says what would be taken.
    fn asked(uri: &str, headers: &str, body: &str) -> String {
        asked_by(Some("sip:pool@x.example"), uri, headers, body)
    }

    fn asked_by(pool: Option<&str>, uri: &str, headers: &str, body: &str) -> String {
        let text = format!(
            "SUBSCRIBE {uri} SIP/2.0\r\nVia: SIP/2.0/TLS c;branch=z9hG4bKx\r\nFrom: <sip:a@x.example>;tag=1\r\n\
             To: <{uri}>\r\nCall-ID: 1\r\nCSeq: 1 SUBSCRIBE\r\n{headers}\r\n{body}"
        );
        let Ok(Message::Request(request)) = Message::parse(text.into(), Limits::PEER) else {
            panic!("{headers}")
        };
        let account = BareJid::new("a@x.example").unwrap();
        let told = match check(&request) {
            Ok(()) => tell(&request, &account, pool),
            Err(refusal) => refusal,
        };
        let bytes = told.into_bytes();
        let (head, body) = std::str::from_utf8(&bytes).unwrap().split_once("\r\n\r\n").unwrap();
        let names = ["Allow-Events", "Require", "Accept", "Warning"];
        let hint = head.lines().find(|line| names.iter().any(|name| line.starts_with(name)));
        format!("{}|{}{body}", &head[8..11], hint.unwrap_or_default())
    }

    #[test]
    fn what_is_asked_for_is_told() {
        const OWN: &str = "sip:a@x.example";
        let fetch = format!("Event: {EVENT};id=1\r\nSupported: ms-benotify, {PIGGYBACK}\r\nExpires: 0\r\n");
        let listed = |groups: &str| {
            format!("<provisioningGroupList xmlns=\"{WANTED}\">{groups}</provisioningGroupList>")
        };
        let typed = format!("{fetch}Content-Type: {MEDIA}\r\n");
        let both = listed(
            "<provisioningGroup name=\"ucPolicy\"/> <provisioningGroup name=\"persistentChatConfiguration\"/>",
        );
        assert_eq!(
            asked(OWN, &typed, &both),
            format!(
                "200|<provisionGroupList xmlns='{TOLD}'><provisionGroup name='persistentChatConfiguration'>\
                 <propertyEntryList><property name='EnablePersistentChat'>true</property>\
                 <property name='DefaultPersistentChatPoolUri'>sip:pool@x.example</property>\
                 <property name='PersistentChatPoolUris'>sip:pool@x.example</property></propertyEntryList>\
                 </provisionGroup></provisionGroupList>"
            )
        );
        let refused = asked_by(None, OWN, &typed, &both);
        assert!(
            refused.contains("<property name='EnablePersistentChat'>false</property></propertyEntryList>")
        );
        let nothing = format!("200|<provisionGroupList xmlns='{TOLD}'/>");
        assert_eq!(asked(OWN, &typed, &listed("<provisioningGroup name=\"ucPolicy\"/>")), nothing);
        assert_eq!(asked(OWN, &fetch, ""), nothing);
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        const OWN: &str = "sip:a@x.example";
        let fetch = format!("Event: {EVENT}\r\nSupported: {PIGGYBACK}\r\n");
        let check = |uri: &str, headers: &str, body: &str, expected: &str| {
            assert_eq!(asked(uri, headers, body), expected, "{uri} {headers} {body}");
        };
        check(OWN, "Event: presence\r\n", "", "489|Allow-Events: vnd-microsoft-provisioning-v2");
        check(OWN, "", "", "489|Allow-Events: vnd-microsoft-provisioning-v2");
        check(OWN, &format!("Event: {EVENT}\r\n"), "", "421|Require: ms-piggyback-first-notify");
        check(OWN, &format!("{fetch}Content-Type: text/plain\r\n"), "hi", &format!("415|Accept: {MEDIA}"));
        check(
            OWN,
            &format!("{fetch}Content-Type: {MEDIA}\r\n"),
            "hi",
            "400|Warning: 399 perch \"the body is no list of groups\"",
        );
        check(
            OWN,
            &format!("{fetch}Content-Type: {MEDIA}\r\n"),
            "<other/>",
            "400|Warning: 399 perch \"the body is no list of groups\"",
        );
        check(
            "sip:b@x.example",
            &fetch,
            "",
            "403|Warning: 399 perch \"everybody asks for his own provisioning\"",
        );
    }
}
