//! The steps of a job's life, each one transaction. Time is an argument, so tests need not wait.

use std::time::Duration;

use trunkline_kernel::{Entropy, Timestamp};

use super::{FINISH, Job};
use crate::config::Engine;
use crate::error::StoreError;
use crate::jobs::RetryPolicy;
use crate::key::Key;
use crate::store::Store;
use crate::transaction::Tx;
use crate::value::{Row, Value};
use crate::{JobFailure, params};

/// How long a claimed job belongs to its worker. Together with a poll each second, a dead worker's
/// jobs move on within five seconds.
pub const LEASE: Duration = Duration::from_secs(4);

/// A reason is for an operator's eyes: a few lines of it.
const REASON_CHARACTERS_MAX: usize = 1000;

const RENEW: &str = "UPDATE jobs SET ready_at = ?4 WHERE kind = ?1 AND key = ?2 AND token = ?3";
const SET_BACK: &str = "UPDATE jobs SET ready_at = ?4, token = NULL, failed_at = ?5, last_error = ?6 \
     WHERE kind = ?1 AND key = ?2 AND token = ?3";
const RELEASE: &str = "UPDATE jobs SET ready_at = ?4, token = NULL, attempts = attempts - 1 \
     WHERE kind = ?1 AND key = ?2 AND token = ?3";

/// Claims at most `limit` jobs of these kinds that are due at `now`, the longest due first.
pub async fn claim_due(
    store: &Store,
    kinds: &[&str],
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    if kinds.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let token = store.entropy().uuid();
    let sql = claim_sql(store.engine(), kinds.len());
    let mut values = params![now, limit, token, now.plus(LEASE)].to_vec();
    values.extend(kinds.iter().map(|kind| Value::from(*kind)));
    // A key of its own: claims skip each other's rows and need not wait.
    let key = Key::system(format_args!("jobs/claim/{token}"));
    let mut jobs = store
        .write(key, move |tx| {
            tx.query_all(&sql, &values)?.iter().map(Job::from_row).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    jobs.sort_by(|left, right| (left.due, &left.key).cmp(&(right.due, &right.key)));
    Ok(jobs)
}

fn claim_sql(engine: Engine, kinds: usize) -> String {
    let skip_locked = match engine {
        Engine::Sqlite => "",
        Engine::Postgres => "FOR UPDATE SKIP LOCKED",
    };
    format!(
        "WITH ready AS MATERIALIZED (SELECT kind AS ready_kind, key AS ready_key FROM jobs \
         WHERE failed_at IS NULL AND ready_at <= ?1 AND kind IN ({}) ORDER BY ready_at LIMIT ?2 {skip_locked}) \
         UPDATE jobs SET token = ?3, ready_at = ?4, attempts = attempts + 1 FROM ready \
         WHERE kind = ready_kind AND key = ready_key RETURNING {}",
        placeholders(5, kinds),
        Job::COLUMNS,
    )
}

fn placeholders(first: usize, count: usize) -> String {
    let each: Vec<String> = (first..first + count).map(|number| format!("?{number}")).collect();
    each.join(", ")
}

/// When the next of these kinds is due or its lease ends; `None` when none waits.
pub async fn next_ready(store: &Store, kinds: &[&str]) -> Result<Option<Timestamp>, StoreError> {
    if kinds.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        "SELECT min(ready_at) FROM jobs WHERE failed_at IS NULL AND kind IN ({})",
        placeholders(1, kinds.len())
    );
    let values: Vec<Value> = kinds.iter().map(|kind| Value::from(*kind)).collect();
    store.read(move |tx| tx.query_one(&sql, &values)?.get(0)).await
}

/// Extends the lease of `job`; returns whether the worker still held it.
pub async fn renew(store: &Store, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
    fenced(store, job, RENEW, params![now.plus(LEASE)]).await
}

/// Deletes a finished job; returns whether the worker still held it.
pub async fn finish(store: &Store, job: &Job) -> Result<bool, StoreError> {
    fenced(store, job, FINISH, params![]).await
}

/// Gives a job back without counting the attempt: its worker is being stopped.
pub async fn release(store: &Store, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
    fenced(store, job, RELEASE, params![now]).await
}

/// Sets a job back after a failed attempt, or aside when it failed too often; returns whether the
/// worker still held it.
pub async fn fail(
    store: &Store,
    job: &Job,
    failure: &JobFailure,
    retry: &RetryPolicy,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (reason, is_final) = match failure {
        JobFailure::Retry { reason } => (reason, job.attempt >= retry.attempts_max),
        JobFailure::Final { reason } => (reason, true),
    };
    let failed_at = is_final.then_some(now);
    let again = now.plus(pause_after(job.attempt, retry, &**store.entropy()));
    let reason: String = reason.replace('\0', " ").chars().take(REASON_CHARACTERS_MAX).collect();
    fenced(store, job, SET_BACK, params![again, failed_at, reason]).await
}

/// The pause after the `attempt`th failure: doubled each time up to a bound, of which a random part
/// between half and all is taken, so that jobs that failed together do not come back together.
fn pause_after(attempt: u32, retry: &RetryPolicy, entropy: &dyn Entropy) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let full = retry.pause_first.saturating_mul(1 << doublings).min(retry.pause_last);
    let mut byte = [0];
    entropy.fill(&mut byte);
    full / 2 + full.mul_f64(f64::from(byte[0]) / 510.0)
}

