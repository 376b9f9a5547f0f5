//! The `api-version` of a request.
//!
//! A listed version is taken as it is. A later date than the oldest listed one gets the newest version
//! not after it, so that an SDK newer than this server still works. One SDK prints the name of its enum
//! on pages after the first (`ApiVersion.V2025_03_13`); that is read as the date it means.

use http::StatusCode;

use crate::error::ApiError;
use crate::operation::Operation;

/// The version of `operation` that `asked` selects; `""` for operations without versions.
///
/// **Errors**: 400 when the parameter is missing, is no date, or is older than every listed version.
pub fn resolve(operation: &'static Operation, asked: Option<&str>) -> Result<&'static str, ApiError> {
    let Some(newest) = operation.versions.last() else { return Ok("") };
    let Some(asked) = asked else {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "MissingApiVersionParameter",
            format!("The query parameter api-version is missing; the newest is {newest}."),
        )
        .with_target("api-version"));
    };
    let asked =
        asked.strip_prefix("ApiVersion.V").map_or_else(|| asked.to_owned(), |date| date.replace('_', "-"));
    if let Some(listed) = operation.versions.iter().find(|version| **version == asked) {
        return Ok(listed);
    }
    let date = asked.get(..10).filter(|_| is_version(&asked));
    date.and_then(|date| operation.versions.iter().rev().find(|version| version.get(..10) <= Some(date)))
        .copied()
        .ok_or_else(|| unsupported(operation, &asked))
}

fn is_version(text: &str) -> bool {
    let (date, rest) = text.split_at_checked(10).unwrap_or(("", ""));
    let digits_and_dashes = date.bytes().enumerate().all(|(index, byte)| match index {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    !date.is_empty() && digits_and_dashes && matches!(rest, "" | "-preview")
}

fn unsupported(operation: &Operation, asked: &str) -> ApiError {
    let asked: String = asked.chars().take(40).collect();
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "UnsupportedApiVersionValue",
        format!("api-version '{asked}' is not supported; supported are {}.", operation.versions.join(", ")),
    )
    .with_target("api-version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Allow, Method};

    static OPERATION: Operation = Operation {
        versions: &["2022-10-01", "2023-10-01", "2024-06-05-preview"],
        ..Operation::own("Test_Get", Method::Get, "/test", &[Allow::Anyone])
    };

    #[test]
    fn known_odd_and_newer_versions_are_understood() {
        for (asked, expected) in [
            ("2022-10-01", "2022-10-01"),
            ("2023-10-01", "2023-10-01"),
            ("2024-06-05-preview", "2024-06-05-preview"),
            ("ApiVersion.V2023_10_01", "2023-10-01"),
            ("2023-01-01", "2022-10-01"),
            ("2024-01-01", "2023-10-01"),
            ("2099-01-01", "2024-06-05-preview"),
        ] {
            assert_eq!(resolve(&OPERATION, Some(asked)), Ok(expected), "{asked}");
        }
    }

    #[test]
    fn missing_old_and_garbled_versions_are_refused() {
        assert_eq!(resolve(&OPERATION, None).expect_err("missing").code, "MissingApiVersionParameter");
        for asked in ["", "2021-03-07", "banana", "2023-10-01-beta", "2023/10/01", "９９９９-10-01"] {
            assert_eq!(resolve(&OPERATION, Some(asked)).expect_err(asked).code, "UnsupportedApiVersionValue");
        }
    }
}
