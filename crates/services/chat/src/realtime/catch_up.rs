//! Catching up: what a client missed is read from the store, thread by thread, before it goes live.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::Timestamp;
use trunkline_store::StoreError;

use super::endpoint::{Endpoint, NEWS_AGE};
use super::hub::Hub;
use super::reading::{self, Told, gets};
use crate::notify::Notification;
use crate::rows::positions::{ChangedRow, RecipientRow, list_changed};
use crate::rows::{PersonNumber, ThreadNumber};

/// Threads looked at for one client; the last changed ones.
const THREADS_MAX: u32 = 1000;
/// Changes read at once, at first and at most; as many as lately went into the bound of bytes.
const PAGE: u32 = 100;
const PAGE_MIN: u32 = 10;
/// What was read waits for the client in memory, up to this many bytes: thousands may come back at once, to large texts.
const PAGE_BYTES_MAX: usize = 256 * 1024;
/// How often is looked whether a page was sent; who waits for the same may have taken the word of it.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// After the store failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A part of a thread that a client missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missed {
    thread: ThreadNumber,
    recipient: RecipientRow,
    /// What the client knows.
    known: i64,
    /// Where reading starts: later, when there is too much.
    after: i64,
    /// Where it ends, at least.
    last: i64,
    /// Changes before this are not told.
    not_before: Timestamp,
    /// Messages sent before this are not told as sent.
    not_sent_before: Timestamp,
}

/// What a client is to be told, and up to where it knows the threads of which it is told nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    missed: Vec<Missed>,
    known: Vec<(ThreadNumber, i64)>,
}

impl Hub {
    /// Sends a client what it missed and lets it go live; until then what happens waits in its queue.
    pub(super) async fn catch_up(self: Arc<Self>, endpoint: Arc<Endpoint>) {
        loop {
            let Some(told) = endpoint.start_catching_up() else { return };
            match self.catch_up_once(&endpoint, &told).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(cause) => {
                    tracing::warn!(%cause, "what a client missed cannot be read yet");
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
            }
            if endpoint.go_live() {
                return;
            }
        }
    }

