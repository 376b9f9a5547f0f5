//! The store of the simulation. It checks the invariant of the machine at every transaction.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_delivery::{
    AttemptRow, DeadLetterReason, DeliveryKey, DueRow, EventFacts, Load, LoadPhase, Phase, SubscriptionKey,
    Write,
};
use trunkline_kernel::Timestamp;

/// An event of the outbox and who gets it.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) facts: EventFacts,
    pub(crate) to: Vec<SubscriptionKey>,
}

/// Everything that survives a crash.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) outbox: BTreeMap<u64, Vec<Outgoing>>,
    pub(crate) cursor: u64,
    pub(crate) rows: BTreeMap<DeliveryKey, DueRow>,
    // The index of the rows, as the real table has it.
    by_due: BTreeSet<(SubscriptionKey, bool, Timestamp, DeliveryKey)>,
    pub(crate) log: Vec<AttemptRow>,
    pub(crate) dropped: BTreeMap<DeliveryKey, DeadLetterReason>,
    /// What endpoints answered with success; not stored, but it is what must not be sent in vain.
    pub(crate) accepted: BTreeSet<DeliveryKey>,
    /// What was written to the dead-letter place, and when.
    pub(crate) dead: Vec<(Timestamp, DeliveryKey, DueRow)>,
    pub(crate) dead_keys: BTreeSet<DeliveryKey>,
    pub(crate) removed: BTreeSet<SubscriptionKey>,
    pub(crate) writes: u64,
}

fn index_of(key: DeliveryKey, row: &DueRow) -> (SubscriptionKey, bool, Timestamp, DeliveryKey) {
    (key.subscription, matches!(row.phase, Phase::DeadLetter { .. }), row.due, key)
}

impl Store {
    /// One transaction.
    pub(crate) fn apply(&mut self, write: &Write) {
        self.writes += 1;
        for &(key, row) in &write.upsert {
            if !self.removed.contains(&key.subscription) {
                self.put(key, row);
            }
        }
        let deleted: BTreeSet<_> = write.delete.iter().copied().collect();
        assert!(write.upsert.iter().all(|(key, _)| !deleted.contains(key)), "a key is upserted and deleted");
        self.log.extend(write.attempts.iter().cloned());
        self.dropped.extend(write.dropped.iter().copied());
        for &key in &write.delete {
            self.remove_row(key);
            self.assert_settled(key);
        }
        if let Some((from, to)) = write.cursor {
            assert_eq!(self.cursor, from, "the cursor moves from where it is");
            assert!(to > from, "the cursor moves forward");
            self.cursor = to;
            let passed: Vec<_> =
                self.outbox.range(from + 1..=to).flat_map(|(_, events)| events).cloned().collect();
            for event in passed {
                for subscription in event.to {
                    self.assert_settled(DeliveryKey { subscription, position: event.facts.position });
                }
            }
        }
    }

    /// Inserts or replaces a row.
    pub(crate) fn put(&mut self, key: DeliveryKey, row: DueRow) {
        self.remove_row(key);
        self.by_due.insert(index_of(key, &row));
        self.rows.insert(key, row);
    }

    fn remove_row(&mut self, key: DeliveryKey) {
        if let Some(row) = self.rows.remove(&key) {
            self.by_due.remove(&index_of(key, &row));
        }
    }

    /// The deletion of a subscription with its rows.
    pub(crate) fn remove_subscription(&mut self, subscription: SubscriptionKey) {
        self.removed.insert(subscription);
        let keys: Vec<_> = self.rows.keys().filter(|key| key.subscription == subscription).copied().collect();
        for key in keys {
            self.remove_row(key);
        }
    }

    /// Delivered, given up by the contract, or a row: the promise.
    fn assert_settled(&self, key: DeliveryKey) {
        let is_settled = self.rows.contains_key(&key)
            || self.accepted.contains(&key)
            || self.dead_keys.contains(&key)
            || self.dropped.contains_key(&key)
            || self.removed.contains(&key.subscription);
        assert!(is_settled, "lost: {key:?}");
    }

    /// A read of due rows.
    pub(crate) fn load(&self, load: &Load) -> (Vec<DueRow>, Option<Timestamp>) {
        let is_dead = load.phase == LoadPhase::DeadLetter;
        let rows = self
            .by_due
            .range(
                (load.subscription, is_dead, Timestamp::from_micros(i64::MIN), lowest(load.subscription))..,
            )
            .take_while(|(subscription, dead, ..)| *subscription == load.subscription && *dead == is_dead)
            .filter(|(_, _, due, key)| load.after.is_none_or(|after| (*due, key.position) > after));
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for (_, _, due, key) in rows {
            let row = self.rows[key];
            bytes += usize::try_from(row.event.size_bytes).expect("a size fits");
            let fits = taken.is_empty() || (taken.len() < load.limit && bytes <= load.bytes_max);
            if *due > load.due_through || !fits {
                return (taken, Some(*due));
            }
            taken.push(row);
        }
        (taken, None)
    }

    /// What a machine is told at start about one subscription.
    pub(crate) fn arrears(&self, subscription: SubscriptionKey) -> (Option<Timestamp>, u64) {
        let rows = || self.rows.iter().filter(move |(key, _)| key.subscription == subscription);
        (rows().map(|(_, row)| row.due).min(), rows().count() as u64)
    }
}

fn lowest(subscription: SubscriptionKey) -> DeliveryKey {
    DeliveryKey { subscription, position: trunkline_delivery::Position::default() }
}
