//! Two other readers of XML, that the gate has to agree with.

use std::io::{BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rxml::parser::{Options, WithOptions};
use rxml::{Parse, Parser};

/// What a reader found in a document; none if it refused it.
pub(super) type Reading = Option<Vec<Event>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Start { namespace: String, name: String, attributes: Vec<(String, String, String)> },
    End,
    Text(String),
}

/// rxml: strict, restricted, written for XMPP.
pub(super) fn rxml(document: &[u8]) -> Reading {
    let mut parser = Parser::with_options(Options { max_token_length: 1 << 16, ..Options::default() });
    let mut events = Vec::new();
    let mut rest = document;
    let outcome = parser.parse_all(&mut rest, true, |event| match event {
        rxml::Event::XmlDeclaration(..) => {}
        rxml::Event::StartElement(_, (namespace, name), attributes) => {
            let attributes = attributes
                .into_iter()
                .map(|((namespace, name), value)| (namespace.to_string(), name.to_string(), value))
                .collect();
            events.push(Event::Start {
                namespace: namespace.to_string(),
                name: name.to_string(),
                attributes,
            });
        }
        rxml::Event::EndElement(_) => events.push(Event::End),
        rxml::Event::Text(_, text) => events.push(Event::Text(text)),
    });
    outcome.is_ok().then_some(events)
}

/// expat, in a process of its own: what much of the world reads XML with.
pub(super) struct Expat {
    process: Child,
    documents: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
}

impl Expat {
    pub(super) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gate/differential/expat_oracle.py");
        let mut process = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3, which brings expat, is needed to compare with");
        let documents = process.stdin.take().map(BufWriter::new);
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, documents, answers }
    }

    pub(super) fn read(&mut self, document: &[u8]) -> Reading {
        let documents = self.documents.as_mut().expect("still running");
        documents
            .write_all(&u32::try_from(document.len()).expect("a short document").to_be_bytes())
            .expect("a reader");
        documents.write_all(document).expect("a reader");
        documents.flush().expect("a reader");
        let mut length = [0; 4];
        self.answers.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.answers.read_exact(&mut answer).expect("an answer");
        let answer = String::from_utf8(answer).expect("an answer in UTF-8");
        answer.strip_prefix('A').map(parse_answer)
    }
}

impl Drop for Expat {
    fn drop(&mut self) {
        self.documents = None;
        self.process.wait().expect("the end of its input ends it");
    }
}

fn parse_answer(answer: &str) -> Vec<Event> {
    let mut fields = answer.split('\0').map(str::to_owned);
    let mut events = Vec::new();
    while let Some(kind) = fields.next() {
        let mut field = || fields.next().expect("a whole answer");
        events.push(match &kind[..] {
            "S" => {
                let count: usize = field().parse().expect("a number");
                let (namespace, name) = (field(), field());
                let attributes = (0..count).map(|_| (field(), field(), field())).collect();
                Event::Start { namespace, name, attributes }
            }
            "E" => Event::End,
            "T" => Event::Text(field()),
            other => panic!("{other:?} in an answer"),
        });
    }
    events
}
