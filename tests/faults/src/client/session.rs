//! One connection: from signing in to the cut, or to the order to stop.

use perch_checker::Event;
use rand::Rng;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Client, Order, Post, Stage};
use crate::problem::Problem;
use crate::xmpp::{CLIENT, Element, STANZA_ID, Stream, escape};

impl Client {
    /// Ends well only when the client was told to stop.
    pub(super) async fn connection(&mut self) -> Result<(), Problem> {
        self.choose_door();
        let connector = self.doors[self.door].connector.clone();
        let signing_in = connector.authenticate(&self.name, &self.password, &mut self.salted_password);
        let (mut stream, features) =
            timeout(self.habits.patience, signing_in).await.map_err(|_| Problem::Late("sign-in"))??;
        if !self.resume(&mut stream).await? {
            self.end_session("cut");
            stream.bind().await?;
            self.sessions += 1;
            self.session = format!("{}/{}{}", self.name, self.sessions, self.doors[self.door].mark);
            self.manage(&mut stream, &features).await?;
            self.send(&mut stream, "<presence/>".to_owned(), None).await?;
        }
        let patience = self.habits.patience;
        let joining = async {
            // A session that was cut while it joined has yet to be told, or even to ask.
            for room in 0..self.rooms.len() {
                self.join(&mut stream, room).await?;
            }
            self.settle(&mut stream).await
        };
        let entered = timeout(patience, joining).await.map_err(|_| Problem::Late("entry to all rooms"));
        let outcome = match entered.flatten() {
            Ok(()) => {
                self.reach(Stage::Present);
                self.converse(&mut stream).await
            }
            Err(problem) => Err(problem),
        };
        if !matches!(outcome, Err(Problem::Io(_) | Problem::StreamClosed | Problem::Cut)) {
            self.hear_out(&mut stream).await;
        }
        outcome
    }

    /// A client that leaves on its own has read what had come: what was refused is not taken for acknowledged.
    async fn hear_out(&mut self, stream: &mut Stream) {
        let deadline = Instant::now() + HEARING;
        while let Ok(Ok(element)) = timeout(deadline - Instant::now(), stream.next()).await {
            if self.take(stream, &element).await.is_err() {
                return;
            }
        }
    }

    /// A session that may be resumed is so as often where it was as elsewhere.
    fn choose_door(&mut self) {
        if self.management.is_none() || self.random.random_bool(0.5) {
            self.door = self.random.random_range(0..self.doors.len());
        }
    }

