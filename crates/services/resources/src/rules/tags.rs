//! Tags of resources and resource groups, with the limits of ARM.

use std::collections::{BTreeMap, HashSet};

use trunkline_web::ApiError;

/// ARM's limits: 50 tags, names of 512 and values of 256 characters.
const TAGS_MAX: usize = 50;
const NAME_CHARACTERS_MAX: usize = 512;
const VALUE_CHARACTERS_MAX: usize = 256;

/// Characters ARM has in no name of a tag.
const FORBIDDEN_IN_NAMES: &[char] = &['<', '>', '%', '&', '\\', '?', '/'];

/// Beginnings of names that ARM keeps for itself, in any case.
const RESERVED_PREFIXES: [&str; 3] = ["microsoft", "azure", "windows"];

/// Whether a resource or group may have these tags.
///
/// **Errors**: 400 that names `tags` and says what is wrong.
pub(crate) fn check(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    problem_of(tags).map_or(Ok(()), |problem| Err(ApiError::invalid("tags", problem)))
}

fn problem_of(tags: &BTreeMap<String, String>) -> Option<String> {
    let is_long = |text: &str, limit: usize| text.chars().count() > limit;
    if tags.len() > TAGS_MAX {
        return Some(format!("There are {} tags; at most {TAGS_MAX} are possible.", tags.len()));
    }
    let mut seen = HashSet::new();
    for (name, value) in tags {
        let folded = name.to_lowercase();
        if name.trim().is_empty() || is_long(name, NAME_CHARACTERS_MAX) {
            return Some(format!("The name of a tag has 1 to {NAME_CHARACTERS_MAX} characters."));
        }
        if name.contains(FORBIDDEN_IN_NAMES) || name.chars().any(char::is_control) {
            return Some(
                "The name of a tag has none of < > % & \\ ? / and no control characters.".to_owned(),
            );
        }
        if RESERVED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix)) {
            return Some(
                "The name of a tag begins neither with microsoft nor with azure or windows.".to_owned(),
            );
        }
        if is_long(value, VALUE_CHARACTERS_MAX) {
            return Some(format!("The value of a tag has at most {VALUE_CHARACTERS_MAX} characters."));
        }
        if !seen.insert(folded) {
            return Some("Two names of tags differ in capitals only.".to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_good(tags: &[(&str, &str)]) -> bool {
        let owned = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        check(&owned.collect()).is_ok()
    }

    #[test]
    fn ordinary_tags_pass() {
        assert!(is_good(&[]));
        assert!(is_good(&[("env", "test"), ("cost centre", ""), ("größe", "<a>&/")]));
        assert!(is_good(&[(&"n".repeat(512), &"v".repeat(256))]));
    }

    #[test]
    fn what_arm_refuses_is_refused() {
        for name in
            ["", " ", "a/b", "a?", "<", "%", "a&b", "\\", "a\u{0}", "Azure-x", "microsoft", "WINDOWS:a"]
        {
            assert!(!is_good(&[(name, "v")]), "{name}");
        }
        assert!(!is_good(&[(&"n".repeat(513), "v")]));
        assert!(!is_good(&[("n", &"v".repeat(257))]));
        assert!(!is_good(&[("a", "1"), ("A", "2")]));
        let many: Vec<String> = (0..51).map(|number| format!("t{number}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
        assert!(!is_good(&many));
        assert!(is_good(&many[..50]));
    }
}
