//! Pages: `{"value":[…],"nextLink":"…"}` with a signed continuation token.
//!
//! The token is base64url of a JSON position, followed by its HMAC over the position, the operation, the
//! resource and the path: a token of one list does not open another, and a client cannot make one.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trunkline_kernel::ids::ResourceId;

use crate::error::ApiError;

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The entries.
    pub value: Vec<T>,
    /// Where the next page is; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

impl<T> Page<T> {
    /// The same page with every entry turned into another.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { value: self.value.into_iter().map(change).collect(), next_link: self.next_link }
    }
}

/// Writes and reads the continuation tokens of one list.
pub(crate) struct Continuation<'a> {
    key: &'a hmac::Key,
    scope: String,
}

impl<'a> Continuation<'a> {
    pub(crate) fn new(key: &'a hmac::Key, operation: &str, resource: Option<ResourceId>, path: &str) -> Self {
        let resource = resource.map(|resource| resource.to_string()).unwrap_or_default();
        Self { key, scope: format!("{operation}\n{resource}\n{path}\n") }
    }

    pub(crate) fn write(&self, position: &impl Serialize) -> String {
        let position = serde_json::to_string(position).expect("positions are plain values");
        let tag = hmac::sign(self.key, self.signed(&position).as_bytes());
        format!("{}.{}", URL_SAFE_NO_PAD.encode(&position), URL_SAFE_NO_PAD.encode(tag))
    }

    pub(crate) fn read<P: DeserializeOwned>(&self, token: &str) -> Result<P, ApiError> {
        let invalid = || {
            ApiError::invalid(
                "continuationToken",
                "The continuation token was not made by this server for this list; start again from the first page.",
            )
        };
        let (position, tag) = token.split_once('.').ok_or_else(invalid)?;
        let position = URL_SAFE_NO_PAD.decode(position).map_err(|_| invalid())?;
        let position = String::from_utf8(position).map_err(|_| invalid())?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| invalid())?;
        hmac::verify(self.key, self.signed(&position).as_bytes(), &tag).map_err(|_| invalid())?;
        serde_json::from_str(&position).map_err(|_| invalid())
    }

    fn signed(&self, position: &str) -> String {
        format!("{}{position}", self.scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])
    }

    #[test]
    fn a_token_opens_only_the_list_it_was_made_for() {
        let key = key();
        let token = Continuation::new(&key, "Users_List", None, "/users").write(&("a", 1));
        let read =
            |operation, path| Continuation::new(&key, operation, None, path).read::<(String, i64)>(&token);
        assert_eq!(read("Users_List", "/users"), Ok(("a".to_owned(), 1)));
        assert!(read("Users_List", "/other").is_err());
        assert!(read("Other_List", "/users").is_err());
    }

    proptest! {
        #[test]
        fn forged_tokens_are_refused(token in "[A-Za-z0-9_.-]{0,80}") {
            let key = key();
            let continuation = Continuation::new(&key, "Users_List", None, "/users");
            prop_assert!(continuation.read::<i64>(&token).is_err());
        }
    }
}
