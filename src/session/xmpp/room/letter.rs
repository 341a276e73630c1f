//! What a room has for people outside it, carried to their accounts: invitations, declines, news of an affiliation.

use perch_address::BareJid;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::account::{Accounts, Draft};
use crate::chat::account::packet::MessageKind;
use crate::chat::message::{Content, Payload, Retention};
use crate::fanout::render::xmpp::notice;
use crate::room::Letter;

/// Carries letters until `stop`, and what was written before it to the last one.
pub async fn carry(mut letters: mpsc::Receiver<Letter>, accounts: Accounts, stop: CancellationToken) {
    loop {
        let letter = tokio::select! {
            letter = letters.recv() => letter,
            () = stop.cancelled(), if !letters.is_closed() => {
                letters.close();
                continue;
            }
        };
        let Some(letter) = letter else { return };
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
