//! Stand-in.
use crate::chat::id::{AccountId, SessionId};
use crate::fanout::mailbox::Mailbox;
use perch_address::FullJid;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;
#[derive(Clone, Default)]
pub struct Accounts;
pub struct AccountHandle;
impl Accounts {
    pub async fn attach(
        &self,
        _a: AccountId,
        _s: SessionId,
        _j: FullJid,
        _m: Mailbox,
    ) -> Result<AccountHandle, StanzaCondition> {
        Ok(AccountHandle)
    }
}
impl AccountHandle {
    pub async fn detach(&self) {}
    pub async fn iq(&self, stanza: &Stanza) -> Option<Element> {
        if stanza.has("query", perch_xmpp::namespace::ROSTER) {
            return Some(perch_xmpp::stanza::iq_result(
                stanza,
                Some(Element::new("query", perch_xmpp::namespace::ROSTER)),
            ));
        }
        if stanza.has("ping", perch_xmpp::namespace::PING) {
            return Some(perch_xmpp::stanza::iq_result(stanza, None));
        }
        perch_xmpp::stanza::error_reply(
            stanza,
            perch_xmpp::stanza::error::ErrorType::Cancel,
            StanzaCondition::ServiceUnavailable,
            None,
            None,
        )
    }
}
