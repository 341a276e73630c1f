//! Words as a search compares them: without case and accents, in every script, and the same whatever the store.
//!
//! A text is cut wherever something is no letter, digit or mark of a letter. Scripts that are written without spaces are
//! cut at every character: a word of such a script is then found as its characters in a row, wherever it stands.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What two names have in common that count as the same.
pub fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    pub text: Box<str>,
    pub matching: Matching,
    pub is_case_sensitive: bool,
}

/// How much of what is looked for has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// Each word, or each group of words in quotation marks.
    #[default]
    All,
    /// At least one of them.
    Any,
    /// All words in a row, with nothing between them.
    Phrase,
}

/// Words in a row.
pub type Phrase = Vec<String>;

impl Wording {
    /// All words, whatever their case: what somebody types into a field.
    pub fn typed(text: &str) -> Self {
        Self { text: text.into(), matching: Matching::All, is_case_sensitive: false }
    }

    /// What has to be there, without case. Empty when the text has no word at all.
    pub fn phrases(&self) -> Vec<Phrase> {
        self.phrases_in(Case::Folded)
    }

    /// Whether a text has what is looked for.
    pub fn matches(&self, text: &str) -> bool {
        let case = if self.is_case_sensitive { Case::Kept } else { Case::Folded };
        let wanted = self.phrases_in(case);
        let words = words_in(text, case);
        let has = |phrase: &Phrase| words.windows(phrase.len()).any(|window| window == phrase);
        match self.matching {
            Matching::Any => wanted.iter().any(has),
            Matching::All | Matching::Phrase => !wanted.is_empty() && wanted.iter().all(has),
        }
    }

    fn phrases_in(&self, case: Case) -> Vec<Phrase> {
        let pieces: Vec<&str> = match self.matching {
            Matching::Phrase => vec![&self.text],
            Matching::All | Matching::Any => pieces(&self.text),
        };
        let mut phrases: Vec<Phrase> = pieces.into_iter().map(|piece| words_in(piece, case)).collect();
        phrases.retain(|phrase| !phrase.is_empty());
        phrases.truncate(PHRASES_MAX);
        phrases
    }
}

/// The words of a text, in order, without case and accents.
pub fn words(text: &str) -> Vec<String> {
    words_in(text, Case::Folded)
}

/// A text as a search compares it where part of a word is enough: what a name begins with, or has in it.
pub fn folded(text: &str) -> String {
    words(text).join(" ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Folded,
    Kept,
}

fn words_in(text: &str, case: Case) -> Vec<String> {
    if text.is_ascii() { plain_words(text, case) } else { folded_words(text, case) }
}

/// Most texts need no look at what each character is.
fn plain_words(text: &str, case: Case) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let word = |word: &str| {
        let word = &word[..word.len().min(WORD_BYTES_MAX)];
        if case == Case::Kept { word.to_owned() } else { word.to_ascii_lowercase() }
    };
    words.take(WORDS_MAX).map(word).collect()
}

fn folded_words(text: &str, case: Case) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.nfkd() {
        if is_accent(c) {
            continue;
        }
        let is_letter = c.is_alphanumeric() || is_combining_mark(c);
        if !is_letter || stands_alone(c) {
            end(&mut word, &mut words);
        }
        if is_letter && word.len() < WORD_BYTES_MAX {
            match case {
                Case::Kept => spell(c, &mut word),
                Case::Folded => c.to_lowercase().filter(|c| !is_accent(*c)).for_each(|c| spell(c, &mut word)),
            }
        }
        if stands_alone(c) {
            end(&mut word, &mut words);
        }
        if words.len() == WORDS_MAX {
            return words;
        }
    }
    end(&mut word, &mut words);
    words
}

