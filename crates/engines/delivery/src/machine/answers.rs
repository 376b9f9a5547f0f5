//! Answers come back: success settles, failure climbs the ladder, lateness is forgiven for a while.

use std::time::Duration;

use trunkline_kernel::Timestamp;

use super::Machine;
use super::parking::Origin;
use crate::attempt::{Attempt, Carried, Late, UnderWay};
use crate::hash::FoldSet;
use crate::ladder;
use crate::limits::{ANSWER_MAX, LATE_ANSWER_MAX};
use crate::outputs::{AttemptId, AttemptRow};
use crate::types::{Answer, DueRow, LastAttempt, Outcome, Position};

/// The caller's own timers end a late request; this is added so that its report is not missed.
const LATE_GRACE: Duration = Duration::from_secs(5);

impl Machine {
    /// Takes the end of a request, or a late answer after its time-out. Anything else is ignored.
    pub fn handle_answer(&mut self, attempt: AttemptId, answer: Answer, now: Timestamp) {
        self.advance(now);
        match self.attempts.remove(&attempt) {
            Some(Attempt::UnderWay(under_way)) => self.end_attempt(attempt, under_way, answer, now),
            Some(Attempt::Late(late)) => self.end_late_attempt(attempt, late, answer, now),
            None => {}
        }
    }

    fn end_attempt(&mut self, attempt: AttemptId, under_way: UnderWay, answer: Answer, now: Timestamp) {
        self.in_flight -= 1;
        let Some(slot) = self.subscriptions.slot(under_way.key) else { return };
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        subscription.attempts.retain(|other| *other != attempt);
        subscription.heard_at = self.steady.now();
        let was_sick = subscription.health.is_sick();
        subscription.health = subscription.health.after(answer.outcome, now, self.steady.now());
        let has_become_sick = subscription.health.is_sick() && !was_sick;
        let positions: Vec<_> = under_way.carried.iter().map(|carried| self.position_of(carried)).collect();
        let next = if answer.outcome == Outcome::Delivered {
            under_way.carried.into_iter().for_each(|carried| self.settle(slot, carried));
            None
        } else {
            self.fail_all(slot, under_way.carried, answer, now)
        };
        if under_way.may_be_late {
            self.give_back_late_place(slot, attempt, under_way.tries, answer, &positions);
        }
        let row = AttemptRow {
            subscription: under_way.key,
            at: now,
            answer,
            tries: under_way.tries,
            deliveries: positions,
            next,
            is_late: false,
        };
        self.unsaved.push_attempt(row, self.steady.now());
        if has_become_sick {
            self.park_fresh(slot, now);
        }
        self.refresh(slot);
    }

    fn position_of(&self, carried: &Carried) -> Position {
        match carried {
            Carried::Fresh(index) => self.window.entry(*index).facts.position,
            Carried::Row(row) => row.event.position,
        }
    }

    fn settle(&mut self, slot: u32, carried: Carried) {
        match carried {
            Carried::Fresh(index) => {
                self.window.let_go_at(index);
                self.window.close(index);
            }
            Carried::Row(row) => {
                self.leave_memory(slot, row.event.position);
                self.delete_row(slot, row.event.position);
            }
        }
    }

    /// When the earliest of them is tried again.
    fn fail_all(
        &mut self,
        slot: u32,
        carried: Vec<Carried>,
        answer: Answer,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        // One pause for deliveries alike, so that they stay one batch.
        let mut pause: Option<(u32, Duration)> = None;
        for carried in carried {
            let (mut row, origin) = self.row_of(slot, carried);
            if answer.outcome == Outcome::Aborted && self.drain_until.is_some() {
                // We ended it ourselves: it does not count.
                self.put_row(slot, DueRow { due: now, ..row }, origin);
                continue;
            }
            row.attempts += 1;
            row.last = Some(LastAttempt { at: now, outcome: answer.outcome, status: answer.status });
            let Some(policy) = self.subscriptions.get(slot).map(|one| one.policy) else { continue };
            if let Some(reason) = ladder::end_after_failure(&row, &policy, answer.outcome) {
                self.give_up(slot, &row, reason, origin);
                continue;
            }
            let step = match pause {
                Some((attempts, step)) if attempts == row.attempts => step,
                _ => self.rng.stretch(ladder::step(row.attempts, &answer)),
            };
            pause = Some((row.attempts, step));
            row.due = now.plus(step);
            next = Some(next.map_or(row.due, |next| next.min(row.due)));
            self.put_row(slot, row, origin);
        }
        next
    }

