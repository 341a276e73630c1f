//! A table lists states, how each is come to, and what events do there. What is not listed does nothing, which is tried
//! too: every event is, in every state.

use super::{request, response, spell, timer, usual};
use crate::message::Writer;
use crate::status::Status;
use crate::transaction::Reliability::{Reliable, Unreliable};
use crate::transaction::{Action, Client, InviteClient, InviteServer, Reliability, Server, Timing};

/// Whatever may happen to any machine: a response or a request by its name, a timer by its letter.
const EVENTS: [&str; 24] = [
    "100", "180", "200", "302", "408", "404", "503", "603", "again", "ACK", "error", "A", "B", "D", "E", "F",
    "G", "H", "I", "J", "K", "L", "M", "Trying",
];

/// Tries every event in every state of `table`, whose lines are `state = how to come there / another way` and
/// `  event: actions`.
fn check<M: Clone>((machine, first): (M, Vec<Action>), handle: fn(&mut M, &str) -> Vec<Action>, table: &str) {
    let mut lines = table.lines().filter(|line| !line.trim().is_empty()).peekable();
    assert_eq!(lines.next().unwrap().trim(), spell(&first), "at first");
    while let Some(line) = lines.next() {
        let (state, ways) = line.split_once('=').expect("a state");
        let mut cells = Vec::new();
        while let Some((event, actions)) = lines.peek().and_then(|line| line.split_once(':')) {
            cells.extend(event.split_whitespace().map(|event| (event, actions.trim())));
            lines.next();
        }
        for way in ways.split('/') {
            let mut there = machine.clone();
            way.split_whitespace().for_each(|event| drop(handle(&mut there, event)));
            for event in EVENTS {
                let expected =
                    cells.iter().find(|(listed, _)| *listed == event).map_or("", |(_, actions)| actions);
                let actions = handle(&mut there.clone(), event);
                assert_eq!(spell(&actions), expected, "{} by{way}: {event}", state.trim());
            }
        }
        assert!(cells.iter().all(|(event, _)| EVENTS.contains(event)), "{state} lists what is no event");
    }
}

fn status(event: &str) -> Option<Status> {
    Status::new(event.parse().ok()?)
}

fn invite_client(client: &mut InviteClient, event: &str) -> Vec<Action> {
    match (status(event), timer(event)) {
        (Some(status), _) => {
            let bytes = Writer::answer(&client.request().headers, status, Some("99sa0xk")).finish();
            client.handle_response(&response(bytes))
        }
        (None, Some(timer)) => client.handle_timer(timer),
        (None, None) if event == "error" => client.handle_transport_error(),
        (None, None) => Vec::new(),
    }
}

fn client(client: &mut Client, event: &str) -> Vec<Action> {
    match (status(event), timer(event)) {
        (Some(status), _) => {
            let bytes = Writer::answer(&client.request().headers, status, Some("99sa0xk")).finish();
            client.handle_response(&response(bytes))
        }
        (None, Some(timer)) => client.handle_timer(timer),
        (None, None) if event == "error" => client.handle_transport_error(),
        (None, None) => Vec::new(),
    }
}

fn invite_server(server: &mut InviteServer, event: &str) -> Vec<Action> {
    match (status(event), timer(event)) {
        (Some(status), _) => {
            let bytes = Writer::answer(&server.request().headers, status, Some("99sa0xk")).finish();
            server.respond(status, bytes)
        }
        (None, Some(timer)) => server.handle_timer(timer),
        (None, None) => match event {
            "again" => server.handle_request(&server.request().clone()),
            "ACK" => server.handle_request(&request("ACK", "")),
            _ => server.handle_transport_error(),
        },
    }
}

fn server(server: &mut Server, event: &str) -> Vec<Action> {
    match (status(event), timer(event)) {
        (Some(status), _) => {
            let bytes = Writer::answer(&server.request().headers, status, Some("99sa0xk")).finish();
            server.respond(status, bytes)
        }
        (None, Some(timer)) => server.handle_timer(timer),
        (None, None) if event == "again" => server.handle_request(),
        (None, None) if event == "error" => server.handle_transport_error(),
        (None, None) => Vec::new(),
    }
}

