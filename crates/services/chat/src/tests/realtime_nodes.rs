//! Two nodes on one PostgreSQL: who serves a client, and what it hears.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock, ManualClock, Secret, SeededEntropy, Timestamp};
use trunkline_store::blobs::{BlobPlace, Blobs, SIZE_BYTES_MAX};
use trunkline_store::{Key, NewEvent, Store, StoreError, params};
use trunkline_tasks::Tasks;
use trunkline_testkit::TestStore;

use super::harness::{ADA, BOB, FakeUsers, SLICES, World, raw_id};
use super::live::DEADLINE;
use crate::metrics::Metrics;
use crate::realtime::{Closing, Endpoint, Frames, Identity, Transport};
use crate::{ChatService, Parts, Settings};
use trunkline_web::ports::HeldToken;

/// A node with its hub running.
struct Node {
    chat: Arc<ChatService>,
}

impl Node {
    /// A node beside the one of `world`, with connections of its own.
    async fn beside(store: Store, clock: Arc<ManualClock>, name: &str) -> Self {
        let entropy = Arc::new(SeededEntropy::new(7));
        let parts = Parts {
            store,
            clock: clock as Arc<dyn Clock>,
            entropy,
            blobs: Blobs::open(&BlobPlace::Memory, SIZE_BYTES_MAX).expect("memory takes blobs"),
            users: Arc::new(FakeUsers::default()),
            tasks: Tasks::new(),
            node: name.to_owned(),
            settings: Settings::of(LimitSet::Generous),
            secret: Secret::new(vec![9; 32]),
            metrics: Metrics::default(),
        };
        Self::of(ChatService::open(parts).await.expect("the database takes another node"))
    }

    fn of(chat: Arc<ChatService>) -> Self {
        chat.tasks.spawn("chat", Arc::clone(&chat).run(chat.tasks.shutdown()));
        Self { chat }
    }

    async fn join(&self, world: &World, number: u32, epid: &str) -> Client {
        let resource = world.resources.view("dev").id;
        let raw_id: Arc<str> = raw_id(number).into();
        let identity = Identity {
            resource,
            person: self.chat.person(resource, &raw_id).await.expect("the store answers"),
            token: HeldToken { raw_id, generation: 1, access_key: Some("primary:1".into()) },
            epid: epid.into(),
            expires: Timestamp::from_seconds(i64::from(u32::MAX)),
            wants_extensions: false,
        };
        let endpoint = self.chat.realtime.join(identity, Transport::Socket, &[]);
        Client { chat: Arc::clone(&self.chat), endpoint }
    }
}

/// A client without a socket.
struct Client {
    chat: Arc<ChatService>,
    endpoint: Arc<Endpoint>,
}

#[derive(Default)]
struct Texts(Vec<Vec<u8>>);

impl Frames for Texts {
    fn start(&mut self, length: usize) -> &mut Vec<u8> {
        self.0.push(Vec::with_capacity(length));
        self.0.last_mut().expect("one was pushed")
    }

