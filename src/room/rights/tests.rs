//! The table of rights against the tables of XEP-0045, written out by hand: `.` may, `F` forbidden, `O` outranked,
//! `-` not in the room, `V` no voice, `P` no private messages here, `R` registration closed.

use super::*;
use crate::chat::event::Extent;
use crate::chat::settings::Kind;

const AFFILIATIONS: [Affiliation; 5] =
    [Affiliation::Outcast, Affiliation::None, Affiliation::Member, Affiliation::Admin, Affiliation::Owner];
const ROLES: [Role; 4] = [Role::None, Role::Visitor, Role::Participant, Role::Moderator];

fn sign(verdict: Result<(), Refusal>) -> char {
    match verdict {
        Ok(()) => '.',
        Err(Refusal::Forbidden) => 'F',
        Err(Refusal::TargetOutranks) => 'O',
        Err(Refusal::NotAnOccupant) => '-',
        Err(Refusal::NoVoice) => 'V',
        Err(Refusal::PrivateMessagesOff) => 'P',
        Err(Refusal::RegistrationClosed) => 'R',
        Err(other) => panic!("unexpected {other:?}"),
    }
}

fn rank(affiliation: Affiliation, role: Role) -> Rank {
    Rank { affiliation, role }
}

/// `member.participant`
fn parse_rank(text: &str) -> Rank {
    let (affiliation, role) = text.split_once('.').unwrap();
    rank(Affiliation::parse(affiliation).unwrap(), Role::parse(role).unwrap())
}

/// Rows of a label and one sign for each column.
fn rows(table: &str) -> Vec<(&str, Vec<char>)> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().unwrap(), words.map(|word| word.chars().next().unwrap()).collect())
        })
        .collect()
}

/// XEP-0045 §5.1.1, §5.1.3, §8.2–§8.4, §9.6, §9.7. Columns: to none (kick), visitor, participant, moderator.
fn check_roles(actor: &str, table: &str) {
    let actor = parse_rank(actor);
    let table = rows(table);
    assert_eq!(table.len(), 12, "four affiliations in three roles");
    for (label, expected) in table {
        let target = parse_rank(label);
        let signs: Vec<char> = ROLES
            .iter()
            .map(|&to| sign(allowed(actor, Act::SetRole { target, to }, &Settings::default())))
            .collect();
        assert_eq!(signs, expected, "{actor:?} acts on {label}");
    }
}

#[test]
fn a_moderator_without_affiliation_rules_over_those_without() {
    check_roles(
        "none.moderator",
        "none.visitor       . . . F
         none.participant   . . . F
         none.moderator     O F F .
         member.visitor     O . . F
         member.participant O O . F
         member.moderator   O F F .
         admin.visitor      O . . F
         admin.participant  O O . F
         admin.moderator    O F F .
         owner.visitor      O . . F
         owner.participant  O O . F
         owner.moderator    O F F .",
    );
}

#[test]
fn a_member_who_moderates_may_kick_members_but_not_silence_them() {
    check_roles(
        "member.moderator",
        "none.visitor       . . . F
         none.participant   . . . F
         none.moderator     O F F .
         member.visitor     . . . F
         member.participant . O . F
         member.moderator   O F F .
         admin.visitor      O . . F
         admin.participant  O O . F
         admin.moderator    O F F .
         owner.visitor      O . . F
         owner.participant  O O . F
         owner.moderator    O F F .",
    );
}

#[test]
fn an_admin_rules_over_all_but_owners_and_takes_no_moderator_by_affiliation_down() {
    for actor in ["admin.moderator", "admin.participant", "admin.visitor", "admin.none"] {
        check_roles(
            actor,
            "none.visitor       . . . .
             none.participant   . . . .
             none.moderator     . . . .
             member.visitor     . . . .
             member.participant . . . .
             member.moderator   . . . .
             admin.visitor      . . . .
             admin.participant  . O . .
             admin.moderator    . O O .
             owner.visitor      O . . .
             owner.participant  O O . .
             owner.moderator    O O O .",
        );
    }
}

