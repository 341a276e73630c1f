//! Whole servers as members of one pool, over PostgreSQL and NATS, as an operator meets them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::database;
use crate::nats_server::NatsServer;

struct Process {
    name: &'static str,
    directory: TempDir,
    child: Child,
}

impl Process {
    fn start(name: &'static str, store: &str, bus: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = perch(&directory)
            .arg("serve")
            .env("PERCH_STORE__URL", store)
            .env("PERCH_BUS__URL", bus)
            .env("PERCH_POOL__MEMBER", name)
            .env("PERCH_POOL__ADDRESS", format!("{name}.example.org"))
            .env("PERCH_LISTEN__XMPP", "127.0.0.1:0")
            .env("PERCH_LISTEN__XMPP_TLS", "127.0.0.1:0")
            .env("PERCH_LISTEN__HTTPS", "off")
            .env("PERCH_LISTEN__SIP_TLS", "off")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let process = Self { name, directory, child };
        process.wait_for("it answers", || process.run("pool status").is_some());
        process
    }

    /// Runs a verb against it; `None` if it fails.
    fn run(&self, arguments: &str) -> Option<String> {
        let output = perch(&self.directory)
            .args(arguments.split_whitespace())
            .arg("--data-dir")
            .arg(self.directory.path().join("data"))
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// What it says of a member: is it alive, what is it, what is it to be, was it heard?
    fn sees(&self, name: &str) -> Option<(bool, String, String, bool)> {
        let pool: Value = serde_json::from_str(&self.run("pool status --json")?).unwrap();
        let member =
            pool["members"].as_array().unwrap().iter().find(|member| member["name"] == name)?.clone();
        let text = |key: &str| member[key].as_str().unwrap().to_owned();
        let is_heard = member["heard_ms"].as_u64().is_some_and(|ms| ms < 2500);
        Some((member["alive"].as_bool().unwrap(), text("state"), text("wanted"), is_heard))
    }

    fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) -> Duration {
        let begun = Instant::now();
        while !holds() {
            assert!(
                begun.elapsed() < PATIENCE,
                "{}: {what} never holds; its log:\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        begun.elapsed()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn perch(directory: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perch"));
    command.env_clear().env("PERCH_SERVER__DATA_DIR", directory.path().join("data"));
    command
}

fn at(alive: bool, state: &str, wanted: &str, is_heard: bool) -> Option<(bool, String, String, bool)> {
    Some((alive, state.to_owned(), wanted.to_owned(), is_heard))
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_one_another_freeze_wake_drain_and_end() {
    let Some(store) = database().await else { return };
    let Some(mut nats) = NatsServer::start(&[]) else { return };
    let bus = format!("nats://{}", nats.host());
    let a = Process::start("a", &store, &bus);
    let mut b = Process::start("b", &store, &bus);
    a.wait_for("b is heard", || a.sees("b") == at(true, "active", "active", true));
    b.wait_for("a is heard", || b.sees("a") == at(true, "active", "active", true));

    // Without a bus everybody lives on.
    nats.kill();
    a.wait_for("the bus is lost", || a.log().contains("the bus is lost"));
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(a.sees("b"), at(true, "active", "active", false));
    nats.restart();
    a.wait_for("b is heard again", || a.sees("b") == at(true, "active", "active", true));

    // Drained by the other.
    assert_eq!(a.run("pool drain b").unwrap(), "b is to be draining\n");
    a.wait_for("b drains", || a.sees("b") == at(true, "draining", "draining", true));
    assert_eq!(a.run("pool deactivate"), None, "it is the last one");
    assert_eq!(b.run("pool activate").unwrap(), "b is to be active\n");
    a.wait_for("b is active", || a.sees("b") == at(true, "active", "active", true));

    // A zombie ends.
    b.signal("-STOP");
    let noticed =
        a.wait_for("b is gone", || a.sees("b").is_some_and(|(alive, state, ..)| !alive && state == "gone"));
    eprintln!("frozen to fenced: {noticed:?}");
    assert!(noticed < Duration::from_secs(8), "{noticed:?}");
    b.signal("-CONT");
    let woken = Instant::now();
    let status = b.child.wait().unwrap();
    eprintln!("woken to ended: {:?}", woken.elapsed());
    assert_eq!(status.code(), Some(1), "{}", b.log());
    assert!(b.log().contains("have taken this one for dead; start it again"), "{}", b.log());
    assert!(!a.log().contains("ERROR"), "{}", a.log());

    // The name is free for the next; two of one name are not taken.
    let b = Process::start("b", &store, &bus);
    a.wait_for("b is back", || a.sees("b") == at(true, "active", "active", true));
    let directory = tempfile::tempdir().unwrap();
    let second = perch(&directory)
        .arg("serve")
        .env("PERCH_STORE__URL", &store)
        .env("PERCH_BUS__URL", &bus)
        .env("PERCH_POOL__MEMBER", "b")
        .env("PERCH_LISTEN__XMPP", "off")
        .env("PERCH_LISTEN__XMPP_TLS", "off")
        .env("PERCH_LISTEN__HTTPS", "off")
        .env("PERCH_LISTEN__SIP_TLS", "off")
        .output()
        .unwrap();
    let complaint = String::from_utf8(second.stderr).unwrap();
    assert!(complaint.contains("the name \"b\" is in use by another running perch"), "{complaint}");
    assert_eq!(b.sees("b"), at(true, "active", "active", false));
}

const PATIENCE: Duration = Duration::from_secs(30);
