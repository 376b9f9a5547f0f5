//! Ids with meaning: a type each, so that two of them cannot be swapped.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The immutable id of an ACS resource: the first GUID in `8:acs:RESOURCE_USER`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(pub Uuid);

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(formatter)
    }
}

impl FromStr for ResourceId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// The name of an ACS resource: the first label of its host name.
///
/// **Shape**: 1 to 63 characters `a-z`, `0-9` and `-`, no `-` at either end, lower case (a DNS label of
/// RFC 1123 §2.1; ACS allows the same characters).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct ResourceName(String);

/// Why a text is no [`ResourceName`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a resource name has 1 to 63 characters a-z, 0-9 and -, and neither begins nor ends with -")]
pub struct ResourceNameError;

impl ResourceName {
    /// The longest name; a DNS label cannot be longer (RFC 1035 §2.3.4).
    pub const LENGTH_MAX: usize = 63;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceName {
    type Err = ResourceNameError;

    /// Reads a name; capitals are folded, because host names are.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.to_ascii_lowercase();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = (1..=Self::LENGTH_MAX).contains(&name.len())
            && name.bytes().all(allowed)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if is_valid { Ok(Self(name)) } else { Err(ResourceNameError) }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ResourceName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "contoso", "contoso-2", "7up", "Contoso", &"x".repeat(63)] {
            assert_eq!(good.parse::<ResourceName>().map(|name| name.0), Ok(good.to_ascii_lowercase()));
        }
        for bad in ["", "-a", "a-", "a_b", "a.b", "a b", "é", "a/b", &"x".repeat(64)] {
            assert_eq!(bad.parse::<ResourceName>(), Err(ResourceNameError), "{bad}");
        }
    }
}
