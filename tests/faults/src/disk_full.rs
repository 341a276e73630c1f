//! The disk fills up while everybody talks, and is emptied again: what cannot be kept is refused with a word that tells
//! clients to try later (RFC 6120 §8.3.3.18), nobody is cut off, and all goes on without a restart.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use perch_checker::Phase;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tokio::time::{Instant, sleep};

use crate::client::{Order, Stage};
use crate::crowd::{Crowd, Size};
use crate::kill::RETURN_PATIENCE;
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::Server;

pub(crate) async fn run(kind: &str, folder: &Path, size: Size) -> Result<Outcome, Problem> {
    let server = Server::prepare(kind, folder)?;
    let disk = SmallDisk::mount(&server.data())?;
    let outcome = on_small_disk(server, &disk, folder, size).await;
    drop(disk);
    outcome
}

async fn on_small_disk(
    mut server: Server,
    disk: &SmallDisk,
    folder: &Path,
    size: Size,
) -> Result<Outcome, Problem> {
    server.start().await?;
    server.add_accounts(&size.accounts())?;
    let recorder = Recorder::create(&folder.join("history.jsonl"))?;
    let mut crowd = Crowd::gather(vec![server.door()?], size, recorder).await?;
    grow(&crowd, "acknowledgements at the start", Recorder::acknowledged).await?;

    crowd.recorder().nemesis("disk full", Phase::Start);
    disk.fill()?;
    grow(&crowd, "refusals on a full disk", Recorder::refused).await?;
    // What is there already can still be read.
    crowd.order(Order::Hush);
    crowd.until(Stage::Settled, RETURN_PATIENCE).await?;
    crowd.order(Order::Read);
    crowd.until(Stage::Read, RETURN_PATIENCE).await?;
    crowd.order(Order::Talk);
    grow(&crowd, "further refusals on a full disk", Recorder::refused).await?;
    disk.empty()?;
    crowd.recorder().nemesis("disk full", Phase::Stop);
    grow(&crowd, "acknowledgements once there is room again", Recorder::acknowledged).await?;

    let reasons = crowd.recorder().reasons();
    if crowd.cuts() > 0 || server.has_ended() {
        let why = format!("{} streams were cut on a full disk; {}", crowd.cuts(), server.tail());
        return Err(Problem::Verdict(why));
    }
    if reasons.iter().any(|reason| reason != "wait/resource-constraint") {
        return Err(Problem::Verdict(format!("posts were refused with {reasons:?}")));
    }
    // Nothing may have been acknowledged out of memory.
    server.kill()?;
    server.start().await?;
    crowd.until(Stage::Present, RETURN_PATIENCE).await?;
    Ok(crowd.verdict("disk full", &mut server).await?.into())
}

/// Waits until a count has risen by a good deal.
async fn grow(crowd: &Crowd, what: &'static str, count: fn(&Recorder) -> u64) -> Result<(), Problem> {
    let goal = count(crowd.recorder()) + ENOUGH;
    let deadline = Instant::now() + PATIENCE;
    while count(crowd.recorder()) < goal {
        if Instant::now() > deadline {
            return Err(Problem::Late(what));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A file system of a few megabytes, in memory.
struct SmallDisk {
    root: PathBuf,
}

impl SmallDisk {
    fn mount(root: &Path) -> Result<Self, Problem> {
        let mounted = mount("tmpfs", root, "tmpfs", MountFlags::empty(), Some(SIZE));
        match mounted {
            Ok(()) => Ok(Self { root: root.to_owned() }),
            Err(Errno::PERM | Errno::ACCESS) => {
                Err(Problem::NotHere("a small disk has to be mounted, which takes root".to_owned()))
            }
            Err(error) => Err(std::io::Error::from(error).into()),
        }
    }

    fn fill(&self) -> Result<(), Problem> {
        let mut ballast = File::create(self.root.join(BALLAST))?;
        // Down to the last byte: a write that does not fit whole is cut short.
        loop {
            match ballast.write(&[0; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn empty(&self) -> Result<(), Problem> {
        Ok(std::fs::remove_file(self.root.join(BALLAST))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached even if something still holds it open; a mount that stays is ugly, no more.
        let _ = unmount(&self.root, UnmountFlags::DETACH);
    }
}

const SIZE: &std::ffi::CStr = c"size=32m";
const BALLAST: &str = "ballast";
const ENOUGH: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(60);
