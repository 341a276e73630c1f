//! The dialogs of one flow: each is a conversation, which hears what belongs to it.

use std::collections::HashMap;

use perch_address::BareJid;
use perch_sip::dialog::DialogId;
use perch_sip::message::Request;
use tokio::sync::mpsc;

use crate::sip::conversation::News;

#[derive(Default)]
pub(super) struct Dialogs(HashMap<DialogId, Place>);

struct Place {
    account: BareJid,
    news: mpsc::Sender<News>,
}

impl Dialogs {
    /// Whether somebody is in any of them.
    pub(super) fn is_of(&self, account: &BareJid) -> bool {
        self.0.values().any(|place| place.account == *account && !place.news.is_closed())
    }

    /// Whether there may be one more; those that have ended are forgotten.
    pub(super) fn has_room(&mut self, count_max: usize) -> bool {
        if self.0.len() >= count_max {
            self.0.retain(|_, place| !place.news.is_closed());
        }
        self.0.len() < count_max
    }

    pub(super) fn insert(&mut self, id: DialogId, account: BareJid, news: mpsc::Sender<News>) {
        self.0.insert(id, Place { account, news });
    }

    /// The dialog of that id, if it is that account's.
    pub(super) fn find(&self, id: &DialogId, account: &BareJid) -> Option<&mpsc::Sender<News>> {
        let is_own = self.0.get(id).is_some_and(|place| place.account == *account);
        if is_own { self.any(id) } else { None }
    }

    /// The dialog of that id, whosever it is.
    pub(super) fn any(&self, id: &DialogId) -> Option<&mpsc::Sender<News>> {
        self.0.get(id).map(|place| &place.news).filter(|news| !news.is_closed())
    }

    /// The dialogs of one INVITE; it may have come by more than one way.
    pub(super) fn begun_by(&self, invite: &Request) -> impl Iterator<Item = &mpsc::Sender<News>> {
        let (call_id, from) = (invite.headers.call_id().ok(), invite.headers.from().ok());
        let tag = from.and_then(|from| from.tag().map(str::to_owned));
        let is_it =
            move |id: &DialogId| Some(&*id.call_id) == call_id && id.remote_tag.as_deref() == tag.as_deref();
        self.0.iter().filter(move |(id, _)| is_it(id)).map(|(_, place)| &place.news)
    }

    /// Nothing more comes for any of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
