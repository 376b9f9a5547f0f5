//! What the directory's tokens say.
//!
//! ```text
//! iss, tid          the issuer of this directory, its tenant
//! aud               the resource of an access token; the client of an id token
//! oid, sub          object id of the application or user
//! appid, azp        client id of the application the token was given to
//! idtyp             app or user; an id token has none, so that it passes nowhere as an access token
//! gen               the user's generation: a new password ends the token
//! app_oid           object id of the application a user signed in to: deleting it ends the token
//! sid               the sign-in it comes from: a code or refresh token used twice ends it
//! ```

use serde::{Deserialize, Deserializer, Serialize};
use trunkline_kernel::Timestamp;

/// Claims of an access token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) tid: String,
    pub(crate) oid: String,
    pub(crate) sub: String,
    pub(crate) appid: String,
    pub(crate) azp: String,
    pub(crate) idtyp: String,
    pub(crate) ver: String,
    pub(crate) uti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preferred_username: Option<String>,
    #[serde(default, rename = "gen", skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(default, rename = "app_oid", skip_serializing_if = "Option::is_none")]
    pub(crate) application: Option<String>,
}

/// Claims of an id token (OpenID Connect Core §2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IdClaims<'a> {
    pub(crate) iss: &'a str,
    pub(crate) aud: &'a str,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) tid: &'a str,
    pub(crate) oid: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) name: &'a str,
    pub(crate) preferred_username: &'a str,
    pub(crate) ver: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<&'a str>,
}

/// `aud` of a token made elsewhere: one text or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audiences {
    One(String),
    Several(Vec<String>),
}

impl Audiences {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(audience) => std::slice::from_ref(audience).iter(),
            Self::Several(audiences) => audiences.iter(),
        }
        .map(String::as_str)
    }

    pub(crate) fn contains(&self, wanted: &str) -> bool {
        self.iter().any(|audience| audience == wanted)
    }
}

/// A date in a token made elsewhere (RFC 7519 §2, `NumericDate`): seconds since 1970, which may have a
/// fraction, as those of Python's client do. It is rounded down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NumericDate(i64);

impl NumericDate {
    pub(crate) fn as_timestamp(self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "beyond 64 bits the nearest number will do")]
        let rounded = || number.as_f64().map(|seconds| seconds.floor() as i64);
        let seconds = number.as_i64().or_else(rounded);
        seconds.map(Self).ok_or_else(|| serde::de::Error::custom("not a number of seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_may_have_a_fraction() {
        let read = |text: &str| serde_json::from_str::<NumericDate>(text).ok().map(|date| date.0);
        assert_eq!(read("1795262400"), Some(1_795_262_400));
        assert_eq!(read("1795262400.999"), Some(1_795_262_400));
        assert_eq!(read("-0.5"), Some(-1));
        assert_eq!(read("1e300"), Some(i64::MAX));
        assert_eq!(read("18446744073709551615"), Some(i64::MAX));
        for no_date in ["\"1795262400\"", "null", "[]", "true"] {
            assert_eq!(read(no_date), None, "{no_date}");
        }
    }
}
