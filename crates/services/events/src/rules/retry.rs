//! How often and how long a delivery is tried.

use super::{RuleError, whole_number};
use crate::model::Retry;

pub(super) fn check(attempts: Option<f64>, minutes: Option<f64>) -> Result<Retry, RuleError> {
    let usual = Retry::default();
    Ok(Retry {
        max_delivery_attempts: whole_number(
            "maxDeliveryAttempts",
            attempts,
            1..=30,
            usual.max_delivery_attempts,
        )?,
        event_time_to_live_minutes: whole_number(
            "eventTimeToLiveInMinutes",
            minutes,
            1..=1440,
            usual.event_time_to_live_minutes,
        )?,
    })
}
