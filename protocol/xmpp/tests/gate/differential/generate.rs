//! Documents by the thousand: streams made from a grammar, most of them then damaged.

/// A source of numbers that a seed repeats (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// One document.
pub(super) fn document(random: &mut Random) -> Vec<u8> {
    let mut grammar = Grammar { out: String::new(), scope: Vec::new(), random };
    grammar.stream();
    let mut document = grammar.out.into_bytes();
    if !random.one_in(4) {
        for _ in 0..=random.below(3) {
            damage(&mut document, random);
        }
    }
    document
}

struct Grammar<'r> {
    out: String,
    /// Prefixes bound where the document has come to.
    scope: Vec<&'static str>,
    random: &'r mut Random,
}

impl Grammar<'_> {
    fn stream(&mut self) {
        if self.random.one_in(3) {
            self.put(DECLARATIONS);
            self.put(&["", "\n", " \r\n"]);
        }
        let prefix = self.random.pick(&["stream:", "stream:", "stream:", "s:", ""]);
        let content = self.random.pick(&["jabber:client", "jabber:client", "jabber:server", "urn:x"]);
        self.out.push_str(&format!("<{prefix}stream"));
        let own = if prefix.is_empty() { String::new() } else { format!(" xmlns='{content}'") };
        let declaration =
            format!("xmlns{}{}", if prefix.is_empty() { "" } else { ":" }, prefix.trim_end_matches(':'));
        self.out.push_str(&format!("{own} {declaration}='http://etherx.jabber.org/streams'"));
        if prefix == "stream:" {
            self.scope.push("stream");
        }
        self.attributes();
        self.out.push('>');
        for _ in 0..self.random.below(4) {
            self.put(&["", "", " ", "\n", "\r\n"]);
            self.item(content);
        }
        self.out.push_str(&format!("</{prefix}stream"));
        self.put(&["", " ", "\n"]);
        self.out.push('>');
        self.put(&["", "\n"]);
    }

    fn item(&mut self, content: &str) {
        if self.random.one_in(5) {
            return self.element(3);
        }
        let name = self.random.pick(&["message", "message", "presence", "iq"]);
        let bound = self.scope.len();
        if self.random.one_in(8) {
            let default = self.random.pick(&["urn:d", "", "jabber:client"]);
            self.out.push_str(&format!("<c:{name} xmlns:c='{content}' xmlns='{default}'"));
            self.scope.push("c");
            self.content(&format!("c:{name}"), 3, true);
        } else {
            self.out.push_str(&format!("<{name}"));
            if self.random.one_in(4) {
                self.out.push_str(&format!(" xmlns='{content}'"));
            }
            self.content(name, 3, true);
        }
        self.scope.truncate(bound);
    }

    fn element(&mut self, levels: usize) {
        let bound = self.scope.len();
        let prefix = match self.random.below(4) {
            0 if !self.scope.is_empty() => {
                let place = self.random.below(self.scope.len());
                Some(self.scope[place])
            }
            _ => None,
        };
        let name = self.random.pick(NAMES);
        let name = prefix.map_or(name.to_owned(), |prefix| format!("{prefix}:{name}"));
        self.out.push_str(&format!("<{name}"));
        if self.random.one_in(2) && prefix.is_none() {
            self.out.push_str(&format!(" xmlns='{}'", self.random.pick(NAMESPACES)));
        }
        self.content(&name, levels, false);
        self.scope.truncate(bound);
    }

    /// The rest of a start tag, what is inside, and the end tag.
    fn content(&mut self, name: &str, levels: usize, is_stanza: bool) {
        self.attributes();
        if self.random.one_in(5) {
            self.put(&["/>", " />", "></", "\n/>"]);
            if self.out.ends_with("</") {
                self.out.push_str(&format!("{name}>"));
            }
            return;
        }
        self.put(&[">", " >", "\t>"]);
        for _ in 0..self.random.below(4) {
            if levels > 0 && self.random.one_in(2) {
                self.element(levels - 1);
            } else if is_stanza {
                self.put(&["", " ", "\r\n"]);
            } else {
                self.put(TEXTS);
            }
        }
        self.out.push_str(&format!("</{name}"));
        self.put(&["", "", " ", "\n"]);
        self.out.push('>');
    }

    fn attributes(&mut self) {
        if self.random.one_in(4) {
            let prefix = self.random.pick(&["p", "q", "é", "stream", "xmlx"]);
            let declared = format!("xmlns:{prefix}={}", self.random.pick(DECLARED));
            self.put(&[" ", "\n"]);
            self.out.push_str(&declared);
            self.scope.push(prefix);
        }
        let first = self.random.below(ATTRIBUTES.len());
        for step in 0..self.random.below(3) {
            let name = ATTRIBUTES[(first + step) % ATTRIBUTES.len()];
            self.put(&[" ", " ", "  ", "\r\n"]);
            match self.random.below(6) {
                0 if !self.scope.is_empty() => {
                    let place = self.random.below(self.scope.len());
                    self.out.push_str(&format!("{}:", self.scope[place]));
                    self.out.push_str(name.trim_start_matches("xml:"));
                }
                _ => self.out.push_str(name),
            }
            self.put(&["=", "=", " = ", "\n="]);
            self.put(VALUES);
        }
    }

    fn put(&mut self, choices: &[&str]) {
        let choice = self.random.pick(choices);
        self.out.push_str(choice);
    }
}

