//! Names and passwords that end by themselves.
//!
//! The name is `EXPIRY:USER`, seconds since the epoch and a text of the server's; the password is the HMAC-SHA1 of
//! the name under a secret that only servers know, in base64. Every client and relay knows this form (coturn's
//! `use-auth-secret`, the REST draft behind it), and nothing has to be stored to check it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trunkline_kernel::Secret;

/// A name and its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `EXPIRY:USER`.
    pub username: String,
    /// Base64 of 20 bytes.
    pub password: Secret<String>,
}

impl Credentials {
    /// For `user` until `expires` (seconds since the epoch).
    pub fn issue(secret: &Secret<Vec<u8>>, user: &str, expires: u64) -> Self {
        let username = format!("{expires}:{user}");
        let password = password(secret, &username);
        Self { username, password }
    }
}

/// The password that belongs to `username`.
pub(crate) fn password(secret: &Secret<Vec<u8>>, username: &str) -> Secret<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose());
    Secret::new(STANDARD.encode(hmac::sign(&key, username.as_bytes())))
}

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'n> {
    /// Seconds since the epoch.
    pub(crate) expires: u64,
    /// Whom quotas are counted for.
    pub(crate) user: &'n str,
}

impl<'n> Name<'n> {
    /// `None` for a name of another form.
    pub(crate) fn parse(username: &'n str) -> Option<Self> {
        let (expires, user) = username.split_once(':')?;
        Some(Self { expires: expires.parse().ok()?, user })
    }

    /// The tenant in the user's text: what stands before the first dot.
    pub(crate) fn tenant(&self) -> &'n str {
        self.user.split_once('.').map_or(self.user, |(tenant, _)| tenant)
    }
}
