//! What a subscription stanza does to the state of a subscription: the tables of RFC 6121 appendix A.
//!
//! Each side applies its own table to its own state; nothing here knows the other side.

use crate::chat::account::contact::{Subscription, SubscriptionRequest};

/// What sending a subscription stanza does (RFC 6121 appendix A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outbound {
    pub next: Subscription,
    /// The stanza goes to the contact.
    pub is_routed: bool,
}

/// What an arriving subscription stanza does (RFC 6121 appendix A.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inbound {
    pub next: Subscription,
    /// The account's sessions are shown the stanza.
    pub is_delivered: bool,
    /// The server answers for the account.
    pub answer: Option<SubscriptionRequest>,
}

pub(super) fn outbound(state: Subscription, request: SubscriptionRequest) -> Outbound {
    let mut next = state;
    let is_routed = match request {
        // Always routed, even without a change: it may be what heals two sides that disagree (§3.1.2).
        SubscriptionRequest::Subscribe => {
            next.is_asking = !state.to;
            true
        }
        SubscriptionRequest::Unsubscribe => {
            (next.to, next.is_asking) = (false, false);
            true
        }
        SubscriptionRequest::Subscribed if state.is_asked => {
            (next.from, next.is_asked) = (true, false);
            true
        }
        // Approval before anybody asked (§3.4.2).
        SubscriptionRequest::Subscribed => {
            next.is_approved |= !state.from;
            false
        }
        SubscriptionRequest::Unsubscribed => {
            (next.from, next.is_asked, next.is_approved) = (false, false, false);
            state.from || state.is_asked
        }
    };
    Outbound { next, is_routed }
}

pub(super) fn inbound(state: Subscription, request: SubscriptionRequest) -> Inbound {
    let mut next = state;
    let mut answer = None;
    match request {
        SubscriptionRequest::Subscribe if state.from => answer = Some(SubscriptionRequest::Subscribed),
        SubscriptionRequest::Subscribe if state.is_approved => {
            (next.from, next.is_approved) = (true, false);
            answer = Some(SubscriptionRequest::Subscribed);
        }
        SubscriptionRequest::Subscribe => next.is_asked = true,
        SubscriptionRequest::Unsubscribe => (next.from, next.is_asked) = (false, false),
        SubscriptionRequest::Subscribed if state.is_asking => (next.to, next.is_asking) = (true, false),
        SubscriptionRequest::Subscribed => {}
        SubscriptionRequest::Unsubscribed => (next.to, next.is_asking) = (false, false),
    }
    // Whoever is answered for need not see the question (§3.4.2).
    let is_delivered = next != state && answer.is_none();
    Inbound { next, is_delivered, answer }
}

#[cfg(test)]
mod tests {
    use SubscriptionRequest::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};

    use super::*;

    /// Reads a state by its name in appendix A: `From+O` is "From + Pending Out", `None+OI` "None + Pending Out+In".
    fn state(name: &str) -> Subscription {
        let (base, pending) = name.split_once('+').unwrap_or((name, ""));
        Subscription {
            to: matches!(base, "To" | "Both"),
            from: matches!(base, "From" | "Both"),
            is_asking: pending.contains('O'),
            is_asked: pending.contains('I'),
            is_approved: pending.contains('A'),
        }
    }

    const STATES: [&str; 9] = ["None", "None+O", "None+I", "None+OI", "To", "To+I", "From", "From+O", "Both"];

    #[test]
    fn appendix_a_2_cell_by_cell() {
        let check = |request, cells: [(bool, &str); 9]| {
            for (before, (is_routed, after)) in STATES.into_iter().zip(cells) {
                let expected = Outbound { next: state(after), is_routed };
                assert_eq!(outbound(state(before), request), expected, "{request:?} in {before}");
            }
        };
        let (yes, no) = (true, false);
        check(
            Subscribe,
            [
                (yes, "None+O"),
                (yes, "None+O"),
                (yes, "None+OI"),
                (yes, "None+OI"),
                (yes, "To"),
                (yes, "To+I"),
                (yes, "From+O"),
                (yes, "From+O"),
                (yes, "Both"),
            ],
        );
        check(
            Unsubscribe,
            [
                (yes, "None"),
                (yes, "None"),
                (yes, "None+I"),
                (yes, "None+I"),
                (yes, "None"),
                (yes, "None+I"),
                (yes, "From"),
                (yes, "From"),
                (yes, "From"),
            ],
        );
        check(
            Subscribed,
            [
                (no, "None+A"),
                (no, "None+OA"),
                (yes, "From"),
                (yes, "From+O"),
                (no, "To+A"),
                (yes, "Both"),
                (no, "From"),
                (no, "From+O"),
                (no, "Both"),
            ],
        );
        check(
            Unsubscribed,
            [
                (no, "None"),
                (no, "None+O"),
                (yes, "None"),
                (yes, "None+O"),
                (no, "To"),
                (yes, "To"),
                (yes, "None"),
                (yes, "None+O"),
                (yes, "To"),
            ],
        );
    }

    #[test]
    fn appendix_a_3_cell_by_cell() {
        let check = |request, cells: [(bool, &str); 9]| {
            for (before, (is_delivered, after)) in STATES.into_iter().zip(cells) {
                let is_answered = request == Subscribe && matches!(before, "From" | "From+O" | "Both");
                let answer = is_answered.then_some(Subscribed);
                let expected = Inbound { next: state(after), is_delivered, answer };
                assert_eq!(inbound(state(before), request), expected, "{request:?} in {before}");
            }
        };
        let (yes, no) = (true, false);
        check(
            Subscribe,
            [
                (yes, "None+I"),
                (yes, "None+OI"),
                (no, "None+I"),
                (no, "None+OI"),
                (yes, "To+I"),
                (no, "To+I"),
                (no, "From"),
                (no, "From+O"),
                (no, "Both"),
            ],
        );
        check(
            Unsubscribe,
            [
                (no, "None"),
                (no, "None+O"),
                (yes, "None"),
                (yes, "None+O"),
                (no, "To"),
                (yes, "To"),
                (yes, "None"),
                (yes, "None+O"),
                (yes, "To"),
            ],
        );
        check(
            Subscribed,
            [
                (no, "None"),
                (yes, "To"),
                (no, "None+I"),
                (yes, "To+I"),
                (no, "To"),
                (no, "To+I"),
                (no, "From"),
                (yes, "Both"),
                (no, "Both"),
            ],
        );
        check(
            Unsubscribed,
            [
                (no, "None"),
                (yes, "None"),
                (no, "None+I"),
                (yes, "None+I"),
                (yes, "None"),
                (yes, "None+I"),
                (no, "From"),
                (yes, "From"),
                (yes, "From"),
            ],
        );
    }

    #[test]
    fn an_approval_beforehand_answers_and_can_be_taken_back() {
        let check = |before, after| {
            let expected = Inbound { next: state(after), is_delivered: false, answer: Some(Subscribed) };
            assert_eq!(inbound(state(before), Subscribe), expected, "{before}");
            let unapproved = outbound(state(before), Unsubscribed);
            let expected = before.replace('A', "");
            assert_eq!(unapproved, Outbound { next: state(&expected), is_routed: false }, "{before}");
        };
        check("None+A", "From");
        check("None+OA", "From+O");
        check("To+A", "Both");
    }
}