fn of_invite<M>(
    new: fn(crate::message::Request, Reliability, Timing) -> (M, Vec<Action>),
    by: Reliability,
) -> (M, Vec<Action>) {
    new(usual("INVITE"), by, Timing::DEFAULT)
}

fn of_message<M>(
    new: fn(crate::message::Request, Reliability, Timing) -> (M, Vec<Action>),
    by: Reliability,
) -> (M, Vec<Action>) {
    new(usual("MESSAGE"), by, Timing::DEFAULT)
}

#[test]
fn client_of_an_invite_where_messages_get_lost() {
    check(
        of_invite(InviteClient::new, Unreliable),
        invite_client,
        "
send INVITE, arm A 500, arm B 32000
calling =
  A: send INVITE, arm A 1000
  B: fail Timeout, end
  100 180: deliver
  200: deliver, arm M 32000
  302 408 404 503 603: deliver, send ACK, arm D 32000
  error: fail Transport, end
calling for long = A A A
  A: send INVITE, arm A 8000
  B: fail Timeout, end
  100 180: deliver
  200: deliver, arm M 32000
  302 408 404 503 603: deliver, send ACK, arm D 32000
  error: fail Transport, end
proceeding = 100 / 180 / A 180 100
  100 180: deliver
  200: deliver, arm M 32000
  302 408 404 503 603: deliver, send ACK, arm D 32000
  error: fail Transport, end
completed = 404 / 100 603 / 180 302 / 404 404 / 404 200
  302 408 404 503 603: send ACK
  D: end
  error: fail Transport, end
accepted = 200 / 180 200 / 200 404 / 200 200
  200: deliver
  M: end
terminated = B / error / 404 D / 404 error / 200 M
",
    );
}

#[test]
fn client_of_an_invite_where_none_gets_lost() {
    check(
        of_invite(InviteClient::new, Reliable),
        invite_client,
        "
send INVITE, arm B 32000
calling =
  A: send INVITE, arm A 1000
  B: fail Timeout, end
  100 180: deliver
  200: deliver, arm M 32000
  302 408 404 503 603: deliver, send ACK, end
  error: fail Transport, end
proceeding = 180
  100 180: deliver
  200: deliver, arm M 32000
  302 408 404 503 603: deliver, send ACK, end
  error: fail Transport, end
accepted = 200 / 180 200
  200: deliver
  M: end
terminated = B / 404 / 180 603 / error / 200 M
",
    );
}

#[test]
fn client_of_another_request_where_messages_get_lost() {
    check(
        of_message(Client::new, Unreliable),
        client,
        "
send MESSAGE, arm E 500, arm F 32000
trying =
  E: send MESSAGE, arm E 1000
  F: fail Timeout, end
  100 180: deliver
  200 302 408 404 503 603: deliver, arm K 5000
  error: fail Transport, end
trying for long = E E E E
  E: send MESSAGE, arm E 4000
  F: fail Timeout, end
  100 180: deliver
  200 302 408 404 503 603: deliver, arm K 5000
  error: fail Transport, end
proceeding = 100 / E 180
  E: send MESSAGE, arm E 4000
  F: fail Timeout, end
  100 180: deliver
  200 302 408 404 503 603: deliver, arm K 5000
  error: fail Transport, end
completed = 200 / 100 404 / 200 404
  K: end
terminated = F / 100 F / 200 K / error
",
    );
}

#[test]
fn client_of_another_request_where_none_gets_lost() {
    check(
        of_message(Client::new, Reliable),
        client,
        "
send MESSAGE, arm F 32000
trying =
  E: send MESSAGE, arm E 1000
  F: fail Timeout, end
  100 180: deliver
  200 302 408 404 503 603: deliver, end
  error: fail Transport, end
proceeding = 100
  E: send MESSAGE, arm E 4000
  F: fail Timeout, end
  100 180: deliver
  200 302 408 404 503 603: deliver, end
  error: fail Transport, end
terminated = 200 / 100 404 / F / error
",
    );
}

