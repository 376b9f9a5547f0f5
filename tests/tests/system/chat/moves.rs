//! Servers are restarted in order while messages flow: clients are moved, and nobody notices.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;
use trunkline_testkit::realtime::Transport;

use super::api::{Api, User, make_user};
use super::cluster::Cluster;
use super::reader::{Expected, Reader};
use super::sender::Sender;
use super::{Dice, until};

const USERS: usize = 12;
const THREADS: usize = 4;
/// Every so many clients is one whose sockets are blocked.
const POLLING: usize = 4;
/// A client that finds no other server is let go after this: long enough to acknowledge what it has on a busy machine.
const SETTINGS: &[&str] = &["chat.move_s=10", "chat.resume_changes_max=100000"];
/// Clients that find another server are waited for, but no polling client finds one: it waits this long.
const MOVED: &[&str] = &["chat.move_s=20", "chat.resume_changes_max=100000"];

/// Everybody is in every thread, and one person writes in each, so that messages come in the order of their versions.
struct Party {
    readers: JoinSet<Reader>,
    expected: watch::Sender<Option<Arc<Expected>>>,
    senders: Vec<Sender>,
    threads: Vec<String>,
    writer: User,
    acknowledged: Arc<AtomicU64>,
}

impl Party {
    async fn gather(cluster: &Cluster) -> Self {
        let dice = Dice::new();
        let client = cluster.client(0);
        let users: Vec<User> =
            tokio::task::block_in_place(|| (0..USERS).map(|_| make_user(&client)).collect());
        let mut api = Api::new(client.origin(), &users[0]);
        let others: Vec<&User> = users[1..].iter().collect();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (mut threads, mut senders) = (Vec::new(), Vec::new());
        for (index, user) in users.iter().enumerate().take(THREADS) {
            let thread = api.make_thread("Moves", &others, "Somebody").await;
            let (dice, tag) = (dice.split(1000 + index as u64), format!("sender-{index}"));
            let who = (user, thread.as_str(), tag.as_str());
            senders.push(Sender::new(who, cluster.reachable(), dice, Arc::clone(&acknowledged)));
            threads.push(thread);
        }
        let (expected, told) = watch::channel(None);
        let mut readers = JoinSet::new();
        for (index, user) in users.iter().enumerate() {
            let transport = if index % POLLING == 0 { Transport::Polling } else { Transport::WebSocket };
            let (epid, told) = (format!("client-{index}"), told.clone());
            let reader =
                Reader::connect((user, &epid), transport, cluster.reachable(), dice.split(index as u64));
            let mut reader = reader.await;
            readers.spawn(async move {
                reader.read_until(told).await;
                reader
            });
        }
        let writer = users[0].clone();
        Self { readers, expected, senders, threads, writer, acknowledged }
    }

    /// Writes while `restart` does its work, again and again until that is done.
    async fn write_during(&mut self, restart: impl FnOnce()) {
        let is_over = Arc::new(AtomicU64::new(0));
        let mut writing = JoinSet::new();
        for mut sender in self.senders.drain(..) {
            let is_over = Arc::clone(&is_over);
            writing.spawn(async move {
                while is_over.load(Ordering::Relaxed) == 0 {
                    sender.write(5).await;
                }
                sender.write(20).await;
                sender
            });
        }
        let before = self.acknowledged.load(Ordering::Relaxed);
        until("messages to flow", || async {
            (self.acknowledged.load(Ordering::Relaxed) >= before + 40).then_some(())
        })
        .await;
        restart();
        is_over.store(1, Ordering::Relaxed);
        while let Some(sender) = writing.join_next().await {
            self.senders.push(sender.expect("a sender ends in order"));
        }
    }

    /// Waits until everybody was told everything; checks that nothing came twice or in another order.
    async fn end(mut self, cluster: &Cluster) {
        let mut lists = HashMap::new();
        let mut api = Api::new(cluster.client(0).origin(), &self.writer);
        for thread in &self.threads {
            lists.insert(thread.clone(), api.list(thread).await);
        }
        for sender in &self.senders {
            sender.audit(&lists[&sender.thread]);
        }
        self.expected.send_replace(Some(Arc::new(Expected { lists, threads: self.threads.clone() })));
        while let Some(ended) = self.readers.join_next().await {
            let reader = ended.expect("a client ends in order");
            reader.expect_no_repetition();
            let disordered = &reader.ledger.disordered;
            assert!(disordered.is_empty(), "told in another order: {disordered:?}");
            assert!(reader.connections() > 1, "nobody was moved");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_loses_anything_when_nodes_are_restarted_one_after_the_other() {
    let mut cluster = Cluster::pair(MOVED).await;
    let mut party = Party::gather(&cluster).await;
    for index in [1, 0] {
        // Before messages flow: every client has looked around again when the server ends.
        cluster.hide(index);
        party
            .write_during(|| {
                cluster.stop(index);
                cluster.revive(index);
            })
            .await;
    }
    party.end(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_loses_anything_when_the_only_server_is_restarted() {
    let mut cluster = Cluster::single(SETTINGS);
    let mut party = Party::gather(&cluster).await;
    for _ in 0..2 {
        party
            .write_during(|| {
                cluster.stop(0);
                cluster.revive(0);
            })
            .await;
    }
    party.end(&cluster).await;
}