#[test]
fn an_owner_may_kick_anybody() {
    for actor in ["owner.moderator", "owner.participant", "owner.visitor", "owner.none"] {
        check_roles(
            actor,
            "none.visitor       . . . .
             none.participant   . . . .
             none.moderator     . . . .
             member.visitor     . . . .
             member.participant . . . .
             member.moderator   . . . .
             admin.visitor      . . . .
             admin.participant  . O . .
             admin.moderator    . O O .
             owner.visitor      . . . .
             owner.participant  . O . .
             owner.moderator    . O O .",
        );
    }
}

#[test]
fn who_is_no_moderator_changes_no_role() {
    for affiliation in [Affiliation::Outcast, Affiliation::None, Affiliation::Member] {
        for role in [Role::None, Role::Visitor, Role::Participant] {
            for target in AFFILIATIONS.iter().flat_map(|&a| ROLES.map(|r| rank(a, r))) {
                for to in ROLES {
                    let act = Act::SetRole { target, to };
                    let verdict = allowed(rank(affiliation, role), act, &Settings::default());
                    assert_eq!(sign(verdict), 'F', "{affiliation:?} {role:?} {act:?}");
                }
            }
        }
    }
}

/// XEP-0045 §5.2.1, §5.2.2, §9.1–§9.5, §10.3–§10.8. Columns: to outcast (ban), none, member, admin, owner.
#[test]
fn affiliations_are_given_by_admins_and_above_admin_by_owners() {
    let check = |actor: Affiliation, table: &str| {
        let table = rows(table);
        assert_eq!(table.len(), 5);
        for (label, expected) in table {
            let from = Affiliation::parse(label).unwrap();
            for role in ROLES {
                let verdict =
                    |&to| allowed(rank(actor, role), Act::SetAffiliation { from, to }, &Settings::default());
                let signs: Vec<char> = AFFILIATIONS.iter().map(|to| sign(verdict(to))).collect();
                assert_eq!(signs, expected, "{actor:?} with role {role:?} changes {label}");
            }
        }
    };
    check(
        Affiliation::Owner,
        "outcast . . . . .
         none    . . . . .
         member  . . . . .
         admin   . . . . .
         owner   . . . . .",
    );
    check(
        Affiliation::Admin,
        "outcast . . . F F
         none    . . . F F
         member  . . . F F
         admin   O F F F F
         owner   O F F F F",
    );
    for actor in [Affiliation::Member, Affiliation::None, Affiliation::Outcast] {
        check(
            actor,
            "outcast F F F F F
             none    F F F F F
             member  F F F F F
             admin   F F F F F
             owner   F F F F F",
        );
    }
}

/// XEP-0425 leaves it to the service whose messages a moderator may take out; a kick is the measure.
/// Columns: author outcast, none, member, admin, owner.
#[test]
fn messages_are_moderated_like_their_authors() {
    for (label, expected) in rows(
        "none.none          F F F F F
         none.visitor       F F F F F
         none.participant   F F F F F
         none.moderator     . . O O O
         member.none        F F F F F
         member.participant F F F F F
         member.moderator   . . . O O
         admin.none         . . . . O
         admin.moderator    . . . . O
         owner.none         . . . . .
         owner.moderator    . . . . .",
    ) {
        let verdict = |&author| allowed(parse_rank(label), Act::Moderate { author }, &Settings::default());
        let signs: Vec<char> = AFFILIATIONS.iter().map(|author| sign(verdict(author))).collect();
        assert_eq!(signs, expected, "{label}");
    }
}

