//! Following a directory: a real OpenLDAP, over StartTLS and LDAPS, that changes, goes away and answers half.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what is not tried is said loudly")]

#[path = "../support/plain.rs"]
#[expect(dead_code, reason = "other tests do more with a stream")]
mod plain;
#[path = "../support/slapd.rs"]
mod slapd;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ldap3::Mod;
use perch::auth::{Accounts, GuessLimits, Policy, Registration, VerifyError};
use perch::bus::Bus;
use perch::chat::administration::level::Here;
use perch::clock::Clock;
use perch::directory::ldap::options::{Bind, Schema, Search};
use perch::directory::ldap::{DirectoryError, Ldap, Options};
use perch::directory::synchronisation::{self, Farewell};
use perch::directory::{Directory, Source, View};
use perch::listener::Kind;
use perch::server;
use perch::store::{self, Store};
use perch_address::BareJid;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use slapd::{READER, Slapd, add_group, add_user, group, user};

/// A store that follows a slapd.
struct Scene {
    slapd: Slapd,
    directory: Directory,
    store: Store,
    farewells: mpsc::Receiver<Farewell>,
    _stop: DropGuard,
    _folder: TempDir,
}

impl Scene {
    /// The first of two servers is down.
    async fn start() -> Option<Self> {
        let slapd = Slapd::start().await?;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("perch.db").display());
        let store = Store::open(&url, &store::Options::new([7; 32])).await.unwrap();
        let domain = BareJid::new("localhost").unwrap();
        let here = Here { pool: "perch".into(), site: None };
        let directory = Directory::open(store.clone(), Bus::Local, domain, here).await.unwrap();
        let mut options = options(&slapd);
        options.servers.insert(0, "ldap://127.0.0.1:1".to_owned());
        let ldap = Ldap::new(options).unwrap();
        let (says, farewells) = mpsc::channel(16);
        let stop = CancellationToken::new();
        tokio::spawn(directory.clone().run(stop.clone()));
        tokio::spawn(synchronisation::run(directory.clone(), ldap, says, stop.clone()));
        Some(Self { slapd, directory, store, farewells, _stop: stop.drop_guard(), _folder: folder })
    }

    /// Returns when somebody belongs to exactly these groups and units, by their localparts.
    async fn wait_for(&self, who: &str, expected: &[&str]) {
        let who = BareJid::new(who).unwrap();
        let belongs = |view: &Arc<View>| {
            let above = view.belongs(&who).addresses().skip(2);
            let found: HashSet<_> =
                above.filter_map(|address| address.split_once('@')).map(|(name, _)| name).collect();
            found == expected.iter().copied().collect()
        };
        let mut views = self.directory.views();
        let came = timeout(PATIENCE, views.wait_for(belongs)).await;
        assert!(
            came.is_ok(),
            "{who}: {:?}",
            self.directory.view().belongs(&who).addresses().collect::<Vec<_>>()
        );
    }
}

