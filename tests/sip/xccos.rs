//! Persistent chat by XCCOS, beside multi-user chat by XMPP in the same rooms.

use super::Scene;
use super::chat::Chat;
use super::client::header;
use super::plain::{self, OPEN_ROOM};

const OK: &str = "SIP/2.0 200 OK";
const ROOM: &str = "<chanib uri=\"ma-chan://rooms.localhost/tea\"/>";

pub(super) async fn alice_in_tea(scene: &Scene) -> plain::Client {
    let mut alice = plain::Client::begin(scene.xmpp(), "alice", "desk").await;
    alice.join("tea", "Alice").await;
    alice.send(OPEN_ROOM).await;
    alice.read_until("id='open'").await;
    alice
}

fn chanid(key: u32, room: &str) -> String {
    format!("<chanid key=\"{key}\" domain=\"rooms.localhost\" value=\"{room}\"/>")
}

fn holds(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "no {part} in {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_protocols_are_in_one_room() {
    let scene = Scene::start(&["alice", "bob", "carol"]).await;
    let mut alice = alice_in_tea(&scene).await;
    alice.send("<message to='tea@rooms.localhost' type='groupchat'><body>before</body></message>").await;
    alice.read_until("before</body>").await;

    let mut bob = Chat::begin(&scene, "bob").await;
    let uri = bob.command("requri", "").await;
    holds(&uri, &["<rpl id='rpl:requri'", "<commandid seqid='1' envid='5'/>", ">SUCCESS_OK<"]);
    holds(&uri, &["<uib uri='sip:GC-1-PersistentChatService-1@localhost'/>"]);
    assert!(bob.ask("BYE", "", "").await.starts_with(OK));
    bob.turn_to("second");
    bob.invite().await;
    holds(&bob.command("getinv", "<inv inviteId=\"1\" domain=\"localhost\"/>").await, &["code='200'"]);
    let found = bob.command("chansrch", "<qib qtype=\"BYNAME\" criteria=\"\" extended=\"false\"/>").await;
    holds(
        &found,
        &["<chanib uri='ma-chan://rooms.localhost/tea' name='tea'", "urn:parlano:ma:info:ucnt'>1<"],
    );

    let rooms = format!("{}{}", chanid(0, "tea"), chanid(1, "nowhere"));
    let joined = bob.command("bjoin", &rooms).await;
    holds(
        &joined,
        &["<rpl id='rpl:bjoin'", "code='200'", "<chanib uri='ma-chan://rooms.localhost/tea' name='tea'"],
    );
    holds(&joined, &["<fib key='OPERATION_FAILED' domain='rooms.localhost' value='nowhere'/>"]);
    holds(&joined, &["<aib key='12276' value='0'/><aib key='3984' value='1'/>"]);
    holds(
        &joined,
        &["<uib uri='sip:tea@rooms.localhost;gr=Alice' id='0'/><uib uri='sip:bob@localhost' id='1'/>"],
    );
    alice.read_until("from='tea@rooms.localhost/bob'").await;

    let past = bob.command("bccontext", &format!("{ROOM}<bcq><last cnt=\"25\"/></bcq>")).await;
    holds(
        &past,
        &[
            "<rpl id='rpl:bccontext'",
            "<msg id='grpchat'",
            "<chat>before</chat>",
            "authdisp='Alice'",
            "chatId='",
        ],
    );

    assert_eq!(bob.post("tea", "", "one&#13;&#10;two").await, OK);
    let own = bob.told().await;
    holds(
        &own,
        &["<grpchat id='grpchat' chanUri='ma-chan://rooms.localhost/tea' author='sip:bob@localhost'"],
    );
    holds(&own, &["authdisp='bob' alert='false'", "<chat>one&#13;\ntwo</chat>"]);
    let heard = alice.read_until("two</body>").await;
    holds(&heard, &["<body>one\ntwo</body>"]);
    let id = own.split("chatId='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    holds(&alice.read_until("</message>").await, &[id]);
    alice.send("<message to='tea@rooms.localhost' type='groupchat'><body>three</body></message>").await;
    holds(&bob.told().await, &["author='sip:tea@rooms.localhost;gr=Alice'", "<chat>three</chat>"]);

    let mut carol = Chat::begin(&scene, "carol").await;
    holds(&carol.command("join", &chanid(0, "tea")).await, &["<rpl id='rpl:join'", "code='200'"]);
    let arrival = bob.told().await;
    holds(&arrival, &["<ntc id='ntc:join'", "<uib uri='sip:tea@rooms.localhost;gr=carol'>"]);
    holds(&arrival, &["<aib key='3984' domain='rooms.localhost' value='tea'/>"]);
    assert!(carol.ask("BYE", "", "").await.starts_with(OK));
    let departure = bob.told().await;
    holds(&departure, &["<ntc id='ntc:part'", "<chanib uri='ma-chan://rooms.localhost/tea'>"]);
    holds(&departure, &["<uib uri='sip:tea@rooms.localhost;gr=carol'/>"]);

    holds(
        &bob.command("part", ROOM).await,
        &["<rpl id='rpl:part'", "<chanib uri='ma-chan://rooms.localhost/tea'/>"],
    );
    alice.read_until("from='tea@rooms.localhost/bob' type='unavailable'").await;
    assert_eq!(bob.post("tea", "", "late").await, "SIP/2.0 406 Not Acceptable");
}

/// As the administration names rooms; what is told of them has their usual addresses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_found_by_its_guid() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = alice_in_tea(&scene).await;
    alice
        .send(
            "<iq type='get' id='about' to='tea@rooms.localhost'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        )
        .await;
    let about = alice.read_until("</iq>").await;
    let guid =
        about.split("ma-chan://rooms.localhost/").nth(1).and_then(|rest| rest.split('<').next()).unwrap();

    let mut bob = Chat::begin(&scene, "bob").await;
    holds(
        &bob.command("join", &chanid(0, guid)).await,
        &["code='200'", "uri='ma-chan://rooms.localhost/tea'"],
    );
    assert_eq!(bob.post(guid, "", "hi").await, OK);
    holds(&bob.told().await, &["chanUri='ma-chan://rooms.localhost/tea'", "<chat>hi</chat>"]);
    let none = guid.replace(|digit: char| digit.is_ascii_hexdigit(), "0");
    holds(&bob.command("join", &chanid(0, &none)).await, &["code='404'"]);

    alice
        .send(
            "<iq type='set' id='shut' to='tea@rooms.localhost'><query xmlns='http://jabber.org/protocol/muc#admin'>\
             <item jid='bob@localhost' affiliation='outcast'/></query></iq>",
        )
        .await;
    alice.read_until("id='shut'").await;
    holds(&bob.told().await, &["id='ntc:part'"]);
    let refused = bob.command("join", &chanid(0, guid)).await;
    holds(&refused, &["code='403'", &format!("value='{guid}'")]);
    assert!(!refused.contains("tea"), "who may not know of it learns no address: {refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_answered() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let _alice = alice_in_tea(&scene).await;
    let mut bob = Chat::begin(&scene, "bob").await;
    holds(
        &bob.command("dance", "").await,
        &["<rpl id='rpl:dance'", "<resp code='501'>MsgNotSupported: there is no such"],
    );
    holds(
        &bob.command("join", "").await,
        &["<rpl id='rpl:join'", "<resp code='400'>InvalidArgument: there is no chanid"],
    );
    holds(&bob.command("getfutok", "").await, &["<rpl id='rpl:getftok'", "code='501'"]);
    let info = bob.command("getserverinfo", "<sib domain=\"localhost\" infoType=\"123\"/>").await;
    holds(&info, &["<sib infoType='123' serverTime='20", "messageSizeLimit='8000'", "searchLimit='200'"]);
    holds(&bob.command("nodespermcreatechild", "").await, &["code='200'", "<data/>"]);
    holds(
        &bob.command("join", &chanid(0, "nowhere")).await,
        &["<resp code='404'>NoSuchNode: There is no such room"],
    );
    let elsewhere = "<chanib uri=\"ma-chan://elsewhere.example/tea\"/>";
    holds(&bob.command("part", elsewhere).await, &["<resp code='404'>"]);

    let preference = "<pref label=\"kedzie.GroupChannels\" seqid=\"71\" createdefault=\"true\"/>";
    holds(
        &bob.command("getpref", preference).await,
        &["<pref label='kedzie.GroupChannels' seqid='71'", "content=''"],
    );
    let set = "<pref label=\"kedzie.GroupChannels\" seqid=\"72\" createdefault=\"false\" content=\"QQ==\"/>";
    holds(&bob.command("setpref", set).await, &["code='200'"]);
    let other = "<pref label=\"other\" seqid=\"1\" content=\"Qg==\"/>";
    holds(&bob.command("setpref", other).await, &["code='200'"]);
    bob.ask("BYE", "", "").await;
    bob.turn_to("second");
    bob.invite().await;
    holds(&bob.command("getpref", preference).await, &["seqid='72' createdefault='false' content='QQ=='"]);

    for (headers, text, status) in [
        ("Content-Type: text/plain\r\n", "hello", "400"),
        ("Content-Type: text/html\r\n", "hello", "415"),
        ("Info-Package: x\r\n", "", "469"),
        ("", "", "200"),
    ] {
        let response = bob.ask("INFO", headers, text).await;
        assert!(response.starts_with(&format!("SIP/2.0 {status} ")), "{response}");
        assert_eq!(header(&response, "ms-diagnostics").is_some(), status == "400", "{response}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_are_those_of_the_room() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = alice_in_tea(&scene).await;
    let configure = |field: &str| {
        format!(
            "<iq type='set' id='{field}' to='tea@rooms.localhost'><query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>\
             http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_{field}'>\
             <value>1</value></field></x></query></iq>"
        )
    };
    alice.send(&configure("moderatedroom")).await;
    alice.read_until("id='moderatedroom'").await;
    let mut bob = Chat::begin(&scene, "bob").await;
    holds(&bob.command("join", &chanid(0, "tea")).await, &["code='200'", "<aib key='3728' value='1'/>"]);
    assert_eq!(bob.post("tea", "", "may I").await, "SIP/2.0 403 Forbidden");
    assert_eq!(bob.command("getassociations", "").await.matches("<chanib").count(), 0);

    alice.send(&configure("membersonly")).await;
    // Who is no member is out.
    holds(&bob.told().await, &["<ntc id='ntc:part'", "sip:bob@localhost"]);
    let refused = bob.command("join", &chanid(0, "tea")).await;
    holds(&refused, &["<resp code='403'>ErrorPermission: This room is for members only", "<fib key="]);
    alice
        .send(
            "<iq type='set' id='grant' to='tea@rooms.localhost'><query xmlns='http://jabber.org/protocol/muc#admin'>\
             <item affiliation='member' jid='bob@localhost'/></query></iq>",
        )
        .await;
    alice.read_until("id='grant'").await;
    holds(&bob.command("join", &chanid(0, "tea")).await, &["code='200'"]);
    let own = bob.command("getassociations", "").await;
    holds(&own, &["<aib key='3984' domain='rooms.localhost' value='tea'/>"]);
    assert_eq!(own.matches("<chanib").count(), 1, "{own}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stories_and_alerts_are_kept() {
    let scene = Scene::start(&["alice", "bob"]).await;
    let mut alice = alice_in_tea(&scene).await;
    let mut bob = Chat::begin(&scene, "bob").await;
    bob.command("join", &chanid(0, "tea")).await;
    assert_eq!(bob.post("tea", "alert=\"true\"", "[STORY]Cups&#13;&#10;once upon").await, OK);
    holds(&bob.told().await, &["alert='true'", "<chat>[STORY]Cups&#13;\nonce upon</chat>"]);
    holds(
        &alice.read_until("</headers>").await,
        &["<subject>Cups</subject><body>once upon</body>", ">high<"],
    );
    alice
        .send(
            "<message to='tea@rooms.localhost' type='groupchat'><subject>Pots</subject><body>twice</body></message>\
             <message to='tea@rooms.localhost' type='groupchat'><subject>Tea time</subject></message>",
        )
        .await;
    holds(&bob.told().await, &["alert='false'", "<chat>[STORY]Pots&#13;\ntwice</chat>"]);
    holds(&bob.told().await, &["<ntc id='ntc:chanmodify'", "topic='Tea time'"]);
    let past = bob.command("bccontext", &format!("{ROOM}<bcq><last cnt=\"2\"/></bcq>")).await;
    holds(&past, &["<chat>[STORY]Pots&#13;\ntwice</chat>"]);
}
