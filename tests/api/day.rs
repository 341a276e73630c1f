//! An administrator's day, done three times over: by the command line, by HTTPS, and by a client of multi-user chat where
//! that has a way. Each leaves the same rooms behind.

use perch::listener::Kind;
use serde_json::{Value, json};

use crate::client::Scene;
use crate::plain::Client;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    CommandLine,
    Https,
    /// Categories are not a client's: those by HTTPS.
    Muc,
}

struct Day {
    scene: Scene,
    way: Way,
    admin: String,
    /// In no room yet.
    alice: Client,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_day_comes_to_the_same_by_whatever_way() {
    let mut outcomes = Vec::new();
    for way in [Way::CommandLine, Way::Https, Way::Muc] {
        let mut day = Day::begin(way).await;
        day.build_a_wall().await;
        day.make_rooms().await;
        day.say("desk", "quarterly figures").await;
        day.say("desk", "good morning").await;
        day.take_out("desk", "quarterly").await;
        day.move_and_disable("floor", "talk").await;
        outcomes.push(day.outcome().await);
        day.scene.stop().await;
    }
    assert_eq!(outcomes[0], outcomes[1], "HTTPS");
    assert_eq!(outcomes[0], outcomes[2], "multi-user chat");
    let [floor, desk, board] = ["floor", "desk", "board"].map(|room| &outcomes[0]["rooms"][room]);
    assert_eq!((floor["category"].as_str(), floor["disabled"].as_bool()), (Some("talk"), Some(true)));
    assert_eq!(desk["members"], json!(["alice@localhost", "traders@groups.localhost"]));
    assert_eq!((board["privacy"].as_str(), board["kind"].as_str()), (Some("secret"), Some("auditorium")));
    assert_eq!(outcomes[0]["found"], json!(["desk@rooms.localhost"]), "of those that carol is not to know");
    assert_eq!(outcomes[0]["said"], json!(["good morning"]));
    assert_eq!(outcomes[0]["carol"], json!(["403", "forbidden"]), "she is behind the wall");
}

impl Day {
    async fn begin(way: Way) -> Self {
        let scene = Scene::with(&[("PERCH_LISTEN__XMPP_PLAIN", "127.0.0.1:0")]).await;
        let admin = scene.token("--service test", "admin").await;
        for name in ["alice", "bob", "carol"] {
            scene.run(&format!("user add {name}")).await;
            let path = format!("/api/v1/users/{name}/secret");
            let set = scene.ask("PUT", &path, &admin, Some(json!({ "password": "secret" }))).await;
            assert!(set.status < 300, "{set:?}");
        }
        let address = scene.server.address(Kind::Plain).unwrap();
        let alice = Client::begin(address, "alice", "desk").await;
        Self { scene, way, admin, alice }
    }

    async fn post(&self, path: &str, body: Value) {
        self.ask("POST", path, body).await;
    }

    async fn ask(&self, method: &str, path: &str, body: Value) {
        let path = format!("/api/v1{path}");
        let answer = self.scene.ask(method, &path, &self.admin, Some(body)).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
    }

    /// Traders on one side, analysts on the other.
    async fn build_a_wall(&self) {
        if self.way == Way::CommandLine {
            for verb in [
                "principal add-group traders",
                "principal add-group analysts",
                "principal admit traders@groups.localhost alice bob",
                "principal admit analysts@groups.localhost carol",
                "category add trading --allow localhost --deny analysts@groups.localhost --creator traders@groups.localhost",
                "category add talk --allow localhost --creator traders@groups.localhost",
            ] {
                self.scene.run(verb).await;
            }
            return;
        }
        let into = |group: &str, member: &str| json!({ "kind": "group", "parent": group, "member": member });
        let all = [into("traders", "alice"), into("traders", "bob"), into("analysts", "carol")];
        self.post("/enrolments", json!({ "enrolments": all, "last": true })).await;
        let creators = json!({ "set": ["traders@groups.localhost"] });
        let denied = json!({ "set": ["analysts@groups.localhost"] });
        let allowed = json!({ "set": ["localhost"] });
        let trading = json!({ "allowed": allowed, "denied": denied, "creators": creators });
        self.post("/categories", json!({ "name": "trading", "change": trading })).await;
        let talk = json!({ "allowed": allowed, "creators": creators });
        self.post("/categories", json!({ "name": "talk", "change": talk })).await;
    }

    async fn make_rooms(&mut self) {
        match self.way {
            Way::CommandLine => {
                for (room, rest) in [
                    ("floor", "--privacy open --member alice"),
                    ("desk", "--privacy closed --member alice --member traders@groups.localhost"),
                    ("board", "--privacy secret --type auditorium --member alice --presenter bob"),
                ] {
                    let verb =
                        format!("room add {room} --category trading --title {room} --manager alice {rest}");
                    self.scene.run(&verb).await;
                }
            }
            Way::Https => {
                for (room, privacy, kind, members, presenters) in [
                    ("floor", "open", "normal", json!(["alice"]), json!([])),
                    ("desk", "closed", "normal", json!(["alice", "traders@groups.localhost"]), json!([])),
                    ("board", "secret", "auditorium", json!(["alice"]), json!(["bob"])),
                ] {
                    let change = json!({
                        "category": "trading", "title": room, "privacy": privacy, "kind": kind,
                        "managers": { "set": ["alice"] }, "members": { "set": members },
                        "presenters": { "set": presenters },
                    });
                    self.post("/rooms", json!({ "name": room, "change": change })).await;
                }
            }
            Way::Muc => {
                let category = self.category("trading").await;
                for (room, public, members_only, kind) in
                    [("floor", 1, 0, "normal"), ("desk", 1, 1, "normal"), ("board", 0, 1, "auditorium")]
                {
                    self.alice.join(room, "Alice").await;
                    let presenters = if room == "board" {
                        field("x-perch_presenters", "bob@localhost")
                    } else {
                        String::new()
                    };
                    let fields = [
                        field("muc#roomconfig_roomname", room),
                        field("muc#roomconfig_publicroom", &public.to_string()),
                        field("muc#roomconfig_membersonly", &members_only.to_string()),
                        field("x-perch_type", kind),
                        field("x-perch_category", &category),
                        presenters,
                    ];
                    self.configure(room, &fields.concat()).await;
                }
                let group = "<item affiliation='member' jid='traders@groups.localhost'/>";
                let query = format!("<query xmlns='http://jabber.org/protocol/muc#admin'>{group}</query>");
                self.set("desk", &query).await;
            }
        }
    }

