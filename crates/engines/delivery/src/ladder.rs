//! When the next attempt is due: the published ladder.

use std::time::Duration;

use trunkline_kernel::Timestamp;

use crate::types::{Answer, DeadLetterReason, DueRow, LastAttempt, Outcome, Policy};

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Pause after the first, second, third ... failed attempt.
const STEPS: [Duration; 9] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    minutes(1),
    minutes(5),
    minutes(10),
    minutes(30),
    minutes(60),
    minutes(180),
    minutes(360),
];
/// Pause after every later one.
const LAST_STEP: Duration = minutes(720);
/// Least pause after 408.
const REQUEST_TIMEOUT_STEP: Duration = minutes(2);
/// Least pause after 429 and 503.
const BUSY_STEP: Duration = Duration::from_secs(30);
/// Nothing is ever planned further ahead: the last step and its jitter.
pub(crate) const LONGEST_STEP: Duration = minutes(792);

/// What is given up is kept in the dead-letter place this long after the last attempt.
const DEAD_LETTER_DELAY: Duration = minutes(5);
/// Pause after the dead-letter place failed.
pub(crate) const DEAD_LETTER_STEP: Duration = minutes(1);
/// The dead-letter place is tried for this long.
pub(crate) const DEAD_LETTER_MAX: Duration = minutes(240);

/// The pause after `attempts` failed ones, without jitter.
pub(crate) fn step(attempts: u32, answer: &Answer) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let step = STEPS.get(index).copied().unwrap_or(LAST_STEP);
    match answer.outcome {
        Outcome::Busy => step.max(BUSY_STEP),
        // Our own time-out has no status and no least pause.
        Outcome::TimedOut if answer.status.is_some() => step.max(REQUEST_TIMEOUT_STEP),
        _ => step,
    }
}

/// Why a failed attempt was the last one; `None` when there is another.
pub(crate) fn end_after_failure(row: &DueRow, policy: &Policy, outcome: Outcome) -> Option<DeadLetterReason> {
    outcome
        .final_reason()
        .or((row.attempts >= policy.attempts_max).then_some(DeadLetterReason::MaxDeliveryAttemptsExceeded))
}

/// Why the attempt that is due now is not made; `None` when it is.
///
/// The time to live is looked at only here. What was never tried is tried once even so, because the delay was ours,
/// unless the endpoint kept failing all the time.
pub(crate) fn end_before_attempt(
    row: &DueRow,
    policy: &Policy,
    is_sick: bool,
    now: Timestamp,
) -> Option<DeadLetterReason> {
    let has_expired = now.since(row.base) >= policy.time_to_live;
    if row.attempts >= policy.attempts_max {
        Some(DeadLetterReason::MaxDeliveryAttemptsExceeded)
    } else if has_expired && (row.attempts > 0 || is_sick) {
        Some(DeadLetterReason::TimeToLiveExceeded)
    } else {
        None
    }
}

/// The row that waits for the dead-letter place.
pub(crate) fn dead_letter(row: &DueRow, reason: DeadLetterReason, now: Timestamp) -> DueRow {
    let tried = row.last.filter(|_| row.attempts > 0);
    // Seen from a clock that was set back, the last attempt may lie ahead.
    let due = tried.map_or(now, |last| last.at.min(now).plus(DEAD_LETTER_DELAY).max(now));
    let untried = LastAttempt { at: now, outcome: Outcome::Probation, status: None };
    DueRow {
        base: due,
        due,
        last: Some(row.last.unwrap_or(untried)),
        phase: crate::Phase::DeadLetter { reason },
        ..*row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn the_ladder_is_as_published() {
        let seconds = [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 43_200];
        let answer = Answer::of_status(500, Duration::ZERO);
        for (attempts, expected) in (1..).zip(seconds) {
            assert_eq!(step(attempts, &answer).as_secs(), expected, "{attempts}");
        }
    }

    #[test]
    fn some_answers_ask_for_a_longer_pause() {
        let pause = |attempts, status| step(attempts, &Answer::of_status(status, Duration::ZERO)).as_secs();
        assert_eq!((pause(1, 408), pause(3, 408), pause(4, 408)), (120, 120, 300));
        assert_eq!((pause(1, 503), pause(1, 429), pause(3, 503)), (30, 30, 60));
        assert_eq!((pause(1, 404), pause(1, 302), pause(1, 206)), (10, 10, 10));
        let ours = Answer::without_status(Outcome::TimedOut, Duration::ZERO, crate::Detail(""));
        assert_eq!(step(1, &ours).as_secs(), 10);
    }

    #[test]
    fn jitter_is_a_tenth_at_most_and_repeats_with_its_seed() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..100).map(|_| rng.stretch(Duration::from_secs(10))).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).iter().all(|step| (10_000..11_000).contains(&step.as_millis())));
        assert!(LAST_STEP + LAST_STEP / 10 <= LONGEST_STEP);
    }
}
