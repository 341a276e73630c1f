//! The command line as its users and their scripts meet it: what is printed, where, and the exit code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use perch::chat::event::Change;
use perch::chat::id::Timestamp;
use perch::chat::message::{Author, Content, Payload, Retention};
use perch::chat::settings::Settings;
use perch::config::{Config, Sources};
use perch::listener::Kind;
use perch::server::{self, Server, StartError};
use perch::store::archive::{ArchiveQuery, Log};
use perch::store::journal::JournalPlace;
use perch::store::room::{Append, NewRoom};
use perch::store::{Options, Store};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

/// A server of this process, and commands that ask it.
struct Scene {
    directory: TempDir,
    server: Server,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Scene {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = server::start(config(directory.path(), &[])).await.unwrap();
        Self { directory, server }
    }

    fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Runs `perch` with the arguments, split at spaces, against this server.
    async fn run(&self, arguments: &str) -> Ended {
        self.feed(arguments, "").await
    }

    /// The same, with something on standard input.
    async fn feed(&self, arguments: &str, input: &str) -> Ended {
        let mut command = perch(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        let input = input.to_owned();
        tokio::task::spawn_blocking(move || finish(command, &input)).await.unwrap()
    }

    /// Stops the server; with nobody connected there is nothing to wait for.
    async fn stop(self) -> TempDir {
        tokio::time::timeout(Duration::from_secs(4), self.server.stop()).await.expect("prompt");
        self.directory
    }

    async fn addresses(&self) -> Vec<String> {
        let listed = self.run("user list --json").await.json();
        listed.as_array().unwrap().iter().map(|user| user["address"].as_str().unwrap().to_owned()).collect()
    }
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn check(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.code, self.out.as_str(), self.err.as_str()), (code, out, err));
    }
}

fn config(directory: &Path, environment: &[(&str, &str)]) -> Config {
    let quiet = ["PERCH_LISTEN__XMPP", "PERCH_LISTEN__XMPP_TLS", "PERCH_LISTEN__HTTPS"]
        .map(|listener| (listener, "127.0.0.1:0"));
    Config::load(Sources {
        data_dir: Some(directory.join("data")),
        environment: quiet
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Sources::default()
    })
    .unwrap()
}

fn perch(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perch"));
    command.args(arguments.split_whitespace());
    command.env_clear();
    command
}

