//! Where the data of a resource lies.

use trunkline_web::ApiError;

/// Where data lies unless somebody says so; ACS has a list of geographies, a self-hosted server its own.
const DEFAULT: &str = "Local";

const CHARACTERS_MAX: usize = 64;

/// The location to store for `asked`; `allowed` is what this server offers, empty for any.
///
/// **Shape**: letters are compared without case, and stored as the configuration writes them.
///
/// **Errors**: 400 that names `dataLocation`.
pub(crate) fn choose(asked: Option<&str>, allowed: &[String]) -> Result<String, ApiError> {
    let invalid = |message: String| Err(ApiError::invalid("dataLocation", message));
    let Some(asked) = asked else {
        return Ok(allowed.first().map_or_else(|| DEFAULT.to_owned(), Clone::clone));
    };
    if asked.trim().is_empty() || asked.chars().count() > CHARACTERS_MAX {
        return invalid(format!("dataLocation has 1 to {CHARACTERS_MAX} characters."));
    }
    if allowed.is_empty() {
        return Ok(asked.to_owned());
    }
    match allowed.iter().find(|known| known.to_lowercase() == asked.to_lowercase()) {
        Some(known) => Ok(known.clone()),
        None => invalid(format!("This server stores data in {} only.", allowed.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_place_is_taken_unless_places_are_configured() {
        let places = ["Europe".to_owned(), "Switzerland".to_owned()];
        for (asked, allowed, expected) in [
            (None, &places[..0], Some("Local")),
            (Some("Mars"), &places[..0], Some("Mars")),
            (None, &places[..], Some("Europe")),
            (Some("switzerland"), &places[..], Some("Switzerland")),
            (Some("Mars"), &places[..], None),
            (Some(""), &places[..0], None),
            (Some(" "), &places[..0], None),
        ] {
            let chosen = choose(asked, allowed).ok();
            assert_eq!(chosen.as_deref(), expected, "{asked:?}");
        }
        assert!(choose(Some(&"x".repeat(65)), &[]).is_err());
    }
}
