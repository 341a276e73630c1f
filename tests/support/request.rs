//! A request and its outcome in two lines: what is granted, what is refused, and why.

use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::connection::Incoming;
use super::pattern::{indented, written};
use super::play::Player;
use super::script::Outcome;

impl Player<'_> {
    /// Sends the stanza and takes its answer from what comes; everything else is kept.
    pub(super) async fn request(
        &mut self,
        who: usize,
        stanza: &Element,
        outcome: &Outcome,
    ) -> Result<(), String> {
        let mut stanza = stanza.clone();
        if stanza.attribute("id").is_none() {
            stanza.set_attribute("id", self.fresh_id());
        }
        let answer = self.exchange(who, &stanza).await?;
        let differences = match outcome {
            Outcome::Granted => granted(&answer),
            Outcome::Refused { type_, condition } => refused(&answer, type_.as_deref(), condition),
        };
        let to = stanza.attribute("to");
        let sender =
            if to.is_some() && answer.attribute("from") != to { Some("answered by another") } else { None };
        match differences.or(sender) {
            None => Ok(()),
            Some(difference) => Err(format!("{difference}:\n{}", indented(&answer, 2))),
        }
    }

    /// The answer to a stanza: what has its name and id, and is a result or an error.
    async fn exchange(&mut self, who: usize, stanza: &Element) -> Result<Element, String> {
        let text = self.fill(&written(stanza));
        self.send(who, &text).await?;
        let is_answer = |came: &Element| {
            came.is(stanza.name(), namespace::CLIENT)
                && came.attribute("id") == stanza.attribute("id")
                && matches!(came.attribute("type"), Some("result" | "error"))
        };
        let connection = self.seats[who].connection()?;
        loop {
            match connection.receive().await {
                Some(Incoming::Element(element)) if is_answer(&element) => return Ok(element),
                Some(Incoming::End(reason)) => return Err(reason),
                Some(other) => connection.keep(other),
                None => {
                    let came: String = connection.waiting().map(ToString::to_string).collect();
                    return Err(format!("no answer came; what came:\n{came}"));
                }
            }
        }
    }
}

fn granted(answer: &Element) -> Option<&'static str> {
    match answer.attribute("type") {
        Some("result") if answer.children().next().is_none() => None,
        Some("result") => Some("granted, but there is something in the result"),
        _ => Some("not granted"),
    }
}

fn refused(answer: &Element, type_: Option<&str>, condition: &str) -> Option<&'static str> {
    let Some(error) = answer.child("error", namespace::CLIENT) else { return Some("not refused") };
    if error.child(condition, namespace::STANZA_ERROR).is_none() {
        Some("refused for another reason")
    } else if type_.is_some() && error.attribute("type") != type_ {
        Some("refused with another type of error")
    } else {
        None
    }
}
