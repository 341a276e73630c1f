//! Errors of XMPP as statuses of SIP, and back (RFC 7247 §6).

use perch_sip::Status;
use perch_xmpp::stanza::error::StanzaCondition as Condition;

/// With what a request is answered whose stanza was refused. `is_full`: it was for one device (§6.1).
pub(super) fn to_status(condition: Condition, is_full: bool) -> Status {
    let code = match condition {
        Condition::BadRequest
        | Condition::Conflict
        | Condition::JidMalformed
        | Condition::SubscriptionRequired
        | Condition::UndefinedCondition
        | Condition::UnexpectedRequest => 400,
        Condition::FeatureNotImplemented if is_full => 405,
        Condition::FeatureNotImplemented => 501,
        Condition::Forbidden
        | Condition::NotAllowed
        | Condition::NotAuthorized
        | Condition::PolicyViolation => 403,
        // A 503 would have a proxy take the whole server for broken.
        Condition::ServiceUnavailable => 403,
        Condition::Gone => 410,
        Condition::ItemNotFound | Condition::RemoteServerNotFound => 404,
        Condition::NotAcceptable => 406,
        Condition::RecipientUnavailable => 480,
        Condition::Redirect => 302,
        Condition::RegistrationRequired => 407,
        Condition::RemoteServerTimeout => 408,
        Condition::InternalServerError | Condition::ResourceConstraint => 500,
    };
    Status::new(code).expect("a status of the table")
}

/// What a person is told whose message a SIP client refused with that status (§6.2).
pub(super) fn to_condition(status: Status) -> Condition {
    match status.code() {
        301 | 410 => Condition::Gone,
        380 | 406 | 415 | 416 | 421 | 482 | 483 | 488 | 505 | 606 => Condition::NotAcceptable,
        401 => Condition::NotAuthorized,
        403 => Condition::Forbidden,
        404 | 481 | 484 | 485 | 604 => Condition::ItemNotFound,
        405 | 420 | 439 | 501 => Condition::FeatureNotImplemented,
        407 => Condition::RegistrationRequired,
        408 | 504 => Condition::RemoteServerTimeout,
        413 | 414 | 440 | 489 | 513 => Condition::PolicyViolation,
        423 => Condition::ResourceConstraint,
        430 | 480 | 486 | 487 => Condition::RecipientUnavailable,
        491 => Condition::UnexpectedRequest,
        502 => Condition::RemoteServerNotFound,
        300..=399 => Condition::Redirect,
        500..=599 => Condition::InternalServerError,
        600..=699 => Condition::RecipientUnavailable,
        _ => Condition::BadRequest,
    }
}

/// Reads the name of a condition.
pub(super) fn named(name: &str) -> Condition {
    const ALL: [Condition; 22] = [
        Condition::BadRequest,
        Condition::Conflict,
        Condition::FeatureNotImplemented,
        Condition::Forbidden,
        Condition::Gone,
        Condition::InternalServerError,
        Condition::ItemNotFound,
        Condition::JidMalformed,
        Condition::NotAcceptable,
        Condition::NotAllowed,
        Condition::NotAuthorized,
        Condition::PolicyViolation,
        Condition::RecipientUnavailable,
        Condition::Redirect,
        Condition::RegistrationRequired,
        Condition::RemoteServerNotFound,
        Condition::RemoteServerTimeout,
        Condition::ResourceConstraint,
        Condition::ServiceUnavailable,
        Condition::SubscriptionRequired,
        Condition::UndefinedCondition,
        Condition::UnexpectedRequest,
    ];
    ALL.into_iter().find(|condition| condition.as_str() == name).unwrap_or(Condition::UndefinedCondition)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Condition, status for one device, status for a person.
    #[test]
    fn a_refusal_is_answered_as_rfc_7247_has_it() {
        for (name, full, bare) in [
            ("bad-request", 400, 400),
            ("conflict", 400, 400),
            ("feature-not-implemented", 405, 501),
            ("forbidden", 403, 403),
            ("gone", 410, 410),
            ("internal-server-error", 500, 500),
            ("item-not-found", 404, 404),
            ("jid-malformed", 400, 400),
            ("not-acceptable", 406, 406),
            ("not-allowed", 403, 403),
            ("not-authorized", 403, 403),
            ("policy-violation", 403, 403),
            ("recipient-unavailable", 480, 480),
            ("redirect", 302, 302),
            ("registration-required", 407, 407),
            ("remote-server-not-found", 404, 404),
            ("remote-server-timeout", 408, 408),
            ("resource-constraint", 500, 500),
            ("service-unavailable", 403, 403),
            ("subscription-required", 400, 400),
            ("undefined-condition", 400, 400),
            ("unexpected-request", 400, 400),
        ] {
            assert_eq!(named(name).as_str(), name);
            assert_eq!(to_status(named(name), true).code(), full, "{name}");
            assert_eq!(to_status(named(name), false).code(), bare, "{name}");
        }
        assert_eq!(named("unheard-of"), Condition::UndefinedCondition);
    }

    #[test]
    fn a_status_is_told_as_rfc_7247_has_it() {
        for (codes, expected) in [
            (&[300, 302, 305, 399][..], "redirect"),
            (&[301, 410], "gone"),
            (&[400, 402, 493, 499], "bad-request"),
            (&[401], "not-authorized"),
            (&[403], "forbidden"),
            (&[404, 481, 484, 485, 604], "item-not-found"),
            (&[405, 420, 439, 501], "feature-not-implemented"),
            (&[380, 406, 415, 416, 421, 482, 483, 488, 505, 606], "not-acceptable"),
            (&[407], "registration-required"),
            (&[408, 504], "remote-server-timeout"),
            (&[413, 414, 440, 489, 513], "policy-violation"),
            (&[423], "resource-constraint"),
            (&[430, 480, 486, 487, 600, 603, 699], "recipient-unavailable"),
            (&[491], "unexpected-request"),
            (&[500, 503, 599], "internal-server-error"),
            (&[502], "remote-server-not-found"),
        ] {
            for &code in codes {
                assert_eq!(to_condition(Status::new(code).unwrap()).as_str(), expected, "{code}");
            }
        }
    }
}
