//! Who may do what to whom: the tables of XEP-0045 §5.1.1, §5.2.1 and §8–§10 as one pure function.
//!
//! `Forbidden` when the actor lacks the role or affiliation for the act at all, `TargetOutranks` when he may do the
//! act but not to this one. Whoever decides asks here and nowhere else.

use crate::chat::affiliation::{Affiliation, Lists, Role};
use crate::chat::refusal::Refusal;
use crate::chat::settings::{PrivateMessages, Settings, Whois};
use crate::room::standings::Place;

/// What someone is in a room at the moment he acts or is acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    pub affiliation: Affiliation,
    pub role: Role,
}

/// What someone is about to do, with what the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A message to everybody. `presents`: by someone who speaks in an auditorium.
    Speak {
        presents: bool,
    },
    SetSubject,
    Whisper,
    Invite,
    /// A kick is the role `None`.
    SetRole {
        target: Rank,
        to: Role,
    },
    /// A ban is the affiliation `Outcast`.
    SetAffiliation {
        from: Affiliation,
        to: Affiliation,
    },
    /// Taking out a message of someone with this affiliation.
    Moderate {
        author: Affiliation,
    },
    /// Taking out messages whoever wrote them, in any number.
    Expunge,
    Configure,
    Destroy,
    /// Becoming a member, or reserving a nick as one.
    Register,
    ListAffiliation(Affiliation),
    ListRole(Role),
}

/// Whether `actor` may do `act` in a room with these settings.
pub fn allowed(actor: Rank, act: Act, settings: &Settings) -> Result<(), Refusal> {
    match act {
        Act::Speak { presents } => speak(actor, presents, settings),
        Act::SetSubject => set_subject(actor.role, settings),
        Act::Whisper => whisper(actor.role, settings),
        Act::Invite => invite(actor, settings),
        Act::SetRole { target, to } => set_role(actor, target, to),
        Act::SetAffiliation { from, to } => set_affiliation(actor.affiliation, from, to),
        Act::Moderate { author } => moderate(actor, author),
        Act::Configure | Act::Destroy | Act::Expunge => permit(actor.affiliation == Affiliation::Owner),
        Act::Register => register(actor.affiliation, settings),
        Act::ListAffiliation(list) => list_affiliation(actor, list, settings),
        Act::ListRole(Role::Moderator) => permit(actor.administrates()),
        Act::ListRole(_) => permit(actor.moderates()),
    }
}

/// What decides who comes in at a room's door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    pub is_locked: bool,
    pub is_members_only: bool,
    pub has_password: bool,
    pub is_disabled: bool,
}

/// Who stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comer {
    pub place: Place,
    pub is_administrator: bool,
    pub is_inside: bool,
}

/// The part of the question whether someone may join that does not depend on nick, password and space.
pub fn may_enter(door: Door, comer: Comer) -> Result<(), Refusal> {
    let Comer { place, is_administrator, .. } = comer;
    if door.is_locked && comer.affiliation() != Affiliation::Owner {
        return Err(Refusal::Locked);
    }
    if door.is_disabled {
        return Err(Refusal::Disabled);
    }
    // Banned is banned: an administrator who wants to enter lifts the ban first, for all to see.
    if place.affiliation == Affiliation::Outcast {
        return Err(Refusal::Banned);
    }
    if is_administrator {
        return Ok(());
    }
    place.admitted()?;
    // Who manages a room is not in it by that: he puts himself on the list of members first.
    let is_member = place.affiliation >= Affiliation::Member && place.extent.attends;
    if door.is_members_only && !is_member { Err(Refusal::MembersOnly) } else { Ok(()) }
}

/// Who could join may read the archive and find what is in it, and a password has to be shown at the door first unless one
/// belongs to the room. Who was banned could not join, whatever he still is sent (XEP-0313 §5.1.2); who may not is told no
/// more than that (§8).
pub fn may_read(door: Door, comer: Comer) -> Result<(), Refusal> {
    may_enter(door, comer).map_err(|refusal| match refusal {
        Refusal::Locked => refusal,
        _ => Refusal::Forbidden,
    })?;
    let is_known = comer.affiliation() >= Affiliation::Member || comer.is_inside;
    permit(is_known || !door.has_password)
}

