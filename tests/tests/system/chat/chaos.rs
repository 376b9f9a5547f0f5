//! Clients come and go at random and servers are killed while thousands of messages flow: every client ends with the
//! list that the service shows, and what a sender was acknowledged is in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;
use trunkline_testkit::realtime::Transport;

use super::api::{Api, Listed, User, make_user};
use super::cluster::Cluster;
use super::reader::{Expected, Reader};
use super::sender::Sender;
use super::{Dice, until};

const USERS: usize = 36;
/// Users with a second client beside the first one.
const TWINS: usize = 4;
const THREADS: usize = 8;
/// Of how many threads each user is a member.
const THREADS_EACH: usize = 3;
const SENDERS_EACH: usize = 2;
/// Every so many clients is one whose sockets are blocked.
const POLLING: usize = 5;

/// Longer absences must not matter here: how many changes a client is told is tested elsewhere.
const SETTINGS: &[&str] = &["chat.resume_changes_max=100000"];

/// The epid of a client and the threads it is in.
type Places = Vec<(String, usize, Vec<String>)>;

/// What chaos is about.
struct Scene {
    users: Vec<User>,
    threads: Vec<String>,
}

fn is_in(user: usize, thread: usize) -> bool {
    (user + 3 * thread) % THREADS < THREADS_EACH
}

impl Scene {
    async fn make(cluster: &Cluster) -> Self {
        let client = cluster.client(0);
        let users: Vec<User> =
            tokio::task::block_in_place(|| (0..USERS).map(|_| make_user(&client)).collect());
        let mut threads = Vec::new();
        for thread in 0..THREADS {
            let members: Vec<usize> = (0..USERS).filter(|user| is_in(*user, thread)).collect();
            let mut api = Api::new(client.origin(), &users[members[0]]);
            let others: Vec<&User> = members[1..].iter().map(|user| &users[*user]).collect();
            threads.push(api.make_thread("Chaos", &others, "Somebody").await);
        }
        Self { users, threads }
    }

    fn places(&self) -> Places {
        let of = |user: usize| (0..THREADS).filter(move |thread| is_in(user, *thread));
        let names = |user: usize| of(user).map(|thread| self.threads[thread].clone()).collect();
        let twins = (0..TWINS).map(|user| (format!("twin-{user}"), user, names(user)));
        (0..USERS).map(|user| (format!("client-{user}"), user, names(user))).chain(twins).collect()
    }

    fn senders(&self, cluster: &Cluster, dice: &Dice, acknowledged: &Arc<AtomicU64>) -> Vec<Sender> {
        let mut senders = Vec::new();
        for (thread, id) in self.threads.iter().enumerate() {
            let members = (0..USERS).filter(|user| is_in(*user, thread));
            for user in members.take(SENDERS_EACH) {
                let (tag, index) = (format!("{thread}-{user}"), 1000 + senders.len() as u64);
                let sender = Sender::new(
                    (&self.users[user], id, &tag),
                    cluster.reachable(),
                    dice.split(index),
                    Arc::clone(acknowledged),
                );
                senders.push(sender);
            }
        }
        senders
    }
}

/// Every client with what it must be told in the end.
struct Audience {
    readers: JoinSet<Reader>,
    expected: HashMap<String, watch::Sender<Option<Arc<Expected>>>>,
    places: Places,
}

impl Audience {
    async fn gather(scene: &Scene, cluster: &Cluster, dice: &Dice) -> Self {
        let (mut readers, mut expected) = (JoinSet::new(), HashMap::new());
        let places = scene.places();
        for (index, (epid, user, _)) in places.iter().enumerate() {
            let transport = if index % POLLING == 0 { Transport::Polling } else { Transport::WebSocket };
            let (dice, who) = (dice.split(index as u64), (&scene.users[*user], epid.as_str()));
            let mut reader = Reader::connect(who, transport, cluster.reachable(), dice).await;
            let (tell, told) = watch::channel(None);
            expected.insert(epid.clone(), tell);
            readers.spawn(async move {
                reader.disturb();
                reader.read_until(told).await;
                reader
            });
        }
        Self { readers, expected, places }
    }

    /// Tells every client what the lists are; returns them when each was told all of it.
    async fn settle(mut self, lists: HashMap<String, Vec<Listed>>) -> Vec<Reader> {
        for (epid, _, threads) in &self.places {
            let of = |thread: &String| (thread.clone(), lists[thread].clone());
            let lists = threads.iter().map(of).collect();
            let expected = Arc::new(Expected { lists, threads: threads.clone() });
            self.expected[epid].send_replace(Some(expected));
        }
        let mut readers = Vec::new();
        while let Some(ended) = self.readers.join_next().await {
            readers.push(ended.expect("a client ends in order"));
        }
        readers
    }
}

/// Lets everybody write so many changes in all, calls `disturb` at each third of them, and checks every list.
async fn chaos(mut cluster: Cluster, changes: u64, mut disturb: impl FnMut(&mut Cluster, u64)) {
    let dice = Dice::new();
    let scene = Scene::make(&cluster).await;
    let audience = Audience::gather(&scene, &cluster, &dice).await;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut writing = JoinSet::new();
    let senders = scene.senders(&cluster, &dice, &acknowledged);
    let each = changes.div_ceil(senders.len() as u64);
    for mut sender in senders {
        writing.spawn(async move {
            sender.write(each).await;
            sender
        });
    }
    for third in 1..=2 {
        // In steps, so that only standing still takes too long.
        for step in 1..=20 {
            until("changes to be acknowledged", || async {
                let goal = changes * (20 * (third - 1) + step) / 60;
                (acknowledged.load(Ordering::Relaxed) >= goal).then_some(())
            })
            .await;
        }
        disturb(&mut cluster, third);
    }
    let mut lists = HashMap::new();
    let mut senders = Vec::new();
    while let Some(sender) = writing.join_next().await {
        senders.push(sender.expect("a sender ends in order"));
    }
    for sender in &senders {
        if !lists.contains_key(&sender.thread) {
            let list = Api::new(cluster.client(0).origin(), sender.user()).list(&sender.thread).await;
            lists.insert(sender.thread.clone(), list);
        }
        sender.audit(&lists[&sender.thread]);
    }
    assert!(acknowledged.load(Ordering::Relaxed) >= changes * 9 / 10, "too little was acknowledged to tell");
    let readers = audience.settle(lists).await;
    let told: u64 = readers.iter().map(|reader| reader.ledger.count).sum();
    println!(
        "{} changes were told {told} times to {} clients",
        acknowledged.load(Ordering::Relaxed),
        readers.len()
    );
    for reader in readers {
        reader.expect_no_repetition();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_clients_come_and_go_and_the_server_is_killed_twice() {
    let cluster = Cluster::single(SETTINGS);
    chaos(cluster, 3_000, |cluster, _| {
        cluster.kill(0);
        cluster.revive(0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_one_of_two_nodes_is_killed() {
    let cluster = Cluster::pair(SETTINGS).await;
    chaos(cluster, 2_000, |cluster, third| match third {
        1 => cluster.kill(1),
        _ => cluster.revive(1),
    })
    .await;
}
