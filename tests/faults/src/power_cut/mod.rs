//! The power fails, again and again, while everybody talks: the server is killed, and what it had written without syncing
//! is gone.
//!
//! A kill alone proves nothing of the disk, because the system keeps what a dead process has written. So a library is
//! loaded into the server that keeps, beside its folder, what would survive ([`image`] and `shim.c`).

mod image;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use perch_checker::Phase;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::client::Stage;
use crate::crowd::{Crowd, Size};
use crate::kill::RETURN_PATIENCE;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::Server;
use image::Unsynced;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often the power fails
    #[arg(long, default_value_t = 10)]
    cuts: u32,
    /// Plant a fault, a disk on which nothing is ever synced: the test passes if it finds the losses
    #[arg(long)]
    plant_nosync: bool,
}

pub(crate) async fn run(
    arguments: &Arguments,
    kind: &str,
    folder: &Path,
    size: Size,
) -> Result<Outcome, Problem> {
    let mut server = Server::prepare(kind, folder)?;
    server.start().await?;
    server.add_accounts(&size.accounts())?;
    // The accounts are not what this test is about: they are on the disk before it begins.
    server.stop()?;
    let disk = Disk::new(server.data(), folder, arguments.plant_nosync)?;
    server.environment = disk.environment();
    disk.forget()?;
    server.start().await?;
    disk.check_presence()?;
    let recorder = Recorder::create(&folder.join("history.jsonl"))?;
    let mut crowd = Crowd::gather(vec![server.door()?], size, recorder).await?;
    let mut random = StdRng::seed_from_u64(size.seed);
    for cut in 0..arguments.cuts {
        if random.random_bool(0.75) {
            crowd.until(Stage::Present, RETURN_PATIENCE).await?;
        }
        sleep(random.random_range(Duration::ZERO..TALK_MAX)).await;
        crowd.recorder().nemesis("power cut", Phase::Start);
        server.kill()?;
        // Where nothing is synced, half of it would leave no database to look for losses in.
        let unsynced = if cut % 2 == 0 || arguments.plant_nosync {
            Unsynced::Dropped
        } else {
            Unsynced::Mixed(&mut random)
        };
        image::restore(&disk.image, &disk.root, unsynced)?;
        check_integrity(&disk.root, folder)?;
        disk.forget()?;
        server.start().await?;
        crowd.recorder().nemesis("power cut", Phase::Stop);
    }
    crowd.until(Stage::Present, RETURN_PATIENCE).await?;
    let report = crowd.verdict("power cut", &mut server).await?;
    if arguments.plant_nosync { Outcome::planted(&report) } else { Ok(report.into()) }
}

/// The disk that forgets.
struct Disk {
    shim: PathBuf,
    root: PathBuf,
    image: PathBuf,
    is_planted: bool,
}

impl Disk {
    /// A disk for what stands below `root`, with all that belongs to it in `folder`.
    fn new(root: PathBuf, folder: &Path, is_planted: bool) -> Result<Self, Problem> {
        let source = folder.join("shim.c");
        let shim = folder.join("shim.so");
        fs::write(&source, include_str!("shim.c"))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&shim).arg(&source);
        let output = compiler.args(["-ldl", "-lpthread"]).output()?;
        if !output.status.success() {
            return Err(Problem::Setup(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(Self { shim, root, image: folder.join("image"), is_planted })
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        vec![
            ("SERVER_PRELOAD", path(&self.shim)),
            ("POWERCUT_ROOT", path(&self.root)),
            ("POWERCUT_IMAGE", path(&self.image)),
            ("POWERCUT_PLANT", if self.is_planted { "nosync" } else { "" }.to_owned()),
        ]
    }

    /// The next server begins a new image with what it finds.
    fn forget(&self) -> Result<(), Problem> {
        if self.image.exists() {
            fs::remove_dir_all(&self.image)?;
        }
        fs::create_dir(&self.image)?;
        Ok(())
    }

    /// A library is not loaded into a static program, and nothing would be lost then.
    fn check_presence(&self) -> Result<(), Problem> {
        if self.image.join("folders/0").exists() {
            return Ok(());
        }
        Err(Problem::Setup("the server did not load the library that watches its disk".to_owned()))
    }
}

/// Has an SQLite of another make and age look at every database, in a copy, since looking changes it.
fn check_integrity(root: &Path, folder: &Path) -> Result<(), Problem> {
    let copy = folder.join("integrity");
    let script = folder.join("integrity.py");
    fs::write(&script, include_str!("integrity.py"))?;
    let output = Command::new("python3").arg(&script).arg(root).arg(&copy).output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(Problem::Verdict(format!("a database is damaged: {}", String::from_utf8_lossy(&text))))
}

/// How long the talk goes on between the return of the power and its next failure.
const TALK_MAX: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests;
