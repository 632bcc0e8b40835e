//! Clients never see each other's messages, however their calls, questions, notices and cuts fall
//! together on the cores.

mod common;

use std::time::Duration;

use common::session::{Client, LATEST, Live, live_with};
use common::sse::Talk;
use serde_json::{Value, json};

/// A small generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("after 1970").as_nanos() as u64 | 1
    });
    println!("SEED={seed}");
    seed
}

/// One client that does this and that, and checks that all it hears is its own.
struct Actor {
    /// In all that is its own.
    name: String,
    client: Client,
    get: Talk,
    /// Kept open, and used again and again.
    talk: Talk,
    random: Random,
    notices: u64,
    calls: u64,
}

impl Actor {
    fn new(server: &Live, index: u64, seed: u64) -> Actor {
        let client = server.able(LATEST);
        let name = format!("client-{index}");
        let uri = json!({ "uri": format!("note://{name}") });
        let subscribe = client.request(0, "resources/subscribe", uri);
        assert!(client.ask(&subscribe).json().get("result").is_some());
        let get = client.listen();
        let talk = Talk::connect(server.address);
        let random = Random(seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1);
        Actor { name, client, get, talk, random, notices: 0, calls: 0 }
    }

    fn step(&mut self, server: &Live) {
        // All use the same ids and tokens: what is alike is not what tells them apart.
        self.calls += 1;
        match self.random.below(7) {
            0 => self.here_and_there(),
            1 => self.progress(),
            2 => self.lines(),
            3 => self.question(),
            4 => self.cut(),
            5 => self.notice(server),
            _ => self.cancel(),
        }
    }

    fn own(&self, text: &Value) {
        let text = text.to_string();
        assert!(text.contains(&self.name), "not {}'s: {text}", self.name);
        assert_eq!(text.matches("client-").count(), text.matches(&self.name).count(), "{text}");
    }

    fn here_and_there(&mut self) {
        for tool in ["here", "there"] {
            let call = self.client.tool(self.calls, tool, json!({ "tag": self.name }));
            let answer = self.talk.ask(&call);
            assert_eq!(answer.last()["id"], self.calls);
            self.own(answer.last());
        }
    }

    fn progress(&mut self) {
        let arguments = json!({ "count": 1 + self.random.below(20), "tag": self.name });
        let answer = self.talk.ask(&self.client.watched(self.calls, "steps", arguments, json!(1)));
        assert_eq!(answer.last()["id"], self.calls);
        self.own(answer.last());
        for message in &answer.messages[..answer.messages.len() - 1] {
            assert_eq!(message["method"], "notifications/progress", "{message}");
        }
    }

    fn lines(&mut self) {
        let count = 1 + self.random.below(20);
        let arguments = json!({ "count": count, "tag": self.name });
        let answer = self.talk.ask(&self.client.tool(self.calls, "lines", arguments));
        assert_eq!(answer.messages.len() as u64, count + 1);
        answer.messages.iter().for_each(|message| self.own(message));
    }

    fn question(&mut self) {
        let call = self.client.tool(self.calls, "form", json!({ "tag": self.name }));
        self.talk.post(&call);
        assert!(self.talk.head());
        let asked = self.talk.next();
        assert_eq!(asked["method"], "elicitation/create");
        self.own(&asked);
        let content = json!({ "name": self.name });
        self.client.reply(&asked, json!({ "action": "accept", "content": content }));
        let result = self.talk.next();
        assert_eq!(result["id"], self.calls);
        self.own(&result);
        self.talk.expect_end_of_stream();
    }

    /// Leaves in the middle of a call, and comes back for the rest.
    fn cut(&mut self) {
        let count = 5 + self.random.below(20);
        let arguments = json!({ "count": count, "tag": self.name });
        let mut talk = self.client.start(&self.client.tool(self.calls, "lines", arguments));
        assert!(talk.head());
        let mut last = talk.event().and_then(|event| event.id).expect("primed");
        let mut seen = self.random.below(count);
        for line in 0..seen {
            let message = talk.next();
            assert_eq!(message["params"]["data"]["line"], line);
            last = talk.last_id.clone().expect("an id");
        }
        drop(talk);
        let mut rest = self.client.listen_after(&last);
        while let Some(message) = rest.message() {
            self.own(&message);
            if seen < count {
                assert_eq!(message["params"]["data"]["line"], seen);
            } else {
                assert_eq!(message["id"], self.calls);
            }
            seen += 1;
        }
        assert_eq!(seen, count + 1);
    }

    /// Something changed that it wants to hear of, and hears of once; at times after a cut.
    fn notice(&mut self, server: &Live) {
        self.notices += 1;
        let away = self.random.below(3) == 0;
        let last = self.get.last_id.clone().expect("an id");
        if away {
            self.get = Talk::connect(server.address);
        }
        server.notifier.resource_updated(&format!("note://{}", self.name));
        if away {
            self.get = self.client.listen_after(&last);
        }
        let message = self.get.next();
        self.own(&message);
        assert_eq!(message["method"], "notifications/resources/updated");
    }

    /// The same id in other sessions goes on.
    fn cancel(&mut self) {
        self.talk.post(&self.client.tool(
            self.calls,
            "lines",
            json!({ "count": 3, "tag": self.name }),
        ));
        self.client.cancel(self.calls);
        let answer = self.talk.answer();
        answer.messages.iter().for_each(|message| self.own(message));
    }
}

#[test]
fn clients_never_see_each_others_messages() {
    let seed = seed();
    let server = live_with(|_| ());
    std::thread::scope(|scope| {
        for index in 0..6 {
            let server = &server;
            scope.spawn(move || {
                let mut actor = Actor::new(server, index, seed);
                for _ in 0..60 {
                    actor.step(server);
                }
                actor.get.expect_quiet(Duration::from_millis(100));
            });
        }
    });
    server.assert_alive();
}
