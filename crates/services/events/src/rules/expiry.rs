//! When a subscription ends.

use trunkline_kernel::Timestamp;

use super::{RuleError, refuse};

pub(super) fn check(expires: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, RuleError> {
    match expires {
        Some(end) if end <= now => {
            refuse("expirationTimeUtc", "the expiration time of an event subscription lies in the future")
        }
        _ => Ok(expires),
    }
}
