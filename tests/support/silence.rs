//! Proves that nothing more comes, without waiting for time to pass.
//!
//! A stream is ordered, and so is what a room or a client sends to another. Everybody makes a round trip to the server
//! and to every room, by which the server has dealt with all that was sent; then everybody sends the one who listens a
//! request, and what is behind those requests was caused by nobody.

use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::connection::Incoming;
use super::pattern::written;
use super::play::Player;

impl Player<'_> {
    /// Lets everything that is under way to that client arrive.
    pub(super) async fn settle(&mut self, listener: usize) -> Result<(), String> {
        let speakers: Vec<usize> =
            (0..self.seats.len()).filter(|seat| self.seats[*seat].has_session()).collect();
        let mut destinations: Vec<Option<String>> = self.script.rooms.iter().cloned().map(Some).collect();
        destinations.push(None);
        for &speaker in &speakers {
            for destination in &destinations {
                self.round_trip(speaker, destination.as_deref()).await?;
            }
        }
        if self.seats[listener].has_session() {
            for &speaker in &speakers {
                self.reach(speaker, listener).await?;
            }
        }
        Ok(())
    }

    /// Lets the members of a pool learn of each other what was done so far. Whoever is no longer there cannot be reached.
    pub(super) async fn converge(&mut self) {
        for listener in 0..self.seats.len() {
            if self.seats[listener].has_session() {
                let _ = self.settle(listener).await;
            }
        }
    }

    async fn round_trip(&mut self, speaker: usize, to: Option<&str>) -> Result<(), String> {
        let id = self.fresh_id();
        let content = match to {
            Some(_) => Element::new("query", namespace::DISCO_INFO),
            None => Element::new("ping", namespace::PING),
        };
        let request = written(&request(&id, to, content));
        let name = self.name(speaker).to_owned();
        let connection = self.seats[speaker].connection()?;
        connection.send(&request).await.map_err(|error| error.to_string())?;
        loop {
            match connection.receive().await {
                Some(Incoming::Element(element)) if is_answer(&element, &id) => return Ok(()),
                Some(Incoming::End(reason)) => {
                    connection.keep(Incoming::End(reason.clone()));
                    return Err(format!("{name}: {reason}"));
                }
                Some(other) => connection.keep(other),
                None => return Err(format!("{name}: no answer to {request}")),
            }
        }
    }

    /// Sends a request from one client to another, which comes behind all that went the same way. Where the one has
    /// blocked the other, the error tells as much.
    async fn reach(&mut self, speaker: usize, listener: usize) -> Result<(), String> {
        if speaker == listener {
            return Ok(());
        }
        let id = self.fresh_id();
        let to = self.script.clients[listener].jid.clone();
        let request = request(&id, Some(&to), Element::new("settled", SETTLED));
        let [from, to] =
            self.seats.get_disjoint_mut([speaker, listener]).map_err(|error| error.to_string())?;
        let (from, to) = (from.connection()?, to.connection()?);
        from.send(&written(&request)).await.map_err(|error| error.to_string())?;
        loop {
            tokio::select! {
                arrived = to.receive() => match arrived {
                    Some(Incoming::Element(element)) if is_marker(&element, &id) => return Ok(()),
                    Some(Incoming::End(reason)) => {
                        to.keep(Incoming::End(reason.clone()));
                        return Err(reason);
                    }
                    Some(other) => to.keep(other),
                    None => return Err("a request from one client to another did not arrive".to_owned()),
                },
                refused = from.receive() => match refused {
                    Some(Incoming::Element(element)) if is_answer(&element, &id) => return Ok(()),
                    Some(Incoming::End(reason)) => {
                        from.keep(Incoming::End(reason.clone()));
                        return Err(reason);
                    }
                    Some(other) => from.keep(other),
                    None => return Err("a request from one client to another did not arrive".to_owned()),
                },
            }
        }
    }
}

fn request(id: &str, to: Option<&str>, content: Element) -> Element {
    Element::new("iq", namespace::CLIENT)
        .with_attribute("type", "get")
        .with_attribute("id", id)
        .with_optional("to", to)
        .with_child(content)
}

fn is_answer(element: &Element, id: &str) -> bool {
    element.is("iq", namespace::CLIENT)
        && element.attribute("id") == Some(id)
        && matches!(element.attribute("type"), Some("result" | "error"))
}

fn is_marker(element: &Element, id: &str) -> bool {
    element.is("iq", namespace::CLIENT)
        && element.attribute("id") == Some(id)
        && element.child("settled", SETTLED).is_some()
}

/// A namespace that nobody else understands.
const SETTLED: &str = "tag:transcripts,2026:settled";