#[test]
fn server_of_an_invite_where_messages_get_lost() {
    check(
        of_invite(InviteServer::new, Unreliable),
        invite_server,
        "
deliver, arm Trying 200
proceeding =
  Trying: send 100
  100: send 100
  180: send 180
  200: send 200, arm L 32000
  302: send 302, arm H 32000, arm G 500
  408: send 408, arm H 32000, arm G 500
  404: send 404, arm H 32000, arm G 500
  503: send 503, arm H 32000, arm G 500
  603: send 603, arm H 32000, arm G 500
  error: fail Transport
proceeding, and told so = 100 180 / Trying 180
  again: send 180
  100: send 100
  180: send 180
  200: send 200, arm L 32000
  302: send 302, arm H 32000, arm G 500
  408: send 408, arm H 32000, arm G 500
  404: send 404, arm H 32000, arm G 500
  503: send 503, arm H 32000, arm G 500
  603: send 603, arm H 32000, arm G 500
  error: fail Transport
completed = 404 / 180 404 / 404 200 / 404 error
  again: send 404
  ACK: arm I 5000
  G: send 404, arm G 1000
  H: fail Timeout, end
  error: fail Transport
completed for long = 404 G G G
  again: send 404
  G: send 404, arm G 4000
  H: fail Timeout, end
  error: fail Transport
  ACK: arm I 5000
confirmed = 404 ACK / 404 G ACK ACK
  I: end
accepted = 200 / 180 200 / 200 ACK / 200 404 / 200 error
  200: send 200
  ACK: deliver
  L: end
  error: fail Transport
terminated = 404 H / 404 ACK I / 200 L
",
    );
}

#[test]
fn server_of_an_invite_where_none_gets_lost() {
    check(
        of_invite(InviteServer::new, Reliable),
        invite_server,
        "
deliver, arm Trying 200
proceeding =
  Trying: send 100
  100: send 100
  180: send 180
  200: send 200, arm L 32000
  302: send 302, arm H 32000
  408: send 408, arm H 32000
  404: send 404, arm H 32000
  503: send 503, arm H 32000
  603: send 603, arm H 32000
  error: fail Transport
completed = 404 / 100 404
  again: send 404
  ACK: end
  G: send 404, arm G 1000
  H: fail Timeout, end
  error: fail Transport
accepted = 200
  200: send 200
  ACK: deliver
  L: end
  error: fail Transport
terminated = 404 H / 404 ACK / 200 L
",
    );
}

#[test]
fn server_of_another_request_where_messages_get_lost() {
    check(
        of_message(Server::new, Unreliable),
        server,
        "
deliver, arm Trying 3500
trying = / 100 / 180
  Trying: send 100
  200: send 200, arm J 32000
  302: send 302, arm J 32000
  404: send 404, arm J 32000
  503: send 503, arm J 32000
  603: send 603, arm J 32000
  408: end
proceeding = Trying / Trying 180
  again: send 100
  200: send 200, arm J 32000
  302: send 302, arm J 32000
  404: send 404, arm J 32000
  503: send 503, arm J 32000
  603: send 603, arm J 32000
  408: end
  error: fail Transport, end
completed = 404 / Trying 404 / 404 200
  again: send 404
  J: end
  error: fail Transport, end
terminated = 200 J / 404 error / Trying error / 408
",
    );
}

#[test]
fn server_of_another_request_where_none_gets_lost() {
    check(
        of_message(Server::new, Reliable),
        server,
        "
deliver, arm Trying 3500
trying =
  Trying: send 100
  200: send 200, end
  302: send 302, end
  404: send 404, end
  503: send 503, end
  603: send 603, end
  408: end
proceeding = Trying
  again: send 100
  200: send 200, end
  302: send 302, end
  404: send 404, end
  503: send 503, end
  603: send 603, end
  408: end
  error: fail Transport, end
terminated = 200 / Trying 404 / 408
",
    );
}
