//! The driver: one task that carries events, answers and rows between the machine and the world.
//!
//! ```text
//!  outbox ──> look ──┐                    ┌──> lanes ──> answers ─┐
//!  rows ────> load ──┼──> machine ────────┼──> write (one)        │
//!                    │                    └──> dead letters       │
//!                    └─────────────────────────────────────<──────┘
//! ```
//!
//! Everything it awaits is kept between turns, so that no turn loses anything.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use trunkline_delivery::{
    Answer, AttemptId, DeadLetter, DeadLetterId, Detail, IN_FLIGHT_MAX, Machine, Outcome, Position,
    Send as Request, SubscriptionKey, WriteId,
};
use trunkline_store::outbox::OutboxReader;
use trunkline_store::wakes::OUTBOX_TOPIC;
use trunkline_store::{Engine, Key, StoreError, WakeReceiver};
use trunkline_tasks::{Shutdown, Tasks};

use super::events::{Encoded, Publisher};
use super::lanes::{Job, Lanes, Report};
use super::loader::{self, Loaded};
use super::reader::{self, Found, READ_ROWS};
use super::snapshot::{Changes, Snapshot};
use super::writer::{self, Stored};
use super::{Ended, Start, dead_letters};
use crate::{CHANGED_TOPIC, EventsService, rows};

/// Less room than this is not worth a read.
const READ_MIN: usize = 256;
/// The longest sleep: wake-ups may be lost, and a clock may be set.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// The shortest: a machine that is due now has been asked already.
const SLEEP_MIN: Duration = Duration::from_millis(1);
/// How long requests under way may go on when the server stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How long after that what is left may be stored.
const DRAIN_WRITE_MAX: Duration = Duration::from_secs(2);
/// Answers taken in one turn, so that reads and writes get theirs.
const ANSWERS_AT_ONCE: usize = 1024;
/// Requests that may report besides those that count as under way: late ones.
const LATE_REPORTS_MAX: usize = 1024;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The driver's state.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish that one turn sets and another takes up")]
pub(super) struct Driver {
    service: Arc<EventsService>,
    publisher: Arc<Publisher>,
    machine: Machine,
    snapshot: Arc<Snapshot>,
    /// Events that the machine still needs the bytes of.
    events: BTreeMap<Position, Arc<Encoded>>,
    lanes: Lanes,
    reports: mpsc::Receiver<Report>,
    /// Everything up to here was read.
    position: u64,
    /// Where the durable cursor is.
    cursor: u64,
    is_woken: bool,
    is_changed: bool,
    has_stored: bool,
    is_draining: bool,
    reading: Option<Work<Found>>,
    writing: Option<Work<(WriteId, Option<u64>, Stored)>>,
    loads: FuturesUnordered<Work<Loaded>>,
    keeping: FuturesUnordered<Work<(DeadLetterId, bool)>>,
    chore: Option<Work<bool>>,
}

/// The wake-ups a driver listens to; they outlive it.
pub(super) struct Ears {
    outbox: WakeReceiver,
    changes: WakeReceiver,
}

impl Ears {
    pub(super) fn new(service: &EventsService) -> Self {
        let wakes = service.store.wakes();
        Self { outbox: wakes.subscribe(OUTBOX_TOPIC), changes: wakes.subscribe(CHANGED_TOPIC) }
    }
}

impl Driver {
    pub(super) fn new(service: Arc<EventsService>, tasks: Tasks, start: Start) -> Self {
        let (sender, reports) = mpsc::channel(IN_FLIGHT_MAX + LATE_REPORTS_MAX);
        Self {
            publisher: Arc::new(Publisher::new(Arc::clone(&service))),
            lanes: Lanes::new(Arc::clone(&service), tasks, sender),
            machine: start.machine,
            snapshot: Arc::new(start.snapshot),
            events: BTreeMap::new(),
            reports,
            position: start.cursor,
            cursor: start.cursor,
            is_woken: true,
            is_changed: true,
            has_stored: true,
            is_draining: false,
            reading: None,
            writing: None,
            loads: FuturesUnordered::new(),
            keeping: FuturesUnordered::new(),
            chore: None,
            service,
        }
    }

