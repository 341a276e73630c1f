//! `perch category`: for whom rooms are.

use serde_json::json;

use crate::scene::{Scene, rows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn categories_are_listed_made_and_changed() {
    let scene = Scene::start().await;
    scene.feed("user add alice --password-stdin", "secret").await;
    let add = "category add Trading --allow localhost --deny bob@localhost --creator alice --history no";
    scene.run(&format!("{add} --what-if")).await.check(0, "what if: Trading was made\n", "");
    assert_eq!(names(&scene).await, ["General"]);
    scene.run(add).await.check(0, "Trading was made\n", "");
    scene.run("category add TRADING").await.check(1, "", "perch: the name is taken\n");

    let listed = scene.run("category list").await;
    let version = version(&scene).await;
    let head = ["NAME", "ROOMS", "HISTORY", "ALLOWED", "DENIED", "CREATORS", "VERSION"];
    let row = ["Trading", "0", "no", "localhost", "bob@localhost", "alice@localhost", &version];
    let shown = rows(&listed);
    assert_eq!((shown[0].as_slice(), shown[2].as_slice()), (&head[..], &row[..]), "{listed:?}");

    let set = "category set Trading --rename Talk --undeny bob@localhost --history yes --invitations yes";
    scene.run(&format!("{set} --what-if")).await.check(0, "what if: Talk was changed\n", "");
    scene.run(&format!("{set} --if-version 1")).await.check(
        1,
        "",
        "perch: it has been changed since: look at it again\n",
    );
    assert_eq!(names(&scene).await, ["General", "Trading"]);
    let changed = scene.run(&format!("{set} --if-version {version} --json")).await.json();
    let mut expected = json!({
        "name": "Talk", "description": "", "allowed": ["localhost"], "denied": [],
        "creators": ["alice@localhost"], "history": true, "invitations": true, "file_upload": false,
        "managers_destroy": false, "rooms": 0,
    });
    for its_own in ["id", "version"] {
        expected[its_own] = changed[its_own].clone();
    }
    assert_eq!(changed, expected);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_is_removed_when_it_is_empty_and_somebody_means_it() {
    let scene = Scene::start().await;
    scene.run("category add Talk --allow localhost").await;
    scene.run("room add floor --category Talk").await;
    let in_use = "perch: it is in use 1 times; it can be removed by force\n";
    scene.run("category remove Talk").await.check(1, "", in_use);
    scene.run("room remove floor").await;
    let done = "the category Talk was removed\n";
    scene.run("category remove Talk --what-if").await.check(0, &format!("what if: {done}"), "");
    let stale = "perch: it has been changed since: look at it again\n";
    scene.run("category remove Talk --if-version 1").await.check(1, "", stale);

    let refused = scene.answer("category remove Talk", "n").await;
    assert!(refused.code == 1 && refused.out.contains("remove the category Talk? [y/N]"), "{refused:?}");
    assert!(refused.out.contains("perch: nothing was done"), "{refused:?}");
    assert_eq!(names(&scene).await, ["General", "Talk"]);
    let meant = scene.answer("category remove Talk", "y").await;
    assert!(meant.code == 0 && meant.out.contains(done.trim_end()), "{meant:?}");
    scene.run("category remove Talk --yes").await.check(1, "", "perch: there is no such category\n");
    for arguments in ["category", "category add", "category set Talk --history maybe"] {
        assert_eq!(scene.run(arguments).await.code, 2, "{arguments}");
    }
    scene.stop().await;
}

async fn names(scene: &Scene) -> Vec<String> {
    let listed = scene.run("category list --json").await.json();
    let categories = listed.as_array().unwrap();
    categories.iter().map(|category| category["name"].as_str().unwrap().to_owned()).collect()
}

/// Of the second category.
async fn version(scene: &Scene) -> String {
    scene.run("category list --json").await.json()[1]["version"].to_string()
}