    async fn converse(&mut self, stream: &mut Stream) -> Result<(), Problem> {
        let (mut orders, mut scissors) = (self.orders.clone(), self.scissors.clone());
        scissors.mark_unchanged();
        loop {
            let order = *orders.borrow_and_update();
            let is_settled = self.outstanding.is_empty() && self.unsettled.is_empty();
            let stage = self.progress.borrow().stage;
            match order {
                Order::Stop => return self.leave(stream).await,
                Order::Talk => self.reach(Stage::Present),
                Order::Hush if is_settled => self.reach(Stage::Settled),
                Order::Read if is_settled && stage < Stage::Read => {
                    if self.habits.reads {
                        self.read_archives(stream).await?;
                    }
                    self.reach(Stage::Read);
                }
                Order::Hush | Order::Read => {}
            }
            let may_post = order == Order::Talk && self.outstanding.len() < self.habits.window;
            let oldest = self.outstanding.values().map(|post| post.sent_at).min();
            let overdue_at = oldest.unwrap_or_else(Instant::now) + self.habits.patience;
            tokio::select! {
                element = stream.next() => self.take(stream, &element?).await?,
                () = sleep_until(self.next_post_at), if may_post => self.post(stream).await?,
                () = sleep_until(overdue_at), if oldest.is_some() => return Err(Problem::Late("outcome of a post")),
                _ = scissors.changed() => return Err(Problem::Cut),
                changed = orders.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    async fn post(&mut self, stream: &mut Stream) -> Result<(), Problem> {
        let mean = self.habits.pause.as_secs_f64();
        self.next_post_at =
            Instant::now() + std::time::Duration::from_secs_f64(self.random.random_range(0.0..=2.0 * mean));
        self.posts += 1;
        let post = Post {
            room: self.random.random_range(0..self.rooms.len()),
            id: format!("{}:{}", self.name, self.posts),
            sent_at: Instant::now(),
            is_acknowledged: false,
        };
        self.send_post(stream, self.posts, post).await
    }

    pub(super) async fn send_post(
        &mut self,
        stream: &mut Stream,
        number: u64,
        post: Post,
    ) -> Result<(), Problem> {
        let id = escape(&post.id);
        let stanza = format!(
            "<message type='groupchat' to='{}' id='{id}'><body>{id} {}</body><origin-id xmlns='{STANZA_ID}' id='{id}'/></message>",
            escape(&self.rooms[post.room].address),
            ".".repeat(self.habits.body_bytes),
        );
        self.note_attempt(&post);
        self.outstanding.insert(number, post);
        self.send(stream, stanza, Some(number)).await
    }

    pub(super) fn note_attempt(&self, post: &Post) {
        self.note(|client, session| Event::Invoke {
            client,
            session,
            room: self.rooms[post.room].name.as_str().into(),
            id: post.id.as_str().into(),
        });
    }

    /// Reads one element, does what it asks of any client, and returns it to whoever waits for something in it.
    pub(super) async fn next(&mut self, stream: &mut Stream) -> Result<Element, Problem> {
        let element = stream.next().await?;
        self.take(stream, &element).await?;
        Ok(element)
    }

    async fn take(&mut self, stream: &mut Stream, element: &Element) -> Result<(), Problem> {
        self.count(stream, element).await?;
        if element.is("message", CLIENT) {
            self.take_message(element);
        } else if element.is("presence", CLIENT) {
            self.take_presence(element)?;
        } else if element.is("iq", CLIENT) {
            self.answer(stream, element).await?;
        }
        Ok(())
    }

    /// Answers what the server asks: a ping with a result, anything else with an error.
    async fn answer(&mut self, stream: &mut Stream, iq: &Element) -> Result<(), Problem> {
        if !matches!(iq.attribute("type"), Some("get" | "set")) {
            return Ok(());
        }
        let to = iq.attribute("from").map_or_else(String::new, |from| format!(" to='{}'", escape(from)));
        let id = escape(iq.attribute("id").unwrap_or_default());
        let reply = if iq.child("ping", "urn:xmpp:ping").is_some() {
            format!("<iq type='result' id='{id}'{to}/>")
        } else {
            format!(
                "<iq type='error' id='{id}'{to}><error type='cancel'>\
                 <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )
        };
        self.send(stream, reply, None).await
    }

    /// Sends a request and returns its answer, which must not be an error.
    pub(super) async fn request(
        &mut self,
        stream: &mut Stream,
        what: &'static str,
        (kind, to, payload): (&str, &str, &str),
    ) -> Result<Element, Problem> {
        let id = self.next_request();
        let to = escape(to);
        self.send(stream, format!("<iq type='{kind}' to='{to}' id='{id}'>{payload}</iq>"), None).await?;
        loop {
            let reply = self.next(stream).await?;
            if reply.is("iq", CLIENT) && reply.attribute("id") == Some(&id) {
                return match reply.error() {
                    Some(why) => Err(Problem::Refused { what, why }),
                    None => Ok(reply),
                };
            }
        }
    }

    pub(super) fn next_request(&mut self) -> String {
        self.requests += 1;
        format!("q{}", self.requests)
    }

    async fn leave(&mut self, stream: &mut Stream) -> Result<(), Problem> {
        self.end_session("left");
        stream.send("<presence type='unavailable'/></stream:stream>").await
    }
}

/// What had come is read in so long.
const HEARING: std::time::Duration = std::time::Duration::from_millis(300);
