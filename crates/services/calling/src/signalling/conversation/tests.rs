//! Conversations over sockets that die.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn body(text: &str) -> Arc<str> {
    format!("\"t\":\"{text}\"}}").into()
}

#[test]
fn numbers_are_taken_in_order_and_once() {
    let mut conversation = Conversation::new([1; 32]);
    let arrivals = [1, 1, 2, 4, 3].map(|n| conversation.arrive(n));
    assert_eq!(arrivals, [Arrival::New, Arrival::Seen, Arrival::New, Arrival::Gap, Arrival::New]);
    assert_eq!(conversation.received(), 3);
}

#[test]
fn acknowledgements_go_with_messages_or_alone_after_many() {
    let mut conversation = Conversation::new([1; 32]);
    assert_eq!(conversation.owed(), Owed::Nothing);
    conversation.arrive(1);
    assert_eq!(conversation.owed(), Owed::Soon);
    conversation.say(None, body("x")).expect("there is room");
    let mut out = String::new();
    assert!(conversation.write_next(&mut out));
    assert_eq!((out.as_str(), conversation.owed()), (r#"{"n":1,"a":1,"t":"x"}"#, Owed::Nothing));
    for n in 2..=33 {
        conversation.arrive(n);
    }
    assert_eq!(conversation.owed(), Owed::Now);
    conversation.write_acknowledgement(&mut out);
    assert_eq!((out.as_str(), conversation.owed()), (r#"{"a":33}"#, Owed::Nothing));
}

#[test]
fn the_secret_before_is_good_until_something_is_heard() {
    let mut conversation = Conversation::new([1; 32]);
    assert_eq!(conversation.resume(&[9; 32], 0, [2; 32]), Err(ResumeRefusal::WrongSecret));
    assert_eq!(conversation.resume(&[1; 32], 0, [2; 32]), Ok(()));
    // The answer with the second secret was lost.
    assert_eq!(conversation.resume(&[1; 32], 0, [3; 32]), Ok(()));
    assert_eq!(conversation.resume(&[2; 32], 0, [4; 32]), Err(ResumeRefusal::WrongSecret));
    conversation.heard();
    assert_eq!(conversation.resume(&[1; 32], 0, [4; 32]), Err(ResumeRefusal::WrongSecret));
    assert_eq!(conversation.resume(&[3; 32], 0, [4; 32]), Ok(()));
}

#[test]
fn nobody_has_received_what_was_never_said() {
    let mut conversation = Conversation::new([1; 32]);
    assert_eq!(conversation.resume(&[1; 32], 1, [2; 32]), Err(ResumeRefusal::WrongNumber));
}

/// A client that keeps what it says as the SDK does.
struct Client {
    sent: VecDeque<(u64, u32)>,
    next: u64,
    received: u64,
    heard: Vec<u32>,
    secret: u8,
}

/// What is on its way over one socket.
#[derive(Default)]
struct Wire {
    up: VecDeque<(u64, u32, u64)>,
    down: VecDeque<String>,
}

#[derive(Clone, Debug)]
enum Step {
    /// The client says something.
    Up,
    /// The server says something.
    Down,
    /// The oldest message on its way up arrives.
    DeliverUp,
    /// The oldest message on its way down arrives.
    DeliverDown,
    /// The client acknowledges without saying anything.
    Acknowledge,
    /// The socket dies with everything on its way; whether the answer to the resume arrives, too.
    Die { is_answered: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Up),
        4 => Just(Step::Down),
        6 => Just(Step::DeliverUp),
        6 => Just(Step::DeliverDown),
        2 => Just(Step::Acknowledge),
        1 => any::<bool>().prop_map(|is_answered| Step::Die { is_answered }),
    ];
    proptest::collection::vec(step, 0..300)
}

struct Both {
    server: Conversation,
    client: Client,
    wire: Wire,
    /// What the server has taken, and what each side has said in all.
    taken: Vec<u32>,
    said: (u32, u32),
    secrets: u8,
}

impl Both {
    fn new() -> Self {
        let client = Client { sent: VecDeque::new(), next: 1, received: 0, heard: Vec::new(), secret: 0 };
        Self {
            server: Conversation::new([0; 32]),
            client,
            wire: Wire::default(),
            taken: Vec::new(),
            said: (0, 0),
            secrets: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Up => {
                let n = self.client.next;
                self.client.next += 1;
                self.client.sent.push_back((n, self.said.0));
                self.wire.up.push_back((n, self.said.0, self.client.received));
                self.said.0 += 1;
            }
            Step::Down => {
                self.server.say(None, body(&self.said.1.to_string())).expect("300 messages fit");
                self.said.1 += 1;
                self.write();
            }
            Step::DeliverUp => self.deliver_up(),
            Step::DeliverDown => self.deliver_down(),
            Step::Acknowledge => {
                self.server.heard();
                assert!(self.server.acknowledge(self.client.received));
            }
            Step::Die { is_answered } => self.die(*is_answered),
        }
    }

    fn write(&mut self) {
        let mut out = String::new();
        while self.server.write_next(&mut out) {
            self.wire.down.push_back(out.clone());
        }
    }

    fn deliver_up(&mut self) {
        let Some((n, what, a)) = self.wire.up.pop_front() else { return };
        self.server.heard();
        assert!(self.server.acknowledge(a));
        match self.server.arrive(n) {
            Arrival::New => self.taken.push(what),
            Arrival::Seen => {}
            Arrival::Gap => panic!("an honest client leaves no gap"),
        }
    }

    fn deliver_down(&mut self) {
        let Some(text) = self.wire.down.pop_front() else { return };
        let frame: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let (n, a) = (frame["n"].as_u64().expect("a number"), frame["a"].as_u64().expect("a number"));
        self.client.sent.retain(|(sent, _)| *sent > a);
        if n > self.client.received {
            assert_eq!(n, self.client.received + 1, "the server leaves no gap");
            self.client.received = n;
            self.client
                .heard
                .push(frame["t"].as_str().and_then(|text| text.parse().ok()).expect("what was said"));
        }
    }

    fn die(&mut self, is_answered: bool) {
        self.wire = Wire::default();
        self.secrets += 1;
        let resumed = self.server.resume(&[self.client.secret; 32], self.client.received, [self.secrets; 32]);
        assert_eq!(resumed, Ok(()));
        if is_answered {
            self.client.secret = self.secrets;
            let a = self.server.received();
            self.client.sent.retain(|(sent, _)| *sent > a);
            let again = self.client.sent.iter().map(|(n, what)| (*n, *what, self.client.received));
            self.wire.up = again.collect();
            self.write();
        } else {
            // The answer was lost with its socket: the client tries again, with the secret that it has.
            self.die(true);
        }
    }
}

proptest! {
    #[test]
    fn everything_arrives_once_and_in_order(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step);
        }
        // At last a socket that holds.
        both.die(true);
        while !both.wire.up.is_empty() || !both.wire.down.is_empty() {
            both.deliver_up();
            both.deliver_down();
        }
        prop_assert_eq!(both.taken, (0..both.said.0).collect::<Vec<_>>());
        prop_assert_eq!(both.client.heard, (0..both.said.1).collect::<Vec<_>>());
    }
}
