//! Display names.

use trunkline_web::ApiError;

/// The longest display name, in characters.
pub(crate) const DISPLAY_NAME_CHARS_MAX: usize = 256;

/// The display name in the field `target`; empty for none.
///
/// **Errors**: 400 for more than [`DISPLAY_NAME_CHARS_MAX`] characters.
pub(crate) fn display_name(name: Option<String>, target: &str) -> Result<String, ApiError> {
    let name = name.unwrap_or_default();
    if name.chars().count() > DISPLAY_NAME_CHARS_MAX {
        let message = format!("{target} has more than {DISPLAY_NAME_CHARS_MAX} characters.");
        return Err(ApiError::invalid(target, message));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_missing_but_not_long() {
        assert_eq!(display_name(None, "displayName"), Ok(String::new()));
        assert_eq!(display_name(Some("Bob".to_owned()), "displayName"), Ok("Bob".to_owned()));
        let long = "x".repeat(DISPLAY_NAME_CHARS_MAX + 1);
        let refused = display_name(Some(long), "displayName").expect_err("too long");
        assert_eq!((refused.status.as_u16(), refused.target.as_deref()), (400, Some("displayName")));
    }
}
