//! [`OutboxReader`]: reads ahead of its durable cursor, and moves that in the caller's own transactions.

use std::time::Duration;

use uuid::Uuid;

use super::{Event, steps};
use crate::config::Engine;
use crate::error::StoreError;
use crate::store::Store;
use crate::transaction::Tx;

/// A consumer whose position in memory is apart from its durable cursor: it reads on while what it read is still
/// at work, and moves the cursor when that is done, together with other rows.
///
/// On PostgreSQL one node at a time holds it; whoever lost it finds out when it moves the cursor.
#[derive(Clone)]
pub struct OutboxReader {
    store: Store,
    name: &'static str,
    /// Tells this run of the consumer from others.
    owner: Uuid,
}

impl OutboxReader {
    /// How often to call [`hold_lease`](Self::hold_lease): four times in its life, so that three may fail.
    pub const RENEW_INTERVAL: Duration = Duration::from_secs(1);

    /// The consumer `name`; a new one starts before the oldest event that is still kept.
    pub async fn register(store: Store, name: &'static str) -> Result<Self, StoreError> {
        steps::register(&store, name).await?;
        let owner = store.entropy().uuid();
        Ok(Self { store, name, owner })
    }

    /// Takes or extends the lease; returns whether this reader has it. SQLite belongs to one process: always.
    pub async fn hold_lease(&self) -> Result<bool, StoreError> {
        match self.store.engine() {
            Engine::Sqlite => Ok(true),
            Engine::Postgres => {
                steps::lease(&self.store, self.name, self.owner, self.store.clock().now()).await
            }
        }
    }

    /// Numbers what was committed (PostgreSQL), so that it can be read.
    pub async fn number_committed(&self) -> Result<(), StoreError> {
        while steps::number_committed(&self.store).await? >= u64::from(steps::ROWS_AT_ONCE) {}
        Ok(())
    }

    /// The durable cursor.
    pub fn cursor(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        steps::cursor(tx, self.name)
    }

    /// At most `limit` events after `position`, in order, with payloads of at most `bytes_max` bytes in all; at
    /// least one when there is one.
    pub fn read_after(
        &self,
        tx: &mut Tx<'_>,
        position: u64,
        limit: u32,
        bytes_max: u64,
    ) -> Result<Vec<Event>, StoreError> {
        steps::read_after(tx, position, limit, bytes_max)
    }

    /// Moves the durable cursor as part of the caller's transaction; with both the same it only checks the lease.
    ///
    /// **Errors**: [`StoreError::LeaseLost`] when another reader has the consumer or moved the cursor.
    pub fn advance_in(&self, tx: &mut Tx<'_>, from: u64, to: u64) -> Result<(), StoreError> {
        steps::advance_in(tx, self.name, self.owner, (from, to))
    }
}
