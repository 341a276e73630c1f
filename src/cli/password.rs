//! How a password comes to the command line: never as an argument, which everybody on the machine can read.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// A password, and whether its owner has yet to be told.
#[derive(Debug)]
pub(super) struct Password {
    pub(super) text: String,
    pub(super) is_generated: bool,
}

impl Password {
    /// Reads the first line of standard input (`from_stdin`), or asks on a terminal, or makes one up.
    pub(super) fn obtain(from_stdin: bool, address: &str) -> io::Result<Self> {
        if from_stdin {
            return Ok(Self::given(read_line()?));
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(Self::generate());
        }
        let text = ask(&format!("password for {address} (empty: one is made up): "))?;
        Ok(if text.is_empty() { Self::generate() } else { Self::given(text) })
    }

    fn given(text: String) -> Self {
        Self { text, is_generated: false }
    }

    /// Twenty letters and digits of a hundred bits, without those that are taken for one another.
    fn generate() -> Self {
        let random: u128 = rand::random();
        let letter = |position: u32| char::from(LETTERS[(random >> (5 * position)) as usize % LETTERS.len()]);
        Self { text: (0..20).map(letter).collect(), is_generated: true }
    }
}

fn ask(question: &str) -> io::Result<String> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let answer = {
        let _silence = Silence::new()?;
        read_line()
    };
    writeln!(terminal)?;
    answer
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// As long as this lives, the terminal does not show what is typed.
struct Silence(rustix::termios::Termios);

impl Silence {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Thirty-two, so that every five random bits are one.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_passwords_are_long_and_unlike() {
        let [one, two] = [Password::generate(), Password::generate()];
        assert_eq!(one.text.len(), 20);
        assert!(one.text.bytes().all(|letter| LETTERS.contains(&letter)));
        assert_ne!(one.text, two.text);
        assert!(one.is_generated);
    }
}
