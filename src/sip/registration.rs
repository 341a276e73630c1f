//! REGISTER (RFC 3261 §10.3): an account is reached by the flow on which it registers, whatever its Contact says (RFC 5626);
//! as long as that holds, it is available as any session is.
//!
//! The device's own id, or failing that its Contact, is the session's resource: who registers anew on another flow takes his
//! former session over, and the resource is the `gr` of the device's public address (RFC 5627).

use std::time::Duration;

use aws_lc_rs::digest;
use perch_sip::Status;
use perch_sip::header::{Contact, Name, NameAddr};
use perch_sip::message::{Answer, Request};
use tokio::time::Instant;

use crate::sip::address::to_sip;
use crate::sip::check::{answer, explained};
use crate::sip::device::{Device, End, Order};
use crate::sip::flow::Word;
use crate::sip::letter::Date;
use crate::sip::provisioning;

/// Where a client is reached.
pub(super) struct Binding {
    /// As a request is addressed there.
    pub(super) contact: String,
    /// The way there, from proxies that put themselves into it (RFC 3327).
    pub(super) paths: Vec<String>,
    pub(super) until: Instant,
    /// Of the request that made it: an older one changes nothing.
    call_id: String,
    number: u32,
}

/// What a REGISTER wants.
enum Wish {
    List,
    RemoveAll,
    Remove,
    Bind { contact: String, shown: String, time: Duration },
}

impl Device {
    pub(super) async fn register(&mut self, Order { key, request, .. }: Order) -> Result<(), End> {
        let wish = match wish(&request) {
            Ok(wish) => wish,
            Err(refusal) => return self.answer(key, refusal).await,
        };
        let (Ok(call_id), Ok(cseq)) = (request.headers.call_id(), request.headers.cseq()) else {
            return Ok(());
        };
        let is_old = |known: &Binding| known.call_id == call_id && cseq.number <= known.number;
        if !matches!(wish, Wish::List) && self.binding.as_ref().is_some_and(is_old) {
            let refusal =
                explained(&request, Status::SERVER_ERROR, "a later request was served before").finish();
            return self.answer(key, refusal).await;
        }
        match wish {
            Wish::List => {
                let listed = self.registered(&request, false);
                self.answer(key, listed).await
            }
            Wish::Bind { contact, shown, time } => {
                let until = Instant::now() + time;
                let is_new = self.binding.is_none();
                let paths = request.headers.values(Name::Path).map(str::to_owned).collect();
                let binding =
                    Binding { contact, paths, until, call_id: call_id.to_owned(), number: cseq.number };
                self.binding = Some(binding);
                self.services.bindings.put(&self.account, self.inbox.mailbox(), shown, until);
                let is_outbound = is_outbound(&request);
                if is_outbound {
                    self.say(Word::Pings).await?;
                }
                let registered = self.registered(&request, is_outbound);
                self.answer(key, registered).await?;
                if is_new {
                    // What waited for the account comes now.
                    self.hand_in(Self::presence(None)).await?;
                }
                Ok(())
            }
            Wish::Remove | Wish::RemoveAll => {
                let own = self.inbox.mailbox();
                if matches!(wish, Wish::RemoveAll) {
                    self.services.bindings.end_others(&self.account, &own);
                }
                self.services.bindings.remove(&self.account, &own);
                let registered = self.registered(&request, false);
                self.answer(key, registered).await?;
                Err(End::Deregistered)
            }
        }
    }

    /// The answer that lists where the account is reached now (§10.3 step 8).
    fn registered(&self, request: &Request, is_outbound: bool) -> Answer {
        let gruu = to_sip(self.session.jid().as_jid());
        let supports = |tag: &str| {
            let tags = request.headers.tokens(Name::Supported).unwrap_or_default();
            tags.iter().any(|supported| supported.eq_ignore_ascii_case(tag))
        };
        let mut ok = answer(request, Status::OK);
        let looks_further = provisioning::is_wanted_by(request);
        if looks_further {
            ok = provisioning::announce(ok);
        }
        for (contact, left, is_own) in self.services.bindings.list(&self.account, &self.inbox.mailbox()) {
            let public =
                if is_own && supports("gruu") { format!(";pub-gruu=\"{gruu}\"") } else { String::new() };
            ok = ok.header(Name::Contact, format_args!("{contact}{public};expires={}", left.as_secs()));
            if is_own && looks_further {
                // COMPAT: pidgin-sipe reads there how long its own contact is good.
                ok = ok.header(Name::Expires, left.as_secs());
            }
        }
        if is_outbound {
            ok = ok.header(Name::Require, "outbound").header(Name::FlowTimer, FLOW_TIMER.as_secs());
        }
        ok.header(Name::Date, Date(self.services.clock.now().0)).finish()
    }
}

/// What is asked for; or the answer that refuses it.
fn wish(request: &Request) -> Result<Wish, Answer> {
    let refuse = |reason| explained(request, Status::BAD_REQUEST, reason).finish();
    let default = request.headers.expires().map_err(|_| refuse("Expires is no time"))?;
    let mut wish = Wish::List;
    for contact in request.headers.contacts() {
        let contact = match contact {
            Ok(Contact::All) => return Ok(Wish::RemoveAll),
            Ok(Contact::Address(contact)) => contact,
            Err(_) => return Err(refuse("a Contact is no address")),
        };
        let Some(uri) = contact.uri.as_sip() else { return Err(refuse("a Contact is no SIP address")) };
        let seconds = contact.expires().or(default).map_or(EXPIRES_MAX, |seconds| seconds.min(EXPIRES_MAX));
        wish = match wish {
            // Who moves to another address takes the old one back with it.
            Wish::List | Wish::Remove if seconds == 0 => Wish::Remove,
            Wish::Bind { .. } if seconds == 0 => wish,
            Wish::Bind { .. } => return Err(refuse("one flow leads to one contact")),
            _ if seconds < EXPIRES_MIN => {
                let brief = answer(request, Status::INTERVAL_TOO_BRIEF).header(Name::MinExpires, EXPIRES_MIN);
                return Err(brief.finish());
            }
            _ => Wish::Bind {
                contact: uri.for_request(),
                shown: shown(&contact),
                time: Duration::from_secs(seconds.into()),
            },
        };
    }
    Ok(wish)
}