fn end(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Letters that no decomposition takes apart, as those spell them who do not have them on their keyboard.
fn spell(c: char, word: &mut String) {
    match c {
        'ß' => word.push_str("ss"),
        'æ' => word.push_str("ae"),
        'œ' => word.push_str("oe"),
        'ø' => word.push('o'),
        'ł' => word.push('l'),
        'đ' | 'ð' => word.push('d'),
        'þ' => word.push_str("th"),
        'ı' => word.push('i'),
        'ς' => word.push('σ'),
        c => word.push(c),
    }
}

/// What a decomposition splits off letters of alphabets, and the vowels that Hebrew and Arabic are mostly written without.
/// Marks of other scripts tell words apart.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Thai, Lao, Burmese and Khmer; kana and bopomofo; Han.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{312f}' | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// At white space, but for what stands in quotation marks.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    for (part, is_quoted) in text.split('"').zip([false, true].into_iter().cycle()) {
        if is_quoted {
            pieces.push(part);
        } else {
            pieces.extend(part.split_whitespace());
        }
    }
    pieces
}

/// Longer words are cut off, and found by their beginning.
const WORD_BYTES_MAX: usize = 100;
/// Words of one message that are looked at; both engines can tell the places of as many apart.
const WORDS_MAX: usize = 16_000;
/// What one search may ask for.
const PHRASES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_count() {
        let check = |text: &str, expected: &str| assert_eq!(words(text).join(" "), expected, "{text}");
        check("Crème BRÛLÉE, s'il vous plaît!", "creme brulee s il vous plait");
        check("Straße Łódź Ærø Đorđe þing", "strasse lodz aero dorde thing");
        check("ΟΔΥΣΣΕΎΣ Ὀδυσσεύς", "οδυσσευσ οδυσσευσ");
        check("İSTANBUL ıstanbul", "istanbul istanbul");
        check("Ёлка", "елка");
        check("v1.2-rc3 foo_bar http://x.org/a?b", "v1 2 rc3 foo bar http x org a b");
        check("ﬁne ① ２０２６", "fine 1 2026");
        check("!!! 😀 …", "");
    }

    #[test]
    fn scripts_without_spaces_are_cut_at_every_character() {
        let check = |text: &str, expected: &str| assert_eq!(words(text).join(" "), expected, "{text}");
        check("東京タワー", "東 京 タ ワ ー");
        check("iPhoneの電池", "iphone の 電 池");
        check("हिन्दी में", "हिन्दी में");
        check("שָׁלוֹם", "שלום");
        check("한국어 말", &"한국어 말".nfkd().collect::<String>());
    }

    #[test]
    fn what_is_looked_for_may_be_all_any_or_in_a_row() {
        let text = "The quick brown Fox jumps over 東京タワー";
        let check = |wanted: &str, matching, expected| {
            let wording = Wording { text: wanted.into(), matching, is_case_sensitive: false };
            assert_eq!(wording.matches(text), expected, "{wanted} {matching:?}");
        };
        check("fox quick", Matching::All, true);
        check("fox slow", Matching::All, false);
        check("slow fox", Matching::Any, true);
        check("brown fox", Matching::Phrase, true);
        check("quick fox", Matching::Phrase, false);
        check("\"brown fox\" over", Matching::All, true);
        check("\"fox brown\" over", Matching::All, false);
        check("京タ", Matching::All, true);
        check("京東", Matching::All, false);
        check("…", Matching::All, false);
        check("…", Matching::Any, false);
    }

    #[test]
    fn case_counts_where_it_is_to() {
        let check = |wanted: &str, expected| {
            let wording = Wording { text: wanted.into(), matching: Matching::All, is_case_sensitive: true };
            assert_eq!(wording.matches("Ask Élodie"), expected, "{wanted}");
        };
        check("Ask", true);
        check("ask", false);
        check("Elodie", true);
        check("ELODIE", false);
    }

    #[test]
    fn plain_text_is_cut_as_any_other() {
        let long = format!("{} b_C-3", "A".repeat(300));
        for text in ["", "Tea for two.", "a/b:c;1e5  x!", &long] {
            for case in [Case::Folded, Case::Kept] {
                assert_eq!(plain_words(text, case), folded_words(text, case), "{text}");
            }
        }
    }

    #[test]
    fn a_long_word_is_found_by_its_beginning() {
        let long = "a".repeat(300);
        assert_eq!(words(&long)[0].len(), WORD_BYTES_MAX);
        assert!(Wording::typed(&long).matches(&"a".repeat(200)));
    }
}
