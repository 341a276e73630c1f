//! Two members over a real PostgreSQL, each busy with what the other has to take into account.

use tempfile::TempDir;

use crate::database;
use crate::member::{Member, OPEN_POOL, sections};
use crate::plain::{Client, OPEN_ROOM, add_accounts, config};

/// Members one and two, and romeo on the first of them, who has made a room.
struct Scene {
    one: Member,
    two: Member,
    romeo: Client,
}

impl Scene {
    async fn start(others: &[&str]) -> Option<Self> {
        let store = database().await?;
        let directory = TempDir::new().unwrap();
        let users = [&["romeo"], others].concat();
        add_accounts(&config(&directory, &sections("nobody", &store)), &users).await;
        let (one, two) = (Member::start("one", &store).await, Member::start("two", &store).await);
        one.run(OPEN_POOL).await;
        let mut romeo = Client::begin(one.address(), "romeo", "orchard").await;
        romeo.join("tea", "Romeo").await;
        romeo.send(OPEN_ROOM).await;
        romeo.read_until("id='open'").await;
        Some(Self { one, two, romeo })
    }
}

/// Says something, and reads what comes up to the answer.
async fn say(client: &mut Client, id: &str) -> String {
    let post =
        format!("<message to='tea@rooms.localhost' type='groupchat' id='{id}'><body>hi</body></message>");
    client.send(&post).await;
    client.read_until(&format!("id='{id}'")).await
}

/// Each entry is an append on which the other's decision does not rest yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_and_goes_on_one_member_and_who_posts_on_another_both_get_on() {
    let guests = ["benvolio", "juliet", "mercutio"];
    let Some(mut scene) = Scene::start(&guests).await else { return };
    let mut visits = Vec::new();
    for guest in guests {
        let mut client = Client::begin(scene.two.address(), guest, "street").await;
        visits.push(tokio::spawn(async move {
            for _ in 0..VISITS {
                client.join("tea", guest).await;
                let leave = format!("<presence to='tea@rooms.localhost/{guest}' type='unavailable'/>");
                client.send(&leave).await;
                client.read_until("type='unavailable'").await;
                client.read_until("<status code='110'").await;
            }
        }));
    }
    let mut posts = 0;
    while posts < POSTS_MIN || visits.iter().any(|visit| !visit.is_finished()) {
        let answer = say(&mut scene.romeo, &format!("post-{posts}")).await;
        assert!(!answer.contains("type='error'"), "{answer}");
        posts += 1;
    }
    for visit in visits {
        visit.await.unwrap();
    }
    eprintln!("{posts} posts while each of {} came and went {VISITS} times", guests.len());
}

/// By the category of the room, and by the policy that is in force for him.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_posts_after_his_right_is_said_to_be_withdrawn() {
    let posters = ["benvolio", "juliet", "mercutio", "paris", "tybalt"];
    let withdrawals = ["category set General --deny", "policy grant tag:mute"];
    let Some(mut scene) = Scene::start(&posters).await else { return };
    scene.one.run("policy set tag:mute --enabled no").await;
    for (poster, withdrawal) in posters.into_iter().zip(withdrawals.into_iter().cycle()) {
        let mut client = Client::begin(scene.two.address(), poster, "street").await;
        client.join("tea", poster).await;
        scene.romeo.read_until(&format!("/{poster}'")).await;
        let posting = tokio::spawn(async move {
            for number in 0.. {
                let id = format!("{poster}-{number}");
                let came = say(&mut client, &id).await;
                if came.rsplit('<').next().is_some_and(|last| last.contains("type='error'")) {
                    return number;
                }
            }
            unreachable!("numbers do not end")
        });
        scene.romeo.read_until(&format!("id='{poster}-5'")).await;
        scene.one.run(&format!("{withdrawal} {poster}")).await;
        // The command has come back: whatever romeo says now is said after it.
        say(&mut scene.romeo, &format!("behind-{poster}")).await;
        let refused = posting.await.unwrap();
        let came = say(&mut scene.romeo, &format!("end-{poster}")).await;
        assert!(!came.contains(&format!("id='{poster}-")), "said without a right: {came}");
        eprintln!("{poster} said {refused} things");
    }
}

const VISITS: usize = 40;
const POSTS_MIN: usize = 100;
