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

impl Forks {
    /// No dialog yet, and `count_max` at most.
    pub fn new(invite: Request, count_max: usize) -> Self {
        Self { invite, dialogs: Vec::new(), count_max }
    }

    /// The dialog that a response belongs to, or that it begins, early or confirmed. `None`: it belongs to none, or there
    /// are too many. A refusal ends all early ones.
    pub fn handle_response(&mut self, response: &Response) -> Result<Option<&mut Dialog>, NoDialog> {
        if !response.status.is_provisional() && !response.status.is_success() {
            self.dialogs.retain(|dialog| dialog.is_confirmed);
            return Ok(None);
        }
        let to = response.headers.to()?;
        let known = self.dialogs.iter().position(|dialog| dialog.id.remote_tag.as_deref() == to.tag());
        let place = match known {
            Some(place) => {
                if response.status.is_success() {
                    self.dialogs[place].confirm(response)?;
                }
                place
            }
            None if self.dialogs.len() >= self.count_max => return Ok(None),
            None => match Dialog::asked(&self.invite, response) {
                Ok(dialog) => {
                    self.dialogs.push(dialog);
                    self.dialogs.len() - 1
                }
                Err(NoDialog::Response) => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        Ok(self.dialogs.get_mut(place))
    }

    /// When the INVITE's transaction has ended: the dialogs that were confirmed. None of the others will be (§13.2.2.4).
    pub fn into_confirmed(self) -> impl Iterator<Item = Dialog> {
        self.dialogs.into_iter().filter(|dialog| dialog.is_confirmed)
    }
}
