//! Who asks (RFC 8489 §9.2.4): a name that ends by itself, and one of two ways of showing its password.

use super::asked::Asked;
use super::{FiveTuple, Refusal, Server, Why};
use crate::Now;
use crate::credentials::{self, Name};
use crate::stun::{IntegrityKey, Message, long_term_key, long_term_key_sha256};

/// `PASSWORD-ALGORITHMS`: SHA-256, which is preferred, and MD5, each without parameters (RFC 8489 §18.5.1).
pub(crate) const ALGORITHMS: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];
/// SHA-256 as `PASSWORD-ALGORITHM`.
pub(crate) const SHA256: [u8; 4] = [0, 2, 0, 0];
/// MD5 as `PASSWORD-ALGORITHM`.
const MD5: [u8; 4] = [0, 1, 0, 0];

const UNKNOWN_NAME: Refusal = Refusal::Challenge(Why::WrongCredential);

/// Who asks.
pub(super) struct Caller {
    pub(super) username: String,
    pub(super) expires_s: u64,
    pub(super) key: IntegrityKey,
}

impl Server {
    pub(super) fn authenticate(
        &self,
        tuple: &FiveTuple,
        message: &Message<'_>,
        asked: &Asked<'_>,
        now: Now,
    ) -> Result<Caller, Refusal> {
        if !message.has_integrity() {
            return Err(Refusal::Challenge(Why::NoCredential));
        }
        let has_name = asked.username.is_some() || asked.user_hash.is_some();
        let (true, Some(_), Some(nonce)) = (has_name, asked.realm, asked.nonce) else {
            return Err(Refusal::MALFORMED);
        };
        if !self.nonces.is_valid(nonce, tuple.client.ip(), now) {
            return Err(Refusal::Challenge(Why::StaleNonce));
        }
        let is_sha256 = chooses_sha256(asked)?;
        // A hash alone names nobody: see the features in the nonce.
        let username = std::str::from_utf8(asked.username.unwrap_or_default()).map_err(|_| UNKNOWN_NAME)?;
        let name = Name::parse(username).ok_or(UNKNOWN_NAME)?;
        if name.expires <= self.config.epoch_s.saturating_add(now.as_secs()) {
            return Err(UNKNOWN_NAME);
        }
        // The realm in the key is ours: a message made for another one does not fit.
        let realm = &self.config.realm;
        let key = self.config.secrets.iter().find_map(|secret| {
            let password = credentials::password(secret, username);
            let key = if is_sha256 {
                long_term_key_sha256(username, realm, password.expose()).to_vec()
            } else {
                long_term_key(username, realm, password.expose()).to_vec()
            };
            let key = if message.has_sha256() { IntegrityKey::sha256(&key) } else { IntegrityKey::new(&key) };
            message.is_made_by(&key).then_some(key)
        });
        let key = key.ok_or(UNKNOWN_NAME)?;
        if !asked.unknown.is_empty() {
            return Err(Refusal::Unknown(asked.unknown.clone()));
        }
        if asked.is_malformed {
            return Err(Refusal::MALFORMED);
        }
        Ok(Caller { username: username.to_owned(), expires_s: name.expires, key })
    }
}

/// Whether the key is made with SHA-256. Who names an algorithm has to repeat what the challenge offered, protected by
/// the key: an offer that was cut down on its way is found out (RFC 8489 §16.1).
fn chooses_sha256(asked: &Asked<'_>) -> Result<bool, Refusal> {
    match (asked.password_algorithm, asked.password_algorithms) {
        // A client of RFC 5389.
        (None, None) => Ok(false),
        (Some(one), Some(all)) if all == ALGORITHMS && (one == SHA256 || one == MD5) => Ok(one == SHA256),
        _ => Err(Refusal::MALFORMED),
    }
}
