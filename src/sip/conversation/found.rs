//! What came of an errand: a block of its job's reply, and perhaps a further errand.

use aws_lc_rs::digest;
use perch_address::Jid;
use perch_xccos::address::category_uri;
use perch_xccos::block::{self, Rights, Room};
use perch_xccos::command::Preference;
use perch_xccos::{RoomAddress, reply};
use perch_xmpp::extension::form::Form;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use super::Conversation;
use super::job::{Entry, Failure, Step};

impl Conversation {
    /// An errand has succeeded; a request by that result.
    pub(super) fn find(&mut self, job: u64, step: Step, result: Option<&Element>) {
        match step {
            Step::Describe { room, jid } => {
                let about = result.map(|info| described(info, &room)).unwrap_or_default();
                self.enter_as(job, Entry { room, jid, about: about.into() }, false);
            }
            Step::Enter { entry, .. } => self.tell_entered(job, entry),
            Step::Leave { room } => {
                self.jobs.tell(job, block::room(&room));
            }
            Step::Speak => {}
            Step::Remember { room, found } => {
                for some in reply::chunks(found) {
                    self.jobs.tell(job, block::room(&room).with_children(some));
                }
            }
            Step::Find { is_managed } => self.tell_found(job, is_managed, result),
            Step::Fetch(preference) => {
                self.jobs.tell(job, fetched(preference, result).block());
            }
            Step::Put(preference) => self.jobs.tell(job, preference.block()),
        }
    }

    /// An errand has failed. A nick that is taken is not the last word.
    pub(super) fn find_failure(&mut self, job: u64, step: Step, failure: Failure) {
        match step {
            Step::Enter { entry, is_second: false } if failure.condition == StanzaCondition::Conflict => {
                self.enter_as(job, entry, true);
            }
            Step::Enter { entry, .. } => {
                self.leave_seat(&entry.jid);
                self.tell_failed(job, &entry.room, failure);
            }
            Step::Describe { room, .. } => self.tell_failed(job, &room, failure),
            _ => self.spoil(job, failure),
        }
    }

    /// Of several rooms, those that can be entered are.
    pub(super) fn tell_failed(&mut self, job: u64, room: &RoomAddress, failure: Failure) {
        self.jobs.tell(job, block::failed(room));
        if !self.jobs.is_batch(job) {
            self.spoil(job, failure);
        }
    }

    /// What the room is that was entered, and who is in it.
    fn tell_entered(&mut self, job: u64, entry: Entry) {
        let Entry { room: address, jid, about } = entry;
        let Some(seat) = self.rooms.get_mut(jid.local().unwrap_or_default()) else {
            // Somebody has taken the client out meanwhile.
            return self.jobs.tell(job, block::failed(&address));
        };
        seat.is_told = true;
        let inside = u64::try_from(seat.people.len()).ok();
        let room = Room { topic: seat.topic.clone(), users: inside.max(about.users), ..*about };
        let people: Vec<(String, Rights)> =
            seat.people.values().take(PEOPLE_MAX).map(|person| (person.uri.clone(), person.rights)).collect();
        let mut told = room.block(&address);
        for rights in [Rights::Manager, Rights::Participant, Rights::Reader] {
            let these = people.iter().filter(|(_, has)| *has == rights);
            let ids: Vec<usize> = these.map(|(uri, _)| self.jobs.id_of(job, uri)).collect();
            if !ids.is_empty() {
                told.push(block::with_rights(rights, &ids));
            }
        }
        self.jobs.tell(job, told);
    }

    /// Rooms that a search has found.
    fn tell_found(&mut self, job: u64, is_managed: Option<bool>, result: Option<&Element>) {
        let found = result.and_then(|result| result.child("result", namespace::CHANNEL_SEARCH));
        for item in found.into_iter().flat_map(Element::children) {
            let Some((address, room)) = found_room(item) else { continue };
            let rights = is_managed.map(|is_managed| match is_managed {
                true => Rights::Manager,
                false => Rights::Participant,
            });
            let told = room.block(&address);
            let told = told.with_children(rights.map(|rights| block::rights_in(rights, &address)));
            self.jobs.tell(job, told);
        }
    }
}

/// A room as disco#info has it.
fn described(info: &Element, address: &RoomAddress) -> Room {
    let query = info.child("query", namespace::DISCO_INFO);
    let identity = query.and_then(|query| query.child("identity", namespace::DISCO_INFO));
    let form = query.and_then(|query| query.child("x", namespace::DATA_FORM));
    let form = form.and_then(|form| Form::read(form).ok());
    let value = |var: &str| form.as_ref().and_then(|form| form.value(var));
    let has = |feature: &str| {
        let mut features = query.into_iter().flat_map(Element::children);
        features.any(|child| child.attribute("var") == Some(feature))
    };
    Room {
        name: identity.and_then(|identity| identity.attribute("name")).unwrap_or_default().to_owned(),
        description: value("muc#roominfo_description").unwrap_or_default().to_owned(),
        category: value("x-perch_category").map(|category| category_uri(&address.domain, category)),
        topic: None,
        is_auditorium: value("x-perch_type") == Some("auditorium"),
        users: value("muc#roominfo_occupants").and_then(|users| users.parse().ok()),
        is_private: Some(has("muc_membersonly")),
    }
}

/// A room as a search has found it.
fn found_room(item: &Element) -> Option<(RoomAddress, Room)> {
    let jid = Jid::new(item.attribute("address")?).ok()?;
    let text = |name: &str| item.child_text(name, namespace::CHANNEL_SEARCH);
    let address = RoomAddress { domain: jid.domain().into(), id: jid.local()?.into(), named: None };
    let room = Room {
        name: text("name").unwrap_or_default(),
        description: text("description").unwrap_or_default(),
        users: text("nusers").and_then(|users| users.parse().ok()),
        is_private: Some(text("is-open").is_none()),
        ..Room::default()
    };
    Some((address, room))
}

/// A preference as it is put away (XEP-0049): an element of its own for each label, which may be any text.
pub(super) fn stored(preference: &Preference) -> Element {
    let hash = digest::digest(&digest::SHA256, preference.label.as_bytes());
    let name = hash.as_ref()[..16].iter().fold("pref-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    Element::new(&name, PREFERENCES)
        .with_attribute("label", &*preference.label)
        .with_attribute("seqid", &*preference.number)
        .with_text(&preference.content)
}

/// What was put away under a label; what never was is empty.
fn fetched(asked: Preference, result: Option<&Element>) -> Preference {
    let query = result.and_then(|result| result.child("query", namespace::PRIVATE_STORAGE));
    let kept = query.and_then(|query| query.children().find(|child| child.namespace() == PREFERENCES));
    match kept {
        Some(kept) => Preference {
            number: kept.attribute("seqid").unwrap_or_default().into(),
            content: kept.text().into(),
            label: asked.label,
        },
        None => Preference { content: "".into(), ..asked },
    }
}

/// The namespace of what is put away.
const PREFERENCES: &str = "urn:parlano:xml:ns:xccos#pref";

/// People who are told to whoever enters: of larger rooms, how many there are.
const PEOPLE_MAX: usize = 500;
