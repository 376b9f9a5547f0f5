//! Events whose transaction committed reach their web hooks: after SIGKILL at any moment, after a restart
//! with a backlog, and by another node when the one that delivers dies.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use trunkline_kernel::{Entropy as _, SeededEntropy, SystemEntropy};

use crate::nodes::Fleet;
use crate::support::hook::Hook;
use crate::support::local::Local;
use crate::support::server::{Server, run_json, wait_until};

/// How often the server is killed.
const ROUNDS: u64 = 100;
/// The longest a server lives in a round: some ten transactions and their deliveries.
const LIFE_MAX: Duration = Duration::from_millis(60);
/// The most events of one transaction in a round.
const EVENTS_MAX: u64 = 30;
/// Enough for several flushes and for loading what waits in pages.
const BACKLOG: u64 = 3_000;
/// What is due after some failures comes within seconds, and no event gets too old.
const LATER: &str = r#"{"advanceSeconds":5}"#;

/// Repeatable draws; the seed is printed when the test fails.
struct Dice(SeededEntropy);

impl Dice {
    /// With the seed of the environment, or a new one.
    fn new() -> Self {
        let mut bytes = [0; 8];
        SystemEntropy.fill(&mut bytes);
        let given = std::env::var("TRUNKLINE_TEST_SEED").ok();
        let seed = given.map_or(u64::from_ne_bytes(bytes), |seed| seed.parse().expect("a number"));
        println!("repeat with TRUNKLINE_TEST_SEED={seed}");
        Self(SeededEntropy::new(seed))
    }

    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_ne_bytes(bytes) % bound
    }
}

fn subscribe(data: &Path, name: &str, hook: &Hook) {
    run_json(data, &["events", "subscribe", name, &hook.url()]);
}

/// Moves the clock until `hook` has all events.
fn drain(server: &Server, hook: &Hook, expected: &BTreeSet<String>) {
    wait_until("every event to arrive", || {
        if hook.has_all(expected) {
            return Some(());
        }
        assert_eq!(server.admin("POST", "/clock", LATER).0, 200);
        None
    });
}

#[test]
fn a_killed_server_loses_no_event_whose_transaction_committed() {
    let dice = Dice::new();
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let (healthy, sick) = (Hook::start(), Hook::start());
    let server = Server::start(&data, &[]);
    subscribe(&data, "healthy", &healthy);
    subscribe(&data, "sick", &sick);
    assert!(server.stop().success());
    sick.set_failing(true);

    let mut committed = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut server = Server::start(&data, &[]);
        let life = Duration::from_micros(dice.below(u64::try_from(LIFE_MAX.as_micros()).expect("small")));
        let publisher = {
            let (data, count) = (data.clone(), 1 + dice.below(EVENTS_MAX));
            std::thread::spawn(move || publish_until_killed(&data, count))
        };
        std::thread::sleep(life);
        server.signal("KILL");
        server.wait();
        committed.extend(publisher.join().expect("every answer is an acceptance"));
    }
    assert!(committed.len() > 500, "too little was published to tell: {}", committed.len());

    sick.set_failing(false);
    let server = Server::start(&data, &["--test-clock"]);
    drain(&server, &healthy, &committed);
    drain(&server, &sick, &committed);
    assert!(server.stop().success());
}

/// Publishes until the server is gone; returns the ids of the events it acknowledged.
fn publish_until_killed(data: &Path, count: u64) -> Vec<String> {
    let mut committed = Vec::new();
    let Ok(mut local) = Local::connect(data) else { return committed };
    while let Ok(mut ids) = local.publish("dev", count) {
        committed.append(&mut ids);
    }
    committed
}

