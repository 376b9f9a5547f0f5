//! Names of subscriptions, and labels.

use std::ops::RangeInclusive;

use super::{RuleError, refuse};

/// Characters of a name; Azure's.
const NAME_LENGTH: RangeInclusive<usize> = 3..=64;
/// Labels of one subscription: more than anybody has shown to need, and a row stays small.
const LABELS_MAX: usize = 100;
/// Characters of a label, for the same reason.
const LABEL_LENGTH_MAX: usize = 256;

/// Whether a subscription may be called `name`.
///
/// **Errors**: 3 to 64 characters `A-Z`, `a-z`, `0-9` and `-` are accepted.
pub(crate) fn check_name(name: &str) -> Result<(), RuleError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if NAME_LENGTH.contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    refuse("name", "the name of an event subscription has 3 to 64 characters A-Z, a-z, 0-9 and -")
}

pub(super) fn check_labels(labels: Vec<String>) -> Result<Vec<String>, RuleError> {
    if labels.len() > LABELS_MAX {
        return refuse("labels", format!("there are at most {LABELS_MAX} labels, not {}", labels.len()));
    }
    if labels.iter().any(|label| label.chars().count() > LABEL_LENGTH_MAX) {
        return refuse("labels", format!("a label has at most {LABEL_LENGTH_MAX} characters"));
    }
    Ok(labels)
}
