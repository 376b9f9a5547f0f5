//! What a client carries from one request to the next, signed, so that any node can check it without a row.
//!
//! ```text
//! allocate ──► connectparams: who, until when        ──► query of allocate (again) and of the handshake
//! handshake ──► session id: who, made when, a nonce  ──► path of the socket and of the polls
//! ```

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use trunkline_kernel::{Entropy, ResourceId, Timestamp};
use uuid::Uuid;

use super::endpoint::Identity;
use crate::rows::PersonNumber;
use trunkline_web::ports::HeldToken;

/// How long connection parameters are good: a client drops them an hour before their end and asks anew.
pub(crate) const PARAMETERS_FOR: Duration = Duration::from_hours(24);
/// How long a session id is good for connecting; the client does so at once.
const SESSION_FOR: Duration = Duration::from_mins(1);
/// Session ids that were used lately, at most: handshakes of a minute at 1,000 a second.
const USED_MAX: usize = 60_000;
/// The longest session id that is looked at, in bytes.
const SESSION_BYTES_MAX: usize = 4096;

/// Signs and checks.
pub(crate) struct Tokens {
    key: hmac::Key,
    // Guards the nonces that were used here, with the end of their session ids.
    used: Mutex<HashMap<u64, Timestamp>>,
}

/// Why a session id is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session id was not made here, is too old, or was used")]
pub(crate) struct BadSession;

#[derive(Serialize, Deserialize)]
struct Session {
    #[serde(rename = "r")]
    resource: Uuid,
    #[serde(rename = "p")]
    person: PersonNumber,
    #[serde(rename = "i")]
    raw_id: String,
    #[serde(rename = "e")]
    epid: String,
    #[serde(rename = "g")]
    generation: i64,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    access_key: Option<String>,
    #[serde(rename = "x")]
    expires_us: i64,
    #[serde(rename = "m")]
    made_us: i64,
    #[serde(rename = "n")]
    nonce: u64,
    #[serde(rename = "b")]
    wants_extensions: bool,
}

impl Tokens {
    /// Signs with a key derived from the installation's secret.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&root, b"chat realtime");
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()), used: Mutex::default() }
    }

    /// The signature of connection parameters that are good until `until_ms`.
    pub(crate) fn sign_parameters(
        &self,
        resource: ResourceId,
        raw_id: &str,
        epid: &str,
        until_ms: i64,
    ) -> String {
        let tag = hmac::sign(&self.key, parameters(resource, raw_id, epid, until_ms).as_bytes());
        URL_SAFE_NO_PAD.encode(tag)
    }

    /// Whether connection parameters were signed for this user and client and are still good.
    pub(crate) fn are_parameters_good(
        &self,
        resource: ResourceId,
        raw_id: &str,
        epid: &str,
        (until_ms, signature): (&str, &str),
        now: Timestamp,
    ) -> bool {
        let Ok(until_ms) = until_ms.parse::<i64>() else { return false };
        let Ok(tag) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let signed = parameters(resource, raw_id, epid, until_ms);
        now.as_micros() / 1000 < until_ms && hmac::verify(&self.key, signed.as_bytes(), &tag).is_ok()
    }

    /// A session id for a client.
    pub(crate) fn make_session(&self, identity: &Identity, entropy: &dyn Entropy, now: Timestamp) -> String {
        let mut nonce = [0; 8];
        entropy.fill(&mut nonce);
        let session = Session {
            resource: identity.resource.0,
            person: identity.person,
            raw_id: identity.token.raw_id.to_string(),
            epid: identity.epid.to_string(),
            generation: identity.token.generation,
            access_key: identity.token.access_key.as_deref().map(str::to_owned),
            expires_us: identity.expires.as_micros(),
            made_us: now.as_micros(),
            nonce: u64::from_le_bytes(nonce),
            wants_extensions: identity.wants_extensions,
        };
        let text =
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(&session).expect("plain values always serialize"));
        let tag = hmac::sign(&self.key, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Who made the handshake that gave this session id. Good once on a node.
    pub(crate) fn take_session(&self, id: &str, now: Timestamp) -> Result<Identity, BadSession> {
        if id.len() > SESSION_BYTES_MAX {
            return Err(BadSession);
        }
        let (text, tag) = id.split_once('.').ok_or(BadSession)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| BadSession)?;
        hmac::verify(&self.key, text.as_bytes(), &tag).map_err(|_| BadSession)?;
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadSession)?;
        let session: Session = serde_json::from_slice(&json).map_err(|_| BadSession)?;
        let until = Timestamp::from_micros(session.made_us).plus(SESSION_FOR);
        if now > until || !self.use_once(session.nonce, until, now) {
            return Err(BadSession);
        }
        Ok(Identity {
            resource: ResourceId(session.resource),
            person: session.person,
            token: HeldToken {
                raw_id: session.raw_id.into(),
                generation: session.generation,
                access_key: session.access_key.map(Into::into),
            },
            epid: session.epid.into(),
            expires: Timestamp::from_micros(session.expires_us),
            wants_extensions: session.wants_extensions,
        })
    }

    fn use_once(&self, nonce: u64, until: Timestamp, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= USED_MAX {
            used.retain(|_, until| *until >= now);
        }
        used.len() < USED_MAX && used.insert(nonce, until).is_none()
    }
}