/// The lists of affiliations that someone may see.
pub fn lists(reader: Rank, settings: &Settings) -> Lists {
    let may_see = |list: &Affiliation| allowed(reader, Act::ListAffiliation(*list), settings).is_ok();
    Lists::ALL.into_iter().filter(may_see).collect()
}

/// The role that someone has when he enters (XEP-0045 §5.1.2). In an auditorium only presenters have a voice.
pub fn default_role(affiliation: Affiliation, presents: bool, settings: &Settings) -> Role {
    match affiliation {
        Affiliation::Outcast => Role::None,
        Affiliation::Admin | Affiliation::Owner => Role::Moderator,
        Affiliation::None | Affiliation::Member if settings.is_auditorium() && !presents => Role::Visitor,
        Affiliation::None if settings.moderated && !presents => Role::Visitor,
        Affiliation::None | Affiliation::Member => Role::Participant,
    }
}

/// The role that an occupant has after a change of his place. What a new affiliation brings is fixed (§5.1.3); what a
/// lost one takes is ours to say: the role that came with it, but not one that was given by hand. `presented`: he was
/// among those who speak in an auditorium.
pub fn role_after(was: Rank, presented: bool, after: &Place, settings: &Settings) -> Role {
    let brought = default_role(after.affiliation, after.extent.presents, settings);
    if after.affiliation > was.affiliation {
        was.role.max(brought)
    } else if was.role == default_role(was.affiliation, presented, settings) {
        brought
    } else {
        was.role.max(if after.extent.presents { brought } else { Role::None })
    }
}

impl Comer {
    /// An administrator of the service passes where an owner would.
    fn affiliation(self) -> Affiliation {
        if self.is_administrator { Affiliation::Owner } else { self.place.affiliation }
    }
}

impl Rank {
    /// Admins and owners are moderators by affiliation, also while they are not in the room.
    pub fn moderates(self) -> bool {
        self.role == Role::Moderator || self.administrates()
    }

    pub fn administrates(self) -> bool {
        self.affiliation >= Affiliation::Admin
    }
}

fn permit(may: bool) -> Result<(), Refusal> {
    if may { Ok(()) } else { Err(Refusal::Forbidden) }
}

fn reach(within: bool) -> Result<(), Refusal> {
    if within { Ok(()) } else { Err(Refusal::TargetOutranks) }
}

/// To moderate an auditorium is not to speak in it. A voice that a moderator gives is for a stay, and counts.
fn speak(actor: Rank, presents: bool, settings: &Settings) -> Result<(), Refusal> {
    match actor.role {
        Role::None => Err(Refusal::NotAnOccupant),
        Role::Visitor => Err(Refusal::NoVoice),
        Role::Moderator if settings.is_auditorium() && !presents => Err(Refusal::NoVoice),
        Role::Participant | Role::Moderator => Ok(()),
    }
}

fn set_subject(role: Role, settings: &Settings) -> Result<(), Refusal> {
    match role {
        Role::None => Err(Refusal::NotAnOccupant),
        Role::Visitor => Err(Refusal::Forbidden),
        Role::Participant => permit(settings.subject_by_participants),
        Role::Moderator => Ok(()),
    }
}

fn whisper(role: Role, settings: &Settings) -> Result<(), Refusal> {
    if role == Role::None {
        return Err(Refusal::NotAnOccupant);
    }
    match settings.private_messages {
        PrivateMessages::Anyone => Ok(()),
        PrivateMessages::Participants => permit(role >= Role::Participant),
        PrivateMessages::Moderators => permit(role == Role::Moderator),
        PrivateMessages::None => Err(Refusal::PrivateMessagesOff),
    }
}

