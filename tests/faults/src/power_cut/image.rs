//! What a power cut leaves on the disk, made from what the shim kept and from what was still on its way.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::StdRng;

use crate::problem::Problem;

/// What is done with writes that were not synced.
pub(super) enum Unsynced<'r> {
    /// None reached the disk.
    Dropped,
    /// Some did, in any order and some only in part: disks may do that.
    Mixed(&'r mut StdRng),
}

/// One entry of a folder, as the shim kept it.
struct Entry {
    is_folder: bool,
    id: u32,
    inode: u64,
    name: String,
}

/// Puts what survives in the place of the folder's content.
pub(super) fn restore(image: &Path, folder: &Path, unsynced: Unsynced<'_>) -> Result<(), Problem> {
    let live = folder.with_extension("before-the-cut");
    // Kept until the next cut, for whoever looks into a failure.
    let _ = fs::remove_dir_all(&live);
    fs::rename(folder, &live)?;
    let mut restoration = Restoration { image, unsynced };
    restoration.folder(0, Some(&live), folder)
}

struct Restoration<'a> {
    image: &'a Path,
    unsynced: Unsynced<'a>,
}

impl Restoration<'_> {
    /// `live` is the folder as it was before the cut, if it was still there.
    fn folder(&mut self, id: u32, live: Option<&Path>, to: &Path) -> Result<(), Problem> {
        fs::create_dir(to)?;
        keep_mode(live, to)?;
        let kept = self.entries(id)?;
        let unchanged: HashMap<u64, PathBuf> = live.map(inodes).transpose()?.unwrap_or_default();
        // All or nothing: a journalling disk may have every rename of a folder, or none, but not halves of one.
        if let (Some(live), Unsynced::Mixed(random)) = (live, &mut self.unsynced)
            && random.random_bool(0.5)
        {
            copy_new(live, &kept, to)?;
        }
        for entry in kept {
            let target = to.join(&entry.name);
            if target.exists() {
                continue;
            }
            let live = unchanged.get(&entry.inode).filter(|path| path.ends_with(&entry.name));
            if entry.is_folder {
                self.folder(entry.id, live.map(PathBuf::as_path), &target)?;
            } else {
                self.file(entry.id, live.map(PathBuf::as_path), &target)?;
            }
        }
        Ok(())
    }

    fn entries(&self, id: u32) -> Result<Vec<Entry>, Problem> {
        let path = self.image.join("folders").join(id.to_string());
        // A folder that was never synced has lost all its entries.
        let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        let entry = |line: &str| {
            let mut words = line.splitn(4, ' ');
            Some(Entry {
                is_folder: words.next()? == "d",
                id: words.next()?.parse().ok()?,
                inode: words.next()?.parse().ok()?,
                name: words.next()?.to_owned(),
            })
        };
        let entries: Option<Vec<Entry>> = text.lines().map(entry).collect();
        entries.ok_or_else(|| Problem::Setup(format!("{} is not a list of entries", path.display())))
    }

    fn file(&mut self, id: u32, live: Option<&Path>, to: &Path) -> Result<(), Problem> {
        let kept = self.image.join("files").join(id.to_string());
        let mut file = File::create(to)?;
        keep_mode(live, to)?;
        if kept.exists() {
            std::io::copy(&mut File::open(&kept)?, &mut file)?;
        }
        if let (Some(live), Unsynced::Mixed(random)) = (live, &mut self.unsynced) {
            mix(&mut file, live, random)?;
        }
        Ok(())
    }
}

/// Lets some of the live file's pages through, and here and there only some sectors of a page.
fn mix(file: &mut File, live: &Path, random: &mut StdRng) -> Result<(), Problem> {
    let mut live = File::open(live)?;
    let (kept_size, live_size) = (file.metadata()?.len(), live.metadata()?.len());
    let size = random.random_range(kept_size.min(live_size)..=kept_size.max(live_size));
    file.set_len(size)?;
    let mut at = 0;
    while at < size.min(live_size) {
        let step = if random.random_bool(0.1) { SECTOR } else { PAGE };
        let length = step.min(size - at).min(live_size - at);
        if random.random_bool(0.5) {
            let mut bytes = vec![0; usize::try_from(length).expect("a page fits into memory")];
            live.seek(SeekFrom::Start(at))?;
            live.read_exact(&mut bytes)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&bytes)?;
        }
        at += length;
    }
    Ok(())
}

/// The entries that came since the folder was last synced, whole.
fn copy_new(live: &Path, kept: &[Entry], to: &Path) -> Result<(), Problem> {
    for entry in fs::read_dir(live)? {
        let entry = entry?;
        let is_known = kept.iter().any(|known| known.name.as_str() == entry.file_name());
        if entry.file_type()?.is_file() && !is_known {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn inodes(folder: &Path) -> Result<HashMap<u64, PathBuf>, Problem> {
    let entries = fs::read_dir(folder)?;
    let inode = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.metadata()?.ino(), entry.path()))
    };
    entries.map(inode).collect()
}

fn keep_mode(live: Option<&Path>, to: &Path) -> Result<(), Problem> {
    if let Some(live) = live {
        fs::set_permissions(to, fs::metadata(live)?.permissions())?;
    }
    Ok(())
}

const PAGE: u64 = 4096;
const SECTOR: u64 = 512;
