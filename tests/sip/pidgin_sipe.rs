//! A whole sign-in as pidgin-sipe 1.25 makes it, and what its user does then: each request is what finch sent, name, tags and
//! ports apart, and each answer is looked at as that client looks at it.

use md5::{Digest, Md5};

use super::Scene;
use super::client::{Client, body, header};
use super::xccos::alice_in_tea;

const TAKES_MD5: &str = "[sip]\ndigest_md5 = true\n";

/// The client: its connection, its user and what he typed, and the dialog that it is in.
struct Pidgin {
    client: Client,
    user: &'static str,
    /// Call-ID, the tag of its own side, and what To has.
    dialog: (String, u32, String),
    /// Where requests within the dialog go.
    target: String,
    number: u32,
    envelope: u32,
    /// Documents that came while something else was waited for.
    documents: Vec<String>,
}

impl Pidgin {
    async fn connect(scene: &Scene, user: &'static str) -> Self {
        Self {
            client: Client::connect(scene.sip(), user).await,
            user,
            dialog: (String::new(), 0, String::new()),
            target: String::new(),
            number: 0,
            envelope: 1_929_259_845,
            documents: Vec::new(),
        }
    }

    /// The password is what he typed; for his name he typed his address alone.
    async fn register(&mut self, password: &str) -> String {
        let register = self.registration("");
        self.client.send(&register).await;
        let challenge = self.client.next().await;
        assert!(challenge.starts_with("SIP/2.0 407 "), "{challenge}");
        assert_eq!(header(&challenge, "WWW-Authenticate"), None, "it would give up: {challenge}");
        let asked = header(&challenge, "Proxy-Authenticate").unwrap();
        assert!(asked.starts_with("Digest realm=\"localhost\", nonce=\""), "{asked}");
        let nonce = asked.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let name = format!("{}@localhost", self.user);
        let key = hash(&format!("{name}:localhost:{password}"));
        let proven = hash("REGISTER:(null)");
        let response = hash(&format!("{key}:{nonce}:00000001:bbec49c8:auth:{proven}"));
        // The same branch, the same CSeq, and the proof behind the length.
        let proof = format!(
            "Proxy-Authorization: Digest username=\"{name}\", realm=\"localhost\", nonce=\"{nonce}\", uri=\"(null)\", \
             qop=auth, nc=00000001, cnonce=\"bbec49c8\", response=\"{response}\"\r\n"
        );
        let length = "Content-Length: 0\r\n";
        self.client.send(&register.replace(length, &format!("{length}{proof}"))).await;
        self.client.next().await
    }

    fn registration(&mut self, headers: &str) -> String {
        self.number += 1;
        let Self { user, number, .. } = self;
        format!(
            "REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/tcp 127.0.0.1:50808;branch=z9hG4bK5689AF99A476DF18EE{number}\r\n\
             From: <sip:{user}@localhost>;tag=6318212266;epid=07f9bf051463\r\nTo: <sip:{user}@localhost>\r\n\
             Max-Forwards: 70\r\nCSeq: {number} REGISTER\r\nUser-Agent: Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)\r\n\
             Call-ID: 59C2gB402aF735i2CC8m3CEEt8D2CbD4F2x06B5x\r\n\
             Contact: <sip:127.0.0.1:50808;transport=tcp;ms-opaque=d3470f2e1d>;methods=\"INVITE, MESSAGE, INFO, SUBSCRIBE, \
             OPTIONS, BYE, CANCEL, NOTIFY, ACK, REFER, BENOTIFY\";proxy=replace;\
             +sip.instance=\"<urn:uuid:51dd071a-b883-5840-bed5-a2187147a65f>\"\r\n\
             Supported: gruu-10, adhoclist, msrtc-event-categories, com.microsoft.msrtc.presence\r\n\
             Event: registration\r\nAllow-Events: presence\r\nms-keep-alive: UAC;hop-hop=yes\r\n{headers}\
             Content-Length: 0\r\n\r\n"
        )
    }

