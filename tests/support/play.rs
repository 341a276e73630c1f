//! Plays one transcript from its first step to its last, on a server of its own.

use std::collections::BTreeMap;
use std::fmt::Write;

use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::connection::{Connection, Incoming};
use super::host::{Host, Pool};
use super::login::{self, Stage};
use super::pattern::{self, Bindings, Differences};
use super::script::{Action, Order, Pattern, Script, Verb};

/// The state of a play.
pub(super) struct Player<'a> {
    pub(super) script: &'a Script,
    pub(super) seats: Vec<Seat>,
    /// Who came into which room by one line, and under which nick.
    pub(super) rooms: BTreeMap<(usize, String), String>,
    host: Host,
    bindings: Bindings,
    requests: u32,
}

/// What a client has of the server.
pub(super) enum Seat {
    Nothing,
    /// A stream without a session.
    Stream(Connection),
    Session(Connection),
}

/// Plays the transcript; the error says where it went otherwise. In a pool each client connects to another member than
/// the one before it.
pub(crate) fn play(script: &Script, pool: Option<Pool>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let host = Host::start(script, pool)?;
    let mut player = Player {
        script,
        seats: script.clients.iter().map(|_| Seat::Nothing).collect(),
        rooms: BTreeMap::new(),
        host,
        bindings: Bindings::default(),
        requests: 0,
    };
    runtime.block_on(player.play())
}

