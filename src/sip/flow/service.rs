//! Where a request goes: to the device of its account, to its dialog, or back.

use std::collections::HashMap;

use perch_address::BareJid;
use perch_sip::dialog::{Dialog, DialogId};
use perch_sip::header::Name;
use perch_sip::limits::Limits;
use perch_sip::message::{Answer, Request};
use perch_sip::transaction::{Cancelled, ServerKey};
use perch_sip::{Method, Status};
use tokio::sync::mpsc;

use super::{Flow, Word, unavailable};
use crate::auth::AsOf;
use crate::sip::check::{Asked, Reach, answer, capabilities, check, tag};
use crate::sip::conversation::{self, Invitation, News};
use crate::sip::device::{self, Order};
use crate::sip::diagnostics::Diagnostic;
use crate::sip::dialogs::Dialogs;
use crate::sip::exchanges::Taken;
use crate::sip::identity::Known;
use crate::sip::{provisioning, registration};

impl Flow {
    pub(super) async fn take(&mut self, request: Request) {
        let essentials = match request.check() {
            Ok(essentials) => essentials,
            Err(unfit) => return self.answer_alone(&request, unfit.status()),
        };
        let cancelled = match request.method {
            Method::Cancel => self.exchanges.cancelled(&request, &essentials),
            _ => None,
        };
        match self.exchanges.take_request(&request, &essentials) {
            Taken::Known => {}
            Taken::Acknowledgement => self.acknowledge(&request),
            Taken::Overload => self.answer_alone(&request, Status::SERVICE_UNAVAILABLE),
            Taken::New(key) if request.method == Method::Cancel => self.cancel(&key, &request, cancelled),
            Taken::New(key) => {
                if let Err(answer) = self.serve(&key, request).await {
                    self.exchanges.respond(&key, answer);
                }
            }
        }
    }

    /// An ACK is for its dialog, whoever it says it is from, and is never answered.
    fn acknowledge(&self, request: &Request) {
        if let Ok(Some(id)) = DialogId::of_request(&request.headers)
            && let Some(news) = self.dialogs.any(&id)
        {
            // Who sends so much that it cannot be taken has his 2xx once more, and answers that.
            let _ = news.try_send(News::Acknowledged);
        }
    }

    /// RFC 3261 §9.2. A CANCEL is believed as its INVITE was: it has the branch.
    fn cancel(&mut self, key: &ServerKey, request: &Request, cancelled: Option<Cancelled>) {
        let status = if cancelled.is_some() { Status::OK } else { Status::NO_SUCH_DIALOG };
        self.exchanges.respond(key, answer(request, status).finish());
        if let Some(Cancelled::Pending { key, invite }) = cancelled {
            for news in self.dialogs.begun_by(&invite) {
                let _ = news.try_send(News::Cancelled(key.clone()));
            }
            self.exchanges.respond(&key, answer(&invite, Status::REQUEST_TERMINATED).finish());
        }
    }

    /// Sees that the request is served; or gives its answer.
    async fn serve(&mut self, key: &ServerKey, request: Request) -> Result<(), Answer> {
        let domains = [&self.services.domain, &self.services.rooms_domain];
        let [domain, rooms_domain] = domains.map(|domain| domain.domain());
        let contact_object = &self.services.options.contact_object;
        let asked = check(&request, Reach { domain, rooms_domain, contact_object, local: self.local })?;
        if asked == Asked::Capabilities {
            return Err(capabilities(&request));
        }
        let Some(speaker) = self.speaker.clone() else {
            return Err(unavailable(&request));
        };
        let as_of = self.services.accounts.as_of_now();
        let (devices, dialogs) = (&self.devices, &self.dialogs);
        let is_here = |account: &BareJid| is_here(devices, dialogs, account);
        let is_registration = asked == Asked::Registration;
        let known = self.guard.identify(&self.services, &request, is_registration, is_here).await?;
        let (account, as_of) = match known {
            Known::Here(account) => (account, as_of),
            Known::New { account, as_of } => (account, as_of),
        };
        match asked {
            Asked::InDialog(id) => self.pass_on(key, request, &id, &account),
            Asked::Provisioning => {
                let is_enabled = self.services.sessions.lets_use_rooms(&account);
                let pool = is_enabled.then(|| self.services.pool_uri());
                Err(provisioning::tell(&request, &account, pool.as_deref()))
            }
            Asked::Invitation { description } => {
                self.converse(key, request, description, (account, as_of), speaker).await
            }
            asked => {
                let device = self.device(&request, (account, as_of), speaker).await?;
                let order = Order { key: key.clone(), request, asked };
                device.try_send(order).map_err(|error| unavailable(&error.into_inner().request))
            }
        }
    }