fn parameters(resource: ResourceId, raw_id: &str, epid: &str, until_ms: i64) -> String {
    format!("parameters\n{resource}\n{raw_id}\n{epid}\n{until_ms}")
}

#[cfg(test)]
mod tests {
    use trunkline_kernel::SeededEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;
    const RESOURCE: ResourceId = ResourceId(Uuid::from_u128(1));

    fn identity() -> Identity {
        Identity {
            resource: RESOURCE,
            person: PersonNumber(7),
            token: HeldToken {
                raw_id: "8:acs:ä".into(),
                generation: -7,
                access_key: Some("primary:1".into()),
            },
            epid: "epid".into(),
            expires: NOW.plus(Duration::from_hours(1)),
            wants_extensions: true,
        }
    }

    #[test]
    fn a_session_id_is_good_once_and_for_a_minute() {
        let (tokens, entropy) = (Tokens::new(b"secret"), SeededEntropy::new(1));
        let id = tokens.make_session(&identity(), &entropy, NOW);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{id}");
        let taken = tokens.take_session(&id, NOW).expect("fresh");
        assert_eq!(
            (taken.person, &taken.token, taken.wants_extensions),
            (PersonNumber(7), &identity().token, true)
        );
        assert_eq!(tokens.take_session(&id, NOW).err(), Some(BadSession));
        let late = tokens.make_session(&identity(), &entropy, NOW);
        assert!(tokens.take_session(&late, NOW.plus(Duration::from_secs(61))).is_err());
    }

    #[test]
    fn forged_session_ids_are_refused() {
        let (tokens, entropy) = (Tokens::new(b"secret"), SeededEntropy::new(1));
        let foreign = Tokens::new(b"other").make_session(&identity(), &entropy, NOW);
        let (text, tag) = foreign.split_once('.').expect("two parts");
        for id in [&*foreign, text, tag, "", ".", "a.b", &"a".repeat(SESSION_BYTES_MAX + 1)] {
            assert!(tokens.take_session(id, NOW).is_err(), "{id}");
        }
    }

    #[test]
    fn parameters_are_good_for_their_user_and_client_until_their_end() {
        let tokens = Tokens::new(b"secret");
        let signature = tokens.sign_parameters(RESOURCE, "8:acs:a", "e", 1000);
        let is_good = |raw_id, epid, until, now| {
            tokens.are_parameters_good(RESOURCE, raw_id, epid, (until, &signature), now)
        };
        assert!(is_good("8:acs:a", "e", "1000", NOW));
        assert!(!is_good("8:acs:b", "e", "1000", NOW));
        assert!(!is_good("8:acs:a", "f", "1000", NOW));
        assert!(!is_good("8:acs:a", "e", "1001", NOW));
        assert!(!is_good("8:acs:a", "e", "x", NOW));
        assert!(!is_good("8:acs:a", "e", "1000", NOW.plus(Duration::from_secs(1))));
    }
}
