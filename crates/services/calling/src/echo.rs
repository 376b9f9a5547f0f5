//! The echo test: somebody who says again what they heard.

use std::time::Duration;

/// The raw id of the echo test.
pub(crate) const RAW_ID: &str = "8:echo123";
/// The name it shows.
pub(crate) const NAME: &str = "Echo test";
/// How much later it says again what it heard.
pub(crate) const DELAY: Duration = Duration::from_secs(2);

/// Whether a raw id is the echo test's, with or without its prefix.
pub(crate) fn is_echo(raw_id: &str) -> bool {
    raw_id.strip_prefix("8:").unwrap_or(raw_id) == "echo123"
}
