//! One client's queue, without a hub.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{ResourceId, Timestamp};
use uuid::Uuid;

use super::state::SILENCE_MAX;
use super::*;
use crate::notify::{Reaction, Typing, encode_reaction, encode_typing};
use crate::notify::{ThreadFacts, encode};
use crate::realtime::window::IN_FLIGHT_MAX;
use crate::rows::{MessageRow, PersonNumber};
use trunkline_web::ports::HeldToken;

const NOW: Duration = Duration::from_secs(100);
/// When edits are made.
const NEW_S: i64 = 60;

#[derive(Default)]
struct Texts(Vec<Vec<u8>>);

impl Frames for Texts {
    fn start(&mut self, length: usize) -> &mut Vec<u8> {
        self.0.push(Vec::with_capacity(length));
        self.0.last_mut().unwrap()
    }

    fn size_bytes(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

fn identity() -> Identity {
    Identity {
        resource: ResourceId(Uuid::nil()),
        person: PersonNumber(1),
        token: HeldToken { raw_id: "8:acs:a".into(), generation: 1, access_key: None },
        epid: "e".into(),
        expires: Timestamp::from_seconds(1000),
        wants_extensions: false,
    }
}

fn endpoint() -> Endpoint {
    let endpoint = Endpoint::new(identity(), Transport::Socket, &[], NOW);
    endpoint.greet();
    endpoint.start_catching_up().unwrap();
    assert!(endpoint.go_live());
    endpoint
}

/// A change that everybody is told of.
fn change(change: i64) -> Arc<Notification> {
    use crate::changes::{Change, Committed};
    let what = Change::ThreadDeleted { by: None, version: change, at: Timestamp::EPOCH };
    let committed = Committed { thread: ThreadNumber(1), change, members_version: 1, what };
    let facts = ThreadFacts { id: "19:t".into(), properties: None, members: Vec::new(), member_count: 1 };
    encode(&committed, &facts, 0).pop().unwrap()
}

/// What is told of a message that was sent with one change, then, and edited with another, later.
fn edited(sent: i64, edited: i64, sent_at: Timestamp) -> Vec<Arc<Notification>> {
    use crate::changes::{Change, Committed};
    let row = MessageRow {
        change: edited,
        first_change: sent,
        created_at: sent_at,
        changed_at: Timestamp::from_seconds(NEW_S),
        edited_at: Some(Timestamp::from_seconds(NEW_S)),
        ..crate::notify::tests::row()
    };
    let what = Change::MessageEdited(Arc::new(row));
    let committed = Committed { thread: ThreadNumber(1), change: edited, members_version: 1, what };
    let facts = ThreadFacts { id: "19:t".into(), properties: None, members: Vec::new(), member_count: 1 };
    encode(&committed, &facts, 0)
}

/// The event ids of notifications.
fn events(frames: &[String]) -> Vec<u64> {
    let event = |frame: &String| {
        let request: serde_json::Value = serde_json::from_str(frame.strip_prefix("3:::").unwrap()).unwrap();
        let body: serde_json::Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        body["eventId"].as_u64().unwrap()
    };
    frames.iter().map(event).collect()
}

fn push(endpoint: &Endpoint, notifications: &[Arc<Notification>]) -> Pushed {
    endpoint.push(notifications.iter())
}

fn typing() -> Arc<Notification> {
    let (thread, person) = (ThreadNumber(1), PersonNumber(2));
    let typing = Typing { thread, person, raw_id: "b".to_owned(), name: String::new(), at_ms: 1 };
    Arc::new(encode_typing(&typing, "19:t"))
}

fn take(endpoint: &Endpoint, now: Duration) -> Vec<String> {
    let mut frames = Texts::default();
    endpoint.take(&mut frames, now);
    frames.0.into_iter().map(|frame| String::from_utf8(frame).unwrap()).collect()
}

fn answer(endpoint: &Endpoint, id: u64) -> Received {
    endpoint.receive(&format!("3:::{{\"id\":{id},\"status\":404}}"), NOW)
}

#[test]
fn no_more_than_the_window_is_on_its_way() {
    let endpoint = endpoint();
    for number in 1..=100 {
        assert_eq!(push(&endpoint, &[change(number)]), Pushed::Queued(1));
    }
    assert_eq!(take(&endpoint, NOW).len(), IN_FLIGHT_MAX);
    assert!(take(&endpoint, NOW).is_empty());
    assert_eq!(answer(&endpoint, 1), Received::Acknowledged(Duration::ZERO));
    assert!(take(&endpoint, NOW)[0].starts_with("3:::{\"id\":65,"));
    assert_eq!(endpoint.take_moved(), [Position { thread: ThreadNumber(1), change: 1 }]);
}

#[test]
fn a_full_queue_is_dropped_and_read_again() {
    let endpoint = endpoint();
    for number in 1..=256 {
        assert_eq!(push(&endpoint, &[change(number)]), Pushed::Queued(1));
    }
    assert_eq!(push(&endpoint, &[change(257)]), Pushed::FellBehind);
    assert_eq!(push(&endpoint, &[change(258)]), Pushed::Skipped);
    assert!(take(&endpoint, NOW).is_empty());
    assert_eq!(endpoint.start_catching_up(), Some(HashMap::new()));
    assert_eq!(push(&endpoint, &[change(259)]), Pushed::Queued(1));
    assert!(endpoint.extend_backlog((1..=3).map(change)));
    assert!(endpoint.go_live());
    assert_eq!(take(&endpoint, NOW).len(), 4);
}

#[test]
fn what_was_sent_is_not_sent_again() {
    let endpoint = endpoint();
    push(&endpoint, &[change(5)]);
    assert_eq!(take(&endpoint, NOW).len(), 1);
    push(&endpoint, &[change(5)]);
    push(&endpoint, &[change(4)]);
    assert!(take(&endpoint, NOW).is_empty());
}

#[test]
fn a_client_hears_only_what_it_does_not_know() {
    let endpoint = endpoint();
    endpoint.know(ThreadNumber(1), 7);
    push(&endpoint, &[change(7)]);
    assert!(take(&endpoint, NOW).is_empty(), "it is known from the store");
    push(&endpoint, &[change(8)]);
    assert_eq!(take(&endpoint, NOW).len(), 1);
}

#[test]
fn in_a_thread_of_which_nothing_is_known_only_what_is_young_is_news() {
    let [old, new] = [9, 10].map(|seconds| edited(2, 3, Timestamp::from_seconds(seconds)));
    let endpoint = endpoint();
    endpoint.expect_news_since(Timestamp::from_seconds(10));
    push(&endpoint, &old);
    assert_eq!(events(&take(&endpoint, NOW)), [247], "the message is older, the edit is not");
    let endpoint = self::endpoint();
    endpoint.expect_news_since(Timestamp::from_seconds(10));
    push(&endpoint, &new);
    assert_eq!(events(&take(&endpoint, NOW)), [200, 247]);
}

#[test]
fn a_message_that_is_known_is_not_told_as_sent_again_when_it_is_edited() {
    let endpoint = endpoint();
    endpoint.know(ThreadNumber(1), 2);
    push(&endpoint, &edited(2, 3, Timestamp::from_seconds(NEW_S)));
    assert_eq!(events(&take(&endpoint, NOW)), [247]);
}

#[test]
fn notifications_of_one_change_go_out_together() {
    let endpoint = endpoint();
    for number in 1..IN_FLIGHT_MAX {
        push(&endpoint, &[change(i64::try_from(number).unwrap())]);
    }
    push(&endpoint, &edited(64, 65, Timestamp::from_seconds(NEW_S)));
    let sent = take(&endpoint, NOW);
    assert_eq!(sent.len(), IN_FLIGHT_MAX + 1);
    assert_eq!(events(&sent[IN_FLIGHT_MAX - 1..]), [200, 247]);
}

#[test]
fn nothing_goes_out_before_the_greeting() {
    let endpoint = Endpoint::new(identity(), Transport::Socket, &["1::", "5:::{}"], NOW);
    endpoint.control("2::");
    assert!(take(&endpoint, NOW).is_empty() && !endpoint.is_greeted());
    endpoint.greet();
    endpoint.greet();
    assert_eq!(take(&endpoint, NOW), ["1::", "5:::{}", "2::"]);
}

#[test]
fn a_client_that_falls_behind_while_it_catches_up_catches_up_again() {
    let endpoint = Endpoint::new(identity(), Transport::Socket, &[], NOW);
    for number in 1..=257 {
        push(&endpoint, &[change(number)]);
    }
    endpoint.start_catching_up().unwrap();
    assert!(!endpoint.fall_behind(), "somebody catches up already");
    assert!(!endpoint.go_live());
    endpoint.start_catching_up().unwrap();
    assert!(endpoint.go_live());
}

proptest::proptest! {
    /// Whatever a client says: no panic, and nothing grows beyond its bound.
    #[test]
    fn no_client_makes_its_endpoint_grow(
        steps in proptest::collection::vec((0_u8..6, 0_u64..200), 0..400),
    ) {
        let endpoint = endpoint();
        for (step, number) in steps {
            let change_number = i64::try_from(number).unwrap();
            match step {
                0 => drop(push(&endpoint, &[change(change_number)])),
                1 => drop(answer(&endpoint, number)),
                2 => drop(endpoint.receive(&format!("5:{number}+::{{\"name\":\"ping\"}}"), NOW)),
                3 => drop(endpoint.receive(&"5:".repeat(usize::try_from(number).unwrap()), NOW)),
                4 => drop(take(&endpoint, NOW)),
                _ => drop(push(&endpoint, &[typing()])),
            }
            proptest::prop_assert!(endpoint.waiting() <= QUEUE_MAX);
        }
        let moved = endpoint.take_moved();
        proptest::prop_assert!(moved.len() <= 1, "one thread has one position");
    }
}

#[test]
fn many_answers_go_out_at_once_and_too_many_end_the_connection() {
    let endpoint = endpoint();
    let event = |id| endpoint.receive(&format!("5:{id}+::{{\"name\":\"x\"}}"), NOW);
    for id in 1..ANSWERS_TOGETHER {
        assert_eq!(event(id), Received::Heard);
    }
    assert!(take(&endpoint, NOW).is_empty());
    event(ANSWERS_TOGETHER);
    assert_eq!(take(&endpoint, NOW).len(), ANSWERS_TOGETHER);
    for id in 0..ANSWERS_MAX {
        assert_eq!(event(id), Received::Heard);
    }
    assert_eq!(event(ANSWERS_MAX), Received::Over(Closing::Broken));
}

#[test]
fn fleeting_ones_have_no_place_in_a_long_queue() {
    let endpoint = endpoint();
    for _ in 0..FLEETING_QUEUE_MAX {
        assert_eq!(push(&endpoint, &[typing()]), Pushed::Queued(1));
    }
    assert_eq!(push(&endpoint, &[typing()]), Pushed::Skipped);
    assert_eq!(push(&endpoint, &[change(1)]), Pushed::Queued(1));
}

#[test]
fn extensions_go_to_those_who_asked() {
    let reaction = Reaction {
        thread: ThreadNumber(1),
        raw_id: "b".to_owned(),
        message: 1,
        message_at_ms: 1,
        emoji: "x".to_owned(),
        is_removed: false,
        at_ms: 1,
    };
    let reaction = Arc::new(encode_reaction(&reaction, "19:t"));
    assert_eq!(push(&endpoint(), &[reaction]), Pushed::Skipped);
}

#[test]
fn answers_wait_for_company_but_not_for_long() {
    let endpoint = endpoint();
    endpoint.receive("5:1+::{\"name\":\"ping\"}", NOW);
    assert!(take(&endpoint, NOW).is_empty());
    assert_eq!(take(&endpoint, NOW + ANSWER_WITHIN), ["6:::1+[\"pong\"]"]);
    endpoint.receive("5:2+::{\"name\":\"user.activity\",\"args\":[]}", NOW);
    push(&endpoint, &[change(1)]);
    assert_eq!(take(&endpoint, NOW)[0], "6:::2+[]");
}

#[test]
fn silence_and_missing_answers_end_a_connection() {
    let wall = Timestamp::EPOCH;
    let silent = endpoint();
    silent.tick(NOW + SILENCE_MAX, wall);
    assert_eq!((silent.closing(), take(&silent, NOW + SILENCE_MAX)), (None, vec!["2::".to_owned()]));
    silent.tick(NOW + SILENCE_MAX + Duration::from_secs(1), wall);
    assert_eq!(silent.closing(), Some(Closing::Silent));
    let deaf = endpoint();
    push(&deaf, &[change(1)]);
    take(&deaf, NOW);
    deaf.tick(NOW + Duration::from_secs(31), wall);
    assert_eq!(deaf.closing(), Some(Closing::Silent));
    let expired = endpoint();
    expired.tick(NOW, Timestamp::from_seconds(1000));
    assert_eq!(expired.closing(), Some(Closing::Unauthorized));
}

#[test]
fn a_retired_connection_takes_answers_and_sends_nothing() {
    let endpoint = endpoint();
    endpoint.set_started();
    push(&endpoint, &[change(1)]);
    take(&endpoint, NOW);
    endpoint.retire(NOW);
    assert_eq!(push(&endpoint, &[change(2)]), Pushed::Skipped);
    assert!(take(&endpoint, NOW).is_empty() && !endpoint.is_settled());
    answer(&endpoint, 1);
    assert!(endpoint.is_settled());
    assert_eq!(endpoint.take_moved().len(), 1);
}

#[test]
fn of_each_thread_the_last_position_is_stored() {
    let endpoint = endpoint();
    for number in 1..=3 {
        push(&endpoint, &[change(number)]);
    }
    take(&endpoint, NOW);
    for id in 1..=3 {
        answer(&endpoint, id);
    }
    assert_eq!(endpoint.take_moved(), [Position { thread: ThreadNumber(1), change: 3 }]);
    endpoint.return_moved(vec![Position { thread: ThreadNumber(1), change: 3 }]);
    assert_eq!(endpoint.take_moved().len(), 1);
}