/// A contact as it is listed: what it was said to be, with what is ours to say left out.
fn shown(contact: &NameAddr<'_>) -> String {
    let is_ours =
        |name: &str| ["expires", "pub-gruu", "temp-gruu"].iter().any(|own| name.eq_ignore_ascii_case(own));
    let params = contact.params.iter().filter(|(name, _)| !is_ours(name));
    params.fold(format!("<{}>", contact.uri), |shown, (name, value)| match value {
        Some(value) => format!("{shown};{name}={value}"),
        None => format!("{shown};{name}"),
    })
}

/// RFC 5626 §6: the client numbers its flows, and both sides know what that means.
fn is_outbound(request: &Request) -> bool {
    let supports = request.headers.tokens(Name::Supported).unwrap_or_default();
    let has_number =
        |contact: NameAddr<'_>| contact.params.has("reg-id") && contact.params.has("+sip.instance");
    supports.contains(&"outbound")
        && request.headers.contacts().any(|contact| match contact {
            Ok(Contact::Address(contact)) => has_number(contact),
            Ok(Contact::All) | Err(_) => false,
        })
}

/// The resource of whoever sends that request, if it tells one device from another.
pub(super) fn resource_of(request: &Request) -> Option<String> {
    let contact = request.headers.contacts().find_map(|contact| match contact {
        Ok(Contact::Address(contact)) => Some(contact),
        Ok(Contact::All) | Err(_) => None,
    })?;
    if let Some(instance) = contact.params.find("+sip.instance") {
        return Some(instance.trim_start_matches('<').trim_end_matches('>').to_owned());
    }
    let hash = digest::digest(&digest::SHA256, contact.uri.as_str().as_bytes());
    Some(hash.as_ref()[..6].iter().fold("sip-".to_owned(), |resource, byte| format!("{resource}{byte:02x}")))
}

/// How long a registration may be good, in seconds: the bounds of what is asked for. RFC 3261 §10.2.1.1 has the upper one for
/// who asks for nothing.
const EXPIRES_MIN: u32 = 60;
const EXPIRES_MAX: u32 = 3600;

/// How often a client pings that has promised to (RFC 5626 §5.4): within this time, less a little.
pub(super) const FLOW_TIMER: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use perch_sip::limits::Limits;
    use perch_sip::message::Message;

    use super::*;

    fn request(headers: &str) -> Request {
        let text =
            format!("REGISTER sip:h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\n{headers}\r\n\r\n");
        match Message::parse(text.into(), Limits::PEER) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_asked_for() {
        let check = |headers: &str, expected: &str| {
            let found = match wish(&request(headers)) {
                Ok(Wish::List) => "list".to_owned(),
                Ok(Wish::Remove) => "remove".to_owned(),
                Ok(Wish::RemoveAll) => "remove all".to_owned(),
                Ok(Wish::Bind { contact, shown, time }) => format!("{contact} {shown} {}", time.as_secs()),
                Err(answer) => answer.status().to_string(),
            };
            assert_eq!(found, expected, "{headers}");
        };
        check("Expires: 60", "list");
        check("Contact: *\r\nExpires: 0", "remove all");
        check("Contact: <sip:a@c>;expires=0", "remove");
        check("Contact: <sip:a@c>", "sip:a@c <sip:a@c> 3600");
        check("Contact: <sip:a@c>;expires=7200", "sip:a@c <sip:a@c> 3600");
        check("Contact: <sip:a@c>;expires=60;q=1\r\nExpires: 600", "sip:a@c <sip:a@c>;q=1 60");
        check("Contact: <sip:a@c?x=y>\r\nExpires: 600", "sip:a@c <sip:a@c?x=y> 600");
        check("Contact: <sip:a@c>;expires=59", "423 Interval Too Brief");
        check("Contact: <sip:a@old>;expires=0, <sip:a@new>", "sip:a@new <sip:a@new> 3600");
        check("Contact: <sip:a@c>, <sip:a@d>", "400 Bad Request");
        check("Contact: <tel:+1>", "400 Bad Request");
    }

    #[test]
    fn a_device_is_known_again() {
        let check = |contact: &str, expected: Option<&str>| {
            let resource = resource_of(&request(&format!("Contact: {contact}")));
            assert_eq!(resource.as_deref(), expected, "{contact}");
        };
        check(
            "<sip:a@c>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"",
            Some("urn:uuid:00000000-0000-1000-8000-000A95A0E128"),
        );
        check(
            "<sip:a@192.0.2.1:40000>",
            resource_of(&request("Contact: sip:a@192.0.2.1:40000;q=1")).as_deref(),
        );
        check("*", None);
        assert_ne!(resource_of(&request("Contact: <sip:a@c>")), resource_of(&request("Contact: <sip:a@d>")));
    }
}
