//! A table lists states, how each is come to, and what events do there. What is not listed does nothing, which is tried
//! too: every event is, in every state.

use super::{answer, request, response, spell, timer, usual};
use crate::status::Status;
use crate::transaction::client::Client;
use crate::transaction::invite_client::InviteClient;
use crate::transaction::invite_server::InviteServer;
use crate::transaction::server::Server;
use crate::transaction::{Action, Timer, Timing};

/// Whatever may happen to any machine: a response by its status, a request, a wish of its user, a timer by its name.
const EVENTS: [&str; 19] = [
    "100", "180", "200", "302", "404", "408", "503", "603", "again", "ACK", "cancel", "B", "F", "H", "J",
    "L", "M", "Cancel", "Trying",
];

/// How a machine is told what happens.
struct Handlers<M> {
    status: fn(&mut M, Status) -> Vec<Action>,
    other: fn(&mut M, &str) -> Vec<Action>,
    timer: fn(&mut M, Timer) -> Vec<Action>,
}

impl<M> Handlers<M> {
    fn happen(&self, machine: &mut M, event: &str) -> Vec<Action> {
        match (event.parse().ok().and_then(Status::new), timer(event)) {
            (Some(status), _) => (self.status)(machine, status),
            (None, Some(timer)) => (self.timer)(machine, timer),
            (None, None) => (self.other)(machine, event),
        }
    }
}

/// Tries every event in every state of `table`. A state begins with `state = how to come there / another way`; behind it
/// are lines of `event: actions`, where `*` is the event, and perhaps `as state`: what else happens there happens here
/// too. Behind `end` there is no machine any more, and no state.
fn check<M: Clone>((machine, first): (M, Vec<Action>), handlers: &Handlers<M>, table: &str) {
    let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    assert_eq!(lines.next(), Some(&*spell(&first)), "at first");
    let mut states: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    while let Some(line) = lines.next() {
        let (state, ways) = line.split_once('=').expect("a state");
        let mut cells = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.contains('=')) {
            if let Some((events, actions)) = line.split_once(':') {
                cells.extend(events.split_whitespace().map(|event| (event, actions.trim())));
            } else {
                let other = line.strip_prefix("as ").expect("another state");
                let (_, others) =
                    states.iter().find(|(state, _)| *state == other).expect("a state from above");
                cells.extend(others);
            }
        }
        assert!(cells.iter().all(|(event, _)| EVENTS.contains(event)), "{state} lists what is no event");
        for way in ways.split('/') {
            let mut there = machine.clone();
            way.split_whitespace().for_each(|event| drop(handlers.happen(&mut there, event)));
            for event in EVENTS {
                let cell = cells.iter().find(|(listed, _)| *listed == event);
                let expected = cell.map_or(String::new(), |(_, actions)| actions.replace('*', event));
                let actions = handlers.happen(&mut there.clone(), event);
                assert_eq!(spell(&actions), expected, "{state}by{way}: {event}");
            }
        }
        states.push((state.trim(), cells));
    }
}

#[test]
fn client_of_an_invite() {
    let handlers = Handlers {
        status: |client: &mut InviteClient, status| {
            client.handle_response(&response(&usual("INVITE"), status))
        },
        other: |client, event| if event == "cancel" { client.cancel() } else { Vec::new() },
        timer: |client, timer| client.handle_timer(timer),
    };
    check(
        InviteClient::new(usual("INVITE"), Timing::DEFAULT),
        &handlers,
        "
send INVITE, arm B 32000
calling =
  100 180: deliver
  200: deliver, arm M 32000
  302 404 408 503 603: deliver, send ACK, end
  B: fail, end
proceeding = 100 / 180 / 180 100
  cancel: send CANCEL, arm Cancel 32000
  B:
  as calling
cancelled before anybody answered = cancel / cancel cancel
  100 180: deliver, send CANCEL, arm Cancel 32000
  as calling
cancelled = 180 cancel / cancel 100 / 100 cancel 180 cancel
  B:
  Cancel: fail, end
  as calling
accepted = 200 / 180 200 / 200 404 / 200 200 / cancel 180 200 / 200 cancel
  200: deliver
  M: end
",
    );
}

#[test]
fn client_of_another_request() {
    let handlers = Handlers {
        status: |client: &mut Client, status| client.handle_response(status),
        other: |_, _| Vec::new(),
        timer: |client, timer| client.handle_timer(timer),
    };
    check(
        Client::new(usual("MESSAGE").to_bytes(), Timing::DEFAULT),
        &handlers,
        "
send MESSAGE, arm F 32000
trying = / 100 / 180
  100 180: deliver
  200 302 404 408 503 603: deliver, end
  F: fail, end
",
    );
}

#[test]
fn server_of_an_invite() {
    let handlers = Handlers {
        status: |server: &mut InviteServer, status| server.respond(answer(&usual("INVITE"), status)),
        other: |server, event| match event {
            "again" => server.handle_request(&usual("INVITE")),
            "ACK" => server.handle_request(&request("ACK", "")),
            _ => Vec::new(),
        },
        timer: InviteServer::handle_timer,
    };
    check(
        InviteServer::new(usual("INVITE"), Timing::DEFAULT),
        &handlers,
        "
deliver, arm Trying 200
proceeding =
  100 180: send *
  200: send *, arm L 32000
  302 404 408 503 603: send *, arm H 32000
  Trying: send 100
proceeding, and told so = 100 180 / Trying 180
  again: send 180
  Trying:
  as proceeding
completed = 404 / 180 404 / 404 200
  again: send 404
  ACK: end
  H: fail, end
accepted = 200 / 180 200 / 200 ACK / 200 404
  200: send 200
  ACK: deliver
  L: end
",
    );
}

#[test]
fn server_of_another_request() {
    let handlers = Handlers {
        status: |server: &mut Server, status| server.respond(answer(&usual("MESSAGE"), status)),
        other: |server, event| if event == "again" { server.handle_request() } else { Vec::new() },
        timer: Server::handle_timer,
    };
    check(
        Server::new(usual("MESSAGE"), Timing::DEFAULT),
        &handlers,
        "
deliver, arm Trying 3500
trying = / 100 / 180
  200 302 404 503 603: send *, end
  408: end
  Trying: send 100, arm J 28500
proceeding = Trying / Trying 180
  again: send 100
  Trying:
  J: end
  as trying
",
    );
}