impl Player<'_> {
    async fn play(&mut self) -> Result<(), String> {
        self.host.begin(self.script).await?;
        for step in &self.script.steps {
            let done = match &step.action {
                Action::Client(who, verb) => self.perform(*who, verb).await,
                Action::Restart => self.host.restart().await,
                Action::Kill => {
                    (0..self.seats.len()).for_each(|who| drop(self.vacate(who)));
                    self.host.kill().await
                }
                Action::KillSecond => {
                    (1..self.seats.len()).step_by(2).for_each(|who| drop(self.vacate(who)));
                    self.host.kill_second().await
                }
                Action::Operate(verb) => self.host.operate(verb).await,
            };
            done.map_err(|reason| format!("{}:{}: {reason}", self.script.path.display(), step.line))?;
            if self.host.is_pool() {
                self.converge().await;
            }
        }
        self.listen_to_the_end().await.map_err(|reason| format!("{}: {reason}", self.script.path.display()))
    }

    async fn perform(&mut self, who: usize, verb: &Verb) -> Result<(), String> {
        match verb {
            Verb::OpenConnection => {
                self.seats[who] = Seat::Stream(login::connect(self.host.address(who)?).await?);
                Ok(())
            }
            Verb::OpenStream => self.login(who, Stage::Stream).await,
            Verb::Authenticate => self.login(who, Stage::Identity).await,
            Verb::Connect => self.login(who, Stage::Session).await,
            Verb::ComeOnline => self.come_online(who).await,
            Verb::Send(text) => self.send(who, &self.fill(text)).await,
            Verb::Receive { patterns, order: Order::Given } => self.receive(who, patterns).await,
            Verb::Receive { patterns, order: Order::Any } => self.receive_in_any_order(who, patterns).await,
            Verb::ReceiveNothing => self.receive_nothing(who).await,
            Verb::Request { stanza, outcome } => self.request(who, stanza, outcome).await,
            Verb::PassOver => {
                self.settle(who).await?;
                self.seats[who].connection()?.forget(|_| true);
                Ok(())
            }
            Verb::ReceiveEnd => self.receive_end(who).await,
            Verb::Disconnect => self.disconnect(who).await,
            Verb::Drop => self.drop_connection(who),
            Verb::Create { room, nick, fields } => self.create(who, room, nick, fields).await,
            Verb::Configure { room, fields } => self.configure(who, room, fields).await,
            Verb::Join { room, nick } => self.join(who, room, nick).await,
            Verb::Leave { room } => self.leave(who, room).await,
        }
    }

    async fn login(&mut self, who: usize, stage: Stage) -> Result<(), String> {
        let connection = login::login(self.host.address(who)?, &self.script.clients[who], stage).await?;
        self.seats[who] = match stage {
            Stage::Stream | Stage::Identity => Seat::Stream(connection),
            Stage::Session => Seat::Session(connection),
        };
        Ok(())
    }

    /// Initial presence comes back to whoever sent it (RFC 6121 §4.2.2).
    async fn come_online(&mut self, who: usize) -> Result<(), String> {
        self.login(who, Stage::Session).await?;
        self.send(who, "<presence/>").await?;
        let jid = self.script.clients[who].jid.as_str();
        let is_own =
            |came: &Element| came.is("presence", namespace::CLIENT) && came.attribute("from") == Some(jid);
        let connection = self.seats[who].connection()?;
        loop {
            match connection.receive().await {
                Some(Incoming::Element(came)) if is_own(&came) => return Ok(()),
                Some(Incoming::End(reason)) => return Err(reason),
                Some(other) => connection.keep(other),
                None => return Err("the presence of the client itself does not come".to_owned()),
            }
        }
    }

    pub(super) async fn send(&mut self, who: usize, text: &str) -> Result<(), String> {
        self.seats[who]
            .connection()?
            .send(text)
            .await
            .map_err(|error| format!("nothing can be sent: {error}"))
    }

    /// The text with what is bound in place of its name.
    pub(super) fn fill(&self, text: &str) -> String {
        self.bindings.fill(text)
    }

    async fn receive(&mut self, who: usize, patterns: &[Pattern]) -> Result<(), String> {
        for pattern in patterns {
            let came = self.next_for(who, pattern).await?;
            let receiver = &self.script.clients[who].jid;
            pattern::compare(&pattern.element, &came, receiver, &mut self.bindings)
                .map_err(|differences| differs(pattern, &came, &differences))?;
        }
        Ok(())
    }

    async fn receive_in_any_order(&mut self, who: usize, patterns: &[Pattern]) -> Result<(), String> {
        let receiver = self.script.clients[who].jid.clone();
        let mut left: Vec<&Pattern> = patterns.iter().collect();
        while let Some(first) = left.first() {
            let came = self.next_for(who, first).await?;
            let bindings = &mut self.bindings;
            let fits = |pattern: &&Pattern| pattern::compare(&pattern.element, &came, &receiver, bindings);
            let outcomes: Vec<Result<(), Differences>> = {
                let mut fits = fits;
                let mut outcomes = Vec::new();
                for pattern in &left {
                    let outcome = fits(pattern);
                    let is_found = outcome.is_ok();
                    outcomes.push(outcome);
                    if is_found {
                        break;
                    }
                }
                outcomes
            };
            if outcomes.last().is_some_and(Result::is_ok) {
                left.remove(outcomes.len() - 1);
                continue;
            }
            let closest = left
                .iter()
                .zip(&outcomes)
                .filter_map(|(pattern, outcome)| Some((pattern, outcome.as_ref().err()?)));
            let closest = closest.min_by_key(|(_, differences)| differences.len());
            return Err(closest
                .map_or_else(String::new, |(pattern, differences)| differs(pattern, &came, differences)));
        }
        Ok(())
    }

    async fn receive_nothing(&mut self, who: usize) -> Result<(), String> {
        self.settle(who).await?;
        let mut came = self.seats[who]
            .connection()?
            .waiting()
            .filter(|incoming| !is_request_for_acknowledgement(incoming));
        match came.next() {
            None => Ok(()),
            Some(came) => Err(format!("nothing was to come, but this did:\n{came}")),
        }
    }

    async fn receive_end(&mut self, who: usize) -> Result<(), String> {
        loop {
            match self.seats[who].connection()?.next().await {
                Some(Incoming::End(_)) => {
                    self.vacate(who);
                    return Ok(());
                }
                Some(other) if is_request_for_acknowledgement(&other) => {}
                Some(came) => return Err(format!("the end was to come, but this did:\n{came}")),
                None => return Err("the stream does not end".to_owned()),
            }
        }
    }

    async fn disconnect(&mut self, who: usize) -> Result<(), String> {
        self.send(who, "</stream:stream>").await?;
        loop {
            match self.seats[who].connection()?.next().await {
                Some(Incoming::End(_)) => break,
                Some(_) => {}
                None => return Err("the server does not close its stream".to_owned()),
            }
        }
        self.vacate(who);
        Ok(())
    }

    fn drop_connection(&mut self, who: usize) -> Result<(), String> {
        match self.vacate(who) {
            Seat::Nothing => Err("there is no connection".to_owned()),
            Seat::Stream(connection) | Seat::Session(connection) => {
                connection.cut();
                Ok(())
            }
        }
    }

    fn vacate(&mut self, who: usize) -> Seat {
        self.rooms.retain(|(occupant, _), _| *occupant != who);
        std::mem::replace(&mut self.seats[who], Seat::Nothing)
    }

    /// At the end nobody has received what the transcript does not say.
    async fn listen_to_the_end(&mut self) -> Result<(), String> {
        for who in 0..self.seats.len() {
            if self.seats[who].has_session() {
                let at_the_end = |reason| format!("at the end, {}: {reason}", self.script.clients[who].name);
                self.receive_nothing(who).await.map_err(at_the_end)?;
            }
        }
        Ok(())
    }

    /// What comes next for the pattern. The server may ask for an acknowledgement at any time (XEP-0198 §4).
    async fn next_for(&mut self, who: usize, pattern: &Pattern) -> Result<Element, String> {
        loop {
            match self.seats[who].connection()?.next().await {
                Some(Incoming::Element(element)) => {
                    let is_asked = element.is("r", namespace::STREAM_MANAGEMENT);
                    if !is_asked || pattern.element.is("r", namespace::STREAM_MANAGEMENT) {
                        return Ok(element);
                    }
                }
                Some(Incoming::Header) => {}
                Some(Incoming::End(reason)) => return Err(format!("line {}: {reason}", pattern.line)),
                None => {
                    let expected = pattern::indented(&pattern.element, 2);
                    return Err(format!("line {}: nothing came; expected:\n{expected}", pattern.line));
                }
            }
        }
    }

    pub(super) async fn next_element(&mut self, who: usize) -> Result<Element, String> {
        match self.seats[who].connection()?.next().await {
            Some(Incoming::Element(element)) => Ok(element),
            Some(other) => Err(format!("{}: {other}", self.name(who))),
            None => Err(format!("{}: nothing came", self.name(who))),
        }
    }

    pub(super) fn name(&self, who: usize) -> &str {
        &self.script.clients[who].name
    }

    pub(super) fn fresh_id(&mut self) -> String {
        self.requests += 1;
        format!("transcript-{}", self.requests)
    }
}

impl Seat {
    /// Whether the client has a session that can send and receive.
    pub(super) fn has_session(&self) -> bool {
        matches!(self, Self::Session(_))
    }

    pub(super) fn connection(&mut self) -> Result<&mut Connection, String> {
        match self {
            Self::Stream(connection) | Self::Session(connection) => Ok(connection),
            Self::Nothing => Err("is not connected".to_owned()),
        }
    }
}

fn is_request_for_acknowledgement(incoming: &Incoming) -> bool {
    matches!(incoming, Incoming::Element(element) if element.is("r", namespace::STREAM_MANAGEMENT))
}

fn differs(pattern: &Pattern, came: &Element, differences: &[String]) -> String {
    let mut report = format!("what came is not what stands in line {}:\n", pattern.line);
    for difference in differences {
        let _ = writeln!(report, "  - {difference}");
    }
    report + "  this came:\n" + &pattern::indented(came, 2)
}
