//! A shard: orders the changes of its threads and pushes them to whoever is connected.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_kernel::Timestamp;
use trunkline_store::{Engine, StoreError};
use trunkline_tasks::Shutdown;

use super::endpoint::{Endpoint, Pushed};
use super::hub::{Hub, Rooms};
use super::reading::{self, gets};
use super::room::{Next, Room};
use crate::changes::Committed;
use crate::notify::{self, Notification, Reaction, ThreadFacts, Typing};
use crate::rows::people::numbers_in;
use crate::rows::positions::{RecipientRow, list_recipients};
use crate::rows::{PersonNumber, ThreadNumber, threads};

/// Signals handled before rooms are looked at.
const SIGNALS_AT_ONCE: usize = 256;
/// How often waiting rooms are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// How often idle rooms are closed, and the store is asked for changes that nobody told.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);
/// A room without activity is closed after this time.
const ROOM_IDLE: Duration = Duration::from_mins(10);
/// Rooms of one shard: 50,000 on a node, each about 1 KB and its members.
const ROOMS_MAX: usize = 12_500;
/// Changes read at once.
const READ_MAX: u32 = 100;
/// How far a new room looks back, in changes: what was committed while its first wake-up was on the way here.
const LOOK_BACK: i64 = 50;
/// When all of those are younger than this there may be more, and every client of the thread looks for itself.
const BUSY_WITHIN: Duration = Duration::from_secs(10);
/// After a read failed.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Typing notifications of one thread in a second; more say nothing new.
const TYPING_MAX: u32 = 10;
/// Threads asked about in one statement.
const LOOK_AT_ONCE: usize = 500;

/// What a shard is told.
pub(super) enum Signal {
    /// A change with all there is to know of it.
    Committed(Committed),
    /// A change happened, here or on another node.
    Heard(ThreadNumber, i64),
    /// Somebody types.
    Typing(Typing),
    /// A reaction came or went.
    Reaction(Reaction),
}

/// A thread with activity.
struct Active {
    room: Room,
    recipients: Option<Recipients>,
    /// With which clients and members nobody of the thread was connected here.
    empty_at: Option<(u64, i64)>,
    used_at: Duration,
    typed_since: Duration,
    typed: u32,
}

/// Who gets what happens in a thread.
struct Recipients {
    version: i64,
    thread_id: Arc<str>,
    member_count: u32,
    rows: Vec<RecipientRow>,
}

struct Shard {
    hub: Arc<Hub>,
    rooms: Rooms<Active>,
    /// Rooms with something to do.
    busy: HashSet<ThreadNumber>,
    emptied: u64,
}

/// Runs one shard.
pub(super) async fn run(hub: Arc<Hub>, mut signals: mpsc::Receiver<Signal>, shutdown: Shutdown) {
    let mut shard = Shard { hub, rooms: Rooms::new(), busy: HashSet::new(), emptied: 0 };
    let mut tidied_at = shard.hub.now();
    let mut batch = Vec::new();
    loop {
        let patience = if shard.busy.is_empty() { TIDY_INTERVAL } else { LOOK_INTERVAL };
        tokio::select! {
            () = shutdown.requested() => return,
            count = signals.recv_many(&mut batch, SIGNALS_AT_ONCE) => if count == 0 { return },
            () = tokio::time::sleep(patience) => {}
        }
        shard.forget_what_nobody_told();
        for signal in batch.drain(..) {
            shard.take(signal).await;
        }
        shard.advance().await;
        let now = shard.hub.now();
        if now.saturating_sub(tidied_at) >= TIDY_INTERVAL {
            tidied_at = now;
            shard.tidy(now).await;
        }
    }
}

impl Shard {
    /// While nobody is connected, nobody tells of changes either: what rooms know is then too old.
    fn forget_what_nobody_told(&mut self) {
        let emptied = self.hub.emptied.load(Ordering::Acquire);
        if emptied != self.emptied {
            self.emptied = emptied;
            self.rooms.clear();
            self.busy.clear();
        }
    }