/// XEP-0045 §7.8.2 and §9.5: the setting gives members of a members-only room a right that admins have anyway, since
/// there an invitation makes a member. In an open room it is the occupants that it speaks of.
fn invite(actor: Rank, settings: &Settings) -> Result<(), Refusal> {
    if actor.role == Role::None {
        return Err(Refusal::NotAnOccupant);
    }
    permit(if settings.members_only {
        actor.administrates() || (settings.invitations && actor.affiliation == Affiliation::Member)
    } else {
        actor.moderates() || settings.invitations
    })
}

fn set_role(actor: Rank, target: Rank, to: Role) -> Result<(), Refusal> {
    permit(actor.moderates())?;
    if to == target.role {
        return Ok(());
    }
    match (target.role, to) {
        (_, Role::Moderator) => permit(actor.administrates()),
        // §8.2, and the last row of §5.1.3: only an admin or owner removes a moderator.
        (_, Role::None) => reach(
            target.affiliation <= actor.affiliation
                && (target.role != Role::Moderator || actor.administrates()),
        ),
        // §9.7: moderators by affiliation stay moderators whoever asks.
        (Role::Moderator, _) => {
            permit(actor.administrates())?;
            reach(target.affiliation < Affiliation::Admin)
        }
        // §8.4: not from anyone at or above the moderator's affiliation, and never from an admin or owner. Two people
        // without affiliation are not on a level: nobody could be silenced by a mere moderator otherwise.
        (_, Role::Visitor) => reach(
            target.affiliation < Affiliation::Admin
                && (target.affiliation < Affiliation::Member || target.affiliation < actor.affiliation),
        ),
        (_, Role::Participant) => Ok(()),
    }
}

fn set_affiliation(actor: Affiliation, from: Affiliation, to: Affiliation) -> Result<(), Refusal> {
    match actor {
        Affiliation::Owner => Ok(()),
        Affiliation::Admin if to >= Affiliation::Admin => Err(Refusal::Forbidden),
        // Banning is an admin's act, and fails on the rank of the target (§9.1); anything else that is done to an
        // admin or owner edits the lists that are the owners' alone (§10.4, §10.7).
        Affiliation::Admin if from >= Affiliation::Admin => {
            permit(to == Affiliation::Outcast)?;
            Err(Refusal::TargetOutranks)
        }
        Affiliation::Admin => Ok(()),
        Affiliation::Member | Affiliation::None | Affiliation::Outcast => Err(Refusal::Forbidden),
    }
}

fn moderate(actor: Rank, author: Affiliation) -> Result<(), Refusal> {
    permit(actor.moderates())?;
    reach(author <= actor.affiliation)
}

/// XEP-0045 §7.10: only an open room takes members who ask; who is a member may change the nick that is his.
fn register(actor: Affiliation, settings: &Settings) -> Result<(), Refusal> {
    let may = match actor {
        Affiliation::Outcast => false,
        Affiliation::None => !settings.members_only,
        Affiliation::Member | Affiliation::Admin | Affiliation::Owner => true,
    };
    if may { Ok(()) } else { Err(Refusal::RegistrationClosed) }
}

/// Lists show real addresses, so what a semi-anonymous room hides they hide too (§9.5, §10.5, §10.8).
fn list_affiliation(actor: Rank, list: Affiliation, settings: &Settings) -> Result<(), Refusal> {
    let is_open_faced = settings.whois == Whois::Anyone;
    match list {
        Affiliation::None => Err(Refusal::BadRequest("nobody is listed for having no affiliation")),
        Affiliation::Outcast => permit(actor.administrates()),
        Affiliation::Owner | Affiliation::Admin => {
            permit(actor.affiliation == Affiliation::Owner || (is_open_faced && actor.administrates()))
        }
        Affiliation::Member => {
            let has_listed_role = settings.member_list.contains(&actor.role);
            permit(
                actor.administrates()
                    || (actor.role == Role::Moderator && has_listed_role)
                    || (is_open_faced
                        && match actor.role {
                            Role::None => actor.affiliation == Affiliation::Member,
                            Role::Visitor | Role::Participant | Role::Moderator => has_listed_role,
                        }),
            )
        }
    }
}

#[cfg(test)]
mod tests;
