//! What a room has for people outside it, carried to their accounts: invitations, declines, news of an affiliation.

use std::hash::{BuildHasher, RandomState};

use perch_address::BareJid;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::account::{Accounts, Draft};
use crate::chat::account::packet::MessageKind;
use crate::chat::message::{Content, Payload, Retention};
use crate::fanout::render::xmpp::notice;
use crate::room::{Bag, Letter};

/// Carries letters until `stop`, and what was written before it to the last one. Several at a time, as each is committed
/// before it is done; those to one person in their order.
pub async fn carry(mut bag: Bag, accounts: Accounts, stop: CancellationToken) {
    let mut carriers = JoinSet::new();
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (lane, mut letters) = mpsc::channel::<Letter>(WAITING);
            let accounts = accounts.clone();
            carriers.spawn(async move {
                while let Some(letter) = letters.recv().await {
                    deliver(letter, &accounts).await;
                }
            });
            lane
        })
        .collect();
    let hasher = RandomState::new();
    loop {
        let letter = tokio::select! {
            letter = bag.recv() => letter,
            () = stop.cancelled(), if !bag.is_closed() => {
                bag.close();
                continue;
            }
        };
        let Some(letter) = letter else { break };
        let lane = hasher.hash_one(&letter.parcel.to) as usize % LANES;
        // A carrier ends when it is told to.
        let _ = lanes[lane].send(letter).await;
    }
    drop(lanes);
    carriers.join_all().await;
}

async fn deliver(letter: Letter, accounts: &Accounts) {
    let Ok(room) = letter.room.parse::<BareJid>() else { return };
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

const LANES: usize = 16;
/// Letters that wait for one carrier, while others wait for theirs.
const WAITING: usize = 64;