    /// Asks where the pool is, and gives the URI that is told.
    async fn provision(&mut self) -> String {
        let asked = "<provisioningGroupList xmlns=\"http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist\"> \
                     <provisioningGroup name=\"ServerConfiguration\"/> <provisioningGroup name=\"meetingPolicy\"/> \
                     <provisioningGroup name=\"persistentChatConfiguration\"/> <provisioningGroup name=\"ucPolicy\"/>\
                     </provisioningGroupList>";
        let (user, media) = (self.user, "application/vnd-microsoft-roaming-provisioning-v2+xml");
        let text = format!(
            "SUBSCRIBE sip:{user}@localhost SIP/2.0\r\nVia: SIP/2.0/tcp 127.0.0.1:50808;branch=z9hG4bK5654B5859686CC3CDE01\r\n\
             From: <sip:{user}@localhost>;tag=4818622119;epid=07f9bf051463\r\nTo: <sip:{user}@localhost>\r\n\
             Max-Forwards: 70\r\nCSeq: 1 SUBSCRIBE\r\nCall-ID: 21BBgABB6a7FB1i6567mB3A6tE2D6b9BF1x2012x\r\n\
             Event: vnd-microsoft-provisioning-v2\r\nAccept: {media}\r\nSupported: com.microsoft.autoextend\r\n\
             Supported: ms-benotify\r\nProxy-Require: ms-benotify\r\nSupported: ms-piggyback-first-notify\r\nExpires: 0\r\n\
             Content-Type: {media}\r\n\
             Contact: <sip:{user}@localhost:50808;maddr=127.0.0.1;transport=tcp>;proxy=replace\r\n\
             Content-Length: {}\r\n\r\n{asked}",
            asked.len()
        );
        self.client.send(&text).await;
        let told = self.client.next().await;
        assert!(told.starts_with("SIP/2.0 200 "), "{told}");
        assert_eq!(header(&told, "Event"), Some("vnd-microsoft-provisioning-v2"));
        assert!(header(&told, "ms-piggyback-cseq").is_some(), "it would not look at the body: {told}");
        assert!(header(&told, "Subscription-State").unwrap().starts_with("terminated"), "{told}");
        let property = |name: &str| {
            let begin = format!("<property name='{name}'>");
            body(&told).split(&begin).nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned()
        };
        assert_eq!(property("EnablePersistentChat"), "true");
        property("DefaultPersistentChatPoolUri")
    }