fn options(slapd: &Slapd) -> Options {
    let search = |filter: &str| Search { base: slapd::BASE.to_owned(), filter: filter.to_owned() };
    let schema = Schema::OpenLdap;
    Options {
        servers: vec![format!("ldap://127.0.0.1:{}", slapd.port)],
        starts_tls: true,
        authorities: Some(slapd.certificate()),
        bind: Some(Bind { dn: READER.to_owned(), password_file: slapd.password_file() }),
        users: search(schema.user_filter()),
        groups: search(schema.group_filter()),
        units: search(schema.unit_filter()),
        attributes: schema.attributes(),
        interval: Duration::from_millis(100),
        page: 2,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_follows_what_changes_in_the_directory() {
    let Some(mut scene) = Scene::start().await else { return };
    let mut client = scene.slapd.client().await;
    for name in ["alice", "bob", "carol"] {
        add_user(&mut client, name).await;
    }
    add_group(&mut client, "Developers", &[user("alice"), user("bob")]).await;
    add_group(&mut client, "Staff", &[group("Developers"), user("carol")]).await;
    // The unit that her entry is in, and the groups above, one of which is in a unit itself.
    scene.wait_for("alice@localhost", &["people", "developers", "staff", "groups"]).await;
    scene.wait_for("carol@localhost", &["people", "staff", "groups"]).await;
    assert!(scene.store.account("alice").await.unwrap().is_some());

    // A group that gets another name is the same: whatever its address may, it may still.
    client.modifydn(&group("Developers"), "cn=Makers", true, None).await.unwrap().success().unwrap();
    let dev = BareJid::new("developers@groups.localhost").unwrap();
    let renamed = async || scene.store.principal(&dev).await.unwrap().unwrap().name;
    let is_renamed = async {
        while &*renamed().await != "Makers" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, is_renamed).await.unwrap();
    scene.wait_for("alice@localhost", &["people", "developers", "staff", "groups"]).await;

    let bob = HashSet::from([user("bob")]);
    client
        .modify(&group("Makers"), vec![Mod::Delete("member".to_owned(), bob)])
        .await
        .unwrap()
        .success()
        .unwrap();
    scene.wait_for("bob@localhost", &["people"]).await;
    client.delete(&group("Staff")).await.unwrap().success().unwrap();
    scene.wait_for("alice@localhost", &["people", "developers", "groups"]).await;

    client.delete(&user("carol")).await.unwrap().success().unwrap();
    let farewell = timeout(PATIENCE, scene.farewells.recv()).await.unwrap().unwrap();
    let carol = scene.store.account("carol").await.unwrap().unwrap();
    assert_eq!(farewell.account, carol.id);
    assert!(carol.is_disabled);
    let address = BareJid::new("carol@localhost").unwrap();
    let mut views = scene.directory.views();
    timeout(PATIENCE, views.wait_for(|view| !view.belongs(&address).is_somebody())).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_answer_is_none() {
    let Some(mut slapd) = Slapd::start().await else { return };
    let mut client = slapd.client().await;
    for name in ["alice", "bob", "carol", "dave", "eve"] {
        add_user(&mut client, name).await;
    }
    let ldap = Ldap::new(options(&slapd)).unwrap();
    // Two units, and five users in pages of two.
    assert_eq!(ldap.sweep().await.unwrap().entries.len(), 7);
    drop(client);
    slapd.restart("limits users size.prtotal=3").await;
    let cut = ldap.sweep().await;
    assert!(matches!(cut, Err(DirectoryError::CutShort(_) | DirectoryError::Failed(_))), "{cut:?}");
    slapd.stop();
    let gone = ldap.sweep().await;
    assert!(matches!(gone, Err(DirectoryError::Unreachable { .. })), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_are_the_directorys_and_travel_encrypted() {
    let Some(slapd) = Slapd::start().await else { return };
    let mut client = slapd.client().await;
    add_user(&mut client, "alice").await;
    let ldaps = format!("ldaps://127.0.0.1:{}", slapd.tls_port);
    for servers in [options(&slapd).servers, vec![ldaps]] {
        let ldap = Ldap::new(Options { servers: servers.clone(), ..options(&slapd) }).unwrap();
        assert!(ldap.authenticate(&user("alice"), "secret").await.unwrap());
        assert!(!ldap.authenticate(&user("alice"), "Secret").await.unwrap());
        assert!(!ldap.authenticate(&user("alice"), "").await.unwrap(), "an anonymous bind proves nothing");
        assert!(!ldap.authenticate("", "secret").await.unwrap());
        assert!(!ldap.authenticate(&user("nobody"), "secret").await.unwrap());

        let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.pem");
        std::fs::write(&other, stranger.cert.pem()).unwrap();
        let ldap = Ldap::new(Options { servers, authorities: Some(other), ..options(&slapd) }).unwrap();
        let refused = ldap.authenticate(&user("alice"), "secret").await;
        assert!(matches!(refused, Err(DirectoryError::Unreachable { .. })), "{refused:?}");
    }
}

/// As for a token, where there is no stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_for_a_password_alone_proves_it_by_the_directory() {
    let Some(scene) = Scene::start().await else { return };
    let mut client = scene.slapd.client().await;
    add_user(&mut client, "alice").await;
    scene.wait_for("alice@localhost", &["people"]).await;
    let accounts = |options| {
        let policy = Policy {
            registration: Registration::Off,
            admins: Vec::new(),
            guesses: GuessLimits { per_account_and_minute: 9, per_address_and_minute: 9 },
            takes_md5: false,
        };
        let (store, domain) = (scene.store.clone(), BareJid::new("localhost").unwrap());
        Accounts::new(store, domain, policy, Clock::system())
            .with_source(Source::Ldap(Ldap::new(options).unwrap()))
    };
    let alice = scene.store.account("alice").await.unwrap().unwrap().id;
    let verify = async |accounts: &Accounts, name: &str, password: &str| {
        let address = BareJid::new(&format!("{name}@localhost")).unwrap();
        accounts.verify(&address, password.to_owned(), "192.0.2.1".parse().unwrap()).await
    };
    let known = accounts(options(&scene.slapd));
    assert_eq!(verify(&known, "alice", "secret").await, Ok(alice));
    for (name, password) in [("alice", "Secret"), ("alice", ""), ("nobody", "secret")] {
        assert_eq!(verify(&known, name, password).await, Err(VerifyError::Wrong), "{name} {password}");
    }
    let servers = vec!["ldap://127.0.0.1:1".to_owned()];
    let away = accounts(Options { servers, ..options(&scene.slapd) });
    assert_eq!(verify(&away, "alice", "secret").await, Err(VerifyError::Directory));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_directory_signs_in_and_is_out_when_he_is_gone_from_it() {
    let Some(slapd) = Slapd::start().await else { return };
    let mut client = slapd.client().await;
    add_user(&mut client, "alice").await;
    add_user(&mut client, "bob").await;
    let folder = tempfile::tempdir().unwrap();
    let section = format!(
        "[directory]\nurl = \"ldap://127.0.0.1:{}\"\ntls_ca = {:?}\nbase = \"{}\"\nbind_dn = \"{READER}\"\n\
         bind_password_file = {:?}\n",
        slapd.port,
        slapd.certificate(),
        slapd::BASE,
        slapd.password_file(),
    );
    let mut config = plain::config(&folder, &section);
    config.directory.as_mut().unwrap().interval = Duration::from_millis(100);
    let server = server::start(config).await.unwrap();
    let address = server.address(Kind::Plain).unwrap();

    // Her account is there as soon as the directory was read.
    let signed_in = async {
        while try_sign_in(address, "alice", "secret").await != "success" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, signed_in).await.unwrap();
    assert_eq!(try_sign_in(address, "alice", "wrong").await, "not-authorized");
    let mut alice = plain::Client::begin(address, "alice", "desk").await;
    client.delete(&user("alice")).await.unwrap().success().unwrap();
    timeout(PATIENCE, alice.read_until("</stream:stream")).await.unwrap();
    let out = try_sign_in(address, "alice", "secret").await;
    assert_ne!(out, "success");
    assert_eq!(try_sign_in(address, "bob", "secret").await, "success");
    server.stop().await;
}

/// What the server answers to a password; mechanisms that need keys are not offered.
async fn try_sign_in(address: std::net::SocketAddr, name: &str, password: &str) -> String {
    use base64::Engine;
    let mut client = plain::Client::connect(address).await;
    let offered = client.read_until("</stream:features>").await;
    assert!(offered.contains(">PLAIN<") && !offered.contains("SCRAM"), "{offered}");
    let token = base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0{password}"));
    client
        .send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>"))
        .await;
    let answer = client.read_until("urn:ietf:params:xml:ns:xmpp-sasl").await;
    if answer.contains("<success") {
        return "success".to_owned();
    }
    let reason = client.read_until("/>").await;
    reason.trim_matches(['<', '/', '>']).to_owned()
}

/// Between a change in a directory that is read ten times a second and its effect.
const PATIENCE: Duration = Duration::from_secs(20);
