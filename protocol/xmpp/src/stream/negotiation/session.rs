//! From an authenticated stream to a session: binding a resource (RFC 6120 §7) or resuming a former session
//! (XEP-0198 §5).

use perch_address::FullJid;

use super::{Negotiation, Output, State};
use crate::namespace;
use crate::stanza::error::StanzaCondition;
use crate::stanza::{Kind, Stanza, error_reply, iq_result};
use crate::stream::error::StreamCondition;
use crate::stream::management::element::{Request, failed, resumed};
use crate::xml::Element;

impl Negotiation {
    /// Takes the address that the session got: the negotiation is over.
    pub fn handle_bound(&mut self, address: &FullJid) -> Vec<Output> {
        match self.take_state() {
            State::ExpectBound(request) => {
                self.state = State::Established;
                let jid = Element::new("jid", namespace::BIND).with_text(address.as_str());
                let bind = Element::new("bind", namespace::BIND).with_child(jid);
                vec![Output::Send(iq_result(&request, Some(bind)).to_bytes(namespace::CLIENT))]
            }
            state => self.misused(&state),
        }
    }

    /// Takes that there is no session, or none of that name: the client may ask again (RFC 6120 §7.7.2).
    pub fn handle_bind_refused(&mut self, condition: StanzaCondition) -> Vec<Output> {
        match self.take_state() {
            State::ExpectBound(request) => self.refuse_bind(&request, condition),
            state => self.misused(&state),
        }
    }

    /// Takes that the former session goes on, and that `h` of its stanzas were handled: the negotiation is over.
    pub fn handle_resumed(&mut self, h: u32) -> Vec<Output> {
        match self.take_state() {
            State::ExpectResumed { previd } => {
                self.state = State::Established;
                vec![Output::Send(resumed(&previd, h))]
            }
            state => self.misused(&state),
        }
    }

    /// Takes that the session cannot be resumed; `h` is what it handled, where that is still known. The client may
    /// bind a resource instead.
    pub fn handle_resume_failed(&mut self, condition: StanzaCondition, h: Option<u32>) -> Vec<Output> {
        match self.take_state() {
            State::ExpectResumed { .. } => {
                self.state = State::ExpectBind;
                vec![Output::Send(failed(condition, h))]
            }
            state => self.misused(&state),
        }
    }

    /// RFC 6120 §7.1: a stanza before the resource is bound, other than to bind it, ends the stream.
    pub(super) fn handle_bind(&mut self, request: Stanza) -> Vec<Output> {
        let Some(bind) = bind_request(&request) else {
            return self.fail(StreamCondition::NotAuthorized.into());
        };
        let Some(account) = self.account.clone() else {
            return self.fail(StreamCondition::NotAuthorized.into());
        };
        let resource = bind.child_text("resource", namespace::BIND).filter(|resource| !resource.is_empty());
        let wanted = resource.map(|resource| account.with_resource(&resource)).transpose();
        match wanted {
            Ok(wanted) if request.id.is_some() => {
                self.state = State::ExpectBound(Box::new(request));
                vec![Output::Bind { account, wanted }]
            }
            Ok(_) | Err(_) => self.refuse_bind(&request, StanzaCondition::BadRequest),
        }
    }

    fn refuse_bind(&mut self, request: &Stanza, condition: StanzaCondition) -> Vec<Output> {
        self.state = State::ExpectBind;
        let refusal = error_reply(request, condition.usual_type(), condition, None, None);
        refusal.map(|refusal| Output::Send(refusal.to_bytes(namespace::CLIENT))).into_iter().collect()
    }

    /// What is no stanza and came between authentication and session.
    pub(super) fn handle_nonza(&mut self, element: &Element) -> Vec<Output> {
        match (Request::parse(element), self.account.clone()) {
            (Some(Ok(Request::Resume { previd, h })), Some(account)) => {
                self.state = State::ExpectResumed { previd: previd.clone() };
                vec![Output::Resume { account, previd, h }]
            }
            (Some(request), _) => {
                // XEP-0198 §3: nothing is counted before there is a session.
                self.state = State::ExpectBind;
                vec![Output::Send(failed(request.err().unwrap_or(StanzaCondition::UnexpectedRequest), None))]
            }
            (None, _) => self.fail(StreamCondition::UnsupportedStanzaType.into()),
        }
    }
}

fn bind_request(request: &Stanza) -> Option<Element> {
    let is_set = request.kind == Kind::Iq && request.type_.as_deref() == Some("set");
    request.child("bind", namespace::BIND).filter(|_| is_set).map(|bind| bind.element())
}
