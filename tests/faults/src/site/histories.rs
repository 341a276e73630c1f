//! What the histories of several crowds and the archive say together: what was lost, and which ids were given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use perch_checker::{Event, Line};

use crate::problem::Problem;
use crate::server::StoredArchive;

pub(super) use crate::recorder::now_ns;

/// Which message each id was given to, wherever anybody saw it.
#[derive(Default)]
pub(super) struct Ids(BTreeMap<(String, String), BTreeSet<String>>);

impl Ids {
    /// Clients count their messages anew in each crowd, so that its name belongs to the message's.
    pub(super) fn take_history(&mut self, crowd: &str, history: &Path) -> Result<(), Problem> {
        each_line(history, |line| {
            if let Event::Recv { room, id, stanza_id: Some(stanza_id), .. }
            | Event::Ok { room, id, stanza_id: Some(stanza_id), .. } = line.event
            {
                let given = self.0.entry((room.to_string(), stanza_id.to_string())).or_default();
                given.insert(format!("{crowd} {id}"));
            }
        })
    }

    pub(super) fn given_twice(&self) -> Vec<String> {
        let twice = self.0.iter().filter(|(_, messages)| messages.len() > 1);
        twice.map(|((room, id), messages)| format!("{room}: the id {id} was given to {messages:?}")).collect()
    }
}

/// How much was acknowledged before the loss, how much of that did not survive, and how long before the loss the first
/// of it was acknowledged, in milliseconds.
pub(super) fn lost(
    history: &Path,
    survived: &[StoredArchive],
    loss: u64,
) -> Result<(usize, usize, u64), Problem> {
    let survived: BTreeSet<(&str, &str)> = survived
        .iter()
        .flat_map(|archive| archive.items.iter().map(|item| (&*archive.room, &*item.id)))
        .collect();
    let mut acknowledged = HashMap::new();
    each_line(history, |line| {
        if let Event::Ok { room, id, .. } = line.event
            && line.at <= loss
        {
            acknowledged.insert((room.to_string(), id.to_string()), line.at);
        }
    })?;
    let lost = acknowledged.iter().filter(|((room, id), _)| !survived.contains(&(&**room, &**id)));
    let lost: Vec<u64> = lost.map(|(_, at)| *at).collect();
    let point = lost.iter().min().map_or(0, |first| (loss - first) / 1_000_000);
    Ok((acknowledged.len(), lost.len(), point))
}

/// The epochs of what is in the archives, the last one last, as ids begin with them.
pub(super) fn epochs(archives: &[StoredArchive]) -> Vec<String> {
    let ids = archives.iter().flat_map(|archive| &archive.items);
    let epochs: BTreeSet<&str> = ids.filter_map(|item| item.stanza_id.get(..4)).collect();
    epochs.into_iter().map(str::to_owned).collect()
}

/// All there is, in no order.
pub(super) fn items(archives: &[StoredArchive]) -> BTreeSet<(&str, &str, &str)> {
    archives
        .iter()
        .flat_map(|archive| archive.items.iter().map(|item| (&*archive.room, &*item.id, &*item.stanza_id)))
        .collect()
}

fn each_line(history: &Path, mut take: impl FnMut(Line<'_>)) -> Result<(), Problem> {
    for line in BufReader::new(File::open(history)?).lines() {
        let line = line?;
        // The last one may have been cut short.
        if let Ok(line) = serde_json::from_str::<Line<'_>>(&line) {
            take(line);
        }
    }
    Ok(())
}
