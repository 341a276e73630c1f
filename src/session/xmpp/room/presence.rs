//! Presence to a room: joining, changing the nick or the availability, leaving (XEP-0045 §7.2, §7.6, §7.7, §7.14).

use perch_xmpp::stanza::{Child, Stanza};
use perch_xmpp::{datetime, namespace};

use crate::chat::command::{Command, HistoryRequest, Join};
use crate::chat::id::Timestamp;
use crate::chat::message::Payload;
use crate::chat::refusal::Refusal;

/// The command that a presence to `room/nick` means. `current`: the nick under which the session is inside.
pub fn command(
    stanza: &Stanza,
    nick: Option<&str>,
    current: Option<&str>,
    now: Timestamp,
) -> Result<Command, Refusal> {
    let presence = Payload(stanza.payload_without(is_of_the_room));
    if stanza.type_.as_deref() == Some("unavailable") {
        return Ok(Command::Leave { presence });
    }
    let nick = nick.ok_or(Refusal::NickMissing)?;
    let muc = stanza.child("x", namespace::MUC);
    match (muc, current) {
        (None, Some(current)) if current == nick => Ok(Command::SetPresence { presence }),
        (None, Some(_)) => Ok(Command::Rename { nick: nick.into(), presence }),
        (muc, _) => join(nick, muc, presence, now).map(Command::Join),
    }
}

fn join(nick: &str, muc: Option<Child<'_>>, presence: Payload, now: Timestamp) -> Result<Join, Refusal> {
    let has_muc_namespace = muc.is_some();
    let x = muc.map(|child| child.element());
    let history = x.as_ref().and_then(|x| x.child("history", namespace::MUC));
    let number = |name: &str| {
        history
            .and_then(|h| h.attribute(name))
            .map(|value| {
                value
                    .parse::<u32>()
                    .map_err(|_not_a_number| Refusal::BadRequest("a bound of history is no number"))
            })
            .transpose()
    };
    let since = match history.and_then(|h| h.attribute("since")) {
        Some(text) => Some(datetime::parse(text).ok_or(Refusal::BadRequest("since is no time"))?),
        None => None,
    };
    let by_seconds = number("seconds")?.map(|seconds| now.0 - i64::from(seconds) * 1000);
    Ok(Join {
        nick: nick.into(),
        password: x.as_ref().and_then(|x| x.child_text("password", namespace::MUC)).map(Into::into),
        history: HistoryRequest {
            stanzas_max: number("maxstanzas")?,
            characters_max: number("maxchars")?,
            since: since.max(by_seconds).map(Timestamp),
        },
        presence,
        affiliations_since: x
            .as_ref()
            .and_then(|x| x.child("mav", namespace::AFFILIATION_VERSIONING))
            .map(|known| known.attribute("since").unwrap_or_default().into()),
        has_muc_namespace,
    })
}

/// What the room says itself, or what is for the room alone.
fn is_of_the_room(child: &Child<'_>) -> bool {
    matches!(
        (child.name(), child.namespace()),
        ("x", namespace::MUC | namespace::MUC_USER)
            | ("occupant-id", namespace::OCCUPANT_ID)
            | ("delay", namespace::DELAY)
    )
}
