//! Events and rows of the journal as columns, which is how a call takes any number of them.

use std::time::Duration;

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;

use crate::chat::event::Change;
use crate::store::record::{self, Record};

#[derive(Debug, Default)]
pub(super) struct Events<'j> {
    /// What it belongs to: a job, or a room.
    whose: Vec<i64>,
    place: Vec<i64>,
    class: Vec<i64>,
    ordinal: Vec<Option<i64>>,
    kind: Vec<i64>,
    settled: Vec<Option<i64>>,
    nick: Vec<Option<&'j str>>,
    jid: Vec<Option<&'j str>>,
    resource: Vec<Option<&'j str>>,
    occupant: Vec<Option<&'j str>>,
    stanza: Vec<Option<&'j str>>,
    lang: Vec<Option<&'j str>>,
    text: Vec<Option<&'j str>>,
    payload: Vec<Option<&'j str>>,
    lives: Vec<Option<i64>>,
    data: Vec<Option<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) whose: Vec<i64>,
    pub(super) place: Vec<Option<i64>>,
    pub(super) change: Vec<String>,
    pub(super) target: Vec<Option<i64>>,
}

impl<'j> Events<'j> {
    pub(super) fn add(
        &mut self,
        (whose, place): (i64, i64),
        (ordinal, settled): (Option<i64>, Option<i64>),
        record: &Record<'j>,
        transient_lifetime: Duration,
    ) {
        let (author, content) = (record.author, record.content);
        self.whose.push(whose);
        self.place.push(place);
        self.class.push(record.class.number());
        self.ordinal.push(ordinal);
        self.kind.push(record.kind.number());
        self.settled.push(settled);
        self.nick.push(author.map(|author| &*author.nick));
        self.jid.push(author.map(|author| author.jid.as_str()));
        self.resource.push(author.and_then(|author| author.resource.as_deref()));
        self.occupant.push(author.map(|author| &*author.occupant_id));
        self.stanza.push(content.and_then(|content| content.id.as_deref()));
        self.lang.push(content.and_then(|content| content.lang.as_deref()));
        self.text.push(content.and_then(|content| content.text.as_deref()));
        self.payload.push(content.map(|content| content.payload.as_str()));
        self.lives.push(record.expires().then_some(transient_lifetime.as_millis() as i64));
        self.data.push(record.data.clone());
    }
}

impl Events<'_> {
    /// As both calls take them, one behind the other.
    pub(super) fn bind(
        &self,
        query: Query<'static, Postgres, PgArguments>,
    ) -> Query<'static, Postgres, PgArguments> {
        query
            .bind(&self.whose)
            .bind(&self.place)
            .bind(&self.class)
            .bind(&self.ordinal)
            .bind(&self.kind)
            .bind(&self.settled)
            .bind(&self.nick)
            .bind(&self.jid)
            .bind(&self.resource)
            .bind(&self.occupant)
            .bind(&self.stanza)
            .bind(&self.lang)
            .bind(&self.text)
            .bind(&self.payload)
            .bind(&self.lives)
            .bind(&self.data)
    }
}

impl Journal {
    pub(super) fn add(&mut self, change: &Change, whose: i64, place: Option<i64>, is_wanted: bool) {
        if !is_wanted || !record::is_journalled(change) {
            return;
        }
        self.whose.push(whose);
        self.place.push(place);
        self.change.push(record::json(change));
        self.target.push(match change {
            Change::Retracted { target, .. } => Some(target.seq().0),
            _ => None,
        });
    }
}
