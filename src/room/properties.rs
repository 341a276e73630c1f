//! What holds whatever is asked: random commands by random people, and the invariants after each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::chat::administration::configuration::Values;
use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::{
    Actor, AffiliationItem, Command, Invitation, Join, People, Person, Query, RoleItem,
};
use crate::chat::event::Departure;
use crate::chat::id::{Epoch, MessageId, Seq, Timestamp};
use crate::chat::message::{Payload, Retention};
use crate::chat::settings::Settings;
use crate::directory::View;
use crate::room::scene::{Scene, author, content, device, empty_room, jid, wish};
use crate::room::state::Room;

const PEOPLE: [&str; 5] = ["owner", "admin", "bob", "carol", "dan"];
const NICKS: [&str; 7] = ["owner", "bob", "Bob", "carol", "BOB ", "x y", ""];
const AFFILIATIONS: [Affiliation; 5] =
    [Affiliation::Outcast, Affiliation::None, Affiliation::Member, Affiliation::Admin, Affiliation::Owner];
const ROLES: [Role; 4] = [Role::None, Role::Visitor, Role::Participant, Role::Moderator];

fn actors() -> impl Strategy<Value = Actor> {
    (select(&PEOPLE), select(&["desk", "phone"]), prop::bool::weighted(0.05))
        .prop_map(|(who, resource, is_administrator)| Actor { is_administrator, ..device(who, resource) })
}

fn nicks() -> impl Strategy<Value = Box<str>> {
    select(&NICKS).prop_map(Into::into)
}

fn joins() -> impl Strategy<Value = Join> {
    (nicks(), prop::bool::weighted(0.9)).prop_map(|(nick, has_muc_namespace)| Join {
        has_muc_namespace,
        password: Some("sesame".into()),
        ..wish(&nick)
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.9), any::<bool>());
    (flags, option::of(1..4u32), option::weighted(0.2, Just("sesame".to_string()))).prop_map(
        |((members_only, moderated, persistent, archived), occupants_max, password)| Settings {
            members_only,
            moderated,
            persistent,
            archived,
            occupants_max,
            password,
            ..Settings::default()
        },
    )
}

/// Rooms are crowded with few.
fn limits() -> impl Strategy<Value = Arc<View>> {
    (1..5u32).prop_map(|participant_update_limit| {
        let values = Values { participant_update_limit, ..Values::default() };
        Arc::new(View::sketch(1, &[], Vec::new()).under_configuration(values))
    })
}

fn affiliation_items() -> impl Strategy<Value = AffiliationItem> {
    let whole_domain = Just(Person::Jid("bob.test".parse().unwrap()));
    let who = prop_oneof![
        6 => select(&PEOPLE).prop_map(|who| Person::Jid(jid(who))),
        1 => nicks().prop_map(Person::Nick),
        1 => whole_domain,
    ];
    (who, select(&AFFILIATIONS), option::weighted(0.3, nicks())).prop_map(|(who, affiliation, nick)| {
        AffiliationItem { who, affiliation, extent: None, nick, reason: "".into() }
    })
}

fn lists_of_people() -> impl Strategy<Value = Option<Vec<perch_address::BareJid>>> {
    option::weighted(0.3, vec(select(&PEOPLE).prop_map(jid), 0..3))
}

fn moves() -> impl Strategy<Value = Command> {
    let presence = Payload::default;
    prop_oneof![
        8 => joins().prop_map(Command::Join),
        2 => Just(Command::Leave { presence: presence() }),
        1 => (0..30i64).prop_map(|at| Command::Detach { deadline: Timestamp(at) }),
        1 => Just(Command::Attach { after: Seq(0) }),
        1 => subsequence(PEOPLE.to_vec(), 0..=PEOPLE.len()).prop_map(|people| {
            let sessions = people.iter().map(|who| device(who, "desk").session).collect();
            Command::Expire { sessions }
        }),
        1 => Just(Command::Remove { cause: Departure::Technical }),
        1 => Just(Command::SetPresence { presence: presence() }),
        2 => nicks().prop_map(move |nick| Command::Rename { nick, presence: presence() }),
    ]
}

fn words() -> impl Strategy<Value = Command> {
    let retention = || select(&[Retention::Kept, Retention::Transient, Retention::Ephemeral]);
    let target_author = || option::of(select(&PEOPLE).prop_map(author));
    prop_oneof![
        retention().prop_map(|retention| Command::Post { content: content(retention) }),
        (nicks(), retention()).prop_map(|(to, r)| Command::Whisper { to, content: content(r) }),
        Just(Command::SetSubject { subject: "tea".into(), content: content(Retention::Kept) }),
        target_author().prop_map(|target_author| Command::Retract {
            target: MessageId::new(Epoch(0), Seq(1)),
            target_author,
            content: content(Retention::Kept)
        }),
        target_author().prop_map(|target_author| Command::Moderate {
            target: MessageId::new(Epoch(0), Seq(1)),
            target_author,
            reason: "".into()
        }),
        (any::<bool>(), any::<bool>()).prop_map(|(is_replaced, is_told)| Command::Expunge {
            targets: vec![MessageId::new(Epoch(0), Seq(1)), MessageId::new(Epoch(0), Seq(2))],
            replacement: is_replaced.then(|| "gone".into()),
            is_told,
        }),
        (0..30i64).prop_map(|below| Command::Clear { below: Seq(below) }),
        Just(Command::RequestVoice { role: Role::Participant }),
        (nicks(), any::<bool>()).prop_map(|(nick, allow)| Command::AnswerVoice { nick, allow }),
    ]
}

