//! What a correct server may show.

use super::check;

#[track_caller]
fn passes(history: &str) {
    check(history, &[]);
}

#[test]
fn a_conversation() {
    passes(
        "
        a joins
        b joins
        a sends 1
        b hears a:1
        a hears a:1
        a gets ok 1
        b sends 1
        a hears b:1
        b hears b:1
        b gets ok 1
        quiet
        a sees a b
        b sees b a
        mam a:1@7~100 b:1@9~100
        store a:1@7~100 b:1@8~100
        compliance a:1 b:1
        ",
    );
}

#[test]
fn nothing_at_all() {
    passes("");
}

#[test]
fn an_unknown_outcome_either_way() {
    passes(
        "
        a joins
        a sends 1
        a sends 2
        a gets info 1
        a gets info 2
        a leaves
        quiet
        mam a:1
        ",
    );
}

#[test]
fn a_message_whose_outcome_nobody_awaited() {
    passes(
        "
        a sends 1
        a sends 2
        quiet
        mam a:2
        ",
    );
}

#[test]
fn a_refusal() {
    passes(
        "
        a sends 1
        a gets fail 1
        quiet
        mam
        ",
    );
}

#[test]
fn refused_again_though_kept_at_the_first_attempt() {
    passes(
        "
        a sends 1
        a gets info 1
        a/2 sends 1
        a/2 gets fail 1
        quiet
        mam a:1
        ",
    );
}

#[test]
fn sent_again_when_others_have_spoken_meanwhile() {
    passes(
        "
        a sends 1
        a gets info 1
        b sends 1
        b gets ok 1
        a/2 sends 1
        a/2 gets ok 1
        quiet
        mam a:1 b:1
        ",
    );
}

#[test]
fn two_senders_at_once_in_either_order() {
    passes(
        "
        a sends 1
        b sends 1
        b gets ok 1
        a gets ok 1
        quiet
        mam a:1 b:1
        ",
    );
}

#[test]
fn a_cut_loses_the_tail_of_an_occupancy_and_history_brings_it_back() {
    passes(
        "
        a joins
        b joins
        a sends 1
        b hears a:1
        a hears a:1
        a gets ok 1
        kill starts
        b leaves
        kill stops
        a sends 2
        a hears a:2
        a gets ok 2
        b/2 joins
        b/2 hears a:1 late
        b/2 hears a:2 late
        a sends 3
        b/2 hears a:3
        a hears a:3
        a gets ok 3
        quiet
        mam a:1 a:2 a:3
        ",
    );
}

#[test]
fn a_resumed_session_goes_on() {
    passes(
        "
        b joins
        a sends 1
        a gets ok 1
        b hears a:1
        a sends 2
        a gets ok 2
        b resumes
        b hears a:2
        quiet
        mam a:1 a:2
        ",
    );
}

#[test]
fn whoever_comes_late_need_not_hear_what_was_said_before() {
    passes(
        "
        a sends 1
        a gets ok 1
        b joins
        a sends 2
        a gets ok 2
        b hears a:2
        quiet
        mam a:1 a:2
        ",
    );
}

#[test]
fn whoever_leaves_before_all_is_quiet_need_not_hear_the_last() {
    passes(
        "
        b joins
        a sends 1
        b leaves
        a gets ok 1
        quiet
        mam a:1
        ",
    );
}

#[test]
fn the_banned_hears_what_was_on_its_way() {
    passes(
        "
        b joins
        a sends 1
        a gets ok 1
        a bans b
        b hears a:1
        b leaves
        a sends 2
        a gets ok 2
        quiet
        mam a:1 a:2
        ",
    );
}

#[test]
fn a_part_of_the_archive_read_meanwhile() {
    passes(
        "
        a sends 1
        a gets ok 1
        a sends 2
        a gets ok 2
        part a:1 a:2
        a sends 3
        a gets ok 3
        part a:2 a:3
        mam a:1 a:2
        quiet
        mam a:1 a:2 a:3
        ",
    );
}

#[test]
fn rooms_do_not_mix() {
    passes(
        "
        a joins in r
        a joins in s
        a sends 1 in r
        a sends 2 in s
        a hears a:2 in s
        a hears a:1 in r
        quiet
        mam a:1@5 in r
        mam a:2@5 in s
        ",
    );
}
