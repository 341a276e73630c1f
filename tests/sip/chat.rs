//! A client of persistent chat: a dialog with the contact object, as pidgin-sipe has one. Its requests have no branch, its
//! Via is in small letters, and its Contact is nothing that could be dialled.

use std::collections::VecDeque;

use super::Scene;
use super::client::{Client, body, header};

pub(crate) struct Chat {
    client: Client,
    user: String,
    call_id: String,
    /// What To has from the 2xx on.
    to: String,
    number: u32,
    told: VecDeque<String>,
    /// How it answers what it is told.
    pub(crate) verdict: &'static str,
}

impl Chat {
    /// Registers, and says nothing yet.
    pub(crate) async fn connect(scene: &Scene, user: &str) -> Self {
        Self {
            client: Client::register(scene.sip(), user).await,
            user: user.to_owned(),
            call_id: "first".to_owned(),
            to: CONTACT_OBJECT.to_owned(),
            number: 0,
            told: VecDeque::new(),
            verdict: "200 OK",
        }
    }

    /// Registers, and begins a dialog.
    pub(crate) async fn begin(scene: &Scene, user: &str) -> Self {
        let mut chat = Self::connect(scene, user).await;
        chat.invite().await;
        chat
    }

    /// Begins a dialog, and gives the response.
    pub(crate) async fn invite(&mut self) -> String {
        let response = self.ask("INVITE", &format!("Content-Type: application/sdp\r\n{CONTACT}"), SDP).await;
        assert!(response.starts_with("SIP/2.0 200 "), "{response}");
        self.to = header(&response, "To").unwrap().to_owned();
        self.acknowledge().await;
        response
    }

    pub(crate) async fn acknowledge(&mut self) {
        let text = self.text("ACK", self.number, "", "");
        self.client.send(&text).await;
    }

    /// From now on, another dialog.
    pub(crate) fn turn_to(&mut self, call_id: &str) {
        self.call_id = call_id.to_owned();
        self.to = CONTACT_OBJECT.to_owned();
        self.number = 0;
    }

    pub(crate) fn set_number(&mut self, number: u32) {
        self.number = number;
    }

    /// Takes To, as it is from the 2xx on.
    pub(crate) fn set_to(&mut self, response: &str) {
        self.to = header(response, "To").unwrap().to_owned();
    }

    pub(crate) fn text(&self, method: &str, number: u32, headers: &str, body: &str) -> String {
        let Self { user, call_id, to, .. } = self;
        format!(
            "{method} sip:GC-1-PersistentChatService-1@localhost SIP/2.0\r\nVia: SIP/2.0/tcp 192.0.2.7:40000\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@localhost>;tag=77;epid=1\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends a request, and gives its final response.
    pub(crate) async fn ask(&mut self, method: &str, headers: &str, body: &str) -> String {
        self.number += 1;
        let text = self.text(method, self.number, headers, body);
        self.client.send(&text).await;
        self.response(&format!("{} {method}", self.number)).await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.client.send(text).await;
    }

    /// The final response to the request of that CSeq.
    pub(crate) async fn response(&mut self, cseq: &str) -> String {
        loop {
            let message = self.client.next().await;
            if !message.starts_with("SIP/2.0") {
                self.take(message).await;
            } else if !message.starts_with("SIP/2.0 1") {
                let answered = header(&message, "CSeq").unwrap();
                if answered != cseq && answered.ends_with("INVITE") && message.starts_with("SIP/2.0 2") {
                    // Said once more, before the ACK was read.
                    continue;
                }
                assert_eq!(header(&message, "CSeq"), Some(cseq), "{message}");
                return message;
            }
        }
    }

    /// Sends what stands in an envelope, and gives the status line.
    pub(crate) async fn say(&mut self, inside: &str) -> String {
        let envelope =
            format!("<xccos ver=\"1\" envid=\"5\" xmlns=\"urn:parlano:xml:ns:xccos\">{inside}</xccos>");
        let response = self.ask("INFO", "Content-Type: text/plain\r\n", &envelope).await;
        response.lines().next().unwrap().to_owned()
    }

    /// Sends a command, and gives the first thing that the client is told after it.
    pub(crate) async fn command(&mut self, id: &str, data: &str) -> String {
        let status = self.say(&format!("<cmd id=\"cmd:{id}\" seqid=\"1\"><data>{data}</data></cmd>")).await;
        assert_eq!(status, "SIP/2.0 200 OK");
        self.told().await
    }

    pub(crate) async fn post(&mut self, room: &str, attributes: &str, text: &str) -> String {
        self.say(&format!(
            "<grpchat id=\"grpchat\" seqid=\"1\" chanUri=\"ma-chan://rooms.localhost/{room}\" \
             author=\"sip:x@localhost\" ts=\"2024-01-02T03:04:05Z\" {attributes}><chat>{text}</chat></grpchat>"
        ))
        .await
    }

    /// The next reply, notice or post.
    pub(crate) async fn told(&mut self) -> String {
        while self.told.is_empty() {
            let message = self.client.next().await;
            self.take(message).await;
        }
        self.told.pop_front().unwrap()
    }

    /// The next request that is no INFO.
    pub(crate) async fn other(&mut self) -> String {
        self.client.next().await
    }

    /// Answers an INFO, and puts aside each thing that is in it; letters are answered, too.
    async fn take(&mut self, request: String) {
        let is_letter = request.starts_with("MESSAGE sip:");
        assert!(is_letter || request.starts_with("INFO sip:"), "{request}");
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"]
            .map(|name| format!("{name}: {}\r\n", header(&request, name).unwrap()));
        let answer = format!("SIP/2.0 {}\r\n{}Content-Length: 0\r\n\r\n", self.verdict, copied.concat());
        self.client.send(&answer).await;
        if is_letter {
            return;
        }
        assert_eq!(header(&request, "Call-ID"), Some(&*self.call_id), "{request}");
        assert_eq!(header(&request, "From"), Some(&*self.to), "{request}");
        let document = body(&request);
        let inside = document.split_once('>').unwrap().1.strip_suffix("</xccos>").unwrap();
        self.told.extend(items(inside).map(str::to_owned));
    }
}

/// The elements that stand side by side.
fn items(mut inside: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let name = inside.strip_prefix('<')?.split(' ').next()?;
        let end = format!("</{name}>");
        let (item, rest) = inside.split_at(inside.find(&end)? + end.len());
        inside = rest;
        Some(item)
    })
}

pub(crate) const CONTACT_OBJECT: &str = "<sip:GC-1-PersistentChatService-1@localhost>";
pub(crate) const CONTACT: &str =
    "Contact: <sip:x@localhost:40000;maddr=192.0.2.7;transport=tcp>;proxy=replace\r\n";
pub(crate) const SDP: &str = "v=0\r\no=- 0 0 IN IP4 192.0.2.7\r\ns=session\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
    m=message 40000 sip null\r\na=accept-types:text/plain text/html\r\n";
