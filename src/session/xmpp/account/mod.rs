//! What a client sends to its own account, to the server, and to other people's accounts.
//!
//! Each feature has a file of its own: it reads the request, asks the account or the store, and writes the answer.

mod blocking;
mod bookmarks;
mod disco;
mod iq;
mod message;
mod person;
mod preferences;
mod presence;
mod private;
mod pubsub;
mod roster;
mod service;
mod vcard;

use perch_address::{BareJid, Jid};
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

pub use self::disco::capabilities_feature;
use crate::account::{self, AccountHandle, Answer, Command, Face};
use crate::chat::account::packet::{IqKind, MessageKind, Packet, PacketKind, PresenceKind};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::AccountId;
use crate::chat::message::Payload;
use crate::session::{Services, Session};

/// Why a request gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Refused(AccountRefusal),
    Condition(StanzaCondition),
}

/// The content of a result, if it has any.
type Answered = Result<Option<Element>, Fault>;

/// Who asks, and with what his questions are answered.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) services: &'a Services,
    pub(super) jid: &'a Jid,
    /// The way to the asker's own account, if it is one of ours.
    pub(super) own: Option<&'a AccountHandle>,
}

/// What the server answers on behalf of a person, for somebody who need not be an account of ours: an occupant asks as
/// his place in the room.
pub(in crate::session) async fn answer_for_person(
    services: &Services,
    asker: &Jid,
    person: &BareJid,
    stanza: &Stanza,
) -> Result<Option<Element>, StanzaCondition> {
    let payload = stanza.children().next().ok_or(StanzaCondition::BadRequest)?.element();
    let asker = Asker { services, jid: asker, own: None };
    let is_set = stanza.type_.as_deref() == Some("set");
    person::answer(&asker, person, &payload, is_set).await.map_err(Fault::condition)
}

impl Session {
    /// What is for the server, or for somebody at its domain.
    pub(in crate::session) async fn route_to_account(
        &mut self,
        number: u64,
        stanza: &Stanza,
        to: Option<Jid>,
    ) {
        match stanza.kind {
            Kind::Message => self.send_message(number, stanza, to).await,
            Kind::Presence => self.send_presence(number, stanza, to).await,
            Kind::Iq => self.ask(number, stanza, to).await,
        }
    }

    fn asker(&self) -> Asker<'_> {
        Asker { services: &self.services, jid: self.jid.as_jid(), own: Some(&self.account) }
    }

    /// Answers a stanza with the reason that the account gives.
    fn refuse_as(&mut self, number: u64, stanza: &Stanza, fault: Fault) {
        match fault {
            Fault::Condition(condition) => self.refuse(number, stanza, condition),
            Fault::Refused(refusal) => {
                if !matches!(stanza.type_.as_deref(), Some("error" | "result")) {
                    let error = account::error_element(refusal);
                    self.reply(&super::reply_to(stanza, "error").with_child(error));
                    return self.refused(number);
                }
                self.done(number);
            }
        }
    }

    /// The stanza as it is passed on.
    fn packet(&self, stanza: &Stanza, kind: PacketKind, to: Jid) -> Packet {
        Packet {
            kind,
            from: self.jid.clone().into(),
            to,
            id: stanza.id.as_deref().map(Into::into),
            lang: stanza.lang.as_deref().map(Into::into),
            payload: Payload(stanza.payload()),
        }
    }
}

impl Asker<'_> {
    fn bare(&self) -> BareJid {
        self.jid.bare()
    }

    fn own(&self) -> Result<&AccountHandle, AccountRefusal> {
        self.own.ok_or(AccountRefusal::Forbidden)
    }

    fn account(&self) -> Result<AccountId, AccountRefusal> {
        Ok(self.own()?.account())
    }

    /// Asks the asker's own account.
    async fn command(&self, command: Command) -> Result<Answer, AccountRefusal> {
        self.own()?.ask(command).await
    }

    /// A change that is answered with an empty result.
    async fn done(&self, command: Command) -> Answered {
        self.command(command).await?;
        Ok(None)
    }

    /// The account of somebody else, as far as there is one.
    async fn face(&self, jid: &BareJid) -> Result<Option<std::sync::Arc<Face>>, Fault> {
        Ok(self.services.accounts.face(jid).await?)
    }
}

impl Fault {
    fn condition(self) -> StanzaCondition {
        match self {
            Self::Refused(refusal) => account::condition(refusal),
            Self::Condition(condition) => condition,
        }
    }
}

impl From<AccountRefusal> for Fault {
    fn from(refusal: AccountRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StanzaCondition> for Fault {
    fn from(condition: StanzaCondition) -> Self {
        Self::Condition(condition)
    }
}

impl From<crate::store::error::StoreError> for Fault {
    fn from(error: crate::store::error::StoreError) -> Self {
        Self::Refused(account::refusal_of(error))
    }
}

/// The types of the three stanzas; `None` for one that does not exist (RFC 6120 §8.2.3, RFC 6121 §4.7.1). A message of
/// an unknown type is a normal one (RFC 6121 §5.2.2).
fn message_kind(stanza: &Stanza) -> MessageKind {
    match stanza.type_.as_deref() {
        Some("chat") => MessageKind::Chat,
        Some("groupchat") => MessageKind::Groupchat,
        Some("headline") => MessageKind::Headline,
        Some("error") => MessageKind::Error,
        _ => MessageKind::Normal,
    }
}

fn presence_kind(stanza: &Stanza) -> Option<PresenceKind> {
    use crate::chat::account::contact::SubscriptionRequest as Request;
    Some(match stanza.type_.as_deref() {
        None => PresenceKind::Available,
        Some("unavailable") => PresenceKind::Unavailable,
        Some("subscribe") => PresenceKind::Subscription(Request::Subscribe),
        Some("subscribed") => PresenceKind::Subscription(Request::Subscribed),
        Some("unsubscribe") => PresenceKind::Subscription(Request::Unsubscribe),
        Some("unsubscribed") => PresenceKind::Subscription(Request::Unsubscribed),
        Some("probe") => PresenceKind::Probe,
        Some("error") => PresenceKind::Error,
        Some(_) => return None,
    })
}

fn iq_kind(stanza: &Stanza) -> Option<IqKind> {
    Some(match stanza.type_.as_deref()? {
        "get" => IqKind::Get,
        "set" => IqKind::Set,
        "result" => IqKind::Result,
        "error" => IqKind::Error,
        _ => return None,
    })
}
