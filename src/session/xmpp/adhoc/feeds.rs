//! A user's own topic feeds, for clients that have no page for them: what is filled in becomes an item of the node.

use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use super::catalogue::{AUTHORS, AdHoc, MATCH, NAME, WORDS};
use super::execution::{Done, required};
use super::refusal::Failure;
use crate::account::{self, Command, PepCommand, Publication, wire};
use crate::session::Session;
use crate::session::followers::attention::Feed;
use crate::session::xmpp::room::following::{FEEDS_MAX, parsed};
use crate::store::error::StoreError;

impl Session {
    /// `None`: it is no command of these.
    pub(super) async fn execute_feed(
        &self,
        command: AdHoc,
        form: Option<&Form>,
    ) -> Option<Result<Done, Failure>> {
        match command {
            AdHoc::MyFeeds => Some(self.list_feeds().await),
            AdHoc::SetFeed => Some(self.set_feed(form).await),
            AdHoc::RemoveFeed => Some(self.remove_feed(form).await),
            _ => None,
        }
    }

    async fn list_feeds(&self) -> Result<Done, Failure> {
        let feeds = self.own_items(namespace::FEEDS, FEEDS_MAX).await.map_err(unavailable)?;
        let lines = feeds.iter().filter_map(|item| Some(line(&Feed::read(&item.id, &parsed(item)?)?)));
        let lines: Vec<String> = lines.collect();
        let field = Field::new(FieldKind::TextMulti, "feeds", "Your topic feeds");
        let form = Form::new(FormKind::Result, namespace::FEEDS);
        let report = form.with_field(field.with_values(lines.iter().map(String::as_str)));
        Ok(Done { report: Some(report), ..Done::default() })
    }

    async fn set_feed(&self, form: Option<&Form>) -> Result<Done, Failure> {
        let name = required(form, NAME)?;
        let value = |var| form.and_then(|form| form.value(var)).filter(|value| !value.is_empty());
        let authors = form.and_then(|form| form.values(AUTHORS)).unwrap_or_default();
        let element = |name: &str, text: &str| Element::new(name, namespace::FEEDS).with_text(text);
        let feed = Element::new("feed", namespace::FEEDS)
            .with_optional("match", value(MATCH))
            .with_children(value(WORDS).map(|words| element("words", words)))
            .with_children(authors.iter().map(|author| element("author", author)));
        let Some(read) = Feed::read(name, &feed) else {
            return Err(Failure::Payload("a topic feed looks for words, for authors, or for both"));
        };
        if read.authors.len() < authors.len() {
            return Err(Failure::Payload("an author is no address"));
        }
        self.change_feeds(PepCommand::Publish(Publication {
            node: namespace::FEEDS.into(),
            id: name.into(),
            payload: Some(wire::payload(&feed)),
            options: None,
        }))
        .await
    }

    async fn remove_feed(&self, form: Option<&Form>) -> Result<Done, Failure> {
        let ids = vec![required(form, NAME)?.into()];
        self.change_feeds(PepCommand::Retract { node: namespace::FEEDS.into(), ids, is_told: true }).await
    }

    async fn change_feeds(&self, command: PepCommand) -> Result<Done, Failure> {
        let done = self.account.ask(Command::Pep(command)).await;
        done.map_err(|refusal| Failure::Condition(account::condition(refusal)))?;
        Ok(Done::default())
    }
}

/// A feed as people read it.
fn line(feed: &Feed) -> String {
    let words = feed.wording.iter().map(|wording| format!("\u{201c}{}\u{201d}", wording.text));
    let authors = feed.authors.iter().map(|author| format!("by {author}"));
    let parts: Vec<String> = words.chain(authors).collect();
    format!("{}: {}", feed.name, parts.join(", "))
}

fn unavailable(_error: StoreError) -> Failure {
    StanzaCondition::ResourceConstraint.into()
}