/// XEP-0045 §5.1.1. Columns: the roles none, visitor, participant, moderator.
#[test]
fn what_a_role_alone_decides() {
    let plain = Settings::default;
    let private_messages = |private_messages| Settings { private_messages, ..plain() };
    let check = |act: Act, settings: Settings, expected: &str| {
        for affiliation in AFFILIATIONS {
            let verdict = |&role| allowed(rank(affiliation, role), act, &settings);
            let signs: String = ROLES.iter().map(|role| sign(verdict(role))).collect();
            assert_eq!(signs, expected, "{act:?} by {affiliation:?}");
        }
    };
    check(Act::Speak { presents: false }, plain(), "-V..");
    let auditorium = || Settings { kind: Kind::Auditorium, ..plain() };
    check(Act::Speak { presents: false }, auditorium(), "-V.V");
    check(Act::Speak { presents: true }, auditorium(), "-V..");
    check(Act::SetSubject, plain(), "-FF.");
    check(Act::SetSubject, Settings { subject_by_participants: true, ..plain() }, "-F..");
    check(Act::Whisper, private_messages(PrivateMessages::Anyone), "-...");
    check(Act::Whisper, private_messages(PrivateMessages::Participants), "-F..");
    check(Act::Whisper, private_messages(PrivateMessages::Moderators), "-FF.");
    check(Act::Whisper, private_messages(PrivateMessages::None), "-PPP");
}

/// Rows: settings; columns: the ranks none.visitor, none.participant, none.moderator, member.participant,
/// member.moderator, admin.moderator, owner.moderator.
#[test]
fn who_may_invite() {
    let check = |members_only, invitations, expected: &str| {
        let settings = Settings { members_only, invitations, ..Settings::default() };
        let ranks = [
            "none.visitor",
            "none.participant",
            "none.moderator",
            "member.participant",
            "member.moderator",
            "admin.moderator",
            "owner.moderator",
        ];
        let signs: String =
            ranks.iter().map(|label| sign(allowed(parse_rank(label), Act::Invite, &settings))).collect();
        assert_eq!(signs, expected, "members only: {members_only}, invitations: {invitations}");
        for affiliation in AFFILIATIONS {
            assert_eq!(sign(allowed(rank(affiliation, Role::None), Act::Invite, &settings)), '-');
        }
    };
    check(false, true, ".......");
    check(false, false, "FF.F...");
    check(true, true, "FFF....");
    check(true, false, "FFFFF..");
}

/// Columns: outcast, none, member, admin, owner; the role plays no part.
#[test]
fn what_an_affiliation_alone_decides() {
    let check = |act: Act, settings: Settings, expected: &str| {
        for role in ROLES {
            let verdict = |&affiliation| allowed(rank(affiliation, role), act, &settings);
            let signs: String = AFFILIATIONS.iter().map(|affiliation| sign(verdict(affiliation))).collect();
            assert_eq!(signs, expected, "{act:?} with role {role:?}");
        }
    };
    let plain = Settings::default;
    let non_anonymous = || Settings { whois: Whois::Anyone, ..plain() };
    check(Act::Configure, plain(), "FFFF.");
    check(Act::Destroy, plain(), "FFFF.");
    check(Act::Expunge, plain(), "FFFF.");
    check(Act::Register, plain(), "R....");
    check(Act::Register, Settings { members_only: true, ..plain() }, "RR...");
    check(Act::ListAffiliation(Affiliation::Outcast), plain(), "FFF..");
    check(Act::ListAffiliation(Affiliation::Outcast), non_anonymous(), "FFF..");
    for list in [Affiliation::Admin, Affiliation::Owner] {
        check(Act::ListAffiliation(list), plain(), "FFFF.");
        check(Act::ListAffiliation(list), non_anonymous(), "FFF..");
    }
}

