//! Why a command was not done, as an error: of XEP-0050 §4.4 where the step is the matter, of XEP-0133 §5 where the act is.

use perch_xmpp::extension::adhoc::AdHocError;
use perch_xmpp::stanza::error::StanzaCondition;

use crate::admin::AdminError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The command session, or its action.
    Session(AdHocError),
    /// What was filled in cannot be used. In which way, for people.
    Payload(&'static str),
    /// The administration refuses.
    Refused(AdminError),
    Condition(StanzaCondition),
}

impl Failure {
    pub(super) fn verdict(&self) -> (StanzaCondition, Option<AdHocError>) {
        match self {
            Self::Session(error) => (error.condition(), Some(*error)),
            Self::Payload(_) => (StanzaCondition::BadRequest, Some(AdHocError::BadPayload)),
            Self::Refused(error) => condition(*error),
            Self::Condition(condition) => (*condition, None),
        }
    }

    /// Whether it may be asked for once more with the form filled in otherwise.
    pub(super) fn can_be_corrected(&self) -> bool {
        matches!(self.verdict(), (_, Some(AdHocError::BadPayload)))
    }

    /// For people.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Session(error) => Some(error.to_string()),
            Self::Payload(text) => Some((*text).into()),
            Self::Refused(error) => Some(error.to_string()),
            Self::Condition(_) => None,
        }
    }
}

fn condition(error: AdminError) -> (StanzaCondition, Option<AdHocError>) {
    let condition = match error {
        AdminError::Forbidden | AdminError::OutOfScope(_) => StanzaCondition::Forbidden,
        AdminError::NoSuchAccount | AdminError::NoSuchRoom => StanzaCondition::ItemNotFound,
        AdminError::NameTaken | AdminError::Stale | AdminError::Room(_) => StanzaCondition::Conflict,
        AdminError::OfDirectory => StanzaCondition::NotAllowed,
        AdminError::Store(_) => StanzaCondition::ResourceConstraint,
        _ => return (StanzaCondition::BadRequest, Some(AdHocError::BadPayload)),
    };
    (condition, None)
}

impl From<AdHocError> for Failure {
    fn from(error: AdHocError) -> Self {
        Self::Session(error)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::Refused(error)
    }
}

impl From<StanzaCondition> for Failure {
    fn from(condition: StanzaCondition) -> Self {
        Self::Condition(condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error::StoreError;

    #[test]
    fn refusals_are_the_errors_of_the_two_standards() {
        let check = |failure: Failure, expected: &str| {
            let (condition, specific) = failure.verdict();
            let specific = specific.map(|error| format!(" {}", error.to_element().name()));
            let is =
                format!("{} {condition}{}", condition.usual_type().as_str(), specific.unwrap_or_default());
            assert_eq!(is, expected, "{failure:?}");
        };
        // XEP-0050 §4.4
        check(AdHocError::MalformedAction.into(), "modify bad-request malformed-action");
        check(AdHocError::BadAction.into(), "modify bad-request bad-action");
        check(Failure::Payload("x"), "modify bad-request bad-payload");
        check(AdHocError::BadSessionId.into(), "modify bad-request bad-sessionid");
        check(AdHocError::SessionExpired.into(), "cancel not-allowed session-expired");
        check(StanzaCondition::ItemNotFound.into(), "cancel item-not-found");
        // There it is of the type `cancel`; RFC 6120 §8.3.3.4 has it be `auth`.
        check(AdminError::Forbidden.into(), "auth forbidden");
        // XEP-0133 §5
        check(AdminError::NameTaken.into(), "cancel conflict");
        check(AdminError::OfDirectory.into(), "cancel not-allowed");
        check(AdminError::NoSuchAccount.into(), "cancel item-not-found");
        check(AdminError::NotOurs.into(), "modify bad-request bad-payload");
        check(AdminError::Store(StoreError::Unavailable).into(), "wait resource-constraint");
    }
}
