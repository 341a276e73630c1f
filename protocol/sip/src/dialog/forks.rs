//! One INVITE of this side, and the dialogs that come of it (RFC 3261 §12.1.2, §13.2.2): as many as there are others who
//! answered.

use super::{Dialog, NoDialog};
use crate::message::{Request, Response};

/// The dialogs of one INVITE.
#[derive(Debug, Clone)]
pub struct Forks {
    invite: Request,
    dialogs: Vec<Dialog>,
    count_max: usize,
}

/// Which dialog a response belongs to.
#[derive(Debug, PartialEq, Eq)]
pub enum Fork<'a> {
    /// This one: it was known, or begins.
    Dialog(&'a mut Dialog),
    /// None.
    None,
    /// One too many, by a 2xx: to be acknowledged all the same, and ended by BYE (§13.2.2.4).
    Surplus(Dialog),
}

impl Forks {
    /// No dialog yet, and `count_max` at most.
    pub fn new(invite: Request, count_max: usize) -> Self {
        Self { invite, dialogs: Vec::new(), count_max }
    }

    /// Takes a response: it may begin a dialog, early or confirmed, or confirm one. A refusal ends all early ones.
    pub fn handle_response(&mut self, response: &Response) -> Result<Fork<'_>, NoDialog> {
        let is_success = response.status.is_success();
        if !response.status.is_provisional() && !is_success {
            self.dialogs.retain(|dialog| dialog.is_confirmed);
            return Ok(Fork::None);
        }
        let to = response.headers.to()?;
        let known = self.dialogs.iter().position(|dialog| dialog.id.remote_tag.as_deref() == to.tag());
        if let Some(place) = known {
            let dialog = &mut self.dialogs[place];
            if is_success {
                dialog.confirm_by(response)?;
            }
            return Ok(Fork::Dialog(dialog));
        }
        match Dialog::asked(&self.invite, response) {
            Ok(dialog) if self.dialogs.len() < self.count_max => {
                Ok(Fork::Dialog(self.dialogs.push_mut(dialog)))
            }
            Ok(dialog) if is_success => Ok(Fork::Surplus(dialog)),
            Ok(_) | Err(NoDialog::Response) => Ok(Fork::None),
            Err(error) => Err(error),
        }
    }

    /// When the INVITE's transaction has ended: the dialogs that were confirmed. None of the others will be (§13.2.2.4).
    pub fn into_confirmed(self) -> impl Iterator<Item = Dialog> {
        self.dialogs.into_iter().filter(|dialog| dialog.is_confirmed)
    }
}
