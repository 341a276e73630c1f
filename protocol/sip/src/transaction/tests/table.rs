//! Many transactions at once.

use super::{answer, request, response, spell, usual};
use crate::message::Request;
use crate::method::Method;
use crate::status::Status;
use crate::transaction::{
    Action, Cancelled, ClientKey, Received, SendError, ServerKey, Timer, Timing, Transactions,
};

fn transactions() -> Transactions {
    Transactions::new(Timing::DEFAULT, 3)
}

fn receive(transactions: &mut Transactions, request: &Request) -> Received {
    transactions.handle_request(request, &request.check().unwrap())
}

fn begun(received: Received) -> (ServerKey, Vec<Action>) {
    match received {
        Received::Transaction(key, actions) => (key, actions),
        other => panic!("{other:?}"),
    }
}

/// Sends the usual INVITE.
fn send_invite(transactions: &mut Transactions) -> (ClientKey, Vec<Action>) {
    transactions.invite("z9hG4bKkjshdyff", usual("INVITE")).unwrap()
}

/// Sends an OPTIONS of that branch.
fn send(transactions: &mut Transactions, branch: &str) -> Result<(ClientKey, Vec<Action>), SendError> {
    transactions.send(branch, &Method::Options, usual("OPTIONS").to_bytes())
}

fn numbered(method: &str, number: u32) -> Request {
    let lines =
        format!("Via: SIP/2.0/TLS a;branch=z9hG4bK{number}\nTo: <sip:b@c>\nCSeq: {number} {method}\n");
    request(method, &lines)
}

#[test]
fn a_request_and_its_repetition_are_one_transaction() {
    let mut all = transactions();
    let message = numbered("MESSAGE", 1);
    let (key, actions) = begun(receive(&mut all, &message));
    assert_eq!(spell(&actions), "deliver, arm Trying 3500");
    assert_eq!(spell(&begun(receive(&mut all, &message)).1), "");
    assert_eq!(spell(&all.handle_server_timer(&key, Timer::Trying)), "send 100, arm J 28500");
    assert_eq!(spell(&begun(receive(&mut all, &message)).1), "send 100");
    assert_eq!(all.len(), 1);
    assert_eq!(spell(&all.respond(&key, answer(&message, Status::OK))), "send 200, end");
    assert!(all.is_empty());
}

/// pidgin-sipe sends a request that was challenged once more with the same branch and number: the first transaction has
/// ended with its answer, and this is another.
#[test]
fn with_its_answer_a_request_is_done() {
    let mut all = transactions();
    let register = numbered("REGISTER", 1);
    for _ in 0..2 {
        let (key, actions) = begun(receive(&mut all, &register));
        assert_eq!(spell(&actions), "deliver, arm Trying 3500");
        let challenge = answer(&register, Status::PROXY_AUTHENTICATION_REQUIRED);
        assert_eq!(spell(&all.respond(&key, challenge)), "send 407, end");
        assert!(all.is_empty());
    }
}

#[test]
fn an_ack_is_for_an_invite_or_for_a_dialog() {
    let mut all = transactions();
    assert_eq!(receive(&mut all, &numbered("ACK", 1)), Received::Ack);
    let (key, _) = begun(receive(&mut all, &numbered("INVITE", 1)));
    all.respond(&key, answer(&numbered("INVITE", 1), Status::NOT_FOUND));
    assert_eq!(spell(&begun(receive(&mut all, &numbered("ACK", 1))).1), "end");
    assert_eq!(receive(&mut all, &numbered("ACK", 1)), Received::Ack);
}

#[test]
fn a_cancel_takes_back_what_is_not_answered() {
    let mut all = transactions();
    let cancelled = |all: &Transactions, number| {
        let cancel = numbered("CANCEL", number);
        all.cancelled(&cancel, &cancel.check().unwrap())
    };
    let invite = numbered("INVITE", 1);
    let (key, _) = begun(receive(&mut all, &invite));
    assert_eq!(
        cancelled(&all, 1),
        Some(Cancelled::Pending { key: key.clone(), invite: invite.clone().into() })
    );
    assert_eq!(cancelled(&all, 2), None);
    all.respond(&key, answer(&invite, Status::OK));
    assert_eq!(cancelled(&all, 1), Some(Cancelled::Answered));
}

