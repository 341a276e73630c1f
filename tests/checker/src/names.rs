//! Names as numbers: a long history repeats each id once per occupant, and has to fit into memory.

use std::collections::HashMap;

/// A name's number, in the order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(u32);

/// The names of one kind.
#[derive(Default)]
pub(crate) struct Names {
    numbers: HashMap<String, Name>,
    texts: Vec<String>,
}

impl Names {
    pub(crate) fn number(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.texts.len()).expect("a history holds fewer than 2^32 names"));
        self.numbers.insert(text.to_owned(), name);
        self.texts.push(text.to_owned());
        name
    }

    pub(crate) fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }
}
