//! Occupant presence (XEP-0045 §7.2, §7.14, §9): who is there, with which standing, and why someone went.

use super::listing::{Span, span};
use super::write::{CLOSE_X, attribute, from, occupant_id, open_muc_user, status, text_element};
use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::event::Departure;
use crate::chat::message::{Author, Payload};
use crate::chat::occupant::Occupant;
use crate::fanout::frame::Frame;
use perch_address::BareJid;

/// What a presence says beside the occupant itself.
#[derive(Default, Clone)]
pub struct Notes<'a> {
    pub statuses: Vec<u16>,
    pub reason: &'a str,
    pub by: Option<&'a Author>,
    /// The nick that the occupant goes on under (status 303).
    pub new_nick: Option<&'a str>,
    pub destroyed: Option<Destroyed<'a>>,
    /// The versions of the lists of affiliations (XEP-0463).
    pub span: Option<Span>,
}

#[derive(Clone, Copy)]
pub struct Destroyed<'a> {
    pub alternate: Option<&'a BareJid>,
    pub reason: &'a str,
    pub password: Option<&'a str>,
}

/// The occupant as it is now. `with_jid`: the reader may see the real address.
pub fn available(room: &str, occupant: &Occupant, with_jid: bool, notes: &Notes<'_>) -> Frame {
    let mut out = Vec::with_capacity(400);
    out.extend_from_slice(b"<presence");
    from(room, Some(&occupant.nick), &mut out);
    out.push(b'>');
    let first = occupant.seats.first();
    if let Some(seat) = first {
        out.extend_from_slice(&seat.presence.0);
    }
    open_muc_user(&mut out);
    let jid = first.filter(|_| with_jid).map(|seat| seat.jid.as_str());
    item(occupant.affiliation, occupant.role, jid, notes, &mut out);
    finish(&occupant.occupant_id, notes, out)
}

/// The occupant as it was, gone. `jid` where the reader may see the real address.
pub fn unavailable(
    room: &str,
    occupant: &Occupant,
    jid: Option<&str>,
    payload: &Payload,
    notes: &Notes<'_>,
    is_affiliated: bool,
) -> Frame {
    let mut out = Vec::with_capacity(400);
    out.extend_from_slice(b"<presence");
    from(room, Some(&occupant.nick), &mut out);
    out.extend_from_slice(b" type='unavailable'>");
    out.extend_from_slice(&payload.0);
    open_muc_user(&mut out);
    let role = if notes.new_nick.is_some() { occupant.role } else { Role::None };
    let affiliation = if is_affiliated { occupant.affiliation } else { Affiliation::None };
    item(affiliation, role, jid, notes, &mut out);
    finish(&occupant.occupant_id, notes, out)
}

/// The status codes and the circumstances of a departure (XEP-0045 §15.6.2).
pub fn departure_notes(cause: &Departure) -> Notes<'_> {
    let (code, by, reason): (u16, &Option<Author>, &str) = match cause {
        Departure::Own => return Notes::default(),
        Departure::Kicked { by, reason } => (307, by, reason),
        Departure::Banned { by, reason } => (301, by, reason),
        Departure::AffiliationLost { by, reason } => (321, by, reason),
        Departure::MembersOnly => (322, &None, ""),
        Departure::Shutdown => (332, &None, ""),
        Departure::Technical | Departure::Lapsed => (333, &None, ""),
    };
    Notes { statuses: vec![code], reason, by: by.as_ref(), ..Notes::default() }
}

fn item(affiliation: Affiliation, role: Role, jid: Option<&str>, notes: &Notes<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<item");
    attribute("affiliation", affiliation.as_str(), out);
    attribute("role", role.as_str(), out);
    if let Some(jid) = jid {
        attribute("jid", jid, out);
    }
    if let Some(nick) = notes.new_nick {
        attribute("nick", nick, out);
    }
    if notes.reason.is_empty() && notes.by.is_none() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    if let Some(by) = notes.by {
        out.extend_from_slice(b"<actor");
        attribute("nick", &by.nick, out);
        out.extend_from_slice(b"/>");
    }
    text_element("reason", notes.reason, out);
    out.extend_from_slice(b"</item>");
}

fn finish(id: &str, notes: &Notes<'_>, mut out: Vec<u8>) -> Frame {
    if let Some(versions) = &notes.span {
        span(versions, &mut out);
    }
    if let Some(destroyed) = &notes.destroyed {
        out.extend_from_slice(b"<destroy");
        if let Some(alternate) = destroyed.alternate {
            attribute("jid", alternate.as_str(), &mut out);
        }
        out.push(b'>');
        text_element("password", destroyed.password.unwrap_or_default(), &mut out);
        text_element("reason", destroyed.reason, &mut out);
        out.extend_from_slice(b"</destroy>");
    }
    for &code in &notes.statuses {
        status(code, &mut out);
    }
    out.extend_from_slice(CLOSE_X);
    occupant_id(id, &mut out);
    out.extend_from_slice(b"</presence>");
    Frame::new(out)
}
