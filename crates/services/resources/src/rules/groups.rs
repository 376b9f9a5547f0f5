//! Names of resource groups.

use http::StatusCode;
use trunkline_web::ApiError;

/// The group of resources that were made without naming one.
pub(crate) const DEFAULT: &str = "default";

/// ARM's limit.
const CHARACTERS_MAX: usize = 90;

/// Whether a group may be called so.
///
/// **Shape**: 1 to 90 letters, digits, `_`, `-`, `.`, `(` and `)`, no period at the end (ARM's rule).
///
/// **Errors**: 400 `InvalidResourceGroup`.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |character: char| character.is_alphanumeric() || "_-.()".contains(character);
    let is_good = (1..=CHARACTERS_MAX).contains(&name.chars().count())
        && name.chars().all(allowed)
        && !name.ends_with('.');
    if is_good {
        return Ok(());
    }
    let message = format!(
        "The name of a resource group has 1 to {CHARACTERS_MAX} letters, digits and _ - . ( ), and no period at its end."
    );
    Err(ApiError::new(StatusCode::BAD_REQUEST, "InvalidResourceGroup", message)
        .with_target("resourceGroupName"))
}

/// The name as a key: groups differ in more than capitals.
pub(crate) fn key_of(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_arm() {
        for good in ["a", "rg-1", "Group (test)_.x".replace(' ', "").as_str(), "größe", &"x".repeat(90)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a.", "a b", "a/b", "a\u{0}", "a%", &"x".repeat(91)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
