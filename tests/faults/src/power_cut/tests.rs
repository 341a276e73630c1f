//! The disk that forgets, tried on small programs whose survival is known.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::*;

/// A folder with a disk for its `root`, and nothing in it yet.
fn disk(is_planted: bool) -> (TempDir, Disk) {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let disk = Disk::new(root, folder.path(), is_planted).unwrap();
    disk.forget().unwrap();
    (folder, disk)
}

/// A Python program on that disk. What `python3` names may be a script that starts another program.
fn python(disk: &Disk, program: &str) -> Command {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    let mut command = Command::new(String::from_utf8(asked.stdout).unwrap().trim());
    command.args(["-c", program]).current_dir(&disk.root).envs(disk.environment());
    command.env("LD_PRELOAD", &disk.shim);
    command
}

/// Runs a program that makes files by system calls, cuts the power, and compares what is left.
#[track_caller]
fn check(program: &str, expected: &[(&str, &str)]) {
    let (_folder, disk) = disk(false);
    fs::write(disk.root.join("old"), "old").unwrap();
    let prelude = "
import os
def write(name, text, flags=os.O_CREAT | os.O_WRONLY):
    file = os.open(name, flags)
    os.write(file, text)
    return file
def sync(name):
    os.fsync(os.open(name, os.O_RDONLY))
";
    let status = python(&disk, &format!("{prelude}{program}")).status().unwrap();
    assert!(status.success(), "{program}");
    image::restore(&disk.image, &disk.root, Unsynced::Dropped).unwrap();
    let mut left = Vec::new();
    for entry in fs::read_dir(&disk.root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        left.push((name, fs::read_to_string(&path).unwrap_or_else(|_| "a folder".to_owned())));
    }
    left.sort();
    let left: Vec<(&str, &str)> = left.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(left, expected, "{program}");
}

#[test]
fn what_was_there_stays() {
    check("", &[("old", "old")]);
}

#[test]
fn a_write_without_sync_is_lost() {
    check("write('old', b'new'); sync('.')", &[("old", "old")]);
}

#[test]
fn a_synced_write_stays_and_a_later_one_is_lost() {
    check("file = write('old', b'new'); os.fsync(file); os.write(file, b'er')", &[("old", "new")]);
    check("file = write('old', b'new'); os.fdatasync(file); os.pwrite(file, b'er', 3)", &[("old", "new")]);
}

#[test]
fn a_synced_file_is_lost_with_its_unsynced_entry() {
    check("os.fsync(write('new', b'text'))", &[("old", "old")]);
    check("os.fsync(write('new', b'text')); sync('.')", &[("new", "text"), ("old", "old")]);
    check("write('new', b'text'); sync('.')", &[("new", ""), ("old", "old")]);
}

#[test]
fn a_rename_or_removal_is_undone_until_the_folder_is_synced() {
    check("os.rename('old', 'new')", &[("old", "old")]);
    check("os.rename('old', 'new'); sync('.')", &[("new", "old")]);
    check("os.unlink('old'); os.fsync(write('old', b'another'))", &[("old", "old")]);
    check("os.unlink('old'); os.fsync(write('old', b'another')); sync('.')", &[("old", "another")]);
    check("os.fsync(write('draft', b'new')); os.rename('draft', 'old'); sync('.')", &[("old", "new")]);
}

#[test]
fn truncation() {
    check("os.truncate('old', 1)", &[("old", "old")]);
    check("file = os.open('old', os.O_WRONLY); os.ftruncate(file, 1); os.fsync(file)", &[("old", "o")]);
    let program =
        "file = write('old', b'n', os.O_WRONLY | os.O_TRUNC); os.ftruncate(file, 3); os.fsync(file)";
    check(program, &[("old", "n\0\0")]);
}

#[test]
fn folders_in_folders() {
    check("os.mkdir('sub'); os.fsync(write('sub/file', b'text')); sync('sub')", &[("old", "old")]);
    check(
        "os.mkdir('sub'); os.fsync(write('sub/file', b'text')); sync('sub'); sync('.')",
        &[("old", "old"), ("sub", "a folder")],
    );
}

/// Commits rows to an SQLite database until it is killed, telling of each once it is committed.
const COMMITS: &str = "
import os, sqlite3
database = sqlite3.connect('database', isolation_level=None)
database.execute('PRAGMA journal_mode = WAL')
database.execute('PRAGMA wal_autocheckpoint = 30')
database.execute(f'PRAGMA synchronous = {os.environ[\"SYNCHRONOUS\"]}')
database.execute('CREATE TABLE IF NOT EXISTS kept (text)')
row = database.execute('SELECT count(*) FROM kept').fetchone()[0]
while True:
    row += 1
    database.execute('INSERT INTO kept VALUES (?)', (str(row) * 200,))
    print(row, flush=True)
";

/// How many committed rows are lost, in all, by cutting the power a few times.
///
/// Without syncs a mixed-up disk leaves no database at all, which is found out in another way.
fn lost_rows(synchronous: &str, is_planted: bool, may_mix: bool) -> u64 {
    let (folder, disk) = disk(is_planted);
    let mut random = StdRng::seed_from_u64(7);
    let mut lost = 0;
    for cut in 0..4 {
        disk.forget().unwrap();
        let mut command = python(&disk, COMMITS);
        let mut writer = command.env("SYNCHRONOUS", synchronous).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let told = lines.by_ref().nth(40 + cut * 7).unwrap().unwrap();
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What stood in the pipe was told too.
        let told = lines.map_while(Result::ok).last().unwrap_or(told).parse::<u64>().unwrap_or(0);
        let unsynced =
            if cut % 2 == 0 || !may_mix { Unsynced::Dropped } else { Unsynced::Mixed(&mut random) };
        image::restore(&disk.image, &disk.root, unsynced).unwrap();
        check_integrity(&disk.root, folder.path()).unwrap();
        lost += told.saturating_sub(rows(&disk.root));
    }
    lost
}

fn rows(root: &Path) -> u64 {
    let program = "
import sqlite3
database = sqlite3.connect('database')
tables = database.execute('SELECT count(*) FROM sqlite_master').fetchone()[0]
print(database.execute('SELECT count(*) FROM kept').fetchone()[0] if tables else 0)
";
    let output = Command::new("python3").args(["-c", program]).current_dir(root).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn a_database_that_syncs_each_commit_loses_none() {
    assert_eq!(lost_rows("FULL", false, true), 0);
}

#[test]
fn a_database_that_does_not_is_found_out() {
    assert!(lost_rows("OFF", false, false) > 0);
    assert!(lost_rows("NORMAL", false, false) > 0);
    assert!(lost_rows("FULL", true, false) > 0);
}
