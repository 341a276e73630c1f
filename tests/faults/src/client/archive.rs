//! The rooms' archives (XEP-0313): finding out what became of a post, and the whole archive at the end.

use perch_checker::{Acknowledgement, Event, Item, Source};

use super::Client;
use crate::problem::Problem;
use crate::stamp;
use crate::xmpp::{ARCHIVE, CLIENT, DELAY, Element, FORWARD, RESULT_SET, Stream, escape};

/// One page of an archive.
struct Page {
    items: Vec<Item<'static>>,
    /// The stanza id to go on after.
    last: Option<String>,
    is_complete: bool,
}

impl Client {
    /// Looks for the posts of ended sessions in the archives, and sends again what is not there.
    ///
    /// A server that was killed has nothing on its way any more, so what its archive lacks is lost and may be sent again
    /// without being kept twice. In a pool that is not so, see [`super::Habits::renames`].
    pub(super) async fn settle(&mut self, stream: &mut Stream) -> Result<(), Problem> {
        if !self.habits.asks_archive {
            self.unsettled.clear();
        }
        for room in 0..self.rooms.len() {
            if self.unsettled.values().any(|post| post.room == room) {
                let cursor = self.rooms[room].cursor.clone();
                self.read_archive(stream, room, cursor).await?;
            }
        }
        for (number, post) in std::mem::take(&mut self.unsettled) {
            let mut post = super::Post { sent_at: tokio::time::Instant::now(), ..post };
            let mut number = number;
            if self.habits.renames {
                self.posts += 1;
                number = self.posts;
                post.id = format!("{}:{number}", self.name);
            }
            self.send_post(stream, number, post).await?;
        }
        Ok(())
    }

    pub(super) async fn read_archives(&mut self, stream: &mut Stream) -> Result<(), Problem> {
        for room in 0..self.rooms.len() {
            self.read_archive(stream, room, None).await?;
        }
        Ok(())
    }

    /// Reads a room's archive to its end, from its beginning if there is no `cursor`.
    async fn read_archive(
        &mut self,
        stream: &mut Stream,
        room: usize,
        cursor: Option<String>,
    ) -> Result<(), Problem> {
        let label = format!("{} {}", self.session, self.requests);
        let mut is_whole = cursor.is_none();
        let mut after = cursor;
        loop {
            let page = match self.page(stream, room, after.as_deref()).await {
                // The message that was to be gone on after is lost. The checker will say so; the client starts over.
                Err(Problem::Refused { why, .. }) if !is_whole && why.ends_with("item-not-found") => {
                    is_whole = true;
                    after = None;
                    continue;
                }
                page => page?,
            };
            for item in &page.items {
                self.find(item);
            }
            if let Some(last) = page.items.last() {
                self.rooms[room].cursor = Some(last.stanza_id.clone().into_owned());
            }
            self.world.recorder.note(Event::MamPage {
                source: Source::Mam,
                read: label.as_str().into(),
                room: self.rooms[room].name.as_str().into(),
                items: page.items,
                complete: is_whole && page.is_complete,
            });
            if page.is_complete {
                return Ok(());
            }
            // Without a place to go on from the same page would come for ever.
            after = Some(page.last.ok_or(Problem::Late("end of the archive"))?);
        }
    }

    fn find(&mut self, item: &Item<'_>) {
        let number = self.number(&item.id);
        if let Some(post) = number.and_then(|number| self.unsettled.remove(&number)) {
            self.note_ok(&post, Some(&item.stanza_id), Acknowledgement::Archive);
        }
    }

    async fn page(&mut self, stream: &mut Stream, room: usize, after: Option<&str>) -> Result<Page, Problem> {
        let id = self.next_request();
        let to = escape(&self.rooms[room].address);
        let after = after.map_or_else(String::new, |after| format!("<after>{}</after>", escape(after)));
        let query = format!(
            "<iq type='set' to='{to}' id='{id}'><query xmlns='{ARCHIVE}' queryid='{id}'>\
             <set xmlns='{RESULT_SET}'><max>{PAGE_SIZE}</max>{after}</set></query></iq>"
        );
        self.send(stream, query, None).await?;
        let mut items = Vec::new();
        loop {
            let element = self.next(stream).await?;
            if element.is("message", CLIENT) {
                items.extend(element.child("result", ARCHIVE).and_then(|result| item(result, &id)));
            } else if element.is("iq", CLIENT) && element.attribute("id") == Some(&id) {
                if let Some(why) = element.error() {
                    return Err(Problem::Refused { what: "a page of an archive", why });
                }
                let end = element.child("fin", ARCHIVE);
                let last = end.and_then(|end| end.child("set", RESULT_SET)?.child("last", RESULT_SET));
                return Ok(Page {
                    items,
                    last: last.map(|last| last.text().to_owned()),
                    is_complete: end.and_then(|end| end.attribute("complete")) == Some("true"),
                });
            }
        }
    }
}

/// A message of the archive; `None` for what is not one, such as a subject.
fn item(result: &Element, query: &str) -> Option<Item<'static>> {
    if result.attribute("queryid") != Some(query) {
        return None;
    }
    let stanza_id = result.attribute("id")?.to_owned();
    let forwarded = result.child("forwarded", FORWARD)?;
    let message = forwarded.child("message", CLIENT)?;
    message.child("body", CLIENT)?;
    let stamp = forwarded.child("delay", DELAY).and_then(|delay| delay.attribute("stamp"));
    Some(Item {
        id: message.attribute("id").unwrap_or_default().to_owned().into(),
        seq: number(&stanza_id),
        stanza_id: stanza_id.into(),
        stamp_ms: stamp.and_then(stamp::milliseconds),
    })
}

/// A server that numbers its messages may write the numbers as 16 digits, which can be compared; other ids only name.
fn number(stanza_id: &str) -> Option<u64> {
    (stanza_id.len() == 16).then(|| u64::from_str_radix(stanza_id, 16).ok())?
}

const PAGE_SIZE: u32 = 100;
