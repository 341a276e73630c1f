//! `perch principal`: groups and units, by hand and from files.

use std::collections::BTreeSet;
use std::fs;

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_made_filled_and_looked_at() {
    let scene = Scene::start().await;
    for name in ["alice", "bob"] {
        scene.feed(&format!("user add {name} --password-stdin"), "secret").await;
    }
    let tried = scene.run("principal add-group Developers --what-if").await;
    tried.check(0, "what if: developers@groups.localhost was made\n", "");
    let made = scene.run("principal add-group Developers").await;
    made.check(0, "developers@groups.localhost was made\n", "");
    scene.run("principal add-unit Munich --json").await;
    let (group, unit) = ("developers@groups.localhost", "munich@units.localhost");
    let admitted = scene.run(&format!("principal admit {group} alice")).await;
    admitted.check(0, "alice@localhost is in developers@groups.localhost\n", "");
    scene.run(&format!("principal admit {unit} {group} bob")).await;
    let shown = scene.run("principal show alice@localhost --json").await.json();
    let belongs: BTreeSet<_> =
        shown["belongs"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(belongs, ["alice@localhost", group, "localhost", unit].into());
    scene.run(&format!("principal users {unit}")).await.check(0, "alice@localhost\nbob@localhost\n", "");
    scene.run("principal users localhost").await.check(0, "alice@localhost\nbob@localhost\n", "");

    for (arguments, expected) in [
        (format!("principal admit {group} {unit}"), "groups hold users and groups, units hold units too"),
        (format!("principal admit {group} nobody"), "there is no such user, group, unit or domain"),
        ("principal remove alice@localhost".to_owned(), "only groups and units are made and changed"),
        ("principal show x@groups.localhost".to_owned(), "there is no such user, group, unit or domain"),
    ] {
        scene.run(&arguments).await.check(1, "", &format!("perch: {expected}\n"));
    }

    scene.run("user disable alice").await;
    scene.run(&format!("principal users {unit}")).await.check(0, "bob@localhost\n", "");
    scene.run("user enable alice").await;
    scene.run(&format!("principal dismiss {group} alice")).await;
    let found = scene.run("principal find DEVEL --json").await.json();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    scene.run(&format!("principal remove {group}")).await;
    let made = scene.run("principal add-group Developers").await;
    made.check(0, "developers-2@groups.localhost was made\n", "");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_imported_and_imported_again() {
    let scene = Scene::start().await;
    for name in ["alice", "bob"] {
        scene.feed(&format!("user add {name} --password-stdin"), "secret").await;
    }
    let csv = scene.directory.path().join("groups.csv");
    fs::write(
        &csv,
        "group,unit,member\nStaff,Munich,alice\nStaff,,bob@localhost\nEmpty,,\n,,x\nStaff,,carol\n\
         Staff,,guest@elsewhere.example\n",
    )
    .unwrap();
    let import = format!("principal import {}", csv.display());
    let tried = scene.run(&format!("{import} --what-if")).await;
    assert_eq!(tried.out, "what if: 5 memberships and groups are as the file says\n");
    assert_eq!(scene.run("principal list --json").await.json(), serde_json::json!([]));
    for _ in 0..2 {
        let ended = scene.run(&import).await;
        assert_eq!((ended.code, ended.out.as_str()), (1, "5 memberships and groups are as the file says\n"));
        let place = csv.display();
        assert_eq!(
            ended.err,
            format!(
                "{place}:5: the line has neither a group nor a unit\n\
                 {place}:6: there is no account of this name\nperch: 2 lines came to nothing\n"
            )
        );
    }
    let lines = scene.run("audit list --json").await.json();
    let line = lines.as_array().unwrap().iter().find(|line| line["object"] == "enrolments").unwrap();
    let (staff, munich) = ("staff@groups.localhost", "munich@units.localhost");
    let became = serde_json::json!({
        "made": [staff, munich, "empty@groups.localhost"],
        "admitted": [
            ["alice@localhost", staff],
            ["alice@localhost", munich],
            ["bob@localhost", staff],
            ["guest@elsewhere.example", staff],
        ],
    });
    assert_eq!(line["after"], became);
    let users = "alice@localhost\nbob@localhost\nguest@elsewhere.example\n";
    scene.run("principal users staff@groups.localhost").await.check(0, users, "");
    scene.run("principal users munich@units.localhost").await.check(0, "alice@localhost\n", "");

    // More than a request may take, and a line that no request takes.
    let long = scene.directory.path().join("long.csv");
    let lines: String = (0..400).map(|number| format!("{number} {},alice\n", "x".repeat(200))).collect();
    fs::write(&long, format!("group,member\n{lines}{},alice\n", "x".repeat(70_000))).unwrap();
    let ended = scene.run(&format!("principal import {}", long.display())).await;
    assert_eq!((ended.code, ended.out.as_str()), (1, "400 memberships and groups are as the file says\n"));
    assert!(ended.err.contains(":402: the names are longer than any can be\n"), "{}", ended.err);

    let ldif = scene.directory.path().join("groups.ldif");
    let text = "dn: uid=bob,ou=Berlin,dc=x\nobjectClass: inetOrgPerson\nuid: bob\n\n\
                dn: ou=Berlin,dc=x\nobjectClass: organizationalUnit\nou: Berlin\n\n\
                dn: cn=crew,dc=x\nobjectClass: groupOfNames\ncn: Crew\nmember: uid=bob,ou=Berlin,dc=x\n";
    fs::write(&ldif, text).unwrap();
    let ended = scene.run(&format!("principal import {}", ldif.display())).await;
    ended.check(0, "4 memberships and groups are as the file says\n", "");
    let shown = scene.run("principal show bob@localhost --json").await.json();
    let belongs: BTreeSet<_> =
        shown["belongs"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(belongs.contains("crew@groups.localhost") && belongs.contains("berlin@units.localhost"));
    scene.stop().await;
}