/// Columns: the roles none, visitor, participant, moderator; rows: affiliations.
#[test]
fn who_may_see_lists_of_people_in_the_room() {
    let check = |act: Act, settings: &Settings, table: &str| {
        for (label, expected) in rows(table) {
            let affiliation = Affiliation::parse(label).unwrap();
            let verdict = |&role| allowed(rank(affiliation, role), act, settings);
            let signs: Vec<char> = ROLES.iter().map(|role| sign(verdict(role))).collect();
            assert_eq!(signs, expected, "{act:?} by {label} with {:?}", settings.whois);
        }
    };
    let semi_anonymous = Settings::default();
    let non_anonymous = Settings { whois: Whois::Anyone, ..Settings::default() };
    let unlisted = Settings { member_list: vec![], ..non_anonymous.clone() };
    let members = Act::ListAffiliation(Affiliation::Member);
    check(
        members,
        &semi_anonymous,
        "none F F F .
         member F F F .
         admin . . . .
         owner . . . .",
    );
    check(
        members,
        &non_anonymous,
        "none F F . .
         member . F . .
         admin . . . .
         owner . . . .",
    );
    check(
        members,
        &unlisted,
        "none F F F F
         member . F F F
         admin . . . .
         owner . . . .",
    );
    for role in [Role::Visitor, Role::Participant] {
        check(
            Act::ListRole(role),
            &semi_anonymous,
            "none F F F .
             member F F F .
             admin . . . .
             owner . . . .",
        );
    }
    check(
        Act::ListRole(Role::Moderator),
        &semi_anonymous,
        "none F F F F
         member F F F F
         admin . . . .
         owner . . . .",
    );
}

#[test]
fn nobody_is_listed_for_having_no_affiliation() {
    let act = Act::ListAffiliation(Affiliation::None);
    let verdict = allowed(rank(Affiliation::Owner, Role::Moderator), act, &Settings::default());
    assert!(matches!(verdict, Err(Refusal::BadRequest(_))));
}

/// XEP-0045 §5.1.2.
#[test]
fn the_first_role_follows_from_affiliation_and_room() {
    let check = |moderated, expected: [Role; 5]| {
        let settings = Settings { moderated, ..Settings::default() };
        assert_eq!(AFFILIATIONS.map(|affiliation| default_role(affiliation, false, &settings)), expected);
    };
    let check_auditorium = |presents, expected: [Role; 5]| {
        let settings = Settings { kind: Kind::Auditorium, ..Settings::default() };
        assert_eq!(AFFILIATIONS.map(|affiliation| default_role(affiliation, presents, &settings)), expected);
    };
    use Role::{Moderator, None, Participant, Visitor};
    check(true, [None, Visitor, Participant, Moderator, Moderator]);
    check(false, [None, Participant, Participant, Moderator, Moderator]);
    check_auditorium(false, [None, Visitor, Visitor, Moderator, Moderator]);
    check_auditorium(true, [None, Participant, Participant, Moderator, Moderator]);
}

#[test]
fn an_affiliation_brings_its_role_and_takes_what_it_brought() {
    let check = |moderated, was: &str, becomes: &str, expected: &str| {
        let settings = Settings { moderated, ..Settings::default() };
        let place = |affiliation| Place {
            affiliation,
            extent: Extent::default(),
            is_in_scope: true,
            is_enabled: true,
        };
        let (was, becomes) = (parse_rank(was), place(Affiliation::parse(becomes).unwrap()));
        let role = role_after(was, false, &becomes, &settings);
        assert_eq!(role.as_str(), expected, "{was:?} becomes {becomes:?}");
    };
    check(true, "none.visitor", "member", "participant");
    check(true, "member.participant", "none", "visitor");
    check(false, "member.participant", "none", "participant");
    check(false, "none.visitor", "member", "participant");
    check(false, "none.participant", "admin", "moderator");
    check(false, "none.moderator", "member", "moderator");
    check(false, "member.moderator", "none", "moderator");
    check(false, "member.visitor", "none", "visitor");
    check(false, "admin.moderator", "none", "participant");
    check(true, "admin.moderator", "none", "visitor");
    check(false, "owner.moderator", "member", "participant");
    check(false, "owner.moderator", "admin", "moderator");
}