#[test]
fn a_server_that_stops_in_order_repeats_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let hook = Hook::start();
    let mut server = Server::start(&data, &[]);
    subscribe(&data, "hook", &hook);
    let mut committed = BTreeSet::new();
    for _ in 0..5 {
        let mut local = Local::connect(&data).expect("the server listens");
        for _ in 0..10 {
            committed.extend(local.publish("dev", 40).expect("the server answers"));
        }
        drop(local);
        assert!(server.stop().success());
        server = Server::start(&data, &[]);
    }
    wait_until("every event to arrive", || (hook.count() == committed.len()).then_some(()));
    assert!(server.stop().success());
    let taken = hook.taken();
    assert_eq!(taken.keys().collect::<Vec<_>>(), committed.iter().collect::<Vec<_>>());
    let repeated: Vec<_> = taken.iter().filter(|(_, taken)| taken.times > 1).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
}

#[test]
fn a_backlog_is_delivered_after_a_restart() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data");
    let (hook, other) = (Hook::start(), Hook::start());
    let server = Server::start(&data, &[]);
    subscribe(&data, "hook", &hook);
    subscribe(&data, "other", &other);
    hook.set_failing(true);
    let mut local = Local::connect(&data).expect("the server listens");
    let mut committed = BTreeSet::new();
    for _ in 0..BACKLOG / 500 {
        committed.extend(local.publish("dev", 500).expect("the server answers"));
    }
    drop(local);
    wait_until("the healthy hook to have all", || (other.count() == committed.len()).then_some(()));
    assert!(server.stop().success());
    assert_eq!(hook.count(), 0);

    hook.set_failing(false);
    let server = Server::start(&data, &["--test-clock"]);
    drain(&server, &hook, &committed);
    assert!(server.stop().success());
    assert!(hook.taken().values().all(|taken| taken.times == 1), "none was taken before");
    assert!(other.taken().values().all(|taken| taken.times == 1), "nor sent again to the other one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_nodes_deliveries_move_on() {
    let mut fleet = Fleet::start().await;
    let hook = Hook::start();
    subscribe(&fleet.second.data, "hook", &hook);
    let mut committed = BTreeSet::new();
    let mut second = Local::connect(&fleet.second.data).expect("the second node listens");
    committed.extend(second.publish("dev", 50).expect("it answers"));
    wait_until("the first events to arrive", || (hook.count() == committed.len()).then_some(()));

    // What is in flight there when it dies, and what is published while nobody delivers.
    let mut first = Local::connect(&fleet.first.data).expect("the first node listens");
    committed.extend(first.publish("dev", 200).expect("it answers"));
    fleet.first.signal("KILL");
    fleet.first.wait();
    committed.extend(second.publish("dev", 200).expect("it answers"));

    wait_until("the other node to deliver", || (hook.count() >= committed.len()).then_some(()));
    assert_eq!(hook.taken().into_keys().collect::<BTreeSet<_>>(), committed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_published_on_one_node_is_delivered_for_a_subscription_made_on_the_other() {
    let fleet = Fleet::start().await;
    let (one, other) = (Hook::start(), Hook::start());
    subscribe(&fleet.first.data, "one", &one);
    subscribe(&fleet.second.data, "other", &other);
    for node in [&fleet.first, &fleet.second] {
        let mut local = Local::connect(&node.data).expect("the node listens");
        let [id] = &local.publish("dev", 1).expect("it answers")[..] else { panic!("one event has one id") };
        for hook in [&one, &other] {
            wait_until("the event to arrive", || hook.has_all([id]).then_some(()));
        }
    }
    run_json(&fleet.first.data, &["events", "delete", "other", "--yes"]);
    let mut local = Local::connect(&fleet.second.data).expect("the node listens");
    let last = local.publish("dev", 1).expect("it answers").remove(0);
    wait_until("the last event to arrive", || one.has_all([&last]).then_some(()));
    assert!(!other.has_all([&last]), "its subscription was deleted on the other node");
    let listed = run_json(&fleet.second.data, &["events", "list"]);
    assert_eq!(listed["value"].as_array().map(Vec::len), Some(1), "{listed}");
}
