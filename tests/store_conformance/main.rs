//! What every store must do, whatever its engine: one body a rule, run on each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod account_logs;
mod accounts;
mod administration;
mod archive;
#[path = "../support/cluster.rs"]
mod cluster;
mod faults;
mod journal;
mod members;
mod model;
mod opening;
mod outages;
mod pool;
mod principals;
mod proxy;
mod rooms;
mod scene;
mod search;
mod sessions;
#[path = "../support/sql.rs"]
mod sql;
mod statements;
mod succession;
mod time;

use std::io::Write as _;
use std::path::PathBuf;

use perch::store::{Options, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

/// A place for a store that is gone with the test.
pub(crate) enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(String),
    #[cfg(feature = "simulation")]
    Model(perch::store::model::Database),
}

impl Place {
    fn sqlite() -> Self {
        speak();
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// None where PostgreSQL is not installed.
    fn postgres() -> Option<Self> {
        speak();
        match cluster::cluster() {
            Some(cluster) => Some(Self::Postgres(cluster.database())),
            None => {
                writeln!(std::io::stderr(), "SKIPPED: PostgreSQL is not installed")
                    .expect("standard error is open");
                None
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite:{}", self.path().display()),
            Self::Postgres(url) => url.clone(),
            #[cfg(feature = "simulation")]
            Self::Model(_) => panic!("a simulated store has no address"),
        }
    }

    /// The file of an embedded store.
    pub(crate) fn path(&self) -> PathBuf {
        let Self::Sqlite(directory) = self else { panic!("this store is no file") };
        directory.path().join("store.db")
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_with(&Options::new([7; 32])).await
    }

    pub(crate) async fn open_with(&self, options: &Options) -> Store {
        #[cfg(feature = "simulation")]
        if let Self::Model(database) = self {
            return database.open(options, perch::store::model::Line::default()).await;
        }
        Store::open(&self.url(), options).await.unwrap()
    }
}

/// What somebody does who has a way into the database itself.
pub(crate) async fn by_hand(place: &Place, statement: &str) -> Result<(), sqlx::Error> {
    let statement = AssertSqlSafe(statement.to_owned());
    if let Place::Postgres(url) = place {
        sqlx::query(statement).execute(&mut PgConnection::connect(url).await?).await?;
    } else {
        sqlx::query(statement).execute(&mut SqliteConnection::connect(&place.url()).await?).await?;
    }
    Ok(())
}

/// What the engine says of a fault is in the log only.
fn speak() {
    let _ = tracing_subscriber::fmt().with_test_writer().try_init();
}

/// One test an engine for each body.
macro_rules! on_every_engine {
    ($($file:ident: $($rule:ident)*;)*) => {
        mod sqlite {
            $($(#[tokio::test]
            async fn $rule() {
                crate::$file::$rule(crate::Place::sqlite()).await;
            })*)*
        }

        mod postgres {
            $($(#[tokio::test]
            async fn $rule() {
                if let Some(place) = crate::Place::postgres() {
                    crate::$file::$rule(place).await;
                }
            })*)*
        }
    };
}

/// What a simulation's store is asked too: it has rooms, sessions and members, and nothing else.
#[cfg(feature = "simulation")]
macro_rules! on_the_model {
    ($($file:ident: $($rule:ident)*;)*) => {
        mod simulated {
            $($(#[tokio::test]
            async fn $rule() {
                let database = perch::store::model::Database::new(1);
                crate::$file::$rule(crate::Place::Model(database)).await;
            })*)*
        }
    };
}

#[cfg(feature = "simulation")]
on_the_model! {
    rooms: names_are_unique_and_given_again_after_destruction
        an_append_is_all_or_nothing
        decisions_against_older_rules_are_stale
        what_was_written_before_is_found_again
        a_nick_has_one_owner
        one_refused_append_does_not_spoil_its_group
        the_log_gives_back_what_was_appended;
    pool: what_a_decision_rested_on_is_looked_for_again who_sits_down_beside_himself_keeps_his_role;
}

/// What only an engine for several members can be asked.
macro_rules! on_postgres {
    ($($file:ident: $($rule:ident)*;)*) => {
        mod postgres_alone {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                if let Some(crate::Place::Postgres(url)) = crate::Place::postgres() {
                    crate::$file::$rule(url).await;
                }
            })*)*
        }
    };
}