    /// A request of the dialog: no branch, ever.
    fn text(&mut self, method: &str, headers: &str, sent: &str) -> String {
        if method != "ACK" {
            self.number += 1;
        }
        let (user, (call_id, tag, to), target) = (self.user, &self.dialog, &self.target);
        let number = if method == "ACK" { 1 } else { self.number };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/tcp 127.0.0.1:50808\r\n\
             From: <sip:{user}@localhost>;tag={tag};epid=07f9bf051463\r\nTo: {to}\r\nMax-Forwards: 70\r\n\
             CSeq: {number} {method}\r\nUser-Agent: Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)\r\nCall-ID: {call_id}\r\n\
             {headers}Content-Length: {}\r\n\r\n{sent}",
            sent.len()
        )
    }

    /// Sends an INVITE, behind what else is to be sent.
    async fn invite(&mut self, uri: &str, call_id: &str, before: &str) {
        self.dialog = (call_id.to_owned(), self.dialog.1 + 1, format!("<{uri}>"));
        uri.clone_into(&mut self.target);
        self.number = 0;
        let offer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 25061 sip null\r\n\
                     a=accept-types:text/plain text/html image/gif application/im-iscomposing+xml \
                     application/ms-imdn+xml text/x-msmsgsinvite\r\n";
        let headers = format!(
            "Supported: ms-sender\r\n\
             Contact: <sip:{}@localhost:50808;maddr=127.0.0.1;transport=tcp>;proxy=replace\r\n\
             Content-Type: application/sdp\r\n",
            self.user
        );
        let invite = self.text("INVITE", &headers, offer);
        self.client.send(&format!("{before}{invite}")).await;
        let accepted = self.response("1 INVITE").await;
        assert!(accepted.starts_with("SIP/2.0 200 "), "{accepted}");
        assert!(header(&accepted, "Session-Expires").is_some(), "{accepted}");
        header(&accepted, "To").unwrap().clone_into(&mut self.dialog.2);
        let contact = header(&accepted, "Contact").unwrap();
        contact.trim_matches(['<', '>']).clone_into(&mut self.target);
        let acknowledgement = self.text("ACK", "", "");
        self.client.send(&acknowledgement).await;
    }

    /// The response to the request of that CSeq; what comes in between is answered, or is an earlier one's.
    async fn response(&mut self, cseq: &str) -> String {
        loop {
            let message = self.client.next().await;
            if !message.starts_with("SIP/2.0") {
                self.take(message).await;
            } else if header(&message, "CSeq") == Some(cseq) {
                return message;
            }
        }
    }

    /// Sends an INFO with what stands in an envelope, and gives the status.
    async fn say(&mut self, inside: &str) -> String {
        self.envelope += 1;
        let document = format!(
            "<xccos ver=\"1\" envid=\"{}\" xmlns=\"urn:parlano:xml:ns:xccos\">{inside}</xccos>",
            self.envelope
        );
        let text = self.text("INFO", "Content-Type: text/plain\r\n", &document);
        self.client.send(&text).await;
        let response = self.response(&format!("{} INFO", self.number)).await;
        response[8..11].to_owned()
    }

    /// Sends a command, and gives the reply, when it comes.
    async fn command(&mut self, id: &str, data: &str) -> String {
        let command = format!("<cmd id=\"cmd:{id}\" seqid=\"1\"><data>{data}</data></cmd>");
        assert_eq!(self.say(&command).await, "200");
        self.told(&format!("<rpl id='rpl:{id}'")).await
    }

    /// The first document that has this, as far as the client reads it.
    async fn told(&mut self, part: &str) -> String {
        loop {
            if let Some(at) = self.documents.iter().position(|document| document.contains(part)) {
                return self.documents.remove(at);
            }
            let message = self.client.next().await;
            assert!(message.starts_with("INFO "), "{message}");
            self.take(message).await;
        }
    }

    /// Answers an INFO, and notes what the client reads of it: replies; or notices, if there is no reply; or the first post.
    async fn take(&mut self, request: String) {
        assert_eq!(header(&request, "Call-ID"), Some(&*self.dialog.0), "{request}");
        let [from, to] = ["From", "To"].map(|name| header(&request, name).unwrap());
        assert!(from == self.dialog.2 && to.contains(&format!(";tag={}", self.dialog.1)), "{request}");
        let copied = ["From", "To", "Call-ID", "CSeq", "Via"]
            .map(|name| format!("{name}: {}\r\n", header(&request, name).unwrap()));
        let answer = format!(
            "SIP/2.0 200 OK\r\n{}Contact: <sip:{}@localhost:50808;maddr=127.0.0.1;transport=tcp>;proxy=replace\r\n\
             Content-Length: 0\r\nUser-Agent: Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)\r\n\r\n",
            copied.concat(),
            self.user
        );
        self.client.send(&answer).await;
        let document = body(&request);
        let kinds = ["<rpl ", "<ntc ", "<grpchat "].map(|kind| document.matches(kind).count());
        assert!(matches!(kinds, [_, 0, 0] | [0, _, 0] | [0, 0, 1]), "it would not read all of {document}");
        self.documents.push(document.to_owned());
    }
}

