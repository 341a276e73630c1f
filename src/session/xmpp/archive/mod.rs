//! Archives (XEP-0313): reading a room's or one's own, page by page, with access checked at every question.

mod render;
mod request;

use perch_address::BareJid;
use perch_xmpp::extension::paging;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;
use perch_xmpp::{datetime, namespace};

use crate::chat::answer::Answer;
use crate::chat::command::Query;
use crate::chat::id::{MessageId, Timestamp};
use crate::session::Session;
use crate::session::xmpp::archive::request::{Request, Scope};
use crate::session::xmpp::room::iq::Fault;
use crate::store::archive::{Log, Page};
use crate::store::error::{ArchiveError, StoreError};

impl Session {
    /// A question to a room's archive. The results go before the answer.
    pub(in crate::session) async fn ask_room_archive(
        &mut self,
        number: u64,
        stanza: &Stanza,
        room: &BareJid,
    ) -> Result<Option<Element>, Fault> {
        let name = room.local().ok_or(StanzaCondition::ServiceUnavailable)?;
        let actor = self.actor(Some(number));
        let Answer::Archive(access) = self.services.rooms.query(name, actor, Query::ArchiveAccess).await?
        else {
            return Err(StanzaCondition::InternalServerError.into());
        };
        let scope = Scope {
            log: Log::Room(access.room),
            owner: room.clone(),
            floor: access.from,
            sees_addresses: access.sees_addresses,
        };
        let Some(element) = stanza.children().next().map(|child| child.element()) else {
            return Err(StanzaCondition::BadRequest.into());
        };
        match (element.name(), stanza.type_.as_deref()) {
            ("query", Some("get")) => {
                Ok(Some(Element::new("query", namespace::ARCHIVE).with_child(request::form())))
            }
            ("query", Some("set")) => {
                let request = request::read(&element, &scope)?;
                let page = self.page(&request).await?;
                self.send_room_page(&scope, &request, &page)?;
                Ok(Some(fin(&page, request.query.max)))
            }
            ("metadata", Some("get")) => self.archive_metadata(&scope).await.map(Some),
            _ => Err(StanzaCondition::FeatureNotImplemented.into()),
        }
    }

    async fn page(&self, request: &Request) -> Result<Page, Fault> {
        let page = self.services.rooms.store().archive_page(request.query.clone()).await;
        page.map_err(|error| match error {
            ArchiveError::ItemNotFound => StanzaCondition::ItemNotFound.into(),
            ArchiveError::Store(_) => StanzaCondition::ResourceConstraint.into(),
        })
    }

    fn send_room_page(&mut self, scope: &Scope, request: &Request, page: &Page) -> Result<(), Fault> {
        let query_id = request.query_id.as_deref();
        let mut send = |message| {
            let frame = render::room_result(&scope.owner, message, query_id, scope.sees_addresses);
            self.send(&frame).map_err(|_overrun| Fault::Condition(StanzaCondition::ResourceConstraint))
        };
        if request.is_flipped {
            page.messages.iter().rev().try_for_each(&mut send)
        } else {
            page.messages.iter().try_for_each(&mut send)
        }
    }

    /// §5: where the archive begins and ends.
    async fn archive_metadata(&self, scope: &Scope) -> Result<Element, Fault> {
        let unavailable = |_error: StoreError| Fault::Condition(StanzaCondition::ResourceConstraint);
        let ends = self.services.rooms.store().archive_ends(scope.log).await.map_err(unavailable)?;
        let end = |name: &str, (id, at): (MessageId, Timestamp)| {
            Element::new(name, namespace::ARCHIVE)
                .with_attribute("id", id.to_string())
                .with_attribute("timestamp", datetime::format(at.0))
        };
        let children = ends.map(|ends| [end("start", ends.first), end("end", ends.last)]);
        Ok(Element::new("metadata", namespace::ARCHIVE).with_children(children.into_iter().flatten()))
    }
}

/// The end of a page (§4.3): whether there is more, and where it goes on.
fn fin(page: &Page, max: u32) -> Element {
    let ends = (page.messages.first().zip(page.messages.last()))
        .map(|(first, last)| (first.id.to_string(), last.id.to_string()));
    let set = paging::Page {
        ends,
        first_index: page.index.map(|index| index as usize),
        count: page.total.map(|total| total as usize),
    };
    Element::new("fin", namespace::ARCHIVE)
        .with_optional("complete", (page.is_complete && max > 0).then_some("true"))
        .with_child(set.to_element())
}