    /// Hands a request to the dialog that it belongs to.
    fn pass_on(
        &self,
        key: &ServerKey,
        request: Request,
        id: &DialogId,
        account: &BareJid,
    ) -> Result<(), Answer> {
        let Some(news) = self.dialogs.find(id, account) else {
            let unknown = answer(&request, Status::NO_SUCH_DIALOG);
            return Err(Diagnostic::UnknownSession.write(unknown, &self.services.domain).finish());
        };
        news.try_send(News::Request { key: key.clone(), request }).map_err(|error| match error.into_inner() {
            News::Request { request, .. } => Diagnostic::QueueFull.refuse(&request, &self.services.domain),
            News::Acknowledged | News::Cancelled(_) => unreachable!("a request was handed in"),
        })
    }

    /// Begins the conversation that an INVITE asks for.
    async fn converse(
        &mut self,
        key: &ServerKey,
        request: Request,
        description: String,
        (account, as_of): (BareJid, AsOf),
        speaker: mpsc::Sender<Word>,
    ) -> Result<(), Answer> {
        let max = if self.way.is_trusted { DIALOGS_OF_FRONT_END } else { DIALOGS };
        if !self.dialogs.has_room(max) {
            return Err(Diagnostic::TooManyEndpoints.refuse(&request, &self.services.domain));
        }
        let local_tag = tag();
        let dialog = Dialog::answered(&request, &local_tag);
        let dialog = dialog.map_err(|_| answer(&request, Status::BAD_REQUEST).finish())?;
        let agreement = conversation::agree(&request)?;
        let id = dialog.id.clone();
        let invitation =
            Invitation { key: key.clone(), request, dialog, description, agreement, way: self.way };
        let news = conversation::open(&self.services, &account, as_of, invitation, speaker).await?;
        self.dialogs.insert(id, account, news);
        self.note_signed_in();
        Ok(())
    }

    /// The device of that account, which is made if there is none.
    async fn device(
        &mut self,
        request: &Request,
        (account, as_of): (BareJid, AsOf),
        speaker: mpsc::Sender<Word>,
    ) -> Result<mpsc::Sender<Order>, Answer> {
        if let Some(device) = self.devices.get(&account).filter(|device| !device.is_closed()) {
            return Ok(device.clone());
        }
        self.make_room(request)?;
        let wanted = registration::resource_of(request);
        let device =
            device::open(&self.services, &account, as_of, wanted.as_deref(), self.way, speaker).await;
        let device = device.ok_or_else(|| unavailable(request))?;
        self.devices.insert(account, device.clone());
        self.note_signed_in();
        Ok(device)
    }

    /// From now on somebody is known at the other end.
    fn note_signed_in(&mut self) {
        if self.place.take().is_some() {
            self.framer.set_limits(Limits::PEER);
        }
    }

    /// Forgets devices that have ended, where there are as many as there may be.
    fn make_room(&mut self, request: &Request) -> Result<(), Answer> {
        let max = if self.way.is_trusted { DEVICES_OF_FRONT_END } else { DEVICES };
        if self.devices.len() >= max {
            self.devices.retain(|_, device| !device.is_closed());
        }
        if self.devices.len() < max { Ok(()) } else { Err(unavailable(request)) }
    }

    /// Answers what is part of no transaction, as far as it can be answered at all.
    fn answer_alone(&mut self, request: &Request, status: Status) {
        let essential = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
        let is_answerable = essential.iter().all(|name| request.headers.has(*name));
        if is_answerable && request.method != Method::Ack {
            self.exchanges.push(&answer(request, status).finish().into_bytes());
        }
    }
}

/// Whether that account has proved itself on the flow, and is still there.
fn is_here(devices: &HashMap<BareJid, mpsc::Sender<Order>>, dialogs: &Dialogs, account: &BareJid) -> bool {
    devices.get(account).is_some_and(|device| !device.is_closed()) || dialogs.is_of(account)
}

/// Accounts that use one flow.
const DEVICES: usize = 8;
const DEVICES_OF_FRONT_END: usize = 20_000;
/// Dialogs of one flow, of all its accounts.
const DIALOGS: usize = 16;
const DIALOGS_OF_FRONT_END: usize = 20_000;
