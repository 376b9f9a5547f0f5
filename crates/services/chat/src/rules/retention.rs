//! After how many days a thread deletes itself.

use std::ops::RangeInclusive;
use std::time::Duration;

use trunkline_kernel::Timestamp;
use trunkline_kernel::limits::LimitSet;

use crate::error::ChatError;

/// The published range (`threadCreationDate` of specs/chat 2025-03-15).
const ACS_DAYS: RangeInclusive<u32> = 30..=90;
/// From a day to ten years: beyond that nobody means it.
const GENEROUS_DAYS: RangeInclusive<u32> = 1..=3650;

const DAY: Duration = Duration::from_hours(24);

/// The days that may be asked for.
pub(crate) const fn days_of(limits: LimitSet) -> RangeInclusive<u32> {
    match limits {
        LimitSet::Acs => ACS_DAYS,
        LimitSet::Generous => GENEROUS_DAYS,
    }
}

/// The days, if they may be asked for.
///
/// **Errors**: out of range.
pub(crate) fn check_days(days: i64, allowed: &RangeInclusive<u32>) -> Result<u32, ChatError> {
    u32::try_from(days)
        .ok()
        .filter(|days| allowed.contains(days))
        .ok_or(ChatError::RetentionDays { days_min: *allowed.start(), days_max: *allowed.end() })
}

/// When a thread made at `created_at` deletes itself.
pub(crate) fn due(created_at: Timestamp, days: u32) -> Timestamp {
    created_at.plus(DAY * days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_outside_of_the_range_are_refused() {
        let allowed = days_of(LimitSet::Acs);
        for days in [30, 60, 90] {
            assert!(check_days(days, &allowed).is_ok(), "{days}");
        }
        for days in [i64::MIN, -1, 0, 29, 91, i64::MAX] {
            let refused = check_days(days, &allowed);
            assert!(
                matches!(refused, Err(ChatError::RetentionDays { days_min: 30, days_max: 90 })),
                "{days}"
            );
        }
        assert!(check_days(1, &days_of(LimitSet::Generous)).is_ok());
        assert!(check_days(3651, &days_of(LimitSet::Generous)).is_err());
    }

    #[test]
    fn days_count_from_the_making_of_the_thread() {
        assert_eq!(due(Timestamp::from_seconds(10), 30), Timestamp::from_seconds(10 + 30 * 86_400));
    }
}
