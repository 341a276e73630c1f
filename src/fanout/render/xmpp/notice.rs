//! Messages that the room sends of its own: changed settings, voice requests, invitations.

use perch_xmpp::namespace;

use super::write::{CLOSE_X, attribute, from, open_muc_user, status, text_element};
use crate::chat::affiliation::Role;
use crate::chat::event::{Parcel, ParcelKind};
use crate::chat::message::Author;
use crate::fanout::frame::Frame;

/// The settings changed (XEP-0045 §10.2.1): status codes to all.
pub fn configured(room: &str, statuses: &[u16]) -> Frame {
    let mut out = b"<message".to_vec();
    from(room, None, &mut out);
    out.extend_from_slice(b" type='groupchat'>");
    open_muc_user(&mut out);
    for &code in statuses {
        status(code, &mut out);
    }
    out.extend_from_slice(CLOSE_X);
    out.extend_from_slice(b"</message>");
    Frame::new(out)
}

/// A visitor asks for voice: the form that moderators approve (XEP-0045 §8.6).
pub fn voice_request(room: &str, author: &Author, role: Role) -> Frame {
    let mut out = b"<message".to_vec();
    from(room, None, &mut out);
    out.extend_from_slice(b"><x xmlns='jabber:x:data' type='form'><title>Voice request</title><instructions>To approve this request for voice, select the checkbox and submit the form.</instructions>");
    let mut field = |var: &str, type_: &str, label: &str, value: &str| {
        out.extend_from_slice(b"<field");
        attribute("var", var, &mut out);
        attribute("type", type_, &mut out);
        if !label.is_empty() {
            attribute("label", label, &mut out);
        }
        out.push(b'>');
        text_element("value", value, &mut out);
        out.extend_from_slice(b"</field>");
    };
    field("FORM_TYPE", "hidden", "", namespace::MUC_REQUEST);
    field("muc#role", "list-single", "Requested role", role.as_str());
    let jid = match &author.resource {
        Some(resource) => format!("{}/{resource}", author.jid),
        None => author.jid.to_string(),
    };
    field("muc#jid", "jid-single", "User ID", &jid);
    field("muc#roomnick", "text-single", "Room nickname", &author.nick);
    field("muc#request_allow", "boolean", "Grant voice to this person?", "false");
    out.extend_from_slice(b"</x></message>");
    Frame::new(out)
}

/// The stanza's children for a person outside the room; the sender's side adds the addresses.
pub fn parcel(room: &str, parcel: &Parcel) -> Vec<u8> {
    let mut out = Vec::new();
    open_muc_user(&mut out);
    match &parcel.kind {
        ParcelKind::Invitation { by, reason, continues, password } => {
            out.extend_from_slice(b"<invite");
            attribute("from", by.as_str(), &mut out);
            out.push(b'>');
            text_element("reason", reason, &mut out);
            if let Some(thread) = continues {
                out.extend_from_slice(b"<continue");
                attribute("thread", thread, &mut out);
                out.extend_from_slice(b"/>");
            }
            out.extend_from_slice(b"</invite>");
            text_element("password", password.as_deref().unwrap_or_default(), &mut out);
            out.extend_from_slice(CLOSE_X);
            // COMPAT: clients that know direct invitations only (XEP-0249).
            out.extend_from_slice(b"<x xmlns='jabber:x:conference'");
            attribute("jid", room, &mut out);
            if let Some(password) = password {
                attribute("password", password, &mut out);
            }
            if !reason.is_empty() {
                attribute("reason", reason, &mut out);
            }
            out.extend_from_slice(b"/>");
        }
        ParcelKind::Decline { by, reason } => {
            out.extend_from_slice(b"<decline");
            attribute("from", by.as_str(), &mut out);
            out.push(b'>');
            text_element("reason", reason, &mut out);
            out.extend_from_slice(b"</decline>");
            out.extend_from_slice(CLOSE_X);
        }
        ParcelKind::AffiliationNotice { affiliation } => {
            status(101, &mut out);
            out.extend_from_slice(b"<item");
            attribute("affiliation", affiliation.as_str(), &mut out);
            attribute("role", "none", &mut out);
            out.extend_from_slice(b"/>");
            out.extend_from_slice(CLOSE_X);
        }
    }
    out
}
