//! `perch serve`: how a server begins and ends, and what it leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};

use perch::listener::Kind;
use perch::server::{self, Server, StartError};
use sqlx::{Connection, SqliteConnection};

use crate::scene::{Scene, config, finish, perch};

#[test]
fn a_server_says_when_it_is_ready_and_stops_when_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = perch("serve --data-dir");
    command.arg(directory.path().join("data"));
    command.envs([
        ("PERCH_LISTEN__XMPP", "127.0.0.1:0"),
        ("PERCH_LISTEN__XMPP_TLS", "off"),
        ("PERCH_LISTEN__HTTPS", "off"),
        ("PERCH_LISTEN__SIP_TLS", "off"),
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

    let again = Scene::over(directory, &[]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_serves_one_server() {
    let scene = Scene::start().await;
    let second = server::start(config(scene.directory.path(), &[])).await;
    assert!(matches!(second, Err(StartError::Running { .. })));
    assert!(scene.addresses().await.is_empty(), "the first one still answers");
    scene.stop().await;
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

/// A server as a process of its own, killed if a test fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
