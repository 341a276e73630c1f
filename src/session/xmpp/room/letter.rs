//! What a room has for people outside it, carried to their accounts: invitations, declines, news of an affiliation.

use perch_address::BareJid;
use tokio::sync::mpsc;
use tracing::debug;

use crate::account::{Accounts, Draft};
use crate::chat::account::packet::MessageKind;
use crate::chat::message::{Content, Payload, Retention};
use crate::fanout::render::xmpp::notice;
use crate::room::Letter;

/// Carries letters until nobody writes any.
pub async fn carry(mut letters: mpsc::Receiver<Letter>, accounts: Accounts) {
    while let Some(letter) = letters.recv().await {
        let Ok(room) = letter.room.parse::<BareJid>() else { continue };
        let payload = notice::parcel(&letter.room, &letter.parcel);
        let draft = Draft {
            kind: MessageKind::Normal,
            from: room.into(),
            to: letter.parcel.to.clone().into(),
            content: Content {
                id: None,
                lang: None,
                text: None,
                payload: Payload(payload.into()),
                retention: Retention::Transient,
            },
            is_kept_offline: true,
            is_copied: false,
        };
        if let Err(refusal) = accounts.deliver(draft).await {
            debug!(%refusal, to = %letter.parcel.to, "a letter from a room was not taken");
        }
    }
}
