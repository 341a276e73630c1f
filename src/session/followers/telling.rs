//! What is done when something was said in rooms that are followed: who is told that, and who is shown what.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::attention::{Reason, Said};
use super::{Activity, Follower, Followers, Progress, Since};
use crate::chat::answer::{Answer, ArchiveAccess};
use crate::chat::command::Query;
use crate::chat::id::{RoomId, SessionId};
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::Mailbox;
use crate::fanout::render::xmpp::archive::{Cause, Finding, shown};
use crate::session::Sessions;
use crate::session::xmpp::room::activity::notice;
use crate::store::archive::{ArchiveEnds, ArchiveQuery, ArchivedMessage, Log, PageAt};
use crate::store::error::{ArchiveError, StoreError};

/// What a session is to be told of a room.
struct News {
    follower: Follower,
    has_activity: bool,
    shown: Vec<Frame>,
    /// How far it has come by that.
    progress: Progress,
}

impl Sessions {
    /// Tells followers what is new, until `stop`.
    pub async fn tell_followers(self, stop: CancellationToken) {
        while let Some(stirred) = stop.run_until_cancelled(self.0.rooms.stirred()).await {
            if let Err(error) = self.0.followers.tell_of(&stirred).await {
                // They are told when something is said again.
                debug!(%error, "it cannot be looked up what is new in rooms");
            }
        }
    }
}

impl Followers {
    async fn tell_of(&self, stirred: &BTreeSet<Box<str>>) -> Result<(), StoreError> {
        let names: Vec<&str> = stirred.iter().map(|name| &**name).collect();
        let rooms = self.rooms.store().rooms_named(&names).await?;
        let mut active: BTreeMap<SessionId, (Mailbox, Vec<Box<str>>)> = BTreeMap::new();
        for some in rooms.chunks(LOOKED_AT_TOGETHER) {
            let news = join_all(some.iter().map(|room| self.news(&room.name, room.id))).await;
            for (room, news) in some.iter().zip(news) {
                for news in
                    news?.into_iter().filter(|news| self.advance(&room.name, &news.follower, news.progress))
                {
                    let Follower { actor, mailbox, .. } = news.follower;
                    // Whoever does not read is found out by others.
                    let _ = mailbox.push_all(news.shown);
                    if news.has_activity {
                        let (_, rooms) = active.entry(actor.session).or_insert_with(|| (mailbox, Vec::new()));
                        rooms.push(room.name.clone());
                    }
                }
            }
        }
        for (mailbox, rooms) in active.into_values() {
            let _ = mailbox.push(Frame::new(notice(self.rooms.domain(), &rooms)));
        }
        Ok(())
    }

    /// What is new in a room, to each whom that concerns.
    async fn news(&self, room: &str, id: RoomId) -> Result<Vec<News>, StoreError> {
        let followers = self.of(room);
        if followers.is_empty() {
            return Ok(Vec::new());
        }
        let Some(ends) = self.rooms.store().archive_ends(Log::Room(id)).await? else { return Ok(Vec::new()) };
        let messages = self.messages(id, &followers, &ends).await?;
        let said: Vec<Said<'_>> = messages.iter().filter_map(Said::of).collect();
        let mut news = Vec::new();
        for follower in followers {
            news.extend(self.news_to(follower, room, &ends, &said).await);
        }
        Ok(news)
    }

    async fn news_to(
        &self,
        follower: Follower,
        room: &str,
        ends: &ArchiveEnds,
        said: &[Said<'_>],
    ) -> Option<News> {
        let since = follower.progress.looked_at;
        // Who is behind is shown it when something is said again: what is not in his log must not end his stream.
        let is_looked_at = since.is_before(ends.last) && !follower.mailbox.is_behind();
        // What was said after the end was looked up is looked at next time.
        let is_new = |said: &&Said<'_>| {
            let (id, at) = (said.message.id, said.message.at);
            is_looked_at && id <= ends.last.0 && since.is_before((id, at))
        };
        let new: Vec<&Said<'_>> = said.iter().filter(is_new).collect();
        let may_want = new.iter().any(|said| follower.attention.reason(said, true).is_some());
        let mut has_activity = follower.progress.has_activity(ends);
        let mut frames = Vec::new();
        if has_activity || may_want {
            let access = self.rooms.query(room, follower.actor.clone(), Query::ArchiveAccess).await;
            match access {
                Ok(Answer::Archive(access)) if ends.last.0.seq() >= access.from => {
                    let address = format!("{room}@{}", self.rooms.domain());
                    let readable = new.iter().filter(|said| said.message.id.seq() >= access.from);
                    frames.extend(readable.filter_map(|said| {
                        let reason = follower.attention.reason(said, access.sees_addresses)?;
                        Some(frame(&address, said, &reason, &access))
                    }));
                }
                _ => has_activity = false,
            }
        }
        let before = follower.progress;
        let looked_at = if is_looked_at { Since::Message(ends.last.0) } else { since };
        let activity = if has_activity { Some(Activity::Told) } else { before.activity };
        let progress = Progress { looked_at, activity };
        (progress != before).then_some(News { follower, has_activity, shown: frames, progress })
    }

    /// The newest messages that have not been looked at for all of them.
    async fn messages(
        &self,
        room: RoomId,
        followers: &[Follower],
        ends: &ArchiveEnds,
    ) -> Result<Vec<ArchivedMessage>, StoreError> {
        let looked_at = followers.iter().map(|follower| follower.progress.looked_at);
        let waiting: Vec<Since> = looked_at.filter(|since| since.is_before(ends.last)).collect();
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        // A bound holds for all of them, or for nobody. What was seen in an older epoch may have been lost with it.
        let seq = |since: &Since| match since {
            Since::Message(id) if id.epoch() == ends.last.0.epoch() => Some(id.seq().next()),
            Since::Message(_) | Since::Time(_) => None,
        };
        let time = |since: &Since| match since {
            Since::Message(_) => None,
            Since::Time(at) => Some(*at),
        };
        let seqs = waiting.iter().map(seq).collect::<Option<Vec<_>>>();
        let times = waiting.iter().map(time).collect::<Option<Vec<_>>>();
        let query = ArchiveQuery {
            floor: seqs.and_then(|seqs| seqs.into_iter().min()).unwrap_or_default(),
            start: times.and_then(|times| times.into_iter().min()),
            page: PageAt::Last,
            max: LOOKED_AT_MAX,
            ..ArchiveQuery::new(Log::Room(room))
        };
        match self.rooms.store().archive_page(query).await {
            Ok(page) => Ok(page.messages),
            Err(ArchiveError::Store(error)) => Err(error),
            // No id and no word was asked for.
            Err(ArchiveError::ItemNotFound | ArchiveError::BeingIndexed) => Ok(Vec::new()),
        }
    }
}

/// A message, as it is shown to somebody outside.
fn frame(room: &str, said: &Said<'_>, reason: &Reason, access: &ArchiveAccess) -> Frame {
    let ArchivedMessage { id, at, author, content, .. } = said.message;
    let finding = Finding { archive: room, query_id: None, id: *id, at: *at };
    let cause = match reason {
        Reason::Mention => Cause::Mention,
        Reason::Feed(name) => Cause::Feed(name),
        Reason::All => Cause::All,
    };
    shown(finding, cause, author, content, access.sees_addresses)
}

/// Rooms whose logs are looked at together.
const LOOKED_AT_TOGETHER: usize = 32;
/// Messages of a room that are looked at at a time: of more, the newest.
const LOOKED_AT_MAX: u32 = ArchiveQuery::MAX;
