//! The one escaper for everything that leaves as XML.
//!
//! Text that came in through the gate holds only characters of XML 1.0, but a nickname from a directory or a line of
//! an imported log may hold any: what XML cannot carry leaves as U+FFFD, since one illegal byte would end the stream
//! of everyone who is sent it.

/// Writes `text` as character data. `>` is escaped too, so that `]]>` cannot arise.
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, text_replacement, out);
}

/// Writes `value` as an attribute's value, fit for either kind of quote.
pub fn escape_attribute(value: &str, out: &mut Vec<u8>) {
    escape(value, attribute_replacement, out);
}

/// `value` as an attribute's value.
pub(crate) fn escaped_attribute(value: &str) -> String {
    let mut out = Vec::new();
    escape_attribute(value, &mut out);
    String::from_utf8(out).expect("text escaped is text")
}

/// Whether XML 1.0 can carry `character` at all (its production `Char`).
pub(crate) fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn escape(text: &str, replacement: fn(u8) -> Option<&'static str>, out: &mut Vec<u8>) {
    out.reserve(text.len());
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let (replaced, width) = match replacement(byte) {
            Some(replaced) => (replaced, 1),
            None if byte == 0xef && is_noncharacter(&bytes[at..]) => (REPLACEMENT, 3),
            None => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(replaced.as_bytes());
        written = at + width;
    }
    out.extend_from_slice(&bytes[written..]);
}

/// A bare carriage return would be read as a line feed.
fn text_replacement(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        b'\t' | b'\n' => None,
        0..b' ' => Some(REPLACEMENT),
        _ => None,
    }
}

/// Any bare white space would be read as a blank.
fn attribute_replacement(byte: u8) -> Option<&'static str> {
    match byte {
        b'\'' => Some("&apos;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        _ => text_replacement(byte),
    }
}

/// U+FFFE and U+FFFF: the only characters beyond ASCII, surrogates aside, that XML 1.0 leaves out.
pub(crate) fn is_noncharacter(bytes: &[u8]) -> bool {
    matches!(bytes, [0xef, 0xbf, 0xbe | 0xbf, ..])
}

const REPLACEMENT: &str = "\u{fffd}";

#[cfg(test)]
mod tests {
    use super::{escape_attribute, escape_text, is_xml_character};

    #[test]
    fn escapes() {
        fn check(input: &str, text: &str, attribute: &str) {
            let mut out = Vec::new();
            escape_text(input, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{input:?} as text");
            let mut out = Vec::new();
            escape_attribute(input, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), attribute, "{input:?} as attribute");
        }
        check("", "", "");
        check("plain é 日本 😀", "plain é 日本 😀", "plain é 日本 😀");
        check(
            "<a b='c' d=\"e\">&",
            "&lt;a b='c' d=\"e\"&gt;&amp;",
            "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp;",
        );
        check("]]>", "]]&gt;", "]]&gt;");
        check("a\tb\nc\rd", "a\tb\nc&#13;d", "a&#9;b&#10;c&#13;d");
        check(
            "\0\u{1}\u{b}\u{1f}\u{7f}\u{85}",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{7f}\u{85}",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{7f}\u{85}",
        );
        check("\u{fffd}\u{fffe}x\u{ffff}", "\u{fffd}\u{fffd}x\u{fffd}", "\u{fffd}\u{fffd}x\u{fffd}");
        check("\u{feff}\u{1fffe}", "\u{feff}\u{1fffe}", "\u{feff}\u{1fffe}");
    }

    #[test]
    fn nothing_illegal_is_ever_written() {
        for character in '\0'..=char::MAX {
            let mut out = Vec::new();
            escape_text(character.encode_utf8(&mut [0; 4]), &mut out);
            let written = String::from_utf8(out).unwrap();
            assert!(written.chars().all(is_xml_character), "{character:?}");
        }
    }
}
