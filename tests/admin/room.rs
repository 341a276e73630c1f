//! `perch room`: rooms made, looked at, changed, taken out of service, and removed.

use perch::listener::Kind;
use serde_json::{Value, json};

use crate::scene::{Scene, finish, perch, rows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_made_shown_and_changed() {
    let scene = with_people().await;
    let add = "room add desk --title Desk --privacy closed --manager alice --member bob";
    scene.run(add).await.check(0, "desk@rooms.localhost was made\n", "");
    let shown = scene.run("room show desk --json").await.json();
    let text = |of: &str| shown[of].as_str().unwrap().to_owned();
    let (guid, version) = (text("guid"), shown["version"].to_string());
    assert_eq!(text("uri"), format!("ma-chan://rooms.localhost/{guid}"));
    let sheet = scene.run("room show desk@rooms.localhost").await;
    let expected: [&[&str]; 16] = [
        &["ROOM", "desk@rooms.localhost"],
        &["guid", &guid],
        &["uri", &text("uri")],
        &["title", "Desk"],
        &["description"],
        &["category", "General"],
        &["add-in"],
        &["privacy", "closed"],
        &["type", "normal"],
        &["invitations", "yes"],
        &["disabled", "no"],
        &["managers", "alice@localhost"],
        &["members", "bob@localhost"],
        &["presenters"],
        &["banned"],
        &["version", &version],
    ];
    assert_eq!(rows(&sheet), expected);

    let set = "room set desk --type auditorium --add-manager bob --strike-member bob --description Quotes";
    let stale = scene.run(&format!("{set} --if-version 0")).await;
    stale.check(1, "", "perch: it has been changed since: look at it again\n");
    let changed = scene.run(&format!("{set} --if-version {version} --json")).await.json();
    let now = |of: &str| changed[of].clone();
    assert_eq!(
        (now("kind"), now("description"), now("guid")),
        (json!("auditorium"), json!("Quotes"), json!(guid))
    );
    assert_eq!((now("managers"), now("members")), (json!(["alice@localhost", "bob@localhost"]), json!([])));
    let found = scene.run("room search").await;
    let head = ["ADDRESS", "NAME", "PRIVACY", "OCCUPANTS", "DESCRIPTION"];
    let row = ["desk@rooms.localhost", "Desk", "closed", "0", "Quotes"];
    assert_eq!(rows(&found), [head, row]);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_removed_when_somebody_means_it() {
    let scene = with_people().await;
    scene.run("room add desk").await;
    scene.run("room disable desk").await.check(0, "desk@rooms.localhost is out of service\n", "");
    assert_eq!(shown(&scene).await["disabled"], true);
    scene.run("room enable desk").await.check(0, "desk@rooms.localhost is in service\n", "");
    assert_eq!(shown(&scene).await["disabled"], false);
    let done = "desk@rooms.localhost was removed\n";
    scene.run("room remove desk --what-if").await.check(0, &format!("what if: {done}"), "");

    let refused = scene.answer("room remove desk", "").await;
    assert!(refused.code == 1 && refused.out.contains("end the room desk for good? [y/N]"), "{refused:?}");
    assert!(refused.out.contains("perch: nothing was done"), "{refused:?}");
    let kept = scene.answer("room clear desk --until 2026-01-01", "n").await;
    assert!(
        kept.code == 1 && kept.out.contains("0 messages will be removed from desk. Go on? [y/N]"),
        "{kept:?}"
    );
    assert_eq!(shown(&scene).await["address"], "desk@rooms.localhost");
    let meant = scene.answer("room remove desk", "yes").await;
    assert!(meant.code == 0 && meant.out.contains(done.trim_end()), "{meant:?}");
    scene.run("room add desk").await;
    scene.run("room remove desk --yes").await.check(0, done, "");
    scene.run("room remove desk --yes").await.check(1, "", "perch: there is no such room here\n");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_told_by_the_exit_code_too() {
    let scene = with_people().await;
    scene.run("room add desk --manager alice").await;
    scene.run("room add desk").await.check(1, "", "perch: the name is taken\n");
    scene.run("room show nowhere").await.check(1, "", "perch: there is no such room here\n");
    scene.run("room add x --category None").await.check(1, "", "perch: there is no such category\n");
    for arguments in ["room", "room show", "room add x --privacy public", "room set desk --type choir"] {
        assert_eq!(scene.run(arguments).await.code, 2, "{arguments}");
    }

    let token =
        scene.run("token new --account bob@localhost --scope rooms:read,rooms:write --json").await.json();
    let elsewhere = format!(
        "--server https://localhost:{} --token {} --ca {}",
        scene.server.address(Kind::Https).unwrap().port(),
        token["token"].as_str().unwrap(),
        scene.server.tls().certificate_path().display(),
    );
    for verb in ["show desk", "set desk --title Mine", "remove desk --yes"] {
        let refused = scene.run(&format!("room {verb} {elsewhere}")).await;
        refused.check(5, "", "perch: whoever asks has no right to this\n");
    }
    let directory = scene.stop().await;
    let gone = format!("room show desk --data-dir {}", directory.path().join("data").display());
    assert_eq!(finish(perch(&gone), "").code, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rooms_are_made_from_a_file() {
    let scene = with_people().await;
    let file = scene.data_dir().join("rooms.csv");
    let lines = "name,title,privacy,type,managers,members\n\
        desk,The Desk,closed,,alice,alice bob\n\
        hall,,open,auditorium,,\n\
        lobby,,public,,,\n\
        attic,,,,,,alice\n";
    std::fs::write(&file, lines).unwrap();
    let add = format!("room add --from-csv {}", file.display());
    let added = scene.run(&add).await;
    assert_eq!((added.code, added.out.as_str()), (1, "2 rooms were added\n"));
    for line in [4, 5] {
        let named = format!("rooms.csv:{line}: ");
        assert!(added.err.contains(&named), "{}", added.err);
    }
    let desk = shown(&scene).await;
    let members = json!(["alice@localhost", "bob@localhost"]);
    assert_eq!(
        (&desk["title"], &desk["privacy"], &desk["members"]),
        (&json!("The Desk"), &json!("closed"), &members)
    );
    let hall = scene.run("room show hall --json").await.json();
    assert_eq!((&hall["kind"], &hall["privacy"]), (&json!("auditorium"), &json!("open")));

    std::fs::write(&file, "name\ndesk\nhall\nattic\n").unwrap();
    let again = scene.run(&add).await;
    assert_eq!(again.code, 1, "{}", again.err);
    let rest = scene.run(&format!("{add} --skip-existing --json")).await.json();
    assert_eq!((&rest["added"], &rest["existing"]), (&json!(0), &json!(3)));

    std::fs::write(&file, "name,memebers\ncellar,alice\n").unwrap();
    let misspelt = scene.run(&add).await;
    assert_eq!(misspelt.code, 1, "a list that is misspelt would let in the wrong people: {}", misspelt.out);
    scene.stop().await;
}

async fn with_people() -> Scene {
    let scene = Scene::start().await;
    for name in ["alice", "bob"] {
        scene.feed(&format!("user add {name} --password-stdin"), "secret").await;
    }
    scene
}

async fn shown(scene: &Scene) -> Value {
    scene.run("room show desk --json").await.json()
}
