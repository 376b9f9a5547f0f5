//! Clients that flood, never read or talk nonsense: the server stays healthy, and others lose nothing meanwhile.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use trunkline_tasks::Tasks;
use trunkline_testkit::realtime::{ChatClient, ClientError, Driven, Options, Transport};

use super::api::{Api, User, make_user};
use super::cluster::Cluster;
use super::reader::{Expected, Reader};
use super::sender::Sender;
use super::{Dice, until};

/// Sockets that never read: enough for what they would hold to show.
const DEAF: usize = 15;
/// What is said to them: some 8 KB each, far beyond what sockets of the system hold.
const SAID_TO_DEAF: u64 = 1_500;
const LONG_TEXT_BYTES: usize = 8_000;
/// What the server may grow by meanwhile. Held for them, 1,500 × 8 KB would be 180 MB for 15 sockets; a queue has at
/// most 256 KB, and the page cache of the database and the memory allocator take their part.
const GROWTH_BYTES_MAX: u64 = 100_000_000;
/// Sockets opened with one token; the server keeps 20 of them.
const FLOOD: usize = 55;
const KEPT_OF_FLOOD: usize = 20;
/// Nobody waits at the end for clients that were dropped while they polled.
const SETTINGS: &[&str] = &["chat.move_s=1"];
/// Changes of the party beside a flood.
const CHANGES: u64 = 150;

/// Two who talk and listen while the flood goes on.
struct Party {
    cluster: Cluster,
    guest: User,
    host: User,
    thread: String,
    readers: JoinSet<Reader>,
    expected: watch::Sender<Option<Arc<Expected>>>,
    sender: Sender,
}

impl Party {
    /// A thread of a host, a guest over a socket, another one over polls, and `stranger`, who will flood.
    async fn begin() -> (Self, User) {
        let cluster = Cluster::single(SETTINGS);
        let dice = Dice::new();
        let client = cluster.client(0);
        let users: Vec<User> = tokio::task::block_in_place(|| (0..4).map(|_| make_user(&client)).collect());
        let mut api = Api::new(client.origin(), &users[0]);
        let others: Vec<&User> = users[1..].iter().collect();
        let thread = api.make_thread("Party", &others, "Somebody").await;
        let (expected, told) = watch::channel(None);
        let mut readers = JoinSet::new();
        for (index, transport) in
            [(0, Transport::WebSocket), (1, Transport::WebSocket), (2, Transport::Polling)]
        {
            let (epid, told) = (format!("client-{index}"), told.clone());
            let who = (&users[index], epid.as_str());
            let mut reader =
                Reader::connect(who, transport, cluster.reachable(), dice.split(index as u64)).await;
            readers.spawn(async move {
                reader.read_until(told).await;
                reader
            });
        }
        let who = (&users[0], thread.as_str(), "host");
        let sender = Sender::new(who, cluster.reachable(), dice.split(10), Arc::new(AtomicU64::new(0)));
        let [host, guest, _, stranger] = <[User; 4]>::try_from(users).expect("four users");
        (Self { cluster, guest, host, thread, readers, expected, sender }, stranger)
    }

    fn options(&self, user: &User, epid: &str) -> Options {
        Options::new(self.cluster.client(0).origin(), &user.token, epid)
    }

    /// The value of a metric without labels, or with exactly these.
    fn metric(&self, name: &str) -> u64 {
        let (status, metrics) =
            tokio::task::block_in_place(|| self.cluster.server(0).admin("GET", "/metrics", ""));
        assert_eq!(status, 200);
        let found = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.map_or(0, |value| value.parse().expect("a number"))
    }

    /// Sockets that the server has.
    fn sockets(&self) -> u64 {
        self.metric("trunkline_chat_connections{transport=\"websocket\"}")
    }

    /// The memory of the server.
    fn resident_bytes(&self) -> u64 {
        let pid = &self.cluster.server(0).ready["pid"];
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }

    /// Everybody was told everything, once and in order, and the server is well.
    async fn end(mut self) {
        let list = Api::new(self.cluster.client(0).origin(), &self.host).list(&self.thread).await;
        self.sender.audit(&list);
        let threads = vec![self.thread.clone()];
        let lists = HashMap::from([(self.thread.clone(), list)]);
        self.expected.send_replace(Some(Arc::new(Expected { lists, threads })));
        while let Some(reader) = self.readers.join_next().await {
            let reader = reader.expect("a client ends in order");
            reader.expect_no_repetition();
            assert!(reader.ledger.disordered.is_empty(), "out of order: {:?}", reader.ledger.disordered);
        }
        let (status, _) = tokio::task::block_in_place(|| self.cluster.server(0).admin("GET", "/readyz", ""));
        assert_eq!(status, 200);
        self.cluster.stop(0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_never_read_hold_nobody_up_and_little_memory() {
    let (mut party, stranger) = Party::begin().await;
    let sockets = party.sockets();
    let mut deaf = Vec::new();
    for index in 0..DEAF {
        let options = party.options(&stranger, &format!("deaf-{index}"));
        deaf.push(ChatClient::connect(options, &Tasks::new()).await.expect("connected"));
    }
    assert_eq!(party.sockets(), sockets + DEAF as u64);
    let before = party.resident_bytes();
    let (mut most, text) = (before, "x".repeat(LONG_TEXT_BYTES));
    let mut api = Api::new(party.cluster.client(0).origin(), &party.guest);
    for number in 0..SAID_TO_DEAF {
        api.send(&party.thread, &format!("{number} {text}")).await.expect("sent");
        if number % 100 == 0 {
            party.sender.write(1).await;
            most = most.max(party.resident_bytes());
        }
    }
    let growth = most - before;
    println!("the server grew by {growth} bytes");
    assert!(growth < GROWTH_BYTES_MAX, "{growth} bytes for {DEAF} sockets that do not read");
    until("the sockets that never read to be cut off", || async {
        (party.sockets() == sockets).then_some(())
    })
    .await;
    drop(deaf);
    party.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_sockets_with_one_token_leaves_the_newest_of_them() {
    let (mut party, stranger) = Party::begin().await;
    let sockets = party.sockets();
    let (mut flood, mut refused) = (Vec::new(), 0);
    party.sender.write(CHANGES).await;
    // Nothing happens meanwhile: whoever acknowledges nothing for a while is closed, and nobody drives the flood.
    for index in 0..FLOOD {
        let options = party.options(&stranger, &format!("flood-{index}"));
        match ChatClient::connect(options, &Tasks::new()).await {
            Ok(client) => flood.push(client),
            Err(failure) => {
                assert_eq!(failure.status(), Some(429), "{failure}");
                refused += 1;
            }
        }
    }
    assert_eq!(flood.len() + refused, FLOOD);
    assert!(flood.len() > KEPT_OF_FLOOD, "{} connected", flood.len());
    until("the oldest to be closed", || async {
        (party.sockets() == sockets + KEPT_OF_FLOOD as u64).then_some(())
    })
    .await;
    // The newest ones are told what happens next.
    party.sender.write(1).await;
    for client in flood.iter_mut().rev().take(KEPT_OF_FLOOD) {
        let told = client.next_notification(crate::support::server::DEADLINE).await;
        assert!(told.expect("connected still").is_some());
        assert_eq!(client.connections(), 1);
    }
    drop(flood);
    party.end().await;
}

/// Drives a client until the server ends its connection.
async fn wait_for_the_end(client: &mut ChatClient, why: &str) {
    let ended = async {
        loop {
            match client.drive(Duration::from_secs(1), &mut |_| {}).await {
                Ok(Driven::Lost(_)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    let ended = tokio::time::timeout(crate::support::server::DEADLINE, ended).await;
    assert!(ended.is_ok(), "the server goes on with {why}");
}

/// Sends a frame again and again; that the connection is gone already is well.
async fn send_often(client: &mut ChatClient, frame: &str, times: u32) {
    for _ in 0..times {
        if let Err(ClientError::Gone { .. }) = client.send_frame(frame).await {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_talk_nonsense_are_let_go_alone() {
    let (mut party, stranger) = Party::begin().await;
    let giant = format!("3:::{{\"id\":1,\"body\":\"{}\"}}", "x".repeat(1_000_000));
    let nonsense = [
        ("broken-frames", "no frame at all", 10),
        ("wrong-acknowledgements", "3:::{\"id\":987654321,\"status\":200}", 100),
        ("a-giant-frame", giant.as_str(), 1),
    ];
    for (what, frame, times) in nonsense {
        let options = party.options(&stranger, what);
        let mut client = ChatClient::connect(options, &Tasks::new()).await.expect("connected");
        party.sender.write(CHANGES / 10).await;
        send_often(&mut client, frame, times).await;
        wait_for_the_end(&mut client, what).await;
        party.sender.write(CHANGES / 10).await;
        client.reconnect(crate::support::server::DEADLINE).await.expect("whoever behaves may come back");
    }
    // What is odd but no frame of ours goes on.
    let mut client =
        ChatClient::connect(party.options(&stranger, "odd"), &Tasks::new()).await.expect("connected");
    for odd in ["3:::{\"id\":1}", "3:::{}", "5:::{\"name\":\"unknown\"}", "8::", "2::", "3:::{\"id\":-1}"] {
        client.send_frame(odd).await.expect("taken");
    }
    party.sender.write(1).await;
    let told = client.next_notification(crate::support::server::DEADLINE).await.expect("connected still");
    assert!(told.is_some());
    assert_eq!(client.connections(), 1);
    party.end().await;
}

/// Says something on a connection of its own and reads to its end.
fn say(stream: &mut StreamOwned<ClientConnection, std::net::TcpStream>, bytes: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    if stream.write_all(bytes).and_then(|()| stream.flush()).is_ok() {
        let _ = stream.read_to_end(&mut heard);
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_with_a_wrong_session_are_refused() {
    let (mut party, stranger) = Party::begin().await;
    let client = party.cluster.client(0);
    let host = client.origin().host;
    let long = "A".repeat(4_000);
    let sids = ["x", "..", "%00", "AAAA.BBBB", "eyJhIjoxfQ", long.as_str()];
    for sid in sids {
        let upgrade = format!(
            "GET /socket.io/1/websocket/{sid}?v=v4 HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YSBub25jZSBvZiB0ZXN0cw==\r\n\r\n"
        );
        // What follows at once are bytes of a socket that never came to be: a frame with reserved bits, unmasked.
        let bytes = [upgrade.as_bytes(), &[0xf1, 0x7f, 0xff, 0xff]].concat();
        let heard = tokio::task::block_in_place(|| say(&mut client.raw(), &bytes));
        let heard = String::from_utf8_lossy(&heard).into_owned();
        let status: Option<u16> = heard.split(' ').nth(1).and_then(|status| status.parse().ok());
        let is_refused = status.is_some_and(|status| (400..500).contains(&status));
        assert!(is_refused, "{sid:.20}: {heard:.300}");
        let poll = format!("/socket.io/1/xhr-polling/{sid}?v=v4");
        let polled = Api::new(client.origin(), &stranger).call("GET", &poll, &Value::Null).await;
        let status = polled.expect_err("refused").status();
        assert!(status.is_some_and(|status| (400..500).contains(&status)), "{sid:.20}: {status:?}");
        party.sender.write(CHANGES / 10).await;
    }
    party.end().await;
}