on_every_engine! {
    opening: what_was_written_is_there_after_a_restart a_second_process_is_kept_out;
    accounts: accounts_are_added_read_and_removed many_accounts_are_added_at_once;
    principals: changes_of_principals_are_all_or_nothing
        a_view_follows_what_changes
        policies_and_configuration_go_with_the_rights
        memberships_that_ended_are_forgotten_once_all_know
        an_account_that_does_not_count_belongs_to_nothing
        what_an_address_may_ends_with_its_account
        principals_are_found_by_what_they_are_called;
    administration:
        every_deed_has_a_line_and_no_other_is_written
        a_deed_takes_one_connection
        the_log_is_only_added_to
        tokens_go_with_their_account
        what_was_changed_meanwhile_is_not_overwritten
        a_policy_that_was_granted_stays
        an_addin_that_rooms_have_stays
        names_are_the_same_in_whatever_capitals;
    account_logs: a_message_is_in_both_logs_or_in_none
        stamps_of_an_account_do_not_fall
        an_account_is_loaded_as_its_log_left_it
        notes_that_wait_together_are_all_written
        a_node_keeps_its_newest_items
        an_accounts_archive_is_paged_and_filtered
        what_the_archive_does_not_show_goes_after_a_while;
    rooms: a_room_is_loaded_as_it_was_made
        each_room_has_a_guid_for_good
        names_are_unique_and_given_again_after_destruction
        an_append_is_all_or_nothing
        decisions_against_older_rules_are_stale
        what_was_written_before_is_found_again
        a_nick_has_one_owner
        one_refused_append_does_not_spoil_its_group
        words_for_many_rooms_stand_in_each_as_they_came
        the_log_gives_back_what_was_appended;
    archive: joiners_get_the_last_messages
        the_archive_is_paged_in_both_directions
        the_archive_is_filtered
        a_retracted_message_leaves_a_tombstone;
    search:
        words_are_found_in_every_script_without_case_and_accents
        what_is_found_comes_in_pages_by_time
        authors_dates_and_rooms_narrow_a_search
        what_is_gone_is_found_no_more
        an_archive_is_searched_by_words
        rooms_are_found_by_name_and_lists
        rooms_are_found_by_the_beginnings_of_words
        what_rooms_are_called_is_folded_before_it_is_searched
        a_cleared_room_is_emptied_from_its_beginning_on;
    time:
        a_log_is_purged_from_its_beginning_on
        what_is_not_kept_is_blanked_after_a_while
        rooms_with_retention_are_found
        a_raised_epoch_tells_new_ids_from_lost_ones
        who_was_inside_when_the_server_died_is_detached;
    sessions: sessions_are_saved_and_found_again sessions_lapse;
    journal: what_is_said_and_who_comes_and_goes_is_journalled nothing_is_journalled_unless_wanted;
    members: a_member_shows_what_it_is_at what_is_due_is_claimed logs_that_are_ahead_are_found;
    model: a_loaded_room_is_the_room_that_applied_its_log;
}

on_postgres! {
    pool:
        a_zombie_writes_nothing
        a_member_that_lives_is_not_fenced
        what_a_dead_member_held_is_detached
        a_member_of_an_older_epoch_reads_nothing_of_a_newer
        what_is_due_is_given_to_one_member
        a_nick_is_given_to_one_of_two_members
        nobody_posts_after_his_ban
        members_that_share_a_room_give_each_seq_once
        what_another_member_changed_is_decided_again
        a_duty_is_one_members
        who_goes_by_old_rights_loses_his_lease
        nobody_gains_a_role_at_another_member;
    outages:
        a_newer_store_is_left_alone
        a_database_of_others_is_left_alone
        what_keeps_a_store_from_opening_is_said
        members_that_start_together_do_not_collide
        a_lost_answer_does_not_write_twice
        a_deed_whose_answer_is_lost_may_be_done
        a_store_that_is_away_is_so_in_time_and_comes_back
        a_commit_that_waits_for_a_standby_is_not_acknowledged
        a_commit_whose_wait_was_cancelled_is_not_acknowledged
        what_one_may_not_write_keeps_nobody_else_from_writing
        the_journal_passes_over_no_slow_transaction
        the_audit_log_passes_over_no_slow_transaction;
    succession:
        a_standby_of_the_site_takes_over_unnoticed
        what_a_standby_never_got_is_not_given_again
        a_host_of_a_site_that_is_alone_writes_nothing
        a_site_that_every_copy_would_claim_says_nothing
        who_was_left_behind_is_not_followed;
    account_logs: a_note_that_failed_is_written_again;
    administration: who_waits_for_an_account_holds_nothing_of_others;
    statements: every_statement_prepares_and_finds_its_rows_by_a_key;
}

mod faults_of_sqlite {
    use crate::Place;
    use crate::faults;

    #[tokio::test]
    async fn a_full_store_acknowledges_nothing_and_heals() {
        faults::a_full_store_acknowledges_nothing_and_heals(Place::sqlite()).await;
    }

    #[tokio::test]
    async fn a_newer_store_is_left_alone() {
        faults::a_newer_store_is_left_alone(Place::sqlite()).await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_store_is_left_alone() {
        faults::a_file_that_is_no_store_is_left_alone(Place::sqlite()).await;
    }

    #[tokio::test]
    async fn a_killed_server_loses_nothing_acknowledged() {
        faults::a_killed_server_loses_nothing_acknowledged(Place::sqlite()).await;
    }
}
