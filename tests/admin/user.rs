//! `perch user`: accounts, singly and many at once.

use std::fs;

use perch::store::{Options, Store};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_and_dies() {
    let scene = Scene::start().await;
    let added = scene.feed("user add alice@localhost --password-stdin", "correct horse\n").await;
    added.check(0, "alice@localhost was added\n", "");
    scene.run("user add Alice").await.check(1, "", "perch: the name is taken\n");
    scene.run("user add alice --skip-existing").await.check(0, "alice exists already\n", "");

    let made_up = scene.run("user add bob@localhost --json").await.json();
    assert_eq!(
        (&made_up["address"], made_up["password"].as_str().unwrap().len()),
        (&"bob@localhost".into(), 20)
    );

    scene.run("user disable bob").await.check(0, "bob@localhost can no longer sign in\n", "");
    let listed = scene.run("user list").await;
    listed.check(0, " ADDRESS          STATE\n alice@localhost\n bob@localhost    disabled\n", "");
    scene.run("user enable bob").await.check(0, "bob@localhost can sign in\n", "");

    let changed = scene.feed("user password alice --password-stdin", "battery staple\n").await;
    changed.check(0, "the password of alice@localhost was changed\n", "");
    scene.run("user remove alice@localhost").await.check(0, "alice@localhost was removed\n", "");
    assert_eq!(scene.addresses().await, ["bob@localhost"]);
    scene.run("user remove alice").await.check(1, "", "perch: there is no account of this name\n");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_account_is_refused_in_words() {
    let scene = Scene::start().await;
    for (arguments, input, expected) in [
        ("user add eve@other.example", "x\n", "the address is none of this server's accounts"),
        ("user add eve@localhost/phone", "x\n", "the address has a resource where none may be"),
        ("user add e:ve", "x\n", "the localpart holds a character that is not allowed there"),
        ("user add @localhost", "x\n", "the localpart is empty"),
        ("user add eve", "\n", "the password is empty"),
        ("user add eve", "tab\tbed\n", "the password holds a character that is not allowed there"),
    ] {
        let refused = scene.feed(&format!("{arguments} --password-stdin"), input).await;
        refused.check(1, "", &format!("perch: {expected}\n"));
    }
    assert!(scene.addresses().await.is_empty());
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_come_from_a_file_and_each_bad_line_is_named() {
    let scene = Scene::start().await;
    let file = scene.directory.path().join("accounts.csv");
    let arguments = format!("user add --from-csv {}", file.display());
    fs::write(
        &file,
        "name,password,scram\n\
         alice,secret,\n\
         bob@localhost,\"a, b\",\n\
         carol,,SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=\n\
         ,secret,\n\
         dave,,\n\
         erin,,SCRAM-SHA-1$pencil\n\
         frank@other.example,secret,\n",
    )
    .unwrap();
    let ended = scene.run(&arguments).await;
    let name = file.display();
    let expected = format!(
        "{name}:5: the line has no name\n\
         {name}:6: the line has neither a password nor keys\n\
         {name}:7: SCRAM keys look like SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY, with 1 to 1000000 iterations\n\
         {name}:8: the address is none of this server's accounts\n\
         perch: 4 lines were not added\n"
    );
    ended.check(1, "3 accounts were added\n", &expected);
    assert_eq!(scene.addresses().await, ["alice@localhost", "bob@localhost", "carol@localhost"]);

    fs::write(&file, "name,password\nalice,other\ngrace,secret\n").unwrap();
    let again = scene.run(&format!("{arguments} --skip-existing --json")).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.json(), serde_json::json!({ "added": 1, "existing": 1, "failures": [] }));
    let strict = scene.run(&arguments).await;
    assert_eq!((strict.code, strict.out.as_str()), (1, "0 accounts were added\n"));

    fs::write(&file, "user,pass\nalice,x\n").unwrap();
    let headless = scene.run(&arguments).await;
    headless.check(
        1,
        "",
        &format!("perch: {name}:1: the first line must name the columns: name, and password or scram\n"),
    );
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_longer_than_a_page() {
    let scene = Scene::start().await;
    let keys = "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=";
    let lines: String = (0..2500).map(|number| format!("user{number:04},{keys}\n")).collect();
    let file = scene.directory.path().join("many.csv");
    fs::write(&file, format!("name,scram\n{lines}")).unwrap();
    let added = scene.run(&format!("user add --from-csv {}", file.display())).await;
    added.check(0, "2500 accounts were added\n", "");
    let addresses = scene.addresses().await;
    assert_eq!(addresses.len(), 2500);
    assert!(addresses.is_sorted());
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_kept() {
    let scene = Scene::start().await;
    assert_eq!(scene.feed("user add alice --password-stdin", "kept nowhere\n").await.code, 0);
    let data_dir = scene.data_dir();
    let _directory = scene.stop().await;
    for entry in fs::read_dir(&data_dir).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap();
        assert!(!content.windows(12).any(|window| window == b"kept nowhere"));
    }
    let url = format!("sqlite:{}", data_dir.join("perch.db").display());
    let store = Store::open(&url, &Options::new([0; 32])).await.unwrap();
    let account = store.account("alice").await.unwrap().expect("the account");
    assert_eq!(account.credentials.len(), 3);
    assert!(account.credentials.iter().all(|row| row.iterations >= 10_000 && row.salt.len() == 16));
    store.close().await;
}
