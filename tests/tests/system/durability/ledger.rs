//! [`Ledger`]: what the program said, and the comparison with what is in the database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use trunkline_kernel::{Clock as _, ManualClock, SystemClock, SystemEntropy};
use trunkline_store::outbox::Look;
use trunkline_store::{Backend, Delivery, Event, OutboxConsumer, Store, StoreConfig, StoreError, params};
use trunkline_tests::durability::{CONSUMER, Report, SLICE, body_of, places_of};

/// Longer than a killed node keeps its leases.
const LEASES_END: Duration = Duration::from_hours(1);
/// Rows read in one transaction.
const ROWS_AT_ONCE: u32 = 10_000;
/// Problems kept word for word; the rest is only counted.
const PROBLEMS_KEPT: usize = 20;

/// What the program said, over all its lives.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) acknowledged: BTreeSet<u64>,
    pub(super) unavailable: usize,
    /// Sequence to number of each event that reached the consumer.
    delivered: BTreeMap<u64, u64>,
    problems: Vec<String>,
}

/// What the comparison found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Acknowledged transactions that are gone or not whole.
    pub(super) lost: usize,
    /// Everything that is not as it should be.
    pub(super) problems: Vec<String>,
}

impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, unavailable, delivered, problems } = self;
        let (acknowledged, delivered) = (acknowledged.len(), delivered.len());
        write!(
            formatter,
            "{acknowledged} acknowledged, {unavailable} refused, {delivered} delivered, {problems:?}"
        )
    }
}

impl Ledger {
    pub(super) fn note(&mut self, report: &Report) {
        match report {
            Report::Ready | Report::Healthy(_) => {}
            Report::Acknowledged(number) => {
                self.acknowledged.insert(*number);
            }
            Report::Unavailable(_) => self.unavailable += 1,
            Report::Failed(number, reason) => {
                self.note_problem(format!("transaction {number} failed: {reason}"));
            }
            Report::Delivered(sequence, number) => self.note_delivery(*sequence, *number),
        }
    }

    pub(super) fn note_problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn note_delivery(&mut self, sequence: u64, number: u64) {
        let before = self.delivered.insert(sequence, number).unwrap_or(number);
        if before != number {
            self.note_problem(format!("sequence {sequence} was event {before} and is now {number}"));
        }
    }

    /// Opens the data as the next start of the server would and compares. The program must have ended.
    pub(super) async fn audit(mut self, backend: Backend) -> Findings {
        let clock = Arc::new(ManualClock::new(SystemClock.now().plus(LEASES_END)));
        let entropy = Arc::new(SystemEntropy);
        match Store::open(StoreConfig::new(backend.clone()), &[SLICE], clock, entropy).await {
            Err(failure) => self.note_problem(format!("the data does not open: {failure}")),
            Ok(store) => {
                if let Err(failure) = self.compare(&store).await {
                    self.note_problem(format!("the data cannot be read: {failure}"));
                }
                store.close().await;
            }
        }
        if let Backend::Sqlite { folder } = backend {
            self.check_pages(&folder);
        }
        let lost = self.problems.iter().filter(|problem| problem.starts_with("lost")).count();
        println!("{} acknowledged, {} events", self.acknowledged.len(), self.delivered.len());
        let mut problems = self.problems;
        let left_out = problems.len().saturating_sub(PROBLEMS_KEPT);
        problems.truncate(PROBLEMS_KEPT);
        if left_out > 0 {
            problems.push(format!("and {left_out} more"));
        }
        Findings { lost, problems }
    }

    /// SQLite's own check of every page and index. The store is closed.
    fn check_pages(&mut self, folder: &Path) {
        let check = || {
            let connection = Connection::open(folder.join("trunkline.db"))?;
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
        };
        let said = check().unwrap_or_else(|failure| failure.to_string());
        if said != "ok" {
            self.note_problem(format!("the database is damaged: {said}"));
        }
    }

    async fn compare(&mut self, store: &Store) -> Result<(), StoreError> {
        let whole = self.read_transactions(store).await?;
        for number in self.acknowledged.difference(&whole) {
            self.problems.push(format!("lost: acknowledged transaction {number}"));
        }
        self.drain_outbox(store).await?;
        self.compare_events(&whole);
        Ok(())
    }

    /// The numbers of the transactions in the database; notes those that are not whole.
    async fn read_transactions(&mut self, store: &Store) -> Result<BTreeSet<u64>, StoreError> {
        let mut found: BTreeMap<u64, BTreeMap<u64, String>> = BTreeMap::new();
        let (mut number, mut place) = (-1_i64, 0_i64);
        loop {
            let read = move |tx: &mut trunkline_store::Tx<'_>| {
                let sql = "SELECT number, place, body FROM durability_rows WHERE (number, place) > (?1, ?2) \
                           ORDER BY number, place LIMIT ?3";
                tx.query_all(sql, params![number, place, ROWS_AT_ONCE])
            };
            let rows = store.read(read).await?;
            let Some(last) = rows.last() else { break };
            (number, place) = (last.get(0)?, last.get(1)?);
            for row in &rows {
                found.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get(2)?);
            }
        }
        let mut whole = BTreeSet::new();
        for (number, rows) in found {
            let expected = (0..places_of(number)).map(|place| (place, body_of(number, place)));
            if rows.into_iter().eq(expected) {
                whole.insert(number);
            } else {
                self.note_problem(format!("torn: transaction {number}"));
            }
        }
        Ok(whole)
    }

    /// Hands the consumer what it has not had.
    async fn drain_outbox(&mut self, store: &Store) -> Result<(), StoreError> {
        let consumer = OutboxConsumer::register(store.clone(), CONSUMER).await?;
        let seen: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
        let copy = Arc::clone(&seen);
        let handler = move |event: Event| {
            let number = event.subject.parse().expect("every subject is a number");
            copy.lock().expect("nobody panics with it").push((event.sequence, number));
            async { Delivery::Delivered }
        };
        while consumer.look(&handler).await? != Look::Handled(0) {}
        for (sequence, number) in seen.lock().expect("nobody panics with it").drain(..) {
            self.note_delivery(sequence, number);
        }
        Ok(())
    }

    /// One event per transaction, and sequences without a gap.
    fn compare_events(&mut self, whole: &BTreeSet<u64>) {
        let delivered: BTreeSet<u64> = self.delivered.values().copied().collect();
        for number in whole.difference(&delivered) {
            self.problems.push(format!("the event of transaction {number} was never delivered"));
        }
        for number in delivered.difference(whole) {
            self.problems.push(format!("an event without its transaction {number}"));
        }
        if delivered.len() != self.delivered.len() {
            self.problems.push("a transaction has several events".to_owned());
        }
        let expected = 1..=self.delivered.len() as u64;
        if !self.delivered.keys().copied().eq(expected) {
            self.problems.push("the sequence has gaps".to_owned());
        }
    }
}

impl Findings {
    #[track_caller]
    pub(super) fn assert_none(&self) {
        assert!(self.problems.is_empty(), "{:#?}", self.problems);
    }
}
