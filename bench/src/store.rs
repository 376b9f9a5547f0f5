//! `store`: durable messages a second on both engines, beside plain loops on the same tables.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use trunkline_kernel::{Secret, SystemClock, SystemEntropy};
use trunkline_store::{Backend, Key, Store, StoreConfig};
use trunkline_tasks::Tasks;

use crate::drive::{Figures, drive};
use crate::plain::postgres::PlainPostgres;
use crate::plain::sqlite::PlainSqlite;
use crate::process::Stat;
use crate::workload::{self, SLICE};

/// The address of a PostgreSQL superuser; its server must sync.
const POSTGRES_VARIABLE: &str = "TRUNKLINE_BENCH_POSTGRES";
const WRITERS: [u64; 3] = [1, 64, 512];
/// Each case is measured so often, the plain loop and ours in turns: disks of shared machines have moods.
const ROUNDS: usize = 3;
/// On both sides, when nothing else is asked for. Some per core, because each waits for its commit most of
/// the time.
const CONNECTIONS: usize = 16;
/// Tenants that the writers belong to.
const RESOURCES: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// Which threads the messages go to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// Each writer has its own.
    Distinct,
    /// All write to one.
    Hot,
}

impl Keys {
    fn thread_of(self, writer: u64) -> i64 {
        match self {
            Self::Distinct => writer.cast_signed(),
            Self::Hot => 0,
        }
    }

    fn key_of(self, writer: u64) -> Key {
        match self {
            Self::Distinct => Key::new(format_args!("resource-{}", writer % RESOURCES), writer),
            Self::Hot => Key::new("resource-0", "hot"),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy)]
struct Case {
    keys: Keys,
    writers: u64,
}

/// What to measure.
pub(crate) struct Choice {
    sqlite: bool,
    postgres: bool,
    connections: usize,
}

impl Choice {
    /// From `[sqlite|postgres [CONNECTIONS]]`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let engine = arguments.first().map(String::as_str);
        let connections = arguments.get(1).map_or(Ok(CONNECTIONS), |number| number.parse());
        Ok(Self {
            sqlite: engine.is_none_or(|engine| engine == "sqlite"),
            postgres: engine.is_none_or(|engine| engine == "postgres"),
            connections: connections.context("CONNECTIONS is a number")?,
        })
    }
}

pub(crate) async fn run(choice: Choice) -> Result<()> {
    println!(
        "| engine | keys | writers | messages/s | p50 ms | p99 ms | CPU µs/message | server CPU µs | ours/plain |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for writers in WRITERS.into_iter().filter(|_| choice.sqlite) {
        let case = Case { keys: Keys::Distinct, writers };
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push((plain_sqlite(writers).await?, sqlite(writers).await?));
        }
        print(["plain rusqlite", "SQLite"], case, &rounds);
    }
    if !choice.postgres {
        return Ok(());
    }
    let Ok(url) = std::env::var(POSTGRES_VARIABLE) else {
        println!("\nNOT MEASURED: PostgreSQL, because {POSTGRES_VARIABLE} is not set");
        return Ok(());
    };
    for keys in [Keys::Distinct, Keys::Hot] {
        for writers in WRITERS {
            let case = Case { keys, writers };
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let plain = plain_postgres(&url, choice.connections, case).await?;
                rounds.push((plain, postgres(&url, choice.connections, case).await?));
            }
            print(["plain tokio-postgres", "PostgreSQL"], case, &rounds);
        }
    }
    Ok(())
}

/// Prints the plain loop's row and ours: of each the round with the median speed, and the median ratio.
fn print(engines: [&str; 2], case: Case, rounds: &[(Figures, Figures)]) {
    let mut ratios: Vec<f64> =
        rounds.iter().map(|(plain, ours)| ours.per_second / plain.per_second).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let ratio = format!("{:.2}", ratios[ratios.len() / 2]);
    print_row(engines[0], case, median(rounds.iter().map(|round| round.0)), "-");
    print_row(engines[1], case, median(rounds.iter().map(|round| round.1)), &ratio);
}

fn median(figures: impl Iterator<Item = Figures>) -> Figures {
    let mut figures: Vec<Figures> = figures.collect();
    figures.sort_unstable_by(|one, other| one.per_second.total_cmp(&other.per_second));
    figures[figures.len() / 2]
}