fn hash(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_signs_in_finds_the_pool_and_talks() {
    let scene = Scene::start_with(&["alice", "romeo"], TAKES_MD5).await;
    let mut alice = alice_in_tea(&scene).await;
    alice.send("<message to='tea@rooms.localhost' type='groupchat'><body>before</body></message>").await;
    alice.read_until("before</body>").await;

    let mut romeo = Pidgin::connect(&scene, "romeo").await;
    let registered = romeo.register("secret").await;
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    assert_eq!(header(&registered, "Supported"), Some("msrtc-event-categories"), "with nothing beside it");
    assert_eq!(header(&registered, "Allow-Events"), Some("vnd-microsoft-provisioning-v2"));
    assert!(header(&registered, "Expires").unwrap().parse::<u32>().unwrap() > 3000, "{registered}");
    let pool = romeo.provision().await;
    assert_eq!(pool, "sip:GC-1-PersistentChatService-1@localhost");

    romeo.invite(&pool, "8C43gC9BDaB1D0iAD2BmDAC8t580EbF928xE393x", "").await;
    let found = romeo.command("requri", "").await;
    assert!(found.contains(&format!("<uib uri='{pool}'/>")), "{found}");
    let bye = romeo.text("BYE", "", "");
    romeo.invite(&pool, "24F3gC885a9037i421Dm2C94t7025b8630xE2CCx", &bye).await;
    romeo.command("getinv", "<inv inviteId=\"1\" domain=\"localhost\"/>").await;

    let rooms = romeo.command("chansrch", "<qib qtype=\"BYNAME\" criteria=\"\" extended=\"false\"/>").await;
    let room = "ma-chan://rooms.localhost/tea";
    assert!(rooms.contains(&format!("<chanib uri='{room}' name='tea'")), "{rooms}");
    let joined = romeo.command("join", "<chanid key=\"0\" domain=\"rooms.localhost\" value=\"tea\"/>").await;
    assert!(joined.contains("<uib uri='sip:romeo@localhost' id='"), "{joined}");
    let context = format!("<chanib uri=\"{room}\"/><bcq><last cnt=\"25\"/></bcq>");
    let past = romeo.command("bccontext", &context).await;
    assert!(past.contains("<chat>before</chat>"), "{past}");

    let post = format!(
        "<grpchat id=\"grpchat\" seqid=\"1\" chanUri=\"{room}\" author=\"sip:romeo@localhost\" \
         ts=\"2026-11-26T16:51:02Z\"><chat>line 1\r\nline &lt;2&gt;</chat></grpchat>"
    );
    assert_eq!(romeo.say(&post).await, "200");
    let own = romeo.told("line &lt;2&gt;").await;
    assert!(
        own.contains("author='sip:romeo@localhost'"),
        "it shows its own words when they come back: {own}"
    );
    alice.read_until("line &lt;2&gt;</body>").await;
    // Whatever comes at once, comes so that the client reads all of it.
    let said = |text: &str| {
        format!("<message to='tea@rooms.localhost' type='groupchat'><body>{text}</body></message>")
    };
    let away = "<presence to='tea@rooms.localhost' type='unavailable'/>";
    alice.send(&format!("{}{}{}{away}", said("one"), said("two"), said("three"))).await;
    for part in ["<chat>one<", "<chat>two<", "<chat>three<", "<ntc id='ntc:part'"] {
        romeo.told(part).await;
    }
    let again = romeo.command("bccontext", &context).await;
    assert!(again.contains("author='sip:romeo@localhost'"), "what he said is his later, too: {again}");

    let refresh = romeo.text("UPDATE", "", "");
    romeo.client.send(&refresh).await;
    let refreshed = romeo.response(&format!("{} UPDATE", romeo.number)).await;
    assert!(refreshed.starts_with("SIP/2.0 200 "), "{refreshed}");
    romeo.command("part", &format!("<chanib uri=\"{room}\"/>")).await;
    romeo.number = 1;
    let gone = romeo.registration("Expires: 0\r\n");
    romeo.client.send(&gone).await;
    let gone = romeo.response("2 REGISTER").await;
    assert!(gone.starts_with("SIP/2.0 200 ") && header(&gone, "Contact").is_none(), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_prove_himself_is_told_why() {
    let scene = Scene::start_with(&["romeo"], TAKES_MD5).await;
    let check = async |user: &'static str, password: &str, expected: &str| {
        let refused = Pidgin::connect(&scene, user).await.register(password).await;
        assert!(refused.starts_with("SIP/2.0 403 "), "asked again, it would try the same again: {refused}");
        assert_eq!(header(&refused, "Warning"), Some(expected));
    };
    check(
        "romeo",
        "wrong",
        "399 perch \"the name or the password is wrong, or the password has to be set anew\"",
    )
    .await;
    check(
        "nobody",
        "secret",
        "399 perch \"the name or the password is wrong, or the password has to be set anew\"",
    )
    .await;

    // Other clients are asked for better, too, and first; whatever else comes by the same way.
    let mut other = Client::connect(scene.sip(), "romeo").await;
    let old = "Supported: msrtc-event-categories\r\nContent-Type: text/plain\r\n";
    let asked = other.ask("MESSAGE", "sip:romeo@localhost", old, "hi").await;
    assert!(asked.starts_with("SIP/2.0 401 "), "{asked}");
    let challenge = other.ask("REGISTER", "sip:localhost", "", "").await;
    assert!(challenge.starts_with("SIP/2.0 401 "), "{challenge}");
    let algorithms: Vec<&str> = challenge.lines().filter(|line| line.contains("algorithm=")).collect();
    assert!(
        algorithms.len() == 3 && algorithms[0].contains("=SHA-512-256,") && algorithms[2].contains("=MD5,"),
        "{challenge}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_not_taken_nobody_is_asked_for_md5() {
    let scene = Scene::start(&["romeo"]).await;
    let mut romeo = Pidgin::connect(&scene, "romeo").await;
    let register = romeo.registration("");
    romeo.client.send(&register).await;
    let challenge = romeo.client.next().await;
    assert!(challenge.starts_with("SIP/2.0 401 ") && !challenge.contains("MD5"), "{challenge}");
}
