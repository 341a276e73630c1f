//! The one table from a room's refusals to stanza errors (RFC 6120 §8.3, XEP-0045 §7–§10).

use perch_xmpp::namespace;
use perch_xmpp::stanza::error::{ErrorType, StanzaCondition};
use perch_xmpp::xml::Element;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::refusal::Refusal;

/// `<error/>` with condition and text.
pub fn error_element(refusal: &Refusal) -> Element {
    let (error_type, condition) = verdict(refusal);
    let mut reason = Element::new(condition.as_str(), namespace::STANZA_ERROR);
    let mut text = refusal.to_string();
    if let Refusal::Destroyed { alternate, reason: why } = refusal {
        // RFC 6120 §8.3.3.5: where to go instead stands in the condition itself.
        if let Some(alternate) = alternate {
            reason.push_text(&format!("xmpp:{alternate}?join"));
        }
        if !why.is_empty() {
            text = format!("{text}: {why}");
        }
    }
    Element::new("error", namespace::CLIENT)
        .with_attribute("type", error_type.as_str())
        .with_child(reason)
        .with_child(Element::new("text", namespace::STANZA_ERROR).with_text(&text))
}

/// What the sender may do, and what was wrong. Where XEP-0045 names both, they are its; `forbidden` is for who may
/// not do the act at all, `not-allowed` for who may not do it to this one.
pub fn verdict(refusal: &Refusal) -> (ErrorType, StanzaCondition) {
    use ErrorType::{Auth, Cancel, Modify, Wait};
    use StanzaCondition as Condition;
    match refusal {
        Refusal::NoSuchRoom | Refusal::Locked => (Cancel, Condition::ItemNotFound),
        Refusal::NoSuchOccupant | Refusal::NoSuchMessage => (Cancel, Condition::ItemNotFound),
        Refusal::Destroyed { .. } => (Cancel, Condition::Gone),
        Refusal::CreationRestricted
        | Refusal::DestructionRestricted
        | Refusal::PrincipalOutOfScope { .. }
        | Refusal::PrincipalNotEnabled { .. }
        | Refusal::Disabled
        | Refusal::TargetOutranks
        | Refusal::RegistrationClosed
        | Refusal::PrivateMessagesOff => (Cancel, Condition::NotAllowed),
        Refusal::BadSetting(_) => (Modify, Condition::NotAcceptable),
        // XEP-0410 §3.2 shows the type that XEP-0045 leaves open.
        Refusal::NotAnOccupant | Refusal::NicksLocked => (Cancel, Condition::NotAcceptable),
        Refusal::NickMissing | Refusal::NickMalformed => (Modify, Condition::JidMalformed),
        Refusal::NameTaken
        | Refusal::Stale
        | Refusal::NickTaken
        | Refusal::LastOwner
        | Refusal::SelfBan
        | Refusal::AlreadyDone { .. } => (Cancel, Condition::Conflict),
        Refusal::Banned
        | Refusal::OutOfScope
        | Refusal::NotEnabled
        | Refusal::Forbidden
        | Refusal::NoVoice => (Auth, Condition::Forbidden),
        Refusal::MembersOnly | Refusal::NotRegistered => (Auth, Condition::RegistrationRequired),
        Refusal::PasswordRequired => (Auth, Condition::NotAuthorized),
        Refusal::Full => (Wait, Condition::ServiceUnavailable),
        Refusal::NotOffered => (Cancel, Condition::ServiceUnavailable),
        Refusal::BadRequest(_) => (Modify, Condition::BadRequest),
        Refusal::TooManyRooms | Refusal::TemporarilyUnavailable | Refusal::NoSpace => {
            (Wait, Condition::ResourceConstraint)
        }
    }
}