fn print_row(engine: &str, case: Case, figures: Figures, ratio: &str) {
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    let Figures { per_second, p50, p99, own_cpu, server_cpu } = figures;
    let server = server_cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.0}", micros(cpu)));
    let keys = if case.keys == Keys::Hot { "one" } else { "distinct" };
    println!(
        "| {engine} | {keys} | {} | {per_second:.0} | {:.2} | {:.2} | {:.0} | {server} | {ratio} |",
        case.writers,
        millis(p50),
        millis(p99),
        micros(own_cpu),
    );
}

async fn open(backend: Backend) -> Result<Store> {
    let config = StoreConfig::new(backend);
    Ok(Store::open(config, &[SLICE], Arc::new(SystemClock), Arc::new(SystemEntropy)).await?)
}

async fn drive_store(store: &Store, keys: Keys, writers: u64, server: Option<u32>) -> Result<Figures> {
    let handle = store.clone();
    let send = move |writer, number: u64| {
        let (store, thread, id) = (handle.clone(), keys.thread_of(writer), number.cast_signed());
        async move {
            let write = move |tx: &mut trunkline_store::Tx<'_>| workload::write(tx, thread, id);
            Ok(store.write(keys.key_of(writer), write).await?)
        }
    };
    let figures = drive(writers, server, send).await;
    store.close().await;
    figures
}

/// The store on SQLite.
async fn sqlite(writers: u64) -> Result<Figures> {
    let home = TempDir::new()?;
    let store = open(Backend::Sqlite { folder: home.path().to_owned() }).await?;
    drive_store(&store, Keys::Distinct, writers, None).await
}

async fn plain_sqlite(writers: u64) -> Result<Figures> {
    let home = TempDir::new()?;
    open(Backend::Sqlite { folder: home.path().to_owned() }).await?.close().await;
    let plain = PlainSqlite::open(&home.path().join("trunkline.db"))?;
    let sender = plain.sender();
    let send = move |writer, number: u64| {
        let (sender, thread) = (sender.clone(), Keys::Distinct.thread_of(writer));
        async move { sender.send(thread, number.cast_signed()).await }
    };
    let figures = drive(writers, None, send).await;
    plain.close()?;
    figures
}

async fn postgres(admin_url: &str, connections: usize, case: Case) -> Result<Figures> {
    let (url, server) = new_database(admin_url).await?;
    let store = open(Backend::Postgres { url: Secret::new(url), connections }).await?;
    drive_store(&store, case.keys, case.writers, server).await
}

async fn plain_postgres(admin_url: &str, connections: usize, case: Case) -> Result<Figures> {
    let (url, server) = new_database(admin_url).await?;
    open(Backend::Postgres { url: Secret::new(url.clone()), connections: 1 }).await?.close().await;
    let tasks = Tasks::new();
    let plain = PlainPostgres::connect(&url, connections, &tasks).await?;
    let send = move |writer, number: u64| {
        let (plain, thread) = (Arc::clone(&plain), case.keys.thread_of(writer));
        async move { plain.send(thread, number.cast_signed()).await }
    };
    let figures = drive(case.writers, server, send).await;
    tasks.stop(PATIENCE).await;
    figures
}

/// An empty database, and the parent of the server's processes when they run on this machine.
pub(crate) async fn new_database(admin_url: &str) -> Result<(String, Option<u32>)> {
    let (client, driver) = tokio_postgres::connect(admin_url, NoTls).await.context("cannot connect")?;
    let work = async {
        let row = client.query_one("SELECT current_setting('fsync'), pg_backend_pid()", &[]).await?;
        client.batch_execute("DROP DATABASE IF EXISTS trunkline_bench WITH (FORCE)").await?;
        client.batch_execute("CREATE DATABASE trunkline_bench").await?;
        client.batch_execute("CHECKPOINT").await?;
        let backend: i32 = row.get(1);
        let server = Stat::read(backend.unsigned_abs()).ok().map(|stat| stat.parent);
        drop(client);
        Ok::<_, anyhow::Error>((row.get::<_, String>(0), server))
    };
    let (made, _) = tokio::join!(work, driver);
    let (fsync, server) = made?;
    if fsync != "on" {
        println!("NOT DURABLE: this PostgreSQL server runs with fsync = {fsync}");
    }
    let (address, _) = admin_url.rsplit_once('/').context("the address ends with a database")?;
    Ok((format!("{address}/trunkline_bench"), server))
}
