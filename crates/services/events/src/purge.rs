//! What goes with time: old log lines, expired subscriptions, and what waits for deleted ones.

use std::time::Duration;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Key, StoreError, Tx, params};

use crate::error::EventsError;
use crate::rows::{self, Scope};
use crate::{EventsService, changes};

/// Rows deleted in one transaction: some milliseconds.
const ROWS_AT_ONCE: u32 = 1000;
/// Transactions of one purge of the log; the next one goes on.
const LOG_CHUNKS_MAX: u32 = 2000;
/// Subscriptions looked at in one transaction.
const SUBSCRIPTIONS_AT_ONCE: u32 = 100;
/// Tombstones younger than this are left to whoever delivers, which must see them first.
const TOMBSTONE_AGE_MIN: Duration = Duration::from_hours(1);

impl EventsService {
    /// Removes old log lines, subscriptions that have expired, and what is left of deleted ones. Hourly.
    pub async fn purge(&self) -> Result<(), EventsError> {
        let (oldest, rows_max) =
            (self.clock.now().minus(self.settings.log_age_max), self.settings.log_rows_max);
        for _ in 0..LOG_CHUNKS_MAX {
            let purge = move |tx: &mut Tx<'_>| rows::purge_attempts(tx, oldest, rows_max, ROWS_AT_ONCE);
            if self.store.write(Key::system("events/log"), purge).await? < u64::from(ROWS_AT_ONCE) {
                break;
            }
        }
        while self.bury_expired().await? {}
        let seen_by_all = self.clock.now().minus(TOMBSTONE_AGE_MIN);
        Ok(self.sweep_tombstones(Some(seen_by_all)).await?)
    }

    /// Buries one chunk of expired subscriptions; returns whether there may be more.
    async fn bury_expired(&self) -> Result<bool, EventsError> {
        let now = self.clock.now();
        let bury = move |tx: &mut Tx<'_>| -> Result<bool, EventsError> {
            let sql = "SELECT number FROM events_subscriptions WHERE expires_at <= ?1 AND state <> 'Deleting' LIMIT ?2";
            let expired = tx.query_all(sql, params![now, SUBSCRIPTIONS_AT_ONCE])?;
            for row in &expired {
                if let Some(mut subscription) = rows::find_subscription_by_number(tx, row.get(0)?)? {
                    changes::bury(tx, &mut subscription, now)?;
                }
            }
            Ok(expired.len() == SUBSCRIPTIONS_AT_ONCE as usize)
        };
        self.store.write(changes::lock(), bury).await
    }

    /// Deletes what waits for deleted subscriptions, and then their tombstones; only those deleted before
    /// `before`, if given.
    pub(crate) async fn sweep_tombstones(&self, before: Option<Timestamp>) -> Result<(), StoreError> {
        let before = before.map_or(i64::MAX, Timestamp::as_micros);
        let list = move |tx: &mut Tx<'_>| -> Result<Vec<i64>, StoreError> {
            let sql = "SELECT number FROM events_subscriptions WHERE state = 'Deleting' AND updated_at < ?1";
            tx.query_all(sql, params![before])?.iter().map(|row| row.get(0)).collect()
        };
        for number in self.store.read(list).await? {
            let sweep = move |tx: &mut Tx<'_>| -> Result<bool, StoreError> {
                let deleted = rows::delete_pending_chunk(tx, number, ROWS_AT_ONCE)?;
                rows::delete_tombstone(tx, number)?;
                Ok(deleted == u64::from(ROWS_AT_ONCE))
            };
            while self.store.write(Key::system("events/cursor"), sweep).await? {}
        }
        Ok(())
    }

    /// Buries every subscription that a deleted resource had at `until`, with its system topic, and deletes its
    /// dead letters. What a resource made again with the same id got since stays.
    pub async fn forget_resource(&self, resource: ResourceId, until: Timestamp) -> Result<(), EventsError> {
        let now = self.clock.now();
        let bury = move |tx: &mut Tx<'_>| -> Result<bool, EventsError> {
            let sql = "SELECT number FROM events_subscriptions
                       WHERE resource_id = ?1 AND state <> 'Deleting' AND created_at <= ?3 ORDER BY number LIMIT ?2";
            let left = tx.query_all(sql, params![resource, SUBSCRIPTIONS_AT_ONCE, until])?;
            for row in &left {
                if let Some(mut subscription) = rows::find_subscription_by_number(tx, row.get(0)?)? {
                    changes::bury(tx, &mut subscription, now)?;
                }
            }
            let topics = "DELETE FROM events_system_topics WHERE resource_id = ?1 AND created_at <= ?2";
            tx.execute(topics, params![resource, until])?;
            Ok(left.len() == SUBSCRIPTIONS_AT_ONCE as usize)
        };
        while self.store.write(changes::lock(), bury).await? {}
        let forget =
            move |tx: &mut Tx<'_>| rows::purge_dead_letters(tx, resource, until, SUBSCRIPTIONS_AT_ONCE);
        loop {
            let blobs = self.store.write(Key::new(resource, "events/dead-letters"), forget).await?;
            if blobs.is_empty() {
                return Ok(());
            }
            for blob in blobs {
                // A blob that stays behind is found by nobody and costs only its place.
                if let Err(failure) = self.blobs.delete(&blob).await {
                    tracing::warn!(%failure, "a dead-letter blob of a deleted resource stays behind");
                }
            }
        }
    }

    /// Seals every address and secret header again under the newest master key; returns how many.
    pub async fn reseal(&self) -> Result<u64, EventsError> {
        let (mut resealed, mut after) = (0, None);
        loop {
            let from = after.clone();
            let page = self
                .store
                .read(move |tx| {
                    rows::list_subscriptions(tx, Scope::All, from.as_ref(), SUBSCRIPTIONS_AT_ONCE)
                })
                .await?;
            let Some(last) = page.last() else { return Ok(resealed) };
            after = Some(last.page_key());
            for row in page {
                let (vault, number) = (self.vault.clone(), row.subscription.number);
                let again = move |tx: &mut Tx<'_>| -> Result<u64, EventsError> {
                    let Some(mut row) = rows::find_subscription_by_number(tx, number)? else { return Ok(0) };
                    let purpose = rows::purpose(number);
                    row.sealed = vault.seal(&purpose, vault.open(&purpose, &row.sealed)?.expose());
                    if let Some(proposal) = &mut row.proposal {
                        proposal.sealed =
                            vault.seal(&purpose, vault.open(&purpose, &proposal.sealed)?.expose());
                    }
                    rows::replace_subscription(tx, &row)?;
                    Ok(1)
                };
                resealed += self.store.write(changes::lock(), again).await?;
            }
        }
    }
}