fn rulings() -> impl Strategy<Value = Command> {
    let role_item =
        (nicks(), select(&ROLES)).prop_map(|(nick, role)| RoleItem { nick, role, reason: "".into() });
    let invitation =
        select(&PEOPLE).prop_map(|who| Invitation { to: jid(who), reason: "".into(), continues: None });
    let configuration = (settings(), lists_of_people(), lists_of_people());
    prop_oneof![
        3 => vec(role_item, 0..3).prop_map(|items| Command::SetRoles { items }),
        5 => vec(affiliation_items(), 0..3).prop_map(|items| Command::SetAffiliations { items }),
        2 => configuration.prop_map(|(settings, owners, admins)| Command::Configure {
            settings: Box::new(settings),
            people: People { owners, admins, presenters: None }
        }),
        1 => vec(invitation, 0..3).prop_map(|invitations| Command::Invite { invitations }),
        1 => nicks().prop_map(|nick| Command::Register { nick }),
        1 => Just(Command::Unregister),
        1 => Just(Command::CancelConfiguration),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![5 => moves(), 2 => words(), 4 => rulings()]
}

fn check_people(room: &Room) {
    let mut sessions = HashSet::new();
    let mut keys = HashSet::new();
    for occupant in room.occupants().iter() {
        assert!(keys.insert(perch_address::nickname_key(&occupant.nick).unwrap()), "two with one nick");
        assert!(!occupant.seats.is_empty(), "an occupant without a session");
        assert_eq!(occupant.affiliation, room.affiliation_of(&occupant.jid), "{occupant:?}");
        assert_ne!(occupant.role, Role::None, "an occupant without a role");
        assert_ne!(occupant.affiliation, Affiliation::Outcast, "a banned person is inside");
        let holder = room.standings().reserved_for(&occupant.nick_key);
        assert!(holder.is_none_or(|holder| *holder == occupant.jid), "a nick that is reserved for another");
        for seat in &occupant.seats {
            assert_eq!(seat.jid.bare(), occupant.jid);
            assert!(sessions.insert(seat.session), "a session with two seats");
            assert_eq!(room.occupants().by_session(seat.session), Some(occupant));
        }
    }
    assert_eq!(sessions.len(), room.occupants().session_count());
}

fn check_rules(room: &Room, is_administered: bool) {
    if room.is_destroyed() {
        return assert!(room.occupants().is_empty());
    }
    assert!(room.standings().with(Affiliation::Owner).next().is_some(), "nobody owns the room");
    if room.settings().members_only && !is_administered {
        let stranger = room.occupants().iter().find(|o| o.affiliation < Affiliation::Member);
        assert_eq!(stranger, None, "in a members-only room");
    }
    let mut nicks = HashMap::new();
    for affiliation in AFFILIATIONS {
        for standing in room.standings().with(affiliation) {
            let Some(nick) = &standing.nick else { continue };
            assert!(affiliation >= Affiliation::Member, "{standing:?}");
            let other = nicks.insert(perch_address::nickname_key(nick).unwrap(), &standing.jid);
            assert_eq!(other, None, "a nick reserved twice");
        }
    }
}

/// What the log alone makes of an empty room.
fn replay(scene: &Scene) -> Room {
    let mut room = empty_room();
    scene.log.iter().for_each(|event| room.apply(event));
    room
}

fn check_replay(scene: &Scene, has_hidden_traffic: bool) {
    let replayed = replay(scene);
    let live = &scene.room;
    assert_eq!(replayed.standings(), live.standings());
    assert_eq!(replayed.settings(), live.settings());
    assert_eq!(
        (replayed.seq(), replayed.rules(), replayed.is_locked(), replayed.is_destroyed()),
        (live.seq(), live.rules(), live.is_locked(), live.is_destroyed())
    );
    assert_eq!(replayed.subject(), live.subject());
    if !has_hidden_traffic {
        let rights = |room: &Room| -> Vec<_> {
            room.occupants()
                .iter()
                .map(|o| (o.nick_key.clone(), o.affiliation, o.role, o.seats.len()))
                .collect()
        };
        assert_eq!(rights(&replayed), rights(live));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_room_keeps_its_rules(
        is_new in any::<bool>(),
        limit in option::of(limits()),
        script in vec((actors(), commands()), 1..60),
    ) {
        let mut scene = if is_new { Scene::locked() } else { Scene::open().full() };
        limit.iter().for_each(|view| scene.room.see(view));
        scene.now = Timestamp(0);
        let (mut has_hidden_traffic, mut is_administered) = (false, false);
        for (number, (by, command)) in script.into_iter().enumerate() {
            scene.now = Timestamp(number as i64);
            is_administered |= by.is_administrator;
            let before = scene.log.len();
            if let Ok(decision) = scene.act_as(&by, command) {
                has_hidden_traffic |= !decision.quiet.is_empty();
                prop_assert_eq!(scene.log.len(), before + decision.changes.len());
            }
            check_people(&scene.room);
            check_rules(&scene.room, is_administered);
        }
        check_replay(&scene, has_hidden_traffic);
    }

    #[test]
    fn a_room_answers_whatever_it_is_asked(
        script in vec((actors(), commands()), 1..30),
        by in actors(),
        list in select(&AFFILIATIONS),
        role in select(&ROLES),
        nick in nicks(),
    ) {
        let mut scene = Scene::open().full();
        for (by, command) in script {
            let _ = scene.act_as(&by, command);
        }
        let queries = [
            Query::Overview,
            Query::Configuration,
            Query::Affiliations(list),
            Query::Roles(role),
            Query::Registration,
            Query::Occupant { nick },
            Query::ArchiveAccess,
        ];
        for query in queries {
            let _ = scene.room.answer(&by, &query);
        }
    }
}
