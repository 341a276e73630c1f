//! What a correct server never shows.

use super::check;

/// A test for each history: its name, the lines, and what must be found, in words.
macro_rules! bad {
    ($($name:ident: $history:expr => $($found:expr),+;)+) => {
        $(
            #[test]
            fn $name() {
                check($history, &[$($found),+]);
            }
        )+

        #[test]
        fn forty_of_them() {
            assert_eq!([$(stringify!($name)),+].len(), 40);
        }
    };
}

bad! {
    acknowledged_and_gone: "
        a sends 1
        a gets ok 1
        quiet
        mam
        " => "1. r: a:1 was acknowledged and is not in the archive";

    acknowledged_before_a_kill_and_gone: "
        a sends 1
        a gets ok 1
        kill starts
        kill stops
        a/2 sends 2
        a/2 gets ok 2
        quiet
        mam a:2
        " => "1. r: a:1 was acknowledged and is not in the archive";

    acknowledged_at_the_second_attempt_and_gone: "
        a sends 1
        a gets info 1
        a/2 sends 1
        a/2 gets ok 1
        quiet
        mam
        " => "1. r: a:1 was acknowledged and is not in the archive";

    acknowledged_and_refused_and_gone: "
        a sends 1
        a gets ok 1
        a gets fail 1
        quiet
        mam
        " => "1. r: a:1 was acknowledged and is not in the archive";

    kept_in_the_wrong_room: "
        a sends 1 in r
        a gets ok 1 in r
        b sends 1 in s
        b gets ok 1 in s
        quiet
        mam in r
        mam b:1 a:1 in s
        " => "1. r: a:1 was acknowledged and is not in the archive",
             "2. s: a:1 is in the archive, but nobody sent it there";

    kept_twice: "
        a sends 1
        a gets ok 1
        quiet
        mam a:1 a:1
        " => "1. r: a:1 is in the archive 2 times";

    kept_twice_under_two_stanza_ids: "
        a sends 1
        a gets ok 1#x
        quiet
        mam a:1#x a:1#y
        " => "1. r: a:1 is in the archive 2 times",
             "8. r: a:1 goes by two stanza ids, x and y";

    kept_for_each_attempt: "
        a sends 1
        a gets info 1
        a/2 sends 1
        a/2 gets info 1
        b sends 1
        b gets ok 1
        quiet
        mam a:1#x b:1 a:1#x
        " => "1. r: a:1 is in the archive 2 times";

    invented: "
        a sends 1
        a gets ok 1
        quiet
        mam a:1 ghost:1
        " => "2. r: ghost:1 is in the archive, but nobody sent it there";

    heard_and_invented: "
        b joins
        b hears ghost:1
        quiet
        mam
        " => "2. r: b heard ghost:1, which nobody sent there";

    refused_and_kept: "
        a sends 1
        a gets fail 1
        quiet
        mam a:1
        " => "3. r: a:1 was refused and is in the archive all the same";

    refused_twice_and_kept: "
        a sends 1
        a gets fail 1
        a sends 1
        a gets fail 1
        quiet
        mam a:1
        " => "3. r: a:1 was refused and is in the archive all the same";

    live_order_reversed: "
        b joins
        a sends 1
        c sends 1
        b hears c:1
        b hears a:1
        quiet
        mam a:1 c:1
        " => "4. r: b heard a:1 after c:1, the archive has them the other way round";

    two_observers_disagree: "
        b joins
        d joins
        a sends 1
        c sends 1
        b hears a:1
        b hears c:1
        d hears c:1
        d hears a:1
        quiet
        mam a:1 c:1
        " => "4. r: d heard a:1 after c:1, the archive has them the other way round";

    history_out_of_order: "
        a sends 1
        a gets ok 1
        a sends 2
        a gets ok 2
        b joins
        b hears a:2 late
        b hears a:1 late
        quiet
        mam a:1 a:2
        " => "4. r: b heard a:1 after a:2, the archive has them the other way round";

    history_after_live: "
        a sends 1
        a gets ok 1
        b joins
        a sends 2
        b hears a:2
        b hears a:1 late
        a gets ok 2
        quiet
        mam a:1 a:2
        " => "4. r: b heard a:1 after a:2, the archive has them the other way round";

    older_live_message_after_a_reconnection: "
        b joins
        a sends 1
        c sends 1
        b hears c:1
        b leaves
        b/2 joins
        b/2 hears a:1
        b/2 leaves
        quiet
        mam a:1 c:1
        " => "4. r: b heard a:1 after c:1, the archive has them the other way round",
             "7. r: b missed a:1 within one occupancy";

    later_stands_before_the_acknowledged: "
        a sends 1
        a gets ok 1
        b sends 1
        b gets ok 1
        quiet
        mam b:1 a:1
        " => "5. r: b:1 was sent when a:1 was already known, yet stands before it";

    later_of_unknown_outcome_stands_before_the_acknowledged: "
        a sends 1
        a gets ok 1
        b sends 1
        b gets info 1
        quiet
        mam b:1 a:1
        " => "5. r: b:1 was sent when a:1 was already known, yet stands before it";

    an_answer_stands_before_what_was_heard: "
        b joins
        a sends 1
        b hears a:1
        b sends 1
        a gets ok 1
        b gets ok 1
        b leaves
        quiet
        mam b:1 a:1
        " => "5. r: b:1 was sent when a:1 was already known, yet stands before it",
             "7. r: b missed b:1 within one occupancy";

    one_sender_reversed: "
        a sends 1
        a sends 2
        a gets ok 1
        a gets ok 2
        quiet
        mam a:2 a:1
        " => "6. r: a sent a:1 before a:2, the archive has them the other way round";

    one_sender_reversed_without_outcomes: "
        a sends 1
        a sends 2
        a gets info 1
        a gets info 2
        quiet
        mam a:2 a:1
        " => "6. r: a sent a:1 before a:2, the archive has them the other way round";

    one_sender_reversed_at_the_second_attempt: "
        a sends 1
        a sends 2
        a gets info 1
        a gets info 2
        a/2 sends 1
        a/2 sends 2
        a/2 gets ok 1
        a/2 gets ok 2
        quiet
        mam a:2 a:1
        " => "6. r: a sent a:1 before a:2, the archive has them the other way round",
             "6. r: a/2 sent a:1 before a:2, the archive has them the other way round";

    a_gap_in_the_middle: "
        b joins
        a sends 1
        a sends 2
        a sends 3
        b hears a:1
        b hears a:3
        b leaves
        quiet
        mam a:1 a:2 a:3
        " => "7. r: b missed a:2 within one occupancy";

    a_gap_after_joining: "
        b joins
        a sends 1
        a gets ok 1
        a sends 2
        b hears a:2
        b leaves
        quiet
        mam a:1 a:2
        " => "7. r: b missed a:1 within one occupancy";

    a_gap_between_history_and_live: "
        a sends 1
        a gets ok 1
        a sends 2
        a gets ok 2
        b joins
        b hears a:1 late
        a sends 3
        b hears a:3
        b leaves
        quiet
        mam a:1 a:2 a:3
        " => "7. r: b missed a:2 within one occupancy";

    a_gap_across_a_resumption: "
        b joins
        a sends 1
        b hears a:1
        a sends 2
        b resumes
        a sends 3
        b hears a:3
        b leaves
        quiet
        mam a:1 a:2 a:3
        " => "7. r: b missed a:2 within one occupancy";

    a_missing_end: "
        b joins
        a sends 1
        b hears a:1
        a sends 2
        a gets ok 2
        quiet
        mam a:1 a:2
        " => "7. r: b missed a:2 within one occupancy";

    nothing_heard_at_all: "
        b joins
        a sends 1
        a gets ok 1
        quiet
        mam a:1
        " => "7. r: b missed a:1 within one occupancy";

    heard_and_not_kept: "
        b joins
        a sends 1
        b hears a:1
        a gets info 1
        b leaves
        quiet
        mam
        " => "7. r: b heard a:1, which is not in the archive";

    heard_twice: "
        b joins
        a sends 1
        b hears a:1
        b hears a:1
        quiet
        mam a:1
        " => "8. r: b heard a:1 twice in one occupancy";

    heard_twice_as_history_and_live: "
        a sends 1
        b joins
        b hears a:1 late
        b hears a:1
        quiet
        mam a:1
        " => "8. r: b heard a:1 twice in one occupancy";

    heard_live_again_after_signing_in_anew: "
        b joins
        a sends 1
        b hears a:1
        b leaves
        b/2 joins
        b/2 hears a:1
        b/2 leaves
        quiet
        mam a:1
        " => "8. r: b heard a:1 live in two occupancies";

    another_id_in_the_reflection: "
        a sends 1
        a gets ok 1#x
        quiet
        mam a:1#y
        " => "8. r: a:1 goes by two stanza ids, y and x";

    one_stanza_id_for_two_messages: "
        a sends 1
        a gets ok 1#x
        a sends 2
        a gets ok 2#x
        quiet
        mam a:1#x a:2#x
        " => "8. r: stanza id x stands for both a:1 and a:2";

    falling_numbers: "
        a sends 1
        a sends 2
        quiet
        mam a:1@8 a:2@7
        " => "9. r: sequence number 7 does not come after 8";

    a_hole_in_the_log: "
        a sends 1
        a sends 2
        quiet
        store a:1@7 a:2@9
        " => "9. r: sequence numbers jump from 7 to 9";

    falling_stamps: "
        a sends 1
        a sends 2
        quiet
        mam a:1~200 a:2~100
        " => "9. r: the stamp of a:2 is earlier than that of the message before it";

    a_banned_listener: "
        b joins
        a bans b
        a sends 1
        b hears a:1
        quiet
        mam a:1
        " => "10. r: b heard a:1, which was sent after his ban";

    copies_that_differ: "
        a sends 1
        a sends 2
        quiet
        store a:1@1 a:2@2
        mam a:1
        compliance a:1 a:2
        " => "11. r: a whole copy of the archive, read by reader-4 from Mam, differs at a:2";
}

#[test]
fn heard_after_leaving() {
    let history = "
        b joins
        b leaves
        a sends 1
        b hears a:1
        quiet
        mam a:1
        ";
    check(history, &["10. r: b heard a:1 without being there"]);
}

#[test]
fn occupants_who_disagree() {
    let history = "
        a joins
        b joins
        quiet
        a sees a b
        b sees b
        mam
        ";
    check(history, &["10. r: a and b do not see the same occupants"]);
}

#[test]
fn a_part_with_a_hole() {
    let history = "
        a sends 1
        a sends 2
        a sends 3
        part a:1 a:3
        quiet
        mam a:1 a:2 a:3
        ";
    check(history, &["11. r: a part of the archive, read by reader-3 from Mam, differs at a:2"]);
}

#[test]
fn an_archive_that_nobody_read() {
    check("a sends 1", &["11. r: no whole archive was read at the end, so nothing is shown"]);
}

#[test]
fn an_archive_read_too_early() {
    let history = "
        a sends 1
        mam a:1
        quiet
        ";
    check(history, &["11. r: no whole archive was read at the end, so nothing is shown"]);
}