fn finish(mut command: Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Ended {
        code: status.code().expect("not killed"),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_and_dies() {
    let scene = Scene::start().await;
    let added = scene.feed("user add alice@localhost --password-stdin", "correct horse\n").await;
    added.check(0, "alice@localhost was added\n", "");
    scene.run("user add Alice").await.check(1, "", "perch: there is an account of this name\n");
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
async fn a_server_alone_is_a_pool_of_one() {
    let scene = Scene::start().await;
    let pool = scene.run("pool status --json").await.json();
    let member = &pool["members"][0];
    assert_eq!(
        (&member["name"], &member["state"], &member["alive"], &member["asked"]),
        (&"perch".into(), &"active".into(), &true.into(), &true.into())
    );
    let refused = "perch: it is the last active member: there is no other to take its clients\n";
    scene.run("pool drain").await.check(1, "", refused);
    scene.run("pool deactivate perch").await.check(1, "", refused);
    scene.run("pool activate").await.check(0, "perch is to be active\n", "");
    scene.run("pool drain nobody").await.check(1, "", "perch: there is no member of this name in the pool\n");
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
async fn a_stopped_server_leaves_what_was_acknowledged() {
    let scene = Scene::start().await;
    assert_eq!(scene.feed("user add alice --password-stdin", "x\n").await.code, 0);
    let data_dir = scene.data_dir();
    let directory = scene.stop().await;
    assert!(!data_dir.join("admin.sock").exists());
    let missing = {
        let mut command = perch("user list --data-dir");
        command.arg(&data_dir);
        finish(command, "")
    };
    assert_eq!(missing.code, 4);
    assert!(missing.err.starts_with("perch: no server is running in "), "{}", missing.err);

    let server = server::start(config(directory.path(), &[])).await.unwrap();
    let again = Scene { directory, server };
    assert_eq!(again.addresses().await, ["alice@localhost"]);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_server_counts_ids_anew() {
    let directory = Scene::start().await.stop().await;
    let epoch_after = async |server: Server| {
        let url = format!("sqlite:{}", config(directory.path(), &[]).data_dir.join("perch.db").display());
        server.stop().await;
        let mut store = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_scalar::<_, i64>("SELECT epoch FROM meta").fetch_one(&mut store).await.unwrap()
    };
    let first = epoch_after(server::start(config(directory.path(), &[])).await.unwrap()).await;
    assert_eq!(epoch_after(server::start(config(directory.path(), &[])).await.unwrap()).await, first);
    let second = epoch_after(server::start_restored(config(directory.path(), &[])).await.unwrap()).await;
    let third = epoch_after(server::start_restored(config(directory.path(), &[])).await.unwrap()).await;
    assert!(first < second && second < third, "{first:?} {second:?} {third:?}");
}

/// A room in which two people have said so much, in turn, a second after another from 2026-01-01 on.
async fn with_messages(directory: &Path, count: usize) {
    let data_dir = config(directory, &[]).data_dir;
    fs::create_dir_all(&data_dir).unwrap();
    let url = format!("sqlite:{}", data_dir.join("perch.db").display());
    let options = Options { has_journal: true, ..Options::new([7; 32]) };
    let store = Store::open(&url, &options).await.unwrap();
    let author = |name: &str| Author {
        nick: name.into(),
        jid: format!("{name}@localhost").parse().unwrap(),
        resource: None,
        occupant_id: name.into(),
    };
    let settings = Settings { name: "Tea for two".into(), ..Settings::default() };
    let created = Change::Created { by: author("alice").jid, settings: Box::new(settings), locked: false };
    let new = NewRoom {
        name: "tea".into(),
        secret: [1; 32],
        changes: [created].into(),
        at: Timestamp(0),
        origin: None,
    };
    let room = store.create_room(new).await.unwrap();
    for number in 0..count {
        let text = format!("cup number {number}");
        let content = Content {
            id: None,
            lang: None,
            payload: Payload::from(format!("<body>{text}</body>")),
            text: Some(text.into()),
            retention: Retention::Kept,
        };
        let posted = Change::Posted { author: author(["alice", "bob"][number % 2]), content };
        let append = Append {
            room: room.id,
            rules: room.rules,
            changes: [posted].into(),
            quiet: [].into(),
            at: Timestamp(1_767_225_600_000 + number as i64 * 1_000),
            origin: None,
        };
        store.append(append).await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_found_removed_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    with_messages(directory.path(), 250).await;
    let journal = [("PERCH_COMPLIANCE__JOURNAL", "true")];
    let server = server::start(config(directory.path(), &journal)).await.unwrap();
    let scene = Scene { directory, server };

    let found = scene.run("message search number CUP --limit 3 --json").await.json();
    let texts: Vec<_> = found.as_array().unwrap().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["cup number 249", "cup number 248", "cup number 247"]);
    let listed = scene.run("message search --phrase number 7 --room tea@rooms.localhost").await;
    assert!(listed.out.contains("bob@localhost") && listed.out.contains("cup number 7"), "{listed:?}");
    scene.run("message search --room coffee").await.check(1, "", "perch: there is no such room here\n");
    let bad = "perch: a date looks like 2026-01-31 or 2026-01-31T12:00:00Z\n";
    scene.run("message search --until yesterday").await.check(1, "", bad);

    let which = "--user bob@localhost --until 2026-01-01T00:03:20Z";
    scene.run(&format!("message remove {which} --what-if")).await.check(
        0,
        "100 messages would be removed\n",
        "",
    );
    scene.run(&format!("message remove {which} --yes")).await.check(0, "100 messages were removed\n", "");
    scene.run(&format!("message remove {which} --yes")).await.check(0, "0 messages were removed\n", "");
    let nothing = "perch: no room, user, date or word says which messages\n";
    scene.run("message remove --yes").await.check(1, "", nothing);
    scene.run("message replace --any 0 2 --yes").await.check(0, "2 messages were replaced\n", "");
    let left = scene.run("message search cup --limit 1000 --json").await.json();
    assert_eq!(left.as_array().unwrap().len(), 148);

    let store_url = format!("sqlite:{}", scene.data_dir().join("perch.db").display());
    let _directory = scene.stop().await;
    let store = Store::open(&store_url, &Options::new([0; 32])).await.unwrap();
    let room = store.load_room("tea").await.unwrap().unwrap();
    let page = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    let first = page.messages[0].tombstone.as_ref().unwrap();
    assert_eq!((&*first.reason, first.is_replacement), ("An administrator has replaced this message.", true));
    let entries = store.journal(JournalPlace::default(), 1_000).await.unwrap();
    let originals = entries.iter().filter_map(|entry| entry.original.as_ref()?.text.as_deref());
    assert_eq!(originals.filter(|text| text.starts_with("cup number")).count(), 102, "none is lost");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_found_and_cleared() {
    let directory = tempfile::tempdir().unwrap();
    with_messages(directory.path(), 250).await;
    let server = server::start(config(directory.path(), &[])).await.unwrap();
    let scene = Scene { directory, server };

    let found = scene.run("room search two --privacy open --json").await.json();
    let room = serde_json::json!([{
        "address": "tea@rooms.localhost", "name": "Tea for two", "description": "", "privacy": "open",
        "locked": false, "occupants": 0,
    }]);
    assert_eq!(found, room);
    assert_eq!(
        scene.run("room search tea --member alice@localhost --json").await.json(),
        serde_json::json!([])
    );

    let until = "room clear tea --until 2026-01-01T00:03:19Z";
    scene.run(&format!("{until} --what-if")).await.check(0, "200 messages would be removed\n", "");
    scene.run(&format!("{until} --yes")).await.check(0, "200 messages were removed\n", "");
    scene.run(&format!("{until} --yes")).await.check(0, "0 messages were removed\n", "");
    let left = scene.run("message search --room tea --oldest-first --json").await.json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["text"]), (50, &"cup number 200".into()));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_serves_one_server() {
    let scene = Scene::start().await;
    let second = server::start(config(scene.directory.path(), &[])).await;
    assert!(matches!(second, Err(StartError::Running { .. })));
    assert!(scene.addresses().await.is_empty(), "the first one still answers");
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

#[tokio::test(flavor = "multi_thread")]
async fn the_data_is_for_its_owner_alone() {
    let scene = Scene::start().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&scene.data_dir()), 0o700);
    assert_eq!(mode(&scene.data_dir().join("admin.sock")), 0o600);
    assert_eq!(mode(&scene.data_dir().join("key.pem")), 0o600);
    assert_ne!(scene.server.address(Kind::StartTls).unwrap().port(), 0, "the port that was found is told");
    assert_eq!(scene.server.address(Kind::Plain), None);
    scene.stop().await;
}

#[test]
fn the_configuration_is_checked_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("perch.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = perch("check-config");
        command.arg(&file);
        finish(command, "")
    };
    let name = file.display();
    check("[server]\ndomain = \"example.org\"\n").check(
        0,
        &format!(
            "{name} is good: accounts of example.org, rooms of rooms.example.org, data in ./perch-data\n"
        ),
        "",
    );
    let faulty = check("[listen]\nxmpp = 5222\n\n[server]\ndomian = \"example.org\"\n");
    let expected = format!(
        "{name}:2: listen.xmpp: expected an address such as \"[::]:5222\" or \"127.0.0.1:5222\", or \"off\"\n\
         {name}:5: server.domian: there is no such key; is server.domain meant?\n"
    );
    faulty.check(3, "", &expected);
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for arguments in
        ["", "user", "user add", "user add alice --from-csv x.csv", "serve --port 1", "check-config"]
    {
        assert_eq!(finish(perch(arguments), "").code, 2, "{arguments}");
    }
    assert_eq!(finish(perch("--version"), "").out, format!("perch {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_are_told_how_commands_go_on() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = finish(perch(&format!("completions {shell}")), "");
        assert!(ended.code == 0 && ended.out.contains("ungrant"), "{shell}: {ended:?}");
    }
}

/// A server as a process of its own, killed if a test fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_says_when_it_is_ready_and_stops_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = perch("serve --data-dir");
    command.arg(directory.path().join("data"));
    command.envs([
        ("PERCH_LISTEN__XMPP", "127.0.0.1:0"),
        ("PERCH_LISTEN__XMPP_TLS", "off"),
        ("PERCH_LISTEN__HTTPS", "off"),
    ]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Process(command.spawn().unwrap());
    let stdout = server.0.stdout.take().unwrap();
    let lines: Vec<_> = std::io::BufRead::lines(std::io::BufReader::new(stdout))
        .map(Result::unwrap)
        .take_while(|line| line != "ready")
        .collect();
    assert!(lines[0].starts_with("listening on 127.0.0.1:"), "{lines:?}");
    let next =
        lines.iter().find_map(|line| line.strip_prefix("add an account: perch ")).expect("what to do next");

    // The line that is printed can be typed as it stands.
    let ended = finish(perch(next), "");
    assert_eq!(ended.code, 0, "{ended:?}");

    let pid = rustix::process::Pid::from_child(&server.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_made_filled_and_looked_at() {
    let scene = Scene::start().await;
    for name in ["alice", "bob"] {
        scene.feed(&format!("user add {name} --password-stdin"), "secret").await;
    }
    let made = scene.run("principal add-group Developers").await;
    made.check(0, "developers@groups.localhost was made\n", "");
    scene.run("principal add-unit Munich --json").await;
    let (group, unit) = ("developers@groups.localhost", "munich@units.localhost");
    let admitted = scene.run(&format!("principal admit {group} alice")).await;
    admitted.check(0, "alice@localhost is in developers@groups.localhost\n", "");
    scene.run(&format!("principal admit {unit} {group} bob")).await;
    let shown = scene.run("principal show alice@localhost --json").await.json();
    let belongs: std::collections::BTreeSet<_> =
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
    let users = "alice@localhost\nbob@localhost\nguest@elsewhere.example\n";
    scene.run("principal users staff@groups.localhost").await.check(0, users, "");
    scene.run("principal users munich@units.localhost").await.check(0, "alice@localhost\n", "");

    let ldif = scene.directory.path().join("groups.ldif");
    let text = "dn: uid=bob,ou=Berlin,dc=x\nobjectClass: inetOrgPerson\nuid: bob\n\n\
                dn: ou=Berlin,dc=x\nobjectClass: organizationalUnit\nou: Berlin\n\n\
                dn: cn=crew,dc=x\nobjectClass: groupOfNames\ncn: Crew\nmember: uid=bob,ou=Berlin,dc=x\n";
    fs::write(&ldif, text).unwrap();
    let ended = scene.run(&format!("principal import {}", ldif.display())).await;
    ended.check(0, "4 memberships and groups are as the file says\n", "");
    let shown = scene.run("principal show bob@localhost --json").await.json();
    let belongs: std::collections::BTreeSet<_> =
        shown["belongs"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(belongs.contains("crew@groups.localhost") && belongs.contains("berlin@units.localhost"));
    scene.stop().await;
}
