//! What a device was asked and has not answered: each request waits for the outcome of the stanza that was made of it.

use std::collections::HashMap;

use aws_lc_rs::digest;
use perch_address::Jid;
use perch_sip::Status;
use perch_sip::message::Request;
use perch_sip::transaction::ServerKey;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

use crate::chat::id::SessionId;
use crate::chat::refusal::Refusal;
use crate::session::Key;
use crate::session::xmpp::refusal::verdict;
use crate::sip::check::{answer, explained, tag};
use crate::sip::command::{self, Listed};
use crate::sip::condition::{named, to_status};
use crate::sip::device::{Device, End, Order};
use crate::sip::letter::Letter;

/// Errands by the ids of their stanzas.
#[derive(Default)]
pub(super) struct Errands(HashMap<Box<str>, Errand>);

struct Errand {
    key: ServerKey,
    request: Request,
    /// Where the stanza went.
    to: Jid,
    /// By which number the session knows the stanza.
    number: u64,
    then: Then,
}

/// What is done when it has succeeded.
#[derive(Debug, Clone)]
pub(super) enum Then {
    Answer,
    /// What the result lists is told to the client.
    List(Listed),
    /// The room that was entered is taken into service.
    Open,
    /// It is in service; or was, if it is another's.
    Opened,
}

impl Errands {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives up all of them.
    pub(super) fn take_all(&mut self) -> Vec<(ServerKey, Request)> {
        self.0.drain().map(|(_, errand)| (errand.key, errand.request)).collect()
    }

    fn by_number(&mut self, number: u64) -> Option<Errand> {
        let id = self.0.iter().find(|(_, errand)| errand.number == number)?.0.clone();
        self.0.remove(&id)
    }
}

impl Device {
    /// Hands in the stanza that was made of a request, under an id of its own.
    pub(super) async fn run_errand(
        &mut self,
        (key, request): (ServerKey, Request),
        to: Jid,
        mut stanza: Stanza,
        then: Then,
    ) -> Result<(), End> {
        let id: Box<str> = format!("sip-{}", tag()).into();
        stanza.to = Some(to.as_str().into());
        stanza.id = Some((*id).into());
        if stanza.type_.as_deref() == Some("groupchat") {
            self.expect_back(&id);
        }
        let number = self.session.received() + 1;
        // A room may be entered and left again; a message is said once.
        let again = (stanza.kind == Kind::Message).then(|| self.key_of(&request)).flatten();
        self.errands.0.insert(id, Errand { key, request, to, number, then });
        match again {
            Some(again) => self.hand_in_again(stanza, again).await,
            None => self.hand_in(stanza).await,
        }
    }

    /// Call-ID, tag and CSeq, by which a client knows its request, whatever connection it sends it on.
    fn key_of(&self, request: &Request) -> Option<Key> {
        let (call_id, cseq) = (request.headers.call_id().ok()?, request.headers.cseq().ok()?);
        let from = request.headers.from().ok()?;
        let named = [self.account.as_str(), call_id, from.tag().unwrap_or_default()].join("\0");
        let hash = digest::digest(&digest::SHA256, named.as_bytes());
        let conversation = i64::from_be_bytes(hash.as_ref()[..8].try_into().expect("there are 32"));
        Some(Key { conversation: SessionId(conversation & i64::MAX), number: cseq.number.into() })
    }

    /// A MESSAGE: a post, a command to a room, or a letter.
    pub(super) async fn take_message(&mut self, order: Order, to: &Jid) -> Result<(), End> {
        let Order { key, request, .. } = order;
        let Ok(body) = std::str::from_utf8(&request.body) else {
            let refusal = explained(&request, Status::BAD_REQUEST, "the body is not UTF-8").finish();
            return self.answer(key, refusal).await;
        };
        let is_room = to.domain() == self.services.rooms_domain.domain();
        let done = match command::read(body).filter(|_| is_room && to.is_bare()) {
            Some(Ok(command)) => command.carry_out(&request, to, &self.services.rooms_domain),
            Some(Err(told)) => command::Deed::Tell(told),
            None => command::say(&request, body, to, is_room),
        };
        match done {
            command::Deed::Tell(told) => {
                self.answer(key, answer(&request, Status::OK).finish()).await?;
                self.tell(Letter::notice(to, told));
                Ok(())
            }
            command::Deed::HandIn { stanza, to, then } => {
                self.run_errand((key, request), to, stanza, then).await
            }
            command::Deed::Refuse(reason) => {
                let refusal = explained(&request, Status::BAD_REQUEST, reason).finish();
                self.answer(key, refusal).await
            }
        }
    }

    /// The outcome of a stanza is known.
    pub(super) async fn settle(&mut self, number: u64, outcome: &Result<(), Refusal>) -> Result<(), End> {
        let Some(errand) = self.errands.by_number(number) else { return Ok(()) };
        match outcome {
            // It was committed before, by a request whose answer was lost.
            Ok(()) | Err(Refusal::AlreadyDone { .. }) => self.succeed(errand, None).await,
            Err(refusal) => {
                let status = to_status(verdict(refusal).1, !errand.to.is_bare());
                let refusal = explained(&errand.request, status, &refusal.to_string()).finish();
                self.answer(errand.key, refusal).await
            }
        }
    }

    /// An error came back: for a stanza of ours, the request is answered with what it says.
    pub(super) async fn fail(&mut self, element: &Element) -> Result<(), End> {
        let Some(errand) = element.attribute("id").and_then(|id| self.errands.0.remove(id)) else {
            return Ok(());
        };
        let error = element.child("error", namespace::CLIENT);
        let is_condition =
            |child: &&Element| child.namespace() == namespace::STANZA_ERROR && child.name() != "text";
        let condition = error.and_then(|error| error.children().find(is_condition)).map_or("", Element::name);
        if matches!(errand.then, Then::Opened) && condition == StanzaCondition::Forbidden.as_str() {
            // The room was there before: whoever wanted to create it is inside.
            return self.succeed(errand, None).await;
        }
        let status = to_status(named(condition), !errand.to.is_bare());
        let text = error.and_then(|error| error.child_text("text", namespace::STANZA_ERROR));
        let refusal = match text {
            Some(text) => explained(&errand.request, status, &text).finish(),
            None => answer(&errand.request, status).finish(),
        };
        self.answer(errand.key, refusal).await
    }

    /// A result came back.
    pub(super) async fn conclude(&mut self, element: &Element) -> Result<(), End> {
        match element.attribute("id").and_then(|id| self.errands.0.remove(id)) {
            Some(errand) => self.succeed(errand, Some(element)).await,
            None => Ok(()),
        }
    }

    async fn succeed(&mut self, errand: Errand, result: Option<&Element>) -> Result<(), End> {
        let Errand { key, request, to, then, .. } = errand;
        if let (Then::Open, None) = (&then, result) {
            let room = to.bare().into();
            return Box::pin(self.run_errand((key, request), room, command::open_room(), Then::Opened)).await;
        }
        self.answer(key, answer(&request, Status::OK).finish()).await?;
        if let (Then::List(listed), Some(result)) = (then, result) {
            self.tell(Letter::notice(&listed.room, listed.text(result)));
        }
        Ok(())
    }
}
