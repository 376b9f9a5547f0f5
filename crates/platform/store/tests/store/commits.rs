//! Connections to PostgreSQL that break: at COMMIT, where the outcome is unknown and nothing runs twice,
//! and before it, where the closure runs again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_postgres::config::Host;
use trunkline_kernel::Secret;
use trunkline_store::{Backend, Health, Key, StoreError, params};
use trunkline_tasks::Tasks;
use trunkline_testkit::TestStore;

use super::transactions::{SLICE, get, set};

/// Less than what an answer may take: a connection that ended is noticed at once.
const PATIENCE: Duration = Duration::from_secs(8);

/// What happens to the next COMMIT that passes.
const PASS: u8 = 0;
const CUT_BEFORE: u8 = 1;
const CUT_AFTER: u8 = 2;

/// Stands between the store and the server, and can end a connection at its COMMIT.
struct Proxy {
    plan: Arc<AtomicU8>,
    /// Ends all connections.
    end: Arc<Notify>,
    tasks: Tasks,
    url: String,
}

impl Proxy {
    async fn before(url: &str) -> Self {
        let server: tokio_postgres::Config = url.parse().unwrap();
        let Host::Tcp(host) = &server.get_hosts()[0] else { panic!("these tests need a server on TCP") };
        let target = format!("{host}:{}", server.get_ports()[0]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (user, name) = (server.get_user().unwrap(), server.get_dbname().unwrap());
        let url = format!("postgres://{user}@127.0.0.1:{port}/{name}");
        let (plan, end, tasks) = (Arc::new(AtomicU8::new(PASS)), Arc::new(Notify::new()), Tasks::new());
        let (group, shared, ended) = (tasks.clone(), Arc::clone(&plan), Arc::clone(&end));
        tasks.spawn("proxy", async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                let (plan, ended) = (Arc::clone(&shared), Arc::clone(&ended));
                group.spawn("connection", async move {
                    tokio::select! {
                        () = carry(client, server, plan) => {}
                        () = ended.notified() => {}
                    }
                });
            }
        });
        Self { plan, end, tasks, url }
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, plan: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let forward = async {
        let mut bytes = [0; 16_384];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            let passing = &bytes[..count];
            let is_commit = passing.windows(7).any(|word| word == b"COMMIT\0");
            let plan = if is_commit { plan.swap(PASS, Ordering::SeqCst) } else { PASS };
            if plan == CUT_BEFORE || to_server.write_all(passing).await.is_err() || plan == CUT_AFTER {
                return;
            }
        }
    };
    tokio::select! {
        () = forward => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// A store that reaches its server through the proxy.
async fn proxied() -> (TestStore, Proxy) {
    let mut test = TestStore::postgres(&[SLICE]).await;
    let mut config = test.config().clone();
    let Backend::Postgres { url, .. } = &mut config.backend else { panic!("it runs on PostgreSQL") };
    let proxy = Proxy::before(url.expose()).await;
    *url = Secret::new(proxy.url.clone());
    test.restart_with(config).await;
    (test, proxy)
}

async fn check(plan: u8, expected: Option<i64>) {
    let (test, proxy) = proxied().await;
    set(&test, "before", 1).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    proxy.plan.store(plan, Ordering::SeqCst);
    let write = test.write(Key::new("r", "a"), move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        tx.execute("INSERT INTO sample_counters (name, value) VALUES (?1, ?2)", params!["cut", 2])
    });
    assert_eq!(write.await, Err(StoreError::OutcomeUnknown));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(test.metrics().commits_failed, 1);
    // The key's lock is free when the server is done with the broken connection.
    set(&test, "a", 3).await.unwrap();
    assert_eq!((get(&test, "a").await, get(&test, "cut").await), (Some(3), expected));
    assert_eq!((test.health(), runs.load(Ordering::SeqCst)), (Health::Healthy, 1));
    test.close().await;
    proxy.tasks.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_has_an_unknown_outcome_and_is_not_run_again() {
    tokio::time::timeout(PATIENCE, check(CUT_AFTER, Some(2))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_lost_on_its_way_has_an_unknown_outcome_and_is_not_run_again() {
    tokio::time::timeout(PATIENCE, check(CUT_BEFORE, None)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_end_without_a_word_are_replaced_at_once() {
    let (test, proxy) = proxied().await;
    for round in 0..3 {
        let writes = ["a", "b", "c", "d"].map(|name| set(&test, name, round));
        let done = tokio::time::timeout(PATIENCE, futures_util::future::join_all(writes)).await.unwrap();
        assert_eq!(done, [Ok(()), Ok(()), Ok(()), Ok(())]);
        proxy.end.notify_waiters();
    }
    let found = tokio::time::timeout(PATIENCE, get(&test, "d")).await;
    assert_eq!(found, Ok(Some(2)));
    test.close().await;
    proxy.tasks.stop(Duration::ZERO).await;
}