    /// Takes a delivery out of memory as a row.
    fn row_of(&mut self, slot: u32, carried: Carried) -> (DueRow, Origin) {
        match carried {
            Carried::Fresh(index) => {
                let entry = self.window.entry(index);
                let row = super::new_row(entry.facts, entry.entered, entry.entered);
                self.window.let_go_at(index);
                (row, Origin::Window(index))
            }
            Carried::Row(row) => {
                self.leave_memory(slot, row.event.position);
                (*row, Origin::Row)
            }
        }
    }

    /// A request that timed out keeps its place until a late answer can no longer come.
    fn give_back_late_place(
        &mut self,
        slot: u32,
        attempt: AttemptId,
        tries: u32,
        answer: Answer,
        positions: &[Position],
    ) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        if answer.outcome != Outcome::TimedOut || answer.status.is_some() {
            subscription.late_places -= 1;
            return;
        }
        for &position in positions {
            let key = super::key_of(subscription, position);
            if self.unsaved.has_row_for(key) {
                subscription.late.insert(position, attempt);
            }
        }
        let late = Late { key: subscription.key, positions: positions.to_vec(), tries };
        self.attempts.insert(attempt, Attempt::Late(late));
        let rest = LATE_ANSWER_MAX.saturating_sub(ANSWER_MAX) + LATE_GRACE;
        self.late_ends.push_back((self.steady.now().plus(rest), attempt));
    }

    /// A late success settles what is not on its way again. It says nothing about the endpoint's health: an answer
    /// that comes too late is of no use to the next request.
    fn end_late_attempt(&mut self, attempt: AttemptId, late: Late, answer: Answer, now: Timestamp) {
        let settled = self.forget_late(attempt, &late);
        let Some(slot) = self.subscriptions.slot(late.key) else { return };
        if answer.outcome != Outcome::Delivered {
            return;
        }
        let settled: FoldSet<Position> = settled.into_iter().collect();
        if let Some(subscription) = self.subscriptions.get_mut(slot) {
            subscription.waiting.retain(|row| !settled.contains(&row.event.position));
            subscription.dead.retain(|row| !settled.contains(&row.event.position));
        }
        for position in late.positions.iter().copied().filter(|position| settled.contains(position)) {
            if self.subscriptions.get(slot).is_some_and(|one| one.in_memory.contains(&position)) {
                self.leave_memory(slot, position);
            }
            self.delete_row(slot, position);
        }
        let row = AttemptRow {
            subscription: late.key,
            at: now,
            answer,
            tries: late.tries,
            deliveries: late.positions,
            next: None,
            is_late: true,
        };
        self.unsaved.push_attempt(row, self.steady.now());
        self.refresh(slot);
    }

    /// A late answer can no longer come.
    pub(super) fn end_late_wait(&mut self, attempt: AttemptId) {
        if let Some(Attempt::Late(late)) = self.attempts.remove(&attempt) {
            self.forget_late(attempt, &late);
        }
    }

    /// Gives the place back; the positions that a late success would settle.
    fn forget_late(&mut self, attempt: AttemptId, late: &Late) -> Vec<Position> {
        let Some(slot) = self.subscriptions.slot(late.key) else { return Vec::new() };
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return Vec::new() };
        subscription.late_places -= 1;
        let mut settled = Vec::new();
        for position in &late.positions {
            if subscription.late.get(position) == Some(&attempt) {
                subscription.late.remove(position);
                settled.push(*position);
            }
        }
        settled
    }

    /// The subscription of a request is gone.
    pub(super) fn forget_carried(&mut self, attempt: AttemptId) {
        let Some(Attempt::UnderWay(under_way)) = self.attempts.get_mut(&attempt) else { return };
        for carried in std::mem::take(&mut under_way.carried) {
            match carried {
                Carried::Fresh(index) => {
                    self.window.let_go_at(index);
                    self.window.close(index);
                }
                Carried::Row(row) => self.window.let_go(row.event.position),
            }
        }
    }
}