#[test]
fn there_are_as_many_as_there_may_be() {
    let mut all = transactions();
    for number in 0..3 {
        begun(receive(&mut all, &numbered("INVITE", number)));
        assert!(send(&mut all, &format!("z9hG4bK{number}")).is_ok());
    }
    assert_eq!(receive(&mut all, &numbered("INVITE", 3)), Received::Overload);
    assert_eq!(send(&mut all, "z9hG4bK3"), Err(SendError::TooMany));
    assert_eq!(send(&mut all, "z9hG4bK2"), Err(SendError::InUse));
    // What is under way goes on.
    begun(receive(&mut all, &numbered("INVITE", 2)));
    assert_eq!(all.len(), 6);
}

/// Whatever a transaction waits for, some timer was armed that ends it.
#[test]
fn nothing_stays_for_ever() {
    let mut all = transactions();
    let (calling, _) = send_invite(&mut all);
    let (trying, _) = send(&mut all, "z9hG4bKkjshdyff").unwrap();
    let (accepted, _) = begun(receive(&mut all, &numbered("INVITE", 1)));
    all.respond(&accepted, answer(&numbered("INVITE", 1), Status::OK));
    let (unanswered, _) = begun(receive(&mut all, &numbered("MESSAGE", 2)));
    assert_eq!(spell(&all.handle_client_timer(&calling, Timer::B)), "fail, end");
    assert_eq!(spell(&all.handle_client_timer(&trying, Timer::F)), "fail, end");
    assert_eq!(spell(&all.handle_server_timer(&accepted, Timer::L)), "end");
    assert_eq!(spell(&all.handle_server_timer(&unanswered, Timer::Trying)), "send 100, arm J 28500");
    assert_eq!(spell(&all.handle_server_timer(&unanswered, Timer::J)), "end");
    assert!(all.is_empty());
    assert_eq!(spell(&all.handle_client_timer(&calling, Timer::B)), "");
    assert_eq!(spell(&all.handle_server_timer(&accepted, Timer::L)), "");
    let late = answer(&numbered("MESSAGE", 2), Status::OK);
    assert_eq!(spell(&all.respond(&unanswered, late)), "");
}

/// An INVITE may ring for as long as its user likes, but no longer.
#[test]
fn an_invite_that_is_taken_back_does_not_stay_either() {
    let ringing = response(&usual("INVITE"), Status::RINGING);
    let ring = |all: &mut Transactions| {
        spell(&all.handle_response(&ringing, &ringing.headers.essentials().unwrap()).unwrap().1)
    };
    let mut all = transactions();
    let (invite, _) = send_invite(&mut all);
    assert_eq!(ring(&mut all), "deliver");
    assert_eq!(spell(&all.cancel(&invite)), "send CANCEL, arm Cancel 32000");
    assert_eq!(spell(&all.cancel(&invite)), "");
    assert_eq!(ring(&mut all), "deliver");
    assert_eq!(spell(&all.handle_client_timer(&invite, Timer::Cancel)), "fail, end");
    assert!(all.is_empty());
    assert_eq!(spell(&all.cancel(&invite)), "");
    // Before anybody has answered, nobody may know of the INVITE yet.
    let (invite, _) = send_invite(&mut all);
    assert_eq!(spell(&all.cancel(&invite)), "");
    assert_eq!(ring(&mut all), "deliver, send CANCEL, arm Cancel 32000");
    assert_eq!(spell(&all.handle_client_timer(&invite, Timer::Cancel)), "fail, end");
    assert!(all.is_empty());
}

#[test]
fn responses_find_their_requests_and_strangers_none() {
    let mut all = transactions();
    let options = usual("OPTIONS");
    let answer = response(&options, Status::OK);
    let handle = |all: &mut Transactions| {
        all.handle_response(&answer, &answer.headers.essentials().unwrap())
            .map(|(_, actions)| spell(&actions))
    };
    assert_eq!(handle(&mut all), None);
    assert_eq!(spell(&send(&mut all, "z9hG4bKkjshdyff").unwrap().1), "send OPTIONS, arm F 32000");
    assert_eq!(send(&mut all, "z9hG4bKkjshdyff"), Err(SendError::InUse));
    assert_eq!(handle(&mut all).as_deref(), Some("deliver, end"));
    assert_eq!(handle(&mut all), None);
}

#[test]
fn when_the_flow_is_gone_nobody_answers_any_more() {
    let mut all = transactions();
    let (waiting, _) = send(&mut all, "z9hG4bKkjshdyff").unwrap();
    let (_, _) = send_invite(&mut all);
    let accepted = response(&usual("INVITE"), Status::OK);
    all.handle_response(&accepted, &accepted.headers.essentials().unwrap()).unwrap();
    begun(receive(&mut all, &numbered("INVITE", 1)));
    assert_eq!(all.close().collect::<Vec<_>>(), [waiting]);
    assert!(all.is_empty());
}