    /// `false` when the connection is over.
    async fn catch_up_once(
        &self,
        endpoint: &Arc<Endpoint>,
        told: &HashMap<ThreadNumber, i64>,
    ) -> Result<bool, StoreError> {
        let plan = self.plan(endpoint, told).await?;
        for (thread, change) in plan.known {
            endpoint.know(thread, change);
        }
        for missed in plan.missed {
            let (mut after, mut limit) = (missed.after, PAGE);
            loop {
                let (told, is_last) = self.read_page(missed, after, limit).await?;
                limit = u32::try_from(told.len() * 2).unwrap_or(PAGE).clamp(PAGE_MIN, PAGE);
                after = told.last().map_or(after, |last| last.change);
                if is_last {
                    // The last ones may have left nothing to tell.
                    after = after.max(missed.last);
                }
                endpoint.know(missed.thread, after);
                let wanted = select(&missed, &told);
                self.metrics.resume_changes.inc_by(wanted.len() as u64);
                if !endpoint.extend_backlog(wanted) || !wait_sent(endpoint).await {
                    return Ok(false);
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// The next changes, as many as may wait in memory, and whether they are the last ones.
    async fn read_page(
        &self,
        missed: Missed,
        after: i64,
        limit: u32,
    ) -> Result<(Vec<Told>, bool), StoreError> {
        let _turn = self.catch_ups.acquire().await.expect("the semaphore is never closed");
        let known = missed.known;
        let read =
            self.store.read(move |tx| reading::load_told(tx, missed.thread, (after, known), limit)).await;
        let mut told: Vec<Told> = read?;
        let is_last = told.len() < limit as usize;
        let fitting = count_fitting(told.iter().map(Told::size_bytes));
        let is_cut = fitting < told.len();
        told.truncate(fitting);
        told.shrink_to_fit();
        Ok((told, is_last && !is_cut))
    }

    async fn plan(
        &self,
        endpoint: &Arc<Endpoint>,
        told: &HashMap<ThreadNumber, i64>,
    ) -> Result<Plan, StoreError> {
        let Some(claim) = endpoint.claim() else { return Ok(Plan::default()) };
        let _turn = self.catch_ups.acquire().await.expect("the semaphore is never closed");
        let (person, number) = (endpoint.identity.person, claim.endpoint);
        let now = self.clock.now();
        let bounds = Bounds {
            oldest: now.minus(self.settings.resume_age),
            first_seen: endpoint.known_since().minus(NEWS_AGE),
            changes_max: self.settings.resume_changes_max,
        };
        // Of every thread that changed since then the client knows its place in the end.
        let news_since = now.minus(NEWS_AGE);
        let since = bounds.oldest.min(news_since);
        let read = self.store.read(move |tx| list_changed(tx, person, number, since, THREADS_MAX));
        let rows = read.await?;
        endpoint.expect_news_since(news_since);
        Ok(plan(person, rows.iter().map(|row| (*row, told.get(&row.thread).copied())), &bounds))
    }
}

struct Bounds {
    oldest: Timestamp,
    /// What is older happened before the client was there.
    first_seen: Timestamp,
    changes_max: u32,
}

/// What to read, the thread that changed last at the end. Beyond the bound the oldest changes are left out.
fn plan(
    person: PersonNumber,
    rows: impl Iterator<Item = (ChangedRow, Option<i64>)>,
    bounds: &Bounds,
) -> Plan {
    let mut left = i64::from(bounds.changes_max);
    let mut plan = Plan::default();
    for (row, told) in rows {
        let known = row.position.max(told);
        // Without a place, everything in it is older than the client, or the person was added since.
        let is_first = known.is_none();
        let known = known.unwrap_or(0).max(row.added_change - 1);
        let last = row.last_change.min(row.removed_change.unwrap_or(i64::MAX));
        let missing = last - known;
        if missing <= 0 || left <= 0 || row.changed_at < bounds.oldest {
            plan.known.push((row.thread, last.max(known)));
            continue;
        }
        let not_sent_before = if is_first { bounds.first_seen } else { Timestamp::EPOCH };
        let after = known.max(last - left);
        // A thread that the client never heard of can be long, and nearly all of it too old to count.
        left -= if is_first { 0 } else { missing.min(left) };
        let ChangedRow { share_history_at, added_change, removed_change, .. } = row;
        plan.missed.push(Missed {
            thread: row.thread,
            recipient: RecipientRow { person, share_history_at, added_change, removed_change },
            known,
            after,
            last,
            not_before: bounds.oldest.max(not_sent_before),
            not_sent_before,
        });
    }
    plan.missed.reverse();
    plan
}

/// How many of the first changes, of so many bytes each, may wait in memory; one at least.
fn count_fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = |size: &usize| {
        let is_first = bytes == 0;
        bytes += size.max(&1);
        is_first || bytes <= PAGE_BYTES_MAX
    };
    sizes.take_while(fits).count()
}

/// The notifications of a page that the client gets.
fn select(missed: &Missed, told: &[Told]) -> Vec<Arc<Notification>> {
    told.iter()
        .filter(|told| told.at >= missed.not_before)
        .flat_map(|told| &told.notifications)
        .filter(|notification| notification.begins_at >= missed.not_sent_before)
        .filter(|notification| gets(&missed.recipient, notification))
        .cloned()
        .collect()
}

/// Waits until the backlog is sent, so that one page at a time is in memory; `false` when the connection is over.
async fn wait_sent(endpoint: &Endpoint) -> bool {
    loop {
        match endpoint.is_backlog_sent() {
            None => return false,
            Some(true) => return true,
            // Whether it was told or not, it looks again.
            Some(false) => {
                let _ = tokio::time::timeout(LOOK_INTERVAL, endpoint.progressed.notified()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDEST_S: i64 = 10;

    fn row(thread: i64, last_change: i64, position: Option<i64>) -> (ChangedRow, Option<i64>) {
        let row = ChangedRow {
            thread: ThreadNumber(thread),
            last_change,
            position,
            changed_at: Timestamp::from_seconds(OLDEST_S),
            added_change: 1,
            removed_change: None,
            share_history_at: Timestamp::EPOCH,
        };
        (row, None)
    }

    /// Thread, what is known, and where reading starts; then the threads of which nothing is read.
    fn check(
        rows: Vec<(ChangedRow, Option<i64>)>,
        expected: &[(i64, i64, i64)],
        expected_known: &[(i64, i64)],
    ) {
        let bounds = Bounds {
            oldest: Timestamp::from_seconds(OLDEST_S),
            first_seen: Timestamp::from_seconds(20),
            changes_max: 100,
        };
        let plan = plan(PersonNumber(1), rows.into_iter(), &bounds);
        let missed: Vec<_> =
            plan.missed.iter().map(|missed| (missed.thread.0, missed.known, missed.after)).collect();
        let known: Vec<_> = plan.known.iter().map(|(thread, change)| (thread.0, *change)).collect();
        assert_eq!((&*missed, &*known), (expected, expected_known));
    }

    #[test]
    fn as_many_changes_wait_as_go_into_the_bound() {
        let check = |sizes: &[usize], expected| assert_eq!(count_fitting(sizes.iter().copied()), expected);
        check(&[], 0);
        check(&[0, 0, 0], 3);
        check(&[PAGE_BYTES_MAX + 1, 1], 1);
        check(&[PAGE_BYTES_MAX - 1, 1, 1], 2);
        check(&[100_000, 100_000, 100_000, 1], 2);
    }

    #[test]
    fn the_last_changed_thread_is_read_last() {
        check(vec![row(1, 9, Some(5)), row(2, 7, Some(6))], &[(2, 6, 6), (1, 5, 5)], &[]);
    }

    #[test]
    fn the_oldest_changes_are_left_out_beyond_the_bound() {
        check(
            vec![row(1, 65, Some(5)), row(2, 200, Some(10)), row(3, 9, Some(1))],
            &[(2, 10, 160), (1, 5, 5)],
            &[(3, 9)],
        );
    }

    #[test]
    fn what_was_told_is_not_read_again() {
        let told = |(row, _), change| (row, Some(change));
        check(vec![told(row(1, 9, Some(5)), 9), told(row(2, 9, None), 8)], &[(2, 8, 8)], &[(1, 9)]);
    }

    #[test]
    fn threads_that_changed_too_long_ago_are_known_as_they_are() {
        let (mut old, told) = row(1, 9, Some(5));
        old.changed_at = Timestamp::from_seconds(9);
        check(vec![(old, told)], &[], &[(1, 9)]);
    }

    #[test]
    fn somebody_who_was_removed_gets_what_came_until_then() {
        let (mut changed, told) = row(1, 9, Some(5));
        changed.removed_change = Some(7);
        check(vec![(changed, told)], &[(1, 5, 5)], &[]);
        changed.removed_change = Some(5);
        check(vec![(changed, told)], &[], &[(1, 5)]);
    }
}
