//! One task for all connections: what is due, what is over, and what was acknowledged goes to the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use trunkline_store::{Engine, Key, StoreError};
use trunkline_tasks::Shutdown;

use super::endpoint::{Claim, Endpoint};
use super::hub::Hub;
use super::window::Position;
use crate::rows::endpoints;
use crate::rows::people::numbers_in;
use crate::rows::positions::{PositionRow, store_positions};

/// How often connections are looked at: an answer is held back for a second at most.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
/// How often positions are stored: after a crash this much comes once more.
const STORE_INTERVAL: Duration = Duration::from_secs(2);
/// How often the rows of connected clients are touched: whoever was not for 90 s is away.
const TOUCH_INTERVAL: Duration = Duration::from_secs(30);
/// Where wake-ups of other nodes can be lost, every client looks into the store by itself in so many steps of this
/// length: the last net, for what neither rooms nor events tell.
const LOOK_STEP: Duration = Duration::from_secs(1);
const LOOK_STEPS: usize = 60;
/// Rows of one transaction.
const ROWS_AT_ONCE: usize = 500;

impl Hub {
    /// Looks at every connection, until the end is asked for. Waits for nothing else: answers are due in time also when
    /// the store is not there.
    pub(super) async fn sweep(self: &Arc<Self>, shutdown: &Shutdown) {
        let (mut looked_at, mut turn) = (self.now(), 0);
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            }
            let now = self.now();
            let all = self.connected.all();
            self.tick_all(&all, now);
            self.polls.tidy();
            let served = all.iter().filter(|endpoint| !endpoint.is_ending()).count();
            self.metrics.endpoints.set(i64::try_from(served).unwrap_or(i64::MAX));
            if self.has_lost.swap(false, Ordering::AcqRel) {
                self.look_everywhere();
            }
            if now.saturating_sub(looked_at) >= LOOK_STEP && self.store.engine() == Engine::Postgres {
                looked_at = now;
                turn = (turn + 1) % LOOK_STEPS;
                for endpoint in all.iter().skip(turn).step_by(LOOK_STEPS) {
                    self.look_again(endpoint);
                }
            }
        }
    }

    /// Stores positions and who is connected, until the end is asked for.
    pub(super) async fn keep_positions(self: Arc<Self>, shutdown: Shutdown) {
        let mut touched_at = self.now();
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(STORE_INTERVAL) => {}
            }
            let all = self.connected.all();
            self.store_all(&all).await;
            if self.now().saturating_sub(touched_at) >= TOUCH_INTERVAL {
                touched_at = self.now();
                self.touch_all(&all).await;
            }
        }
    }

    fn tick_all(self: &Arc<Self>, all: &[Arc<Endpoint>], now: Duration) {
        let wall = self.clock.now();
        for endpoint in all {
            if endpoint.closing().is_some() {
                // A socket's task does the same; polls have no task, and one that panicked has none any more.
                let (hub, endpoint) = (Arc::clone(self), Arc::clone(endpoint));
                self.tasks.spawn_quiet(async move { hub.leave(&endpoint).await });
            } else {
                endpoint.tick(now, wall);
            }
        }
    }

    /// Stores what clients acknowledged since the last time.
    pub(super) async fn store_all(&self, all: &[Arc<Endpoint>]) {
        let storing = self.storing.write().await;
        let mut taken: Vec<(&Arc<Endpoint>, Claim, Vec<Position>)> = Vec::new();
        for endpoint in all {
            let Some(claim) = endpoint.claim() else { continue };
            let moved = endpoint.take_moved();
            if !moved.is_empty() {
                taken.push((endpoint, claim, moved));
            }
        }
        for chunk in taken.chunks_mut(ROWS_AT_ONCE) {
            let rows: Vec<_> = chunk
                .iter()
                .flat_map(|(_, claim, moved)| moved.iter().map(|position| row_of(*claim, *position)))
                .collect();
            if let Err(cause) = self.store_rows(rows).await {
                tracing::warn!(%cause, "positions of clients are not stored yet");
                for (endpoint, _, moved) in chunk {
                    endpoint.return_moved(std::mem::take(moved));
                }
            }
        }
        drop(storing);
    }

    async fn store_rows(&self, rows: Vec<PositionRow>) -> Result<(), StoreError> {
        for chunk in rows.chunks(ROWS_AT_ONCE) {
            let chunk = chunk.to_vec();
            let key = Key::system("chat/positions");
            self.store.write(key, move |tx| store_positions(tx, &chunk)).await?;
        }
        Ok(())
    }

    /// Notes who is connected, and finds those that another node took without a word.
    async fn touch_all(self: &Arc<Self>, all: &[Arc<Endpoint>]) {
        let claimed: Vec<_> = all.iter().filter_map(|endpoint| Some((endpoint, endpoint.claim()?))).collect();
        for chunk in claimed.chunks(ROWS_AT_ONCE) {
            let claims: Vec<_> = chunk.iter().map(|(_, claim)| (claim.endpoint, claim.connection)).collect();
            let now = self.clock.now();
            let touched = self.store.write(Key::system("chat/seen"), move |tx| {
                endpoints::touch(tx, &claims, now)?;
                let numbers = numbers_in(claims.iter().map(|(endpoint, _)| *endpoint));
                let sql =
                    format!("SELECT number, connection FROM chat_endpoints WHERE number IN ({numbers})");
                let rows = tx.query_all(&sql, &[])?;
                let read =
                    |row: &trunkline_store::Row| Ok(Claim { endpoint: row.get(0)?, connection: row.get(1)? });
                rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()
            });
            match touched.await {
                Ok(rows) => self.yield_taken(chunk, &rows),
                Err(cause) => tracing::warn!(%cause, "who is connected is not noted yet"),
            }
        }
    }

    fn yield_taken(self: &Arc<Self>, claimed: &[(&Arc<Endpoint>, Claim)], rows: &[Claim]) {
        for (endpoint, claim) in claimed {
            let is_taken = |row: &&Claim| row.endpoint == claim.endpoint && row.connection > claim.connection;
            if rows.iter().any(|row| is_taken(&row)) {
                self.yield_to_other(endpoint, *claim);
            }
        }
    }
}

const fn row_of(claim: Claim, position: Position) -> PositionRow {
    PositionRow {
        endpoint: claim.endpoint,
        connection: claim.connection,
        thread: position.thread,
        change: position.change,
    }
}