/// Changes a few bytes: cut, copied from elsewhere, or put in from what has confused parsers before.
fn damage(document: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(document.len() + 1);
    let length = random.below(8).min(document.len() - at);
    let replacement = match random.below(4) {
        0 => Vec::new(),
        1 => {
            let from = random.below(document.len() + 1);
            let length = random.below(40).min(document.len() - from);
            document[from..from + length].to_vec()
        }
        _ => random.pick(TOKENS).to_vec(),
    };
    let length = if random.one_in(2) { 0 } else { length };
    document.splice(at..at + length, replacement);
}

/// rxml takes `standalone` only behind `encoding`, and only `yes`.
const DECLARATIONS: &[&str] = &[
    "<?xml version='1.0'?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>",
    "<?xml\n version = '1.0'\tencoding\n=\"Utf-8\"?>",
];
const NAMES: &[&str] =
    &["body", "x", "a", "b-c", "d.e", "_f", "é", "日本", "xml", "a\u{b7}", "message", "lang"];
const NAMESPACES: &[&str] = &[
    "urn:x",
    "urn:a",
    "",
    "jabber:client",
    "jabber:server",
    "u&amp;v",
    "&#117;rn:x",
    " urn:x ",
    "http://a/#b",
    "é",
];
const DECLARED: &[&str] =
    &["'urn:p'", "\"urn:q\"", "'urn:x'", "'jabber:client'", "'jabber:server'", "'u&apos;&lt;\r\n'"];
const ATTRIBUTES: &[&str] =
    &["to", "from", "id", "type", "xml:lang", "a", "b", "é", "xml:a", "version", "c-d"];
const VALUES: &[&str] = &[
    "''",
    "\"\"",
    "'a'",
    "\"it's\"",
    "'\"'",
    "'a@b/c'",
    "'&lt;&amp;&gt;&apos;&quot;'",
    "'\t\n\r\r\n'",
    "'&#9;&#xA;&#13;'",
    "']]>'",
    "'é日😀'",
    "'&#x1F600;'",
    "'/>'",
    "'  '",
];
const TEXTS: &[&str] = &[
    "text",
    " ",
    "\n",
    "\r\n",
    "\r",
    "a\rb\r\nc\n\rd",
    "&lt;",
    "&amp;amp;",
    "&#65;&#x42;",
    "&#13;",
    "&#xA;",
    "&#x1F600;",
    "é日😀",
    "\u{7f}\u{85}\u{feff}",
    "]]",
    "]]&gt;",
    ">",
    "'\"",
    "<![CDATA[]]>",
    "<![CDATA[<a>&amp;]]>",
    "<![CDATA[]]]]>",
    "<![CDATA[\r\n]]>",
    "<![CDATA[]]]]><![CDATA[>]]>",
];
const TOKENS: &[&[u8]] = &[
    b"<",
    b">",
    b"/",
    b"'",
    b"\"",
    b"=",
    b"&",
    b";",
    b":",
    b" ",
    b"\r",
    b"\n",
    b"\t",
    b"!",
    b"?",
    b"-",
    b"]",
    b"[",
    b"x",
    b"1",
    b"#",
    b"</",
    b"/>",
    b"<!",
    b"<?",
    b"<!--",
    b"-->",
    b"<!-- x -->",
    b"<?x y?>",
    b"<?xml version='1.0'?>",
    b"<!DOCTYPE a>",
    b"<![CDATA[",
    b"]]>",
    b"<![CDATA[x]]>",
    b"&amp;",
    b"&nbsp;",
    b"&#0;",
    b"&#1;",
    b"&#xD800;",
    b"&#xFFFE;",
    b"&#x10FFFF;",
    b"&#x110000;",
    b"&#00000000065;",
    b"&#;",
    b"&;",
    b"\0",
    b"\x01",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xcc\x80",
    b"\xf0\x90\x80\x80",
    b" xmlns=''",
    b" xmlns:p=''",
    b" xmlns:p='urn:p'",
    b" xmlns='urn:x'",
    b" xmlns='jabber:client'",
    b" xmlns='jabber:server'",
    b" xmlns:xml='urn:x'",
    b" xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    b" xmlns:xmlns='urn:x'",
    b" xmlns:y='http://www.w3.org/XML/1998/namespace'",
    b" xmlns='http://www.w3.org/2000/xmlns/'",
    b" a='1'",
    b" a='1' a='2'",
    b"a='1'",
    b" p:a='1'",
    b" xml:lang='en'",
    b" xmlns:q='urn:p' q:a='1'",
    b"p:",
    b"xml:",
    b"xmlns:",
    b"stream:",
    b"<p:a/>",
    b"<a/>",
    b"<a>",
    b"</a>",
    b"<a:b:c/>",
    b"<1/>",
    b"<xmlns:a/>",
    b"<xml:a/>",
    b"</stream:stream>",
    b"<message/>",
];
