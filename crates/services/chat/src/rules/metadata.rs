//! Metadata: pairs of texts that applications keep with threads, participants and messages.

use trunkline_chat_wire::{Metadata, MetadataPatch};
use trunkline_kernel::limits::{LimitSet, NamedLimit};
use trunkline_web::ApiError;

/// The pairs of a thread or participant, names and values together: the published bound.
pub(crate) const METADATA_BYTES_MAX: usize = 1024;

/// The pairs of a message: ACS's bound, and room for what applications put there for want of another place.
const MESSAGE_METADATA_BYTES_MAX: NamedLimit<usize> =
    NamedLimit { generous: Some(8 * METADATA_BYTES_MAX), acs: Some(METADATA_BYTES_MAX) };

/// How many bytes of metadata a message may have.
pub(crate) fn message_bytes_max(limits: LimitSet) -> usize {
    MESSAGE_METADATA_BYTES_MAX.in_set(limits).unwrap_or(METADATA_BYTES_MAX)
}

/// **Errors**: 400 for a pair without a name, and for more than `bytes_max` bytes.
pub(crate) fn check(metadata: &Metadata, bytes_max: usize) -> Result<(), ApiError> {
    if metadata.contains_key("") {
        return Err(ApiError::invalid("metadata", "A name in the metadata is empty."));
    }
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > bytes_max {
        let message = format!("The metadata has {bytes} bytes; at most {bytes_max} may be kept.");
        return Err(ApiError::invalid("metadata", message));
    }
    Ok(())
}

/// `metadata` with `patch` applied: named pairs are replaced, the others stay, `null` and the empty text remove.
/// A patch that is `null` as a whole removes all.
pub(crate) fn merge(mut metadata: Metadata, patch: Option<MetadataPatch>) -> Metadata {
    let Some(patch) = patch else { return Metadata::new() };
    for (name, value) in patch {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => metadata.insert(name, value),
            None => metadata.remove(&name),
        };
    }
    metadata
}

/// The metadata in a column. Only what [`write()`] wrote stands there.
pub(crate) fn read(column: &str) -> Metadata {
    serde_json::from_str(column).unwrap_or_default()
}

/// The metadata for a column: a JSON object of texts.
pub(crate) fn write(metadata: &Metadata) -> String {
    serde_json::to_string(metadata).expect("texts always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Metadata {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn bytes_of_names_and_values_are_bounded() {
        assert!(check(&pairs(&[("ab", &"x".repeat(1022))]), METADATA_BYTES_MAX).is_ok());
        assert!(check(&pairs(&[("ab", &"x".repeat(1023))]), METADATA_BYTES_MAX).is_err());
        assert!(check(&pairs(&[("", "x")]), METADATA_BYTES_MAX).is_err());
        assert_eq!((message_bytes_max(LimitSet::Acs), message_bytes_max(LimitSet::Generous)), (1024, 8192));
    }

    #[test]
    fn a_patch_replaces_named_pairs_and_removes_empty_ones() {
        let patch =
            |value: serde_json::Value| serde_json::from_value::<Option<MetadataPatch>>(value).expect("one");
        let before = pairs(&[("keep", "1"), ("change", "2"), ("null", "3"), ("empty", "4")]);
        let json =
            serde_json::json!({ "change": "x", "null": null, "empty": "", "add": "y", "absent": null });
        let after = merge(before.clone(), patch(json));
        assert_eq!(after, pairs(&[("keep", "1"), ("change", "x"), ("add", "y")]));
        assert_eq!(merge(before, patch(serde_json::Value::Null)), Metadata::new());
        assert_eq!(read(&write(&after)), after);
    }
}
