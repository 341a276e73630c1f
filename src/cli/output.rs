//! What commands print: words and tables for people, JSON for programs. Results go to standard output, complaints
//! to standard error.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

/// How results are printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    is_json: bool,
}

impl Output {
    pub(super) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Prints a result: `words` to people, `value` to programs.
    pub(super) fn print(self, words: impl Display, value: &impl Serialize) {
        match self.is_json {
            true => print(json(value)),
            false => print(words),
        }
    }

    /// Prints rows under a head to people, `value` to programs.
    pub(super) fn print_table<const N: usize>(
        self,
        head: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        value: &impl Serialize,
    ) {
        self.print(table(head, rows), value);
    }
}

/// Rows under a head.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head);
    table.add_rows(rows);
    table.trim_fmt()
}

/// Prints a line to standard output.
pub(super) fn print(line: impl Display) {
    // Whoever reads may have seen enough (`| head`); that is no failure of the command.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Prints what went wrong, or what happens meanwhile, to standard error.
pub(super) fn complain(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the types of the wire have text for keys")
}
