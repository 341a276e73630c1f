//! Session timers (RFC 4028): a session that nobody refreshes is over.

use std::time::Duration;

use thiserror::Error;

use crate::header::{Name, Role};
use crate::message::{HeaderError, Headers, Writer};
use crate::status::Status;

/// What this side wants of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// How long a session is to last without a refresh, in seconds.
    pub interval_s: u32,
    /// The shortest interval that is agreed to, in seconds: 90 at least (§4, §5).
    pub min_s: u32,
    /// The longest interval that is agreed to, in seconds: a session is known to be over after no more than that.
    pub max_s: u32,
    /// Who refreshes if the other side can and does not say.
    pub refresher: Role,
}

/// What both sides have settled on for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// How long the session lasts, in seconds.
    pub interval_s: u32,
    /// Who refreshes: of the request by which this was agreed, who sent it or who answered.
    pub refresher: Role,
    /// Whether the other side has to look at this (§9, Table 2), so that Require names `timer`.
    pub is_required: bool,
}

impl Agreement {
    /// What this side answers to an INVITE or UPDATE (§9).
    pub fn answer(request: &Headers, policy: SessionPolicy) -> Result<Self, SessionRefusal> {
        let asked = request.session_expires()?;
        let min_s = request.min_se()?.map_or(MIN_S, |min| min.interval_s.max(MIN_S));
        let is_supported =
            request.tokens(Name::Supported)?.iter().any(|option| option.eq_ignore_ascii_case("timer"));
        let own_min_s = policy.min_s.max(MIN_S);
        let interval_s = match asked {
            Some(asked) if asked.interval_s < own_min_s && is_supported => {
                return Err(SessionRefusal::TooBrief { min_s: own_min_s });
            }
            // It may be made shorter, and never longer; nor can who does not know of timers be told a minimum.
            Some(asked) => asked.interval_s.min(policy.interval_s.max(min_s)),
            None => policy.interval_s.max(min_s),
        };
        if interval_s > policy.max_s {
            return Err(SessionRefusal::TooLong { max_s: policy.max_s });
        }
        let refresher = match asked.and_then(|asked| asked.refresher()) {
            _ if !is_supported => Role::Uas,
            Some(refresher) => refresher,
            None => policy.refresher,
        };
        Ok(Self { interval_s, refresher, is_required: is_supported })
    }

    /// What a 2xx to a request of this side says (§7.2); more than `max_s` is not waited for. `None`: this session does
    /// not end by itself.
    pub fn answered(response: &Headers, policy: SessionPolicy) -> Result<Option<Self>, HeaderError> {
        Ok(response.session_expires()?.map(|session| Self {
            interval_s: session.interval_s.min(policy.max_s),
            refresher: session.refresher().unwrap_or(Role::Uac),
            is_required: false,
        }))
    }

    /// Adds what the 2xx has to say.
    pub fn write(&self, writer: Writer<Status>) -> Writer<Status> {
        let refresher = match self.refresher {
            Role::Uac => "uac",
            Role::Uas => "uas",
        };
        let writer = if self.is_required { writer.header(Name::Require, "timer") } else { writer };
        writer.header(Name::SessionExpires, format_args!("{};refresher={refresher}", self.interval_s))
    }
}

/// Why a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionRefusal {
    /// One of the headers is malformed.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The interval that is asked for is shorter than this side agrees to.
    #[error("a session interval below {min_s} s")]
    TooBrief {
        /// What the answer says as Min-SE, in seconds.
        min_s: u32,
    },
    /// The shortest interval that somebody on the way agrees to (Min-SE) is longer than this side agrees to.
    #[error("a session interval above {max_s} s")]
    TooLong {
        /// What this side agrees to, in seconds.
        max_s: u32,
    },
}

impl SessionRefusal {
    /// With what the request is answered.
    pub fn status(self) -> Status {
        match self {
            Self::Header(_) => Status::BAD_REQUEST,
            Self::TooBrief { .. } => Status::SESSION_INTERVAL_TOO_SMALL,
            Self::TooLong { .. } => Status::NOT_ACCEPTABLE_HERE,
        }
    }
}

/// The session of one dialog. Each 2xx to an INVITE or UPDATE, of either side, begins it anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTimer {
    interval: Duration,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// This side refreshes, and it is not yet time to.
    Fresh,
    /// A refresh is under way, or the other side's is awaited.
    Waiting,
    Over,
}

/// What is due when the time has passed that was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send an INVITE or UPDATE; if it does not succeed within this time, the session is over.
    Refresh(Duration),
    /// Say BYE.
    End,
    /// Nothing: the session is over already.
    Nothing,
}

impl SessionTimer {
    /// Begins with the 2xx to a request in which this side had that role. Ask what is [due](Self::handle_timer) after
    /// this time. An interval below 90 s, which nobody may ask for (§4), is taken for 90 s: refreshes must not chase
    /// each other.
    pub fn begin(agreement: Agreement, role: Role) -> (Self, Duration) {
        let interval = Duration::from_secs(agreement.interval_s.max(MIN_S).into());
        if agreement.refresher == role {
            // §7.2: half of the interval.
            (Self { interval, phase: Phase::Fresh }, interval / 2)
        } else {
            (Self { interval, phase: Phase::Waiting }, last_moment(interval))
        }
    }

    /// What is due.
    pub fn handle_timer(&mut self) -> Due {
        match self.phase {
            Phase::Fresh => {
                self.phase = Phase::Waiting;
                Due::Refresh(last_moment(self.interval).saturating_sub(self.interval / 2))
            }
            Phase::Waiting => {
                self.phase = Phase::Over;
                Due::End
            }
            Phase::Over => Due::Nothing,
        }
    }
}

/// When a session that was not refreshed is ended, so that BYE still gets through (§10).
fn last_moment(interval: Duration) -> Duration {
    interval.saturating_sub(Duration::from_secs(32).min(interval / 3))
}

/// The shortest interval that anybody has to agree to, in seconds (§5).
const MIN_S: u32 = 90;
