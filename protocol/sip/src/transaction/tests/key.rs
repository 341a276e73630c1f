//! Which messages belong together, and what is made from an INVITE.

use super::{request, response, usual};
use crate::message::Request;
use crate::method::Method;
use crate::status::Status;
use crate::transaction::derived::{ack, cancel};
use crate::transaction::{ClientKey, ServerKey};

fn key(request: &Request) -> ServerKey {
    ServerKey::of(request, &request.check().unwrap())
}

/// A request of RFC 3261: where it says to be from, its branch and its To may differ.
fn by_branch(method: &str, sent_by: &str, branch: &str, number: u32) -> Request {
    let lines = format!(
        "Via: SIP/2.0/TLS {sent_by};branch={branch}\nTo: <sip:bob@biloxi.example.com>;tag={number}\nCSeq: {number} {method}\n"
    );
    request(method, &lines)
}

#[test]
fn a_branch_and_who_sent_it_tell_the_transaction() {
    let check =
        |one: &Request, other: &Request, is_same| assert_eq!(key(one) == key(other), is_same, "{other:?}");
    let invite = by_branch("INVITE", "a.example.com", "z9hG4bK1", 1);
    check(&invite, &by_branch("INVITE", "A.EXAMPLE.com", "Z9hG4bK1", 1), true);
    check(&invite, &by_branch("ACK", "a.example.com", "z9hG4bK1", 1), true);
    check(&invite, &by_branch("INVITE", "a.example.com", "z9hG4bK1", 2), true);
    check(&invite, &by_branch("INVITE", "a.example.com", "z9hG4bK2", 1), false);
    check(&invite, &by_branch("INVITE", "b.example.com", "z9hG4bK1", 1), false);
    check(&invite, &by_branch("INVITE", "a.example.com:5061", "z9hG4bK1", 1), false);
    check(&invite, &by_branch("CANCEL", "a.example.com", "z9hG4bK1", 1), false);
    check(&invite, &by_branch("MESSAGE", "a.example.com", "z9hG4bK1", 1), false);
    let cancel = by_branch("CANCEL", "a.example.com", "z9hG4bK1", 1);
    assert_eq!(ServerKey::cancelled(&cancel, &cancel.check().unwrap()), key(&invite));
}

/// A request as pidgin-sipe sends it within a dialog, or an implementation of RFC 2543 anywhere.
fn without_branch(method: &str, via: &str, to_tag: &str, number: u32) -> Request {
    let lines = format!("Via: {via}\nTo: <sip:bob@biloxi.example.com>{to_tag}\nCSeq: {number} {method}\n");
    request(method, &lines)
}

#[test]
fn without_a_branch_all_that_identifies_has_to_be_the_same() {
    let via = "SIP/2.0/tcp 192.0.2.1:5060";
    let check =
        |one: &Request, other: &Request, is_same| assert_eq!(key(one) == key(other), is_same, "{other:?}");
    let invite = without_branch("INVITE", via, "", 1);
    check(&invite, &without_branch("INVITE", "SIP / 2.0 / TCP  192.0.2.1 : 5060", "", 1), true);
    check(&invite, &without_branch("ACK", via, ";tag=99", 1), true);
    check(&invite, &without_branch("ACK", via, ";tag=99", 2), false);
    check(&invite, &without_branch("INVITE", via, "", 2), false);
    check(&invite, &without_branch("INVITE", "SIP/2.0/tcp 192.0.2.2:5060", "", 1), false);
    check(&without_branch("INFO", via, ";tag=9", 2), &without_branch("UPDATE", via, ";tag=9", 2), false);
    check(&without_branch("INFO", via, ";tag=9", 2), &without_branch("INFO", via, ";tag=9", 2), true);
    // RFC 4475 §3.2.1: a branch that is the cookie alone says nothing.
    let cookie = |number| without_branch("INFO", "SIP/2.0/tcp a;branch=z9hG4bK", ";tag=9", number);
    check(&cookie(1), &cookie(2), false);
    let cancel = without_branch("CANCEL", via, "", 1);
    assert_eq!(ServerKey::cancelled(&cancel, &cancel.check().unwrap()), key(&invite));
}

#[test]
fn responses_find_their_request() {
    let invite = usual("INVITE");
    let key = |request: &Request| ClientKey::of(&request.check().unwrap());
    let answer = response(&invite, Status::OK);
    assert_eq!(key(&invite), Some(ClientKey::new("z9hG4bKkjshdyff", &Method::Invite)));
    assert_eq!(ClientKey::of(&answer.headers.essentials().unwrap()), key(&invite));
    assert_ne!(key(&usual("CANCEL")), key(&invite));
    assert_eq!(key(&without_branch("INFO", "SIP/2.0/TCP a", "", 1)), None);
}

/// The example of RFC 3261 §17.1.1.3.
#[test]
fn an_ack_goes_where_its_invite_went() {
    let invite = usual("INVITE");
    let refusal = response(&invite, Status::NOT_FOUND);
    assert_eq!(
        String::from_utf8_lossy(&ack(&invite, &refusal)),
        "ACK sip:bob@biloxi.example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bKkjshdyff\r\n\
         Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
         From: Alice <sip:alice@atlanta.example.com>;tag=88sja8x\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 ACK\r\n\
         Max-Forwards: 70\r\n\
         To: <sip:bob@biloxi.example.com>;tag=99sa0xk\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_cancel_has_everything_of_its_invite_but_the_method() {
    let cancel = cancel(&usual("INVITE"));
    assert_eq!(
        String::from_utf8_lossy(&cancel),
        "CANCEL sip:bob@biloxi.example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bKkjshdyff\r\n\
         To: <sip:bob@biloxi.example.com>\r\n\
         Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
         From: Alice <sip:alice@atlanta.example.com>;tag=88sja8x\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 CANCEL\r\n\
         Max-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    );
}