    fn size_bytes(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

impl Client {
    /// What came by now, without acknowledging it: ids and texts of messages.
    fn take(&self) -> Vec<(u64, String)> {
        let mut frames = Texts::default();
        self.endpoint.take(&mut frames, self.chat.realtime.now());
        let read = |frame: &Vec<u8>| {
            let text = std::str::from_utf8(frame).expect("text").strip_prefix("3:::")?;
            let request: Value = serde_json::from_str(text).expect("JSON");
            let body: Value = serde_json::from_str(request["body"].as_str().expect("text")).expect("JSON");
            Some((request["id"].as_u64().expect("a number"), body["messageBody"].as_str()?.to_owned()))
        };
        frames.0.iter().filter_map(read).collect()
    }

    fn acknowledge(&self, id: u64) {
        self.endpoint.receive(&format!("3:::{{\"id\":{id},\"status\":200}}"), self.chat.realtime.now());
    }

    /// Waits for messages up to `last` and acknowledges them.
    async fn hear(&self, last: &str) -> Vec<String> {
        let mut heard = Vec::new();
        let wait = async {
            while heard.last().is_none_or(|text| text != last) {
                for (id, text) in self.take() {
                    self.acknowledge(id);
                    heard.push(text);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("'{last}' does not come"));
        heard
    }

    async fn until_greeted(&self) {
        let wait = async {
            while !self.endpoint.is_greeted() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("the client is greeted in time");
    }

    async fn until_live(&self) {
        let wait = async {
            while !self.endpoint.is_live() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("the client is live in time");
    }
}

async fn two_nodes() -> (World, Node, Node) {
    let store = TestStore::postgres(SLICES).await;
    let again = store.open_again(SLICES).await.expect("the database takes another node");
    let clock = Arc::clone(store.clock());
    let world = World::new(store).await;
    let first = Node::of(Arc::clone(&world.chat));
    let second = Node::beside(again, clock, "node-2").await;
    (world, first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_on_one_node_is_told_on_the_other() {
    let (world, _first, second) = two_nodes().await;
    let thread = world.thread(ADA, &[BOB]).await;
    let bob = second.join(&world, BOB, "bob-1").await;
    bob.until_live().await;
    for text in ["one", "two", "three"] {
        world.send(ADA, &thread, text).await;
    }
    assert_eq!(bob.hear("three").await, ["one", "two", "three"]);
}

/// Sends a message and tells nobody, as a node does that dies right after its commit.
async fn send_silently(world: &World, text: &str) {
    let (text, now, resource) = (text.to_owned(), world.now(), world.resources.view("dev").id.to_string());
    let sent: Result<(), StoreError> = world
        .app
        .store
        .write(Key::system("chat/test"), move |tx| {
            let sql =
                "UPDATE chat_threads SET last_change = last_change + 1, last_sequence = last_sequence + 1,
                 last_version_ms = last_version_ms + 1, changed_at = ?1 RETURNING number, last_change";
            let row = tx.query_one(sql, params![now])?;
            let (thread, change): (i64, i64) = (row.get(0)?, row.get(1)?);
            tx.execute(
                "INSERT INTO chat_messages (thread, id, kind, change, first_change, sequence, version, sender,
                     sender_name, body, metadata, attachments, mentions, created_at, changed_at, client_id)
                 SELECT number, last_version_ms, 0, last_change, last_change, last_sequence, last_version_ms,
                     created_by, '', ?1, '{}', '', '', changed_at, changed_at, '' FROM chat_threads",
                params![&text],
            )?;
            let payload = format!("{{\"thread\":{thread},\"change\":{change}}}");
            let (kind, subject) = (crate::MESSAGE_SENT, "19:t");
            tx.emit(&NewEvent { resource: &resource, kind, subject, payload: &payload, now })
        })
        .await;
    sent.expect("the store takes it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_in_a_quiet_thread_whose_wake_up_was_lost_is_told_all_the_same() {
    let (world, _first, second) = two_nodes().await;
    world.thread(ADA, &[BOB]).await;
    let bob = second.join(&world, BOB, "bob-1").await;
    bob.until_live().await;
    send_silently(&world, "one").await;
    assert_eq!(bob.hear("one").await, ["one"]);
    send_silently(&world, "two").await;
    send_silently(&world, "three").await;
    assert_eq!(bob.hear("three").await, ["two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_client_on_another_node_hears_exactly_what_is_sent_after_it_connected() {
    let (world, _first, second) = two_nodes().await;
    let thread = world.thread(ADA, &[BOB]).await;
    for number in 0..20 {
        world.send(ADA, &thread, &format!("before {number}")).await;
        let bob = second.join(&world, BOB, &format!("bob-{number}")).await;
        bob.until_greeted().await;
        let text = format!("after {number}");
        world.send(ADA, &thread, &text).await;
        assert_eq!(bob.hear(&text).await, [text]);
        bob.endpoint.close(Closing::Gone);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_resource_ends_its_connections_on_every_node() {
    let (world, first, second) = two_nodes().await;
    let (ada, bob) = (first.join(&world, ADA, "ada-1").await, second.join(&world, BOB, "bob-1").await);
    ada.until_live().await;
    bob.until_live().await;
    first.chat.disconnect_resource(world.resources.view("dev").id);
    for client in [ada, bob] {
        let closed = async {
            while client.endpoint.closing().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, closed).await.expect("the connection ends in time");
        assert_eq!(client.endpoint.closing(), Some(Closing::Unauthorized));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_a_deleted_resource_are_forgotten_on_every_node() {
    let (world, first, second) = two_nodes().await;
    world.thread(ADA, &[BOB]).await;
    let (resource, ada): (_, Arc<str>) = (world.resources.view("dev").id, raw_id(ADA).into());
    let known = second.chat.person(resource, &ada).await.expect("the store answers");
    // As if the resource were made again, with the same people.
    let renumber = world
        .app
        .store
        .write(Key::system("test"), |tx| tx.execute("UPDATE chat_people SET number = number + 1000", &[]));
    let renumbered: Result<u64, StoreError> = renumber.await;
    renumbered.expect("numbers change");
    assert_eq!(second.chat.person(resource, &ada).await.expect("a cached number"), known);
    first.chat.forget_people();
    let forgotten = async {
        while second.chat.person(resource, &ada).await.expect("the store answers") == known {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, forgotten).await.expect("the other node hears of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_moves_to_another_node_misses_and_repeats_nothing() {
    let (world, first, second) = two_nodes().await;
    let thread = world.thread(ADA, &[BOB]).await;
    let old = first.join(&world, BOB, "bob-1").await;
    old.until_live().await;
    world.send(ADA, &thread, "one").await;
    assert_eq!(old.hear("one").await, ["one"]);
    let new = second.join(&world, BOB, "bob-1").await;
    world.send(ADA, &thread, "two").await;
    assert_eq!(new.hear("two").await, ["two"]);
    world.send(ADA, &thread, "three").await;
    assert_eq!(new.hear("three").await, ["three"]);
    assert!(old.take().is_empty(), "the old node tells nothing more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_its_way_when_the_client_moved_is_acknowledged_where_it_was_sent() {
    let (world, first, second) = two_nodes().await;
    let thread = world.thread(ADA, &[BOB]).await;
    let old = first.join(&world, BOB, "bob-1").await;
    old.until_live().await;
    world.send(ADA, &thread, "one").await;
    let wait = async {
        loop {
            if let Some((id, _)) = old.take().pop() {
                return id;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let id = tokio::time::timeout(DEADLINE, wait).await.expect("it comes");
    let new = second.join(&world, BOB, "bob-1").await;
    let asked = async {
        while !old.endpoint.is_ending() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.expect("the other node asks for it");
    old.acknowledge(id);
    world.send(ADA, &thread, "two").await;
    assert_eq!(new.hear("two").await, ["two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_answer_is_taken_over_from() {
    let (world, first, second) = two_nodes().await;
    let thread = world.thread(ADA, &[BOB]).await;
    let old = first.join(&world, BOB, "bob-1").await;
    old.until_live().await;
    // As if it had died: nobody listens, and nothing is released.
    first.chat.tasks.stop(Duration::ZERO).await;
    drop(old);
    world.send(ADA, &thread, "one").await;
    let new = second.join(&world, BOB, "bob-1").await;
    assert_eq!(new.hear("one").await, ["one"]);
}