/// What answers presence of someone who wrongly believes himself in the room (XEP-0045 §7.2.17), in place of an error:
/// an error would leave his client in the belief. `occupant` is the address he wrote to.
pub fn not_inside(occupant: Option<&str>, to: Option<&str>) -> Element {
    let element = |name| Element::new(name, namespace::MUC_USER);
    let item = element("item")
        .with_attribute("affiliation", Affiliation::None.as_str())
        .with_attribute("role", Role::None.as_str())
        .with_child(element("reason").with_text(&Refusal::NotAnOccupant.to_string()));
    let statuses = ["110", "307", "333"].map(|code| element("status").with_attribute("code", code));
    Element::new("presence", namespace::CLIENT)
        .with_optional("from", occupant)
        .with_optional("to", to)
        .with_attribute("type", "unavailable")
        .with_child(element("x").with_child(item).with_children(statuses))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::Seq;

    /// Condition and type as the XEP's examples and tables have them, section beside.
    #[test]
    fn refusals_are_the_errors_that_xep_0045_names() {
        let check = |refusal: Refusal, expected: &str| {
            let (error_type, condition) = verdict(&refusal);
            assert_eq!(format!("{} {condition}", error_type.as_str()), expected, "{refusal:?}");
        };
        check(Refusal::NickMissing, "modify jid-malformed"); // §7.2.1
        check(Refusal::PasswordRequired, "auth not-authorized"); // §7.2.5
        check(Refusal::MembersOnly, "auth registration-required"); // §7.2.6
        check(Refusal::Banned, "auth forbidden"); // §7.2.7
        check(Refusal::NotEnabled, "auth forbidden"); // §7.2.7: barred from all rooms
        check(Refusal::NickTaken, "cancel conflict"); // §7.2.8
        check(Refusal::Full, "wait service-unavailable"); // §7.2.9
        check(Refusal::Locked, "cancel item-not-found"); // §7.2.10
        check(Refusal::NoVoice, "auth forbidden"); // §7.4
        check(Refusal::PrivateMessagesOff, "cancel not-allowed"); // §7.5
        check(Refusal::NotAnOccupant, "cancel not-acceptable"); // §7.4, §7.5
        check(Refusal::NoSuchOccupant, "cancel item-not-found"); // §7.5
        check(Refusal::NicksLocked, "cancel not-acceptable"); // §7.6
        check(Refusal::NoSuchRoom, "cancel item-not-found"); // §7.10
        check(Refusal::RegistrationClosed, "cancel not-allowed"); // §7.10
        check(Refusal::NotOffered, "cancel service-unavailable"); // §7.10
        check(Refusal::BadRequest("x"), "modify bad-request"); // §7.5, §7.10
        check(Refusal::Forbidden, "auth forbidden"); // §8, §9, §10
        check(Refusal::TargetOutranks, "cancel not-allowed"); // §8.2, §8.4, §9.1
        check(Refusal::SelfBan, "cancel conflict"); // §9.1
        check(Refusal::CreationRestricted, "cancel not-allowed"); // §10.1.1
        check(Refusal::BadSetting("x"), "modify not-acceptable"); // §10.1.3
        check(Refusal::LastOwner, "cancel conflict"); // §10.2, §10.4
        check(Refusal::NotRegistered, "auth registration-required"); // XEP-0077 §3.2
        check(Refusal::AlreadyDone { seq: Seq(1) }, "cancel conflict");
        check(Refusal::TooManyRooms, "wait resource-constraint");
    }

    #[test]
    fn an_error_says_what_is_wrong_to_programs_and_to_people() {
        let check = |refusal: Refusal, expected: &str| {
            let bytes = error_element(&refusal).to_bytes(namespace::CLIENT);
            let expected = expected.replace("NS", namespace::STANZA_ERROR);
            assert_eq!(str::from_utf8(&bytes).unwrap(), expected);
        };
        check(
            Refusal::NickTaken,
            "<error type='cancel'><conflict xmlns='NS'/><text xmlns='NS'>This nick is taken</text></error>",
        );
        let alternate = Some("new@rooms.test".parse().unwrap());
        check(
            Refusal::Destroyed { alternate, reason: "moved".into() },
            "<error type='cancel'><gone xmlns='NS'>xmpp:new@rooms.test?join</gone>\
             <text xmlns='NS'>The room was destroyed: moved</text></error>",
        );
    }

    #[test]
    fn who_is_not_inside_is_shown_the_door() {
        let bytes = not_inside(Some("tea@rooms.test/bob"), Some("bob@x/y")).to_bytes(namespace::CLIENT);
        assert_eq!(
            str::from_utf8(&bytes).unwrap(),
            "<presence from='tea@rooms.test/bob' to='bob@x/y' type='unavailable'>\
             <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'>\
             <reason>You are not in this room</reason></item>\
             <status code='110'/><status code='307'/><status code='333'/></x></presence>"
        );
    }
}
