//! Holds the tree to its own rules: who may know whom, how long a file may be, what every file says of itself.
//!
//! The arrows are read from the table in `src/lib.rs`, the folders from the one in `README.md`: the map that people
//! read and the rule that is checked cannot differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One file of Rust.
struct Source {
    /// Relative to the root of the repository, with slashes.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }

    /// The lines of code, each with its number, without comments and without the tests at the foot of the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| *line != "#[cfg(test)]");
        lines
            .map(|line| line.split("//").next().unwrap_or(line))
            .zip(1..)
            .map(|(line, number)| (number, line))
    }

    /// The module of the server to which the file belongs: the first folder or file below `src`.
    fn module(&self) -> Option<&str> {
        let name = self.path.strip_prefix("src/")?.split(['/', '.']).next()?;
        (!["lib", "main"].contains(&name)).then_some(name)
    }
}

#[test]
fn modules_name_only_whom_they_may_know() {
    let allowed = arrows();
    let mut faults = Vec::new();
    for source in sources(&["src"]) {
        let Some(module) = source.module() else { continue };
        let Some(known) = allowed.get(module) else {
            faults.push(format!("{}: module {module} has no row in the table of src/lib.rs", source.path));
            continue;
        };
        for (number, line) in source.code() {
            for named in line.split("crate::").skip(1) {
                let named: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if named != module && !known.permits(&named) {
                    faults.push(format!("{}:{number}: {module} may not name {named:?}", source.path));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_map_is_whole_and_has_no_circle() {
    let allowed = arrows();
    let mut faults = Vec::new();
    let declared: BTreeSet<_> = read("src/lib.rs")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect();
    for module in allowed.keys().filter(|module| !declared.contains(*module)) {
        faults.push(format!("src/lib.rs has a row for {module}, which is no module"));
    }
    for module in declared.iter().filter(|module| !allowed.contains_key(*module)) {
        faults.push(format!("src/lib.rs declares {module}, which has no row in its table"));
    }
    let mut settled = BTreeSet::new();
    let settles = |known: &Known, settled: &BTreeSet<String>| match known {
        Known::All => true,
        Known::These(names) => names.iter().all(|name| settled.contains(name)),
    };
    while let Some((module, _)) =
        allowed.iter().find(|(module, known)| !settled.contains(*module) && settles(known, &settled))
    {
        settled.insert(module.clone());
    }
    for module in allowed.keys().filter(|module| !settled.contains(*module)) {
        faults.push(format!("{module} knows, by some way, itself"));
    }
    assert_none(&faults);
}

#[test]
fn rules_do_not_wait() {
    // Where something may take time: the handle that others hold, what it asks, the task behind it, and where tasks
    // are found.
    let may_wait = ["mod.rs", "handle.rs", "request.rs", "task.rs", "task", "directory.rs", "directory"];
    let mut faults = Vec::new();
    for source in sources(&["src/chat", "src/room", "src/account"]) {
        let inside = source.path.split('/').nth(2).unwrap_or_default();
        if may_wait.contains(&inside) || source.is_test() {
            continue;
        }
        for (number, line) in source.code() {
            if [".await", "async ", "tokio::"].iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{number}: {} is no part of a rule", source.path, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn protocols_do_no_io() {
    let banned =
        ["tokio", "sqlx", "rustls", "std::net::Tcp", "SystemTime", "Instant::now", "rand::", "std::fs"];
    let mut faults = Vec::new();
    for source in sources(&["protocol"]).iter().filter(|source| !source.is_test()) {
        for (number, line) in source.code() {
            for word in banned.iter().filter(|word| line.contains(*word)) {
                faults.push(format!("{}:{number}: {word} is I/O, a clock or chance", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn files_fit_a_mind() {
    let mut faults = Vec::new();
    for source in everything() {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{} has {lines} lines, more than {LINES_MAX}", source.path));
        } else if lines > LINES_WISHED && !source.is_test() {
            println!("{} has {lines} lines: time to split it", source.path);
        }
    }
    assert_none(&faults);
}

#[test]
fn every_file_says_what_it_is() {
    let mut faults = Vec::new();
    for source in everything().iter().filter(|source| !source.path.ends_with("/tests.rs")) {
        let first = source.text.lines().find(|line| !line.starts_with("#!") && !line.is_empty());
        if !first.is_some_and(|line| line.starts_with("//! ")) {
            faults.push(format!("{} does not begin with a line on what it is", source.path));
        }
    }
    assert_none(&faults);
}

#[test]
fn names_say_something() {
    let empty_names = ["util", "utils", "helper", "helpers", "common", "misc", "manager"];
    let mut faults = Vec::new();
    for source in everything() {
        for part in source.path.split(['/', '.']).filter(|part| empty_names.contains(part)) {
            faults.push(format!("{}: {part} is no name", source.path));
        }
        for (number, line) in source.code() {
            if line.contains(&["fn g", "et_"].concat()) {
                faults.push(format!("{}:{number}: a getter is named after what it gives", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn nothing_is_left_lying_about() {
    // Put together here, or this file would hold them.
    let marks = ["TO", "FIX", "XX", "HA"].iter().zip(["DO", "ME", "X", "CK"]).map(|(a, b)| format!("{a}{b}"));
    let calls = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["#[al", "low("],
        ["#![al", "low("],
        ["#[ig", "nore"],
        ["db", "g!("],
        ["to", "do!("],
    ]
    .map(|word| word.concat());
    let mut faults = Vec::new();
    for source in everything() {
        for (line, number) in source.text.lines().zip(1..) {
            let is_marked =
                |mark: &String| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == mark);
            if marks.clone().any(|mark| is_marked(&mark)) || calls.iter().any(|call| line.contains(call)) {
                faults.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_readme_shows_every_folder() {
    let readme = read("README.md");
    let shown: BTreeSet<_> = readme
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| [`")?.split_once('`').map(|(folder, _)| folder.trim_end_matches('/'))
        })
        .collect();
    let mut faults = Vec::new();
    let mut there = BTreeSet::new();
    for folder in ["", "src", "protocol"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder of the repository") {
            let entry = entry.expect("readable");
            let name = entry.file_name().into_string().expect("names are UTF-8");
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.path().is_dir() && !name.starts_with('.') && !is_made(&path) {
                there.insert(path);
            }
        }
    }
    for folder in there.iter().filter(|folder| !shown.contains(folder.as_str())) {
        faults.push(format!("README.md does not show {folder}"));
    }
    for path in shown.iter().filter(|path| !root().join(path).exists()) {
        faults.push(format!("README.md shows {path}, which is not there"));
    }
    assert_none(&faults);
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for document in documents() {
        let folder = document.parent().expect("a file is in a folder");
        let text = fs::read_to_string(&document).expect("readable");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_outside = target.contains("://") || target.starts_with("mailto:") || target.is_empty();
            if !is_outside && !folder.join(target).exists() {
                faults.push(format!("{} leads to {target}, which is not there", document.display()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn tests_that_a_table_names_are_there() {
    let sources: String = everything().iter().map(|source| source.text.as_str()).collect();
    let mut faults = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("readable");
        let mut is_told = false;
        for row in text.lines() {
            if !row.starts_with('|') {
                is_told = false;
            } else if row.ends_with("| test |") {
                is_told = true;
            } else if is_told {
                let tests = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
                for name in tests.split('`').skip(1).step_by(2) {
                    count += 1;
                    let conversation = root().join(format!("tests/transcripts/xmpp/{name}.txt"));
                    if !sources.contains(&format!("fn {name}(")) && !conversation.exists() {
                        faults.push(format!(
                            "{} names the test {name}, which is not there",
                            document.display()
                        ));
                    }
                }
            }
        }
    }
    assert_none(&faults);
    assert!(count > 40, "only {count} were found");
}

/// Whom a module may name.
enum Known {
    All,
    These(BTreeSet<String>),
}

impl Known {
    fn permits(&self, module: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(modules) => modules.contains(module),
        }
    }
}

/// The table of `src/lib.rs`: rows of "`module`", the modules that it may name, and what it is.
fn arrows() -> BTreeMap<String, Known> {
    let rows: BTreeMap<_, _> = read("src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let module = cells.next().unwrap_or_default().trim_end_matches('`').to_owned();
            let names = cells.next().unwrap_or_default();
            let known = match names {
                "all" => Known::All,
                names => Known::These(
                    names
                        .split(',')
                        .map(|name| name.trim().to_owned())
                        .filter(|name| !name.is_empty())
                        .collect(),
                ),
            };
            (module, known)
        })
        .collect();
    assert!(!rows.is_empty(), "src/lib.rs has a table of modules");
    rows
}

fn everything() -> Vec<Source> {
    sources(&["src", "protocol", "tests", "benches", "fuzz"])
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).expect("source is UTF-8");
                sources.push(Source { path: relative(path), text });
            }
        });
    }
    sources
}

fn documents() -> Vec<PathBuf> {
    let mut documents = Vec::new();
    collect(&root(), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path.to_owned());
        }
    });
    documents
}

/// Calls `found` with every file below `folder` that is not made by a tool.
fn collect(folder: &Path, found: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    for path in paths {
        let is_hidden =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.'));
        if path.is_dir() && !is_hidden && !is_made(&relative(&path)) {
            collect(&path, found);
        } else if path.is_file() {
            found(&path);
        }
    }
}

/// What builds and running servers leave behind.
fn is_made(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["target", "perch-data", "artifacts", "corpus", "__pycache__"].contains(&name)
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Beyond this a file is two files.
const LINES_MAX: usize = 800;

/// Beyond this somebody should think about it.
const LINES_WISHED: usize = 500;
