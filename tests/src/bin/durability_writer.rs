//! Writes numbered transactions as fast as it can until it is killed, and reports what became of each.
//!
//! `durability_writer sqlite:FOLDER|postgres://… FIRST_NUMBER synced|unsynced`

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trunkline_kernel::{Clock as _, Secret, SystemClock, SystemEntropy};
use trunkline_store::{
    Backend, Bounds, Delivery, Event, Health, Key, NewEvent, OutboxConsumer, Store, StoreConfig, StoreError,
    Tx, params,
};
use trunkline_tasks::{Shutdown, Tasks};
use trunkline_tests::durability::{CONSUMER, EVENT_KIND, Report, SLICE, body_of, places_of};

/// Enough that several transactions share most commits.
const WRITERS: u64 = 24;
/// Every so many transactions one is given up half-way, and must leave nothing.
const GIVEN_UP_EVERY: u64 = 7;
/// So low that the log is copied into the database many times in a short life.
const WAL_FRAMES_SOFT: u32 = 48;
/// Between two looks at the store's health.
const HEALTH_INTERVAL: Duration = Duration::from_millis(1);
/// After a refusal, so that a broken store does not make the writers spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(2);
/// How long the tasks may take to end when the reader of the reports is gone.
const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, first, synced] = arguments.as_slice() else { return usage() };
    let Ok(first) = first.parse() else { return usage() };
    match run(backend(place), first, synced != "unsynced").await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("durability_writer: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("durability_writer sqlite:FOLDER|postgres://… FIRST_NUMBER synced|unsynced");
    ExitCode::from(2)
}

fn backend(place: &str) -> Backend {
    match place.strip_prefix("sqlite:") {
        Some(folder) => Backend::Sqlite { folder: PathBuf::from(folder) },
        None => Backend::Postgres { url: Secret::new(place.to_owned()), connections: 4 },
    }
}

async fn run(backend: Backend, first: u64, is_synced: bool) -> Result<(), Box<dyn std::error::Error>> {
    let bounds = Bounds { wal_frames_soft: WAL_FRAMES_SOFT, ..Bounds::default() };
    let config = StoreConfig { bounds, unsafe_without_fsync: !is_synced, ..StoreConfig::new(backend) };
    let store = Store::open(config, &[SLICE], Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let consumer = OutboxConsumer::register(store.clone(), CONSUMER).await?;
    let tasks = Tasks::new();
    let next = Arc::new(AtomicU64::new(first));
    if !report(&Report::Ready) {
        return Ok(());
    }
    tasks.spawn("witness", consumer.run(tasks.shutdown(), witness));
    tasks.spawn("health", watch_health(store.clone(), tasks.shutdown()));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tasks.spawn("writer", write_until_unheard(store.clone(), writer, Arc::clone(&next))))
        .collect();
    for writer in writers {
        writer.await?;
    }
    tasks.stop(PATIENCE).await;
    Ok(())
}

/// Prints a line in one write; returns whether somebody still reads.
fn report(report: &Report) -> bool {
    let line = format!("{report}\n");
    let mut output = std::io::stdout().lock();
    output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_ok()
}

async fn witness(event: Event) -> Delivery {
    if event.kind == EVENT_KIND
        && let Ok(number) = event.subject.parse()
    {
        report(&Report::Delivered(event.sequence, number));
    }
    Delivery::Delivered
}

async fn watch_health(store: Store, shutdown: Shutdown) {
    let mut was_healthy = true;
    while !shutdown.is_requested() {
        let is_healthy = store.health() == Health::Healthy;
        if is_healthy != was_healthy {
            report(&Report::Healthy(is_healthy));
            was_healthy = is_healthy;
        }
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}

/// Why a transaction ended without a commit.
enum WriteError {
    GivenUp,
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(failure: StoreError) -> Self {
        Self::Store(failure)
    }
}

async fn write_until_unheard(store: Store, writer: u64, next: Arc<AtomicU64>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let key = Key::new(format_args!("resource-{}", writer % 4), format_args!("writer-{writer}"));
        let said = match store.write(key, move |tx| write_one(tx, number)).await {
            Ok(()) => Report::Acknowledged(number),
            Err(WriteError::GivenUp) => continue,
            Err(WriteError::Store(StoreError::Unavailable { .. })) => Report::Unavailable(number),
            Err(WriteError::Store(other)) => Report::Failed(number, other.to_string().replace('\n', " ")),
        };
        if !report(&said) {
            return;
        }
        if !matches!(said, Report::Acknowledged(_)) {
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
    }
}

fn write_one(tx: &mut Tx<'_>, number: u64) -> Result<(), WriteError> {
    let insert = "INSERT INTO durability_rows (number, place, body) VALUES (?1, ?2, ?3)";
    let number_value = number.cast_signed();
    let subject = number.to_string();
    tx.emit(&NewEvent {
        resource: "",
        kind: EVENT_KIND,
        subject: &subject,
        payload: "{}",
        now: SystemClock.now(),
    })?;
    for place in 0..places_of(number) {
        if place == 1 && number.is_multiple_of(GIVEN_UP_EVERY) {
            return Err(WriteError::GivenUp);
        }
        tx.execute(insert, params![number_value, place.cast_signed(), body_of(number, place)])?;
    }
    Ok(())
}