async fn fenced(store: &Store, job: &Job, sql: &'static str, more: &[Value]) -> Result<bool, StoreError> {
    let mut values = job.fence().to_vec();
    values.extend_from_slice(more);
    let key = Key::new(&job.resource, format_args!("jobs/{}/{}", job.kind, job.key));
    store.write(key, move |tx| Ok(tx.execute(sql, &values)? == 1)).await
}

/// A job that was set aside after its last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedJob {
    /// What it was to do.
    pub kind: String,
    /// Which one of its kind.
    pub key: String,
    /// The resource it belongs to.
    pub resource: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was set aside.
    pub failed_at: Timestamp,
    /// Why the last attempt failed.
    pub last_error: String,
}

/// The jobs that were set aside, the latest first, at most `limit`.
pub fn list_failed(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<FailedJob>, StoreError> {
    let sql = "SELECT kind, key, resource, attempts, failed_at, last_error FROM jobs \
               WHERE failed_at IS NOT NULL ORDER BY failed_at DESC, kind, key LIMIT ?1";
    let read = |row: &Row| {
        Ok(FailedJob {
            kind: row.get(0)?,
            key: row.get(1)?,
            resource: row.get(2)?,
            attempts: row.get(3)?,
            failed_at: row.get(4)?,
            last_error: row.get(5)?,
        })
    };
    tx.query_all(sql, params![limit])?.iter().map(read).collect()
}

/// Lets a job that was set aside start over; returns whether there was one.
pub fn retry_failed(tx: &mut Tx<'_>, kind: &str, key: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET failed_at = NULL, last_error = NULL, attempts = 0, token = NULL, ready_at = ?3 \
               WHERE kind = ?1 AND key = ?2 AND failed_at IS NOT NULL";
    Ok(tx.execute(sql, params![kind, key, now])? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_kernel::SeededEntropy;

    #[test]
    fn pauses_double_up_to_their_bound_with_jitter() {
        let retry = RetryPolicy {
            attempts_max: 9,
            pause_first: Duration::from_secs(1),
            pause_last: Duration::from_mins(1),
        };
        let entropy = SeededEntropy::new(1);
        for (attempt, full) in [(1, 1), (2, 2), (3, 4), (7, 60), (100, 60)] {
            let pause = pause_after(attempt, &retry, &entropy);
            let full = Duration::from_secs(full);
            assert!(pause >= full / 2 && pause <= full, "attempt {attempt}: {pause:?}");
        }
    }
}
