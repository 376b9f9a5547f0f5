//! Entity tags (RFC 9110 §8.8.3) and the conditions on them (§13.1.1, §13.1.2).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Serialize;

use crate::context::Context;
use crate::error::ApiError;

/// Bytes of the hash in a tag: two different states of one thing never share 96 bits by chance.
const TAG_BYTES: usize = 12;

/// The strong tag of what `value` looks like on the wire, with its quotes.
pub fn of(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("wire types have string keys and always serialize");
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest(&SHA256, &json).as_ref()[..TAG_BYTES]))
}

impl Context {
    /// Whether `If-Match` and `If-None-Match` allow a change of what has the tag `current`; `None` when it
    /// does not exist. Call it in the transaction that makes the change.
    ///
    /// **Errors**: 412.
    pub fn check_preconditions(&self, current: Option<&str>) -> Result<(), ApiError> {
        let is_refused = match (self.header("if-match"), self.header("if-none-match")) {
            (Some(wanted), _) if !matches(wanted, current) => true,
            (_, Some(unwanted)) => matches(unwanted, current),
            _ => false,
        };
        if !is_refused {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "It was changed, made or deleted since its ETag was read; read it again.",
        ))
    }

    /// Whether a reader that names its tag in `If-None-Match` has what carries `current` already: answer 304.
    pub fn has_already(&self, current: &str) -> bool {
        self.header("if-none-match").is_some_and(|held| matches(held, Some(current)))
    }
}

/// Whether a list of tags, or `*`, names the tag of something that exists.
fn matches(list: &str, current: Option<&str>) -> bool {
    let Some(current) = current else { return false };
    list.trim() == "*" || list.split(',').any(|tag| tag.trim() == current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_state_has_the_same_tag_and_another_does_not() {
        let tag = of(&serde_json::json!({ "a": 1 }));
        assert_eq!(tag, of(&serde_json::json!({ "a": 1 })));
        assert_ne!(tag, of(&serde_json::json!({ "a": 2 })));
        assert!(tag.starts_with('"') && tag.ends_with('"'));
    }

    #[test]
    fn lists_and_stars_name_what_exists() {
        assert!(matches("*", Some("\"a\"")));
        assert!(!matches("*", None));
        assert!(matches("\"b\", \"a\"", Some("\"a\"")));
        assert!(!matches("\"b\"", Some("\"a\"")));
        assert!(!matches("W/\"a\"", Some("\"a\"")), "a weak tag is no proof");
        assert!(!matches("", Some("\"a\"")));
    }
}