    /// Runs until the lease is lost or everything is stored after `shutdown` asked.
    pub(super) async fn run(mut self, ears: &mut Ears, shutdown: &Shutdown) -> Ended {
        let mut ticks = tokio::time::interval(OutboxReader::RENEW_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut deadline: Option<Pin<Box<tokio::time::Sleep>>> = None;
        loop {
            self.carry_out();
            if self.is_draining && self.machine.is_drained() && self.writing.is_none() {
                return Ended::Stopped;
            }
            let sleep = self.sleep();
            tokio::select! {
                () = shutdown.requested(), if !self.is_draining => {
                    self.is_draining = true;
                    self.machine.begin_drain(self.service.clock.now());
                    deadline = Some(Box::pin(tokio::time::sleep(DRAIN_MAX + DRAIN_WRITE_MAX)));
                }
                () = at(&mut deadline) => {
                    tracing::warn!("deliveries under way did not end in time; they are repeated after the start");
                    return Ended::Stopped;
                }
                Some(report) = self.reports.recv() => self.take_reports(report),
                (write, cursor, stored) = of(&mut self.writing) => {
                    if stored == Stored::LeaseLost {
                        return Ended::LeaseLost;
                    }
                    self.cursor = cursor.filter(|_| stored == Stored::Yes).unwrap_or(self.cursor);
                    self.has_stored = true;
                    self.machine.handle_stored(write, stored == Stored::Yes, self.service.clock.now());
                }
                found = of(&mut self.reading) => self.take_found(found),
                Some(loaded) = self.loads.next() => self.take_loaded(loaded),
                Some((id, is_kept)) = self.keeping.next() => {
                    self.machine.handle_dead_lettered(id, is_kept, self.service.clock.now());
                }
                holds = of(&mut self.chore) => if !holds {
                    return Ended::LeaseLost;
                },
                Some(_) = ears.outbox.next() => self.is_woken = true,
                Some(_) = ears.changes.next() => self.is_changed = true,
                _ = ticks.tick() => self.tick(),
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    fn sleep(&self) -> Duration {
        let now = self.service.clock.now();
        let due = self.machine.poll_timeout().map_or(SLEEP_MAX, |due| due.since(now));
        due.clamp(SLEEP_MIN, SLEEP_MAX)
    }

    /// Starts everything that the machine asks for.
    fn carry_out(&mut self) {
        let now = self.service.clock.now();
        while let Some(send) = self.machine.poll_send(now) {
            self.send(&send);
        }
        while let Some(load) = self.machine.poll_load(now) {
            let (service, publisher) = (Arc::clone(&self.service), Arc::clone(&self.publisher));
            self.loads.push(Box::pin(loader::load(service, publisher, load)));
        }
        if self.writing.is_none()
            && let Some(write) = self.machine.poll_write(now)
        {
            let (service, cursor) = (Arc::clone(&self.service), self.cursor);
            self.writing = Some(Box::pin(async move {
                let (id, to) = (write.id, write.cursor.map(|(_, to)| to));
                (id, to, writer::store(service, write, cursor).await)
            }));
        }
        while let Some(dead) = self.machine.poll_dead_letter(now) {
            self.keep(&dead);
        }
        while let Some(position) = self.machine.poll_release() {
            self.events.remove(&position);
        }
        self.read();
    }

    fn read(&mut self) {
        if self.reading.is_some() || self.is_draining || !(self.is_woken || self.is_changed) {
            return;
        }
        let room = self.machine.room();
        let has_room = room.events >= READ_MIN && room.bytes > 0;
        let limit = match u32::try_from(room.events) {
            _ if !has_room || !self.is_woken => 0,
            Ok(events) => events.min(READ_ROWS),
            Err(_) => READ_ROWS,
        };
        if limit == 0 && !self.is_changed {
            return;
        }
        self.is_woken &= limit == 0;
        self.is_changed = false;
        let (service, publisher) = (Arc::clone(&self.service), Arc::clone(&self.publisher));
        let look = reader::look(service, publisher, Arc::clone(&self.snapshot), self.position, limit);
        self.reading = Some(Box::pin(look));
    }

    fn send(&mut self, send: &Request) {
        let events = send.deliveries.iter().map(|delivery| self.events.get(&delivery.position).cloned());
        let events: Option<Vec<_>> = events.collect();
        let active = self.snapshot.by_key.get(&send.subscription).cloned();
        let (Some(events), Some(active)) = (events, active) else {
            tracing::error!(
                subscription = send.subscription.0,
                "a delivery has lost its event; it is tried again"
            );
            self.abort(send.attempt);
            return;
        };
        self.lanes.start(Job {
            attempt: send.attempt,
            active,
            events,
            tries: send.tries,
            may_be_late: send.may_be_late,
        });
    }

    fn abort(&mut self, attempt: AttemptId) {
        let answer = Answer::without_status(Outcome::Aborted, Duration::ZERO, Detail("the event was lost"));
        self.machine.handle_answer(attempt, answer, self.service.clock.now());
    }

    fn keep(&mut self, dead: &DeadLetter) {
        let events = dead.deliveries.iter().filter_map(|(key, row)| {
            let event = self.events.get(&key.position)?;
            Some((Arc::clone(event), *row))
        });
        let (id, events): (_, Vec<_>) = (dead.id, events.collect());
        let Some(active) = self.snapshot.by_key.get(&dead.subscription).cloned() else {
            // Deleted meanwhile: its rows go, and nobody looks for its dead letters.
            self.machine.handle_dead_lettered(id, true, self.service.clock.now());
            return;
        };
        let service = Arc::clone(&self.service);
        self.keeping.push(Box::pin(async move { (id, dead_letters::keep(service, active, events).await) }));
    }

    fn take_reports(&mut self, first: Report) {
        let now = self.service.clock.now();
        let mut next = Some(first);
        for _ in 0..ANSWERS_AT_ONCE {
            let Some(report) = next.take().or_else(|| self.reports.try_recv().ok()) else { return };
            if let Some(lane) = report.lane {
                self.lanes.put_back(lane);
            }
            self.machine.handle_answer(report.attempt, report.answer, now);
        }
    }

    fn take_found(&mut self, found: Found) {
        let now = self.service.clock.now();
        if let Some((changes, snapshot)) = found.changes {
            self.snapshot = snapshot;
            self.apply(&changes);
        }
        for (event, to) in found.events {
            let facts = event.facts();
            self.events.insert(facts.position, event);
            self.machine.handle_event(facts, &to, now);
        }
        if found.through > self.position {
            self.position = found.through;
            self.machine.handle_read(found.through, now);
        }
        self.is_woken |= found.is_more;
    }

    fn apply(&mut self, changes: &Changes) {
        let now = self.service.clock.now();
        for active in &changes.put {
            self.machine.set_subscription(active.key, active.policy, now);
        }
        for key in &changes.gone {
            self.drop_subscription(*key);
        }
        for waiting in &changes.replayed {
            let key = SubscriptionKey(waiting.subscription);
            self.machine.set_arrears(key, waiting.next_due, waiting.rows, now);
        }
        if changes.has_tombstones && self.chore.is_none() {
            self.start_chore(true);
        }
    }

    fn drop_subscription(&mut self, key: SubscriptionKey) {
        self.machine.remove_subscription(key, self.service.clock.now());
        self.lanes.remove(key);
    }

    fn take_loaded(&mut self, loaded: Loaded) {
        let now = self.service.clock.now();
        for event in loaded.events {
            self.events.entry(event.published.position).or_insert(event);
        }
        self.machine.handle_due(loaded.load.id, loaded.rows, loaded.next_due, now);
    }

    /// Once a second: the lease, what only time changes, what wake-ups may have missed, and the gauges.
    fn tick(&mut self) {
        let now = self.service.clock.now();
        self.is_woken = true;
        self.is_changed = true;
        self.lanes.sweep();
        let expired = self.snapshot.list_expired(now);
        if !expired.is_empty() {
            let gone = Changes { generation: self.snapshot.generation, gone: expired, ..Changes::default() };
            self.snapshot = Arc::new(self.snapshot.with(&gone));
            self.apply(&gone);
        }
        let stats = self.machine.stats();
        let metrics = &self.service.metrics;
        let lag = stats.low_water_published.map_or(Duration::ZERO, |published| now.since(published));
        metrics.lag_seconds.set(lag.as_secs_f64());
        metrics.window_events.set(i64::try_from(stats.window_events).unwrap_or(i64::MAX));
        metrics.pending_rows.set(i64::try_from(stats.pending_rows).unwrap_or(i64::MAX));
        metrics.sick_subscriptions.set(i64::try_from(stats.sick_subscriptions).unwrap_or(i64::MAX));
        if self.chore.is_none() {
            self.start_chore(false);
        }
    }

    /// Extends the lease, lets go of old events, and removes what waits for deleted subscriptions.
    fn start_chore(&mut self, has_tombstones: bool) {
        let moves_holder = std::mem::take(&mut self.has_stored);
        if !moves_holder && !has_tombstones && self.service.store.engine() == Engine::Sqlite {
            return;
        }
        let service = Arc::clone(&self.service);
        self.chore = Some(Box::pin(async move {
            match service.reader.hold_lease().await {
                Ok(true) => {}
                Ok(false) => return false,
                // The lease lasts some seconds; the next ticks try again, and every write checks it.
                Err(failure) => tracing::warn!(%failure, "the lease could not be extended; trying again"),
            }
            if let Err(failure) = chores(&service, moves_holder, has_tombstones).await {
                tracing::warn!(%failure, "rows that nobody needs could not be removed; they stay for now");
            }
            true
        }));
    }
}

async fn chores(service: &EventsService, moves_holder: bool, has_tombstones: bool) -> Result<(), StoreError> {
    if has_tombstones {
        service.sweep_tombstones(None).await?;
    }
    if moves_holder {
        service.store.write(Key::system("events/holder"), rows::move_holder).await?;
    }
    Ok(())
}

/// Waits for the work, if there is any, and takes it away when it is done.
async fn of<T>(work: &mut Option<Work<T>>) -> T {
    match work {
        Some(running) => {
            let done = running.await;
            *work = None;
            done
        }
        None => std::future::pending().await,
    }
}

async fn at(deadline: &mut Option<Pin<Box<tokio::time::Sleep>>>) {
    match deadline {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}