    async fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Committed(committed) => {
                let (thread, change) = (committed.thread, committed.change);
                self.hear(thread, change, Some(committed));
            }
            Signal::Heard(thread, change) => self.hear(thread, change, None),
            Signal::Typing(typing) => self.tell_typing(&typing).await,
            Signal::Reaction(reaction) => self.tell_reaction(&reaction).await,
        }
    }

    fn hear(&mut self, thread: ThreadNumber, change: i64, committed: Option<Committed>) {
        let now = self.hub.now();
        let active = self.rooms.entry(thread).or_insert_with(|| Active::new(now));
        active.used_at = now;
        if active.room.hear(change, committed) {
            self.busy.insert(thread);
        }
    }

    async fn advance(&mut self) {
        let busy: Vec<_> = self.busy.iter().copied().collect();
        for thread in busy {
            while self.step(thread).await {}
        }
    }

    /// Does the next thing in a room; `false` when there is nothing to do now.
    async fn step(&mut self, thread: ThreadNumber) -> bool {
        let now = self.hub.now();
        let Some(active) = self.rooms.get_mut(&thread) else {
            self.busy.remove(&thread);
            return false;
        };
        match active.room.next(now) {
            Next::Idle => {
                self.busy.remove(&thread);
                false
            }
            Next::Wait(_) => false,
            Next::Open { up_to } => self.open(thread, up_to).await,
            Next::Deliver(committed) => self.deliver(committed).await,
            Next::Read { after, up_to } => self.read(thread, (after, up_to)).await,
        }
    }

    /// Tells what happened lately in a thread that was quiet here. Whoever was told already leaves it out.
    async fn open(&mut self, thread: ThreadNumber, up_to: i64) -> bool {
        let generation = self.hub.connected.generation();
        let after = (up_to - 1 - LOOK_BACK).max(0);
        let found = match load_recipients(&self.hub, thread, after + 1, None).await {
            Ok(found) => found,
            Err(cause) => return self.put_off(thread, &cause),
        };
        let is_here = |row: &RecipientRow| is_connected(&self.hub, row.person);
        let is_anybody = found.as_ref().is_some_and(|found| found.rows.iter().any(is_here));
        let Some(active) = self.rooms.get_mut(&thread) else { return false };
        active.empty_at =
            found.as_ref().filter(|_| !is_anybody).map(|recipients| (generation, recipients.version));
        active.recipients = found;
        if !is_anybody {
            active.room.told_up_to(up_to);
            return true;
        }
        let young = self.hub.clock.now().minus(BUSY_WITHIN);
        match self.read_told(thread, (after, up_to)).await {
            Ok(oldest) if after > 0 && oldest.is_some_and(|oldest| oldest >= young) => self.look(thread),
            Ok(_) => {}
            Err(cause) => return self.put_off(thread, &cause),
        }
        true
    }

    /// Lets every client of a thread read from the store what it may have missed.
    fn look(&self, thread: ThreadNumber) {
        let mut all = Vec::new();
        let recipients = self.rooms.get(&thread).and_then(|active| active.recipients.as_ref());
        for row in recipients.iter().flat_map(|recipients| &recipients.rows) {
            self.hub.connected.each_of(row.person, |endpoint| all.push(Arc::clone(endpoint)));
        }
        for endpoint in all {
            self.hub.look_again(&endpoint);
        }
    }

    async fn deliver(&mut self, committed: Committed) -> bool {
        let thread = committed.thread;
        let delivered = self.try_deliver(&committed).await;
        if let Err(cause) = delivered {
            tracing::warn!(%cause, "a change cannot be told yet");
            let due = self.hub.now() + RETRY_AFTER;
            if let Some(active) = self.rooms.get_mut(&thread) {
                active.room.put_back(committed, due);
            }
            return false;
        }
        true
    }

    async fn try_deliver(&mut self, committed: &Committed) -> Result<(), StoreError> {
        let (thread, change) = (committed.thread, committed.change);
        if !self.prepare(thread, change, committed.members_version).await? {
            return Ok(());
        }
        let facts = if notify::needs_facts(&committed.what) {
            let wanted = committed.clone();
            self.hub.store.read(move |tx| reading::load_facts(tx, &wanted)).await?
        } else {
            self.light_facts(thread)
        };
        if let Some(facts) = facts {
            let notifications = notify::encode(committed, &facts, change - 1);
            self.tell(thread, &notifications);
        }
        Ok(())
    }

    async fn read(&mut self, thread: ThreadNumber, between: (i64, i64)) -> bool {
        self.hub.metrics.gap_reads.inc();
        match self.read_told(thread, between).await {
            Ok(_) => true,
            Err(cause) => self.put_off(thread, &cause),
        }
    }

    /// Reads changes after one and up to another, and tells of them; returns when the first of them was made.
    async fn read_told(
        &mut self,
        thread: ThreadNumber,
        (after, up_to): (i64, i64),
    ) -> Result<Option<Timestamp>, StoreError> {
        let told =
            self.hub.store.read(move |tx| reading::load_told(tx, thread, (after, after), READ_MAX)).await?;
        let oldest = told.first().map(|told| told.at);
        let is_all = told.len() < READ_MAX as usize;
        // What was committed when it was read is told, more than was asked for too.
        let last =
            told.last().map_or(up_to, |told| if is_all { told.change.max(up_to) } else { told.change });
        for told in &told {
            if self.prepare(thread, told.change, told.members_version).await? {
                self.tell(thread, &told.notifications);
            }
            if let Some(active) = self.rooms.get_mut(&thread) {
                active.room.told_up_to(told.change);
            }
        }
        if let Some(active) = self.rooms.get_mut(&thread) {
            active.room.told_up_to(last);
        }
        Ok(oldest)
    }

    fn put_off(&mut self, thread: ThreadNumber, cause: &StoreError) -> bool {
        tracing::warn!(%cause, "changes cannot be read yet");
        let due = self.hub.now() + RETRY_AFTER;
        if let Some(active) = self.rooms.get_mut(&thread) {
            active.room.rest_until(due);
        }
        false
    }

    /// Makes sure that the recipients of a change are known; `false` when none of them is connected here.
    async fn prepare(&mut self, thread: ThreadNumber, change: i64, version: i64) -> Result<bool, StoreError> {
        let generation = self.hub.connected.generation();
        let Some(active) = self.rooms.get_mut(&thread) else { return Ok(false) };
        if active.empty_at == Some((generation, version)) {
            return Ok(false);
        }
        if active.recipients.as_ref().is_none_or(|recipients| recipients.version != version) {
            active.recipients = load_recipients(&self.hub, thread, change, Some(version)).await?;
        }
        let is_here = |row: &RecipientRow| is_connected(&self.hub, row.person);
        let is_anybody = active.recipients.as_ref().is_some_and(|all| all.rows.iter().any(is_here));
        active.empty_at = (!is_anybody).then_some((generation, version));
        Ok(is_anybody)
    }

    fn light_facts(&self, thread: ThreadNumber) -> Option<ThreadFacts> {
        let recipients = self.rooms.get(&thread)?.recipients.as_ref()?;
        Some(ThreadFacts {
            id: Arc::clone(&recipients.thread_id),
            properties: None,
            members: Vec::new(),
            member_count: recipients.member_count,
        })
    }

    /// Pushes notifications to every recipient that is connected here.
    fn tell(&self, thread: ThreadNumber, notifications: &[Arc<Notification>]) {
        let Some(recipients) = self.rooms.get(&thread).and_then(|active| active.recipients.as_ref()) else {
            return;
        };
        let (mut queued, mut skipped) = (0, 0);
        let mut behind: Vec<Arc<Endpoint>> = Vec::new();
        for row in &recipients.rows {
            self.hub.connected.each_of(row.person, |endpoint| {
                let wanted = notifications.iter().filter(|notification| gets(row, notification));
                match endpoint.push(wanted) {
                    Pushed::Queued(count) => queued += count,
                    Pushed::Skipped => skipped += 1,
                    Pushed::FellBehind => behind.push(Arc::clone(endpoint)),
                }
            });
        }
        let metrics = &self.hub.metrics;
        metrics.delivered("queued", queued);
        metrics.delivered("skipped", skipped);
        if let Some(last) = notifications.last() {
            metrics.told_after(self.hub.clock.now().since(last.at));
        }
        for endpoint in behind {
            metrics.queue_behind.inc();
            self.hub.tasks.spawn_quiet(Arc::clone(&self.hub).catch_up(endpoint));
        }
    }

    async fn tell_typing(&mut self, typing: &Typing) {
        let now = self.hub.now();
        let active = self.rooms.entry(typing.thread).or_insert_with(|| Active::new(now));
        if now.saturating_sub(active.typed_since) >= Duration::from_secs(1) {
            (active.typed_since, active.typed) = (now, 0);
        }
        active.typed += 1;
        if active.typed <= TYPING_MAX
            && let Some(id) = self.prepare_fleeting(typing.thread).await
        {
            let notification = Arc::new(notify::encode_typing(typing, &id));
            self.tell(typing.thread, &[notification]);
        }
    }

    async fn tell_reaction(&mut self, reaction: &Reaction) {
        let now = self.hub.now();
        self.rooms.entry(reaction.thread).or_insert_with(|| Active::new(now));
        if let Some(id) = self.prepare_fleeting(reaction.thread).await {
            let notification = Arc::new(notify::encode_reaction(reaction, &id));
            self.tell(reaction.thread, &[notification]);
        }
    }

    /// The thread's id, when somebody of it is connected here. Members are those of the last change that was told.
    async fn prepare_fleeting(&mut self, thread: ThreadNumber) -> Option<Arc<str>> {
        let active = self.rooms.get(&thread)?;
        let version = active.recipients.as_ref().map_or(0, |recipients| recipients.version);
        let change = active.room.delivered().unwrap_or(i64::MAX);
        match self.prepare(thread, change, version).await {
            Ok(true) => Some(Arc::clone(&self.rooms.get(&thread)?.recipients.as_ref()?.thread_id)),
            Ok(false) => None,
            Err(cause) => {
                tracing::debug!(%cause, "a fleeting notification is dropped");
                None
            }
        }
    }

    async fn tidy(&mut self, now: Duration) {
        let busy = &self.busy;
        let is_in_use = |thread: &ThreadNumber, active: &mut Active| {
            busy.contains(thread) || now.saturating_sub(active.used_at) < ROOM_IDLE
        };
        self.rooms.retain(is_in_use);
        if self.rooms.len() > ROOMS_MAX {
            let mut ages: Vec<_> = self.rooms.values().map(|active| active.used_at).collect();
            let middle = ages.len() / 2;
            let (_, median, _) = ages.select_nth_unstable(middle);
            let median = *median;
            self.rooms.retain(|thread, active| self.busy.contains(thread) || active.used_at > median);
        }
        self.hub.metrics.rooms.set(i64::try_from(self.rooms.len()).unwrap_or(i64::MAX));
        // One process hears of each of its commits; only wake-ups of other nodes can be lost.
        if self.hub.store.engine() == Engine::Postgres {
            self.ask_for_changes().await;
        }
    }

    /// Asks the store for the last change of each thread with somebody here.
    async fn ask_for_changes(&mut self) {
        let watched: Vec<i64> = self
            .rooms
            .iter()
            .filter(|(_, active)| active.empty_at.is_none() && active.room.delivered().is_some())
            .map(|(thread, _)| thread.0)
            .collect();
        for chunk in watched.chunks(LOOK_AT_ONCE) {
            let numbers = numbers_in(chunk.iter().copied());
            let sql = format!("SELECT number, last_change FROM chat_threads WHERE number IN ({numbers})");
            let read = self.hub.store.read(move |tx| {
                let rows = tx.query_all(&sql, &[])?;
                rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, StoreError>>()
            });
            let Ok(rows) = read.await else { return };
            for (thread, change) in rows {
                let told = self.rooms.get(&thread).and_then(|active| active.room.delivered());
                if told.is_some_and(|told| change > told) {
                    self.hear(thread, change, None);
                }
            }
        }
    }
}

impl Active {
    fn new(now: Duration) -> Self {
        Self {
            room: Room::default(),
            recipients: None,
            empty_at: None,
            used_at: now,
            typed_since: now,
            typed: 0,
        }
    }
}

fn is_connected(hub: &Hub, person: PersonNumber) -> bool {
    let mut is_any = false;
    hub.connected.each_of(person, |_| is_any = true);
    is_any
}

/// Who gets the changes of a thread from `change` on, by a version of its members or by that of now; `None` when the
/// thread is gone.
async fn load_recipients(
    hub: &Hub,
    thread: ThreadNumber,
    change: i64,
    version: Option<i64>,
) -> Result<Option<Recipients>, StoreError> {
    let read = hub.store.read(move |tx| {
        let view = threads::load_view_by_number(tx, thread, PersonNumber::NOBODY)?;
        Ok::<_, StoreError>(view.zip(Some(list_recipients(tx, thread, change)?)))
    });
    Ok(read.await?.map(|(view, rows)| Recipients {
        version: version.unwrap_or(view.members_version),
        thread_id: view.id,
        member_count: view.member_count,
        rows,
    }))
}