    /// The id of a category, as the form of a room has it.
    async fn category(&self, name: &str) -> String {
        let all = self.scene.run("category list").await;
        let found = all.as_array().unwrap().iter().find(|category| category["name"] == name);
        found.unwrap()["id"].to_string()
    }

    async fn configure(&mut self, room: &str, fields: &str) {
        let kind = field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig");
        let form = format!("<x xmlns='jabber:x:data' type='submit'>{kind}{fields}</x>");
        self.set(room, &format!("<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>")).await;
    }

    /// Sends a query to a room, and reads that it was done.
    async fn set(&mut self, room: &str, query: &str) {
        self.alice.send(&format!("<iq type='set' id='set' to='{room}@rooms.localhost'>{query}</iq>")).await;
        let came = self.alice.read_until("id='set'").await;
        let is_done = came.rsplit('<').next().unwrap().contains("type='result'");
        assert!(is_done, "{query}: {}", self.alice.read_until("</iq>").await);
    }

    async fn say(&mut self, room: &str, text: &str) {
        if self.way != Way::Muc {
            self.alice.join(room, "Alice").await;
        }
        let post = format!(
            "<message to='{room}@rooms.localhost' type='groupchat' id='said'><body>{text}</body></message>"
        );
        self.alice.send(&post).await;
        self.alice.read_until("id='said'").await;
    }

    /// What was said with a word in it.
    async fn take_out(&mut self, room: &str, word: &str) {
        match self.way {
            Way::CommandLine => {
                drop(self.scene.run(&format!("message remove {word} --room {room} --yes")).await)
            }
            Way::Https => {
                let which = json!({ "words": word, "rooms": [room] });
                self.post("/messages/remove", json!({ "which": which })).await;
            }
            Way::Muc => {
                let which = json!({ "which": { "words": word, "rooms": [room] } });
                let found = self.scene.ask("POST", "/api/v1/messages/search", &self.admin, Some(which)).await;
                let id = found.body["messages"][0]["id"].as_str().unwrap().to_owned();
                let query = format!(
                    "<moderate id='{id}' xmlns='urn:xmpp:message-moderate:1'>\
                     <retract xmlns='urn:xmpp:message-retract:1'/></moderate>"
                );
                self.set(room, &query).await;
            }
        }
    }

    async fn move_and_disable(&mut self, room: &str, to: &str) {
        match self.way {
            Way::CommandLine => {
                self.scene.run(&format!("room set {room} --category {to}")).await;
                self.scene.run(&format!("room disable {room}")).await;
            }
            Way::Https => {
                let path = format!("/rooms/{room}");
                self.ask("PATCH", &path, json!({ "category": to })).await;
                self.ask("PATCH", &path, json!({ "disabled": true })).await;
            }
            Way::Muc => {
                let category = self.category(to).await;
                self.configure(room, &field("x-perch_category", &category)).await;
                self.configure(room, &field("x-perch_disabled", "1")).await;
            }
        }
    }

    /// What there is at its end, and what of it carol, behind the wall, finds.
    async fn outcome(&self) -> Value {
        let mut rooms = json!({});
        for room in ["floor", "desk", "board"] {
            let mut shown = self.scene.run(&format!("room show {room}")).await;
            for each_its_own in ["version", "guid", "uri"] {
                shown.as_object_mut().unwrap().remove(each_its_own);
            }
            rooms[room] = shown;
        }
        let search = async |who: &str| {
            let text = json!({ "text": "desk" });
            let found = self.scene.ask("POST", "/api/v1/rooms/search", who, Some(text)).await;
            found.body["rooms"]
                .as_array()
                .unwrap()
                .iter()
                .map(|room| room["address"].clone())
                .collect::<Vec<_>>()
        };
        let carol = self.scene.token("--account carol", "admin").await;
        assert_eq!(search(&carol).await, [Value::Null; 0], "she finds none of them");
        let refused = self.scene.ask("GET", "/api/v1/rooms/desk", &carol, None).await;
        let all = json!({ "which": { "rooms": ["desk"] }, "oldest_first": true });
        let said = self.scene.ask("POST", "/api/v1/messages/search", &self.admin, Some(all)).await;
        let said: Vec<_> =
            said.body["messages"].as_array().unwrap().iter().map(|said| said["text"].clone()).collect();
        json!({
            "rooms": rooms,
            "found": search(&self.admin).await,
            "said": said,
            "carol": [refused.status.to_string(), refused.problem()],
        })
    }
}

fn field(var: &str, value: &str) -> String {
    format!("<field var='{var}'><value>{value}</value></field>")
}
