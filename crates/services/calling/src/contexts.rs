//! `incomingCallContext`: what names a ringing leg to applications that answer, redirect or reject for its user.
//!
//! ```text
//! context = base64url( 1 (format) | ciphertext | tag (16) )     AES-256-GCM-SIV, the resource's id as AAD
//! sealed  = participant (4, big-endian) | call id
//! ```
//!
//! The same leg always has the same context, so that an event that is delivered again is the same event. SIV is what
//! permits that: without a nonce of its own a message gives away nothing but that it is the same.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::ResourceId;

use crate::rules::P;

const FORMAT: u8 = 1;
const NONCE: [u8; 12] = [0; 12];
/// The longest context that is looked at, in characters.
const TEXT_MAX: usize = 512;

/// The leg that a context names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingLeg {
    /// The call's id, as clients have it.
    pub call: String,
    /// The number of the participant who is called.
    pub participant: u32,
}

/// Why a context is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the incoming call context was not made here, or for another resource")]
pub struct BadContext;

/// Seals and opens contexts.
pub(crate) struct Contexts {
    key: LessSafeKey,
}

impl Contexts {
    /// Seals with a key derived from the installation's secret.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&root, b"calling incoming call");
        let key = UnboundKey::new(&AES_256_GCM_SIV, derived.as_ref()).expect("SHA-256 has 32 bytes");
        Self { key: LessSafeKey::new(key) }
    }

    /// The context of a leg.
    pub(crate) fn seal(&self, resource: ResourceId, call: &str, p: P) -> String {
        let mut sealed = p.0.to_be_bytes().to_vec();
        sealed.extend_from_slice(call.as_bytes());
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let aad = Aad::from(resource.0.into_bytes());
        self.key.seal_in_place_append_tag(nonce, aad, &mut sealed).expect("a call's id is short");
        sealed.insert(0, FORMAT);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The leg that a context of the resource names.
    ///
    /// **Errors**: [`BadContext`] for whatever was not sealed here for this resource.
    pub(crate) fn open(&self, resource: ResourceId, context: &str) -> Result<IncomingLeg, BadContext> {
        if context.len() > TEXT_MAX {
            return Err(BadContext);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(context).map_err(|_| BadContext)?;
        let Some((&mut FORMAT, sealed)) = bytes.split_first_mut() else { return Err(BadContext) };
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let aad = Aad::from(resource.0.into_bytes());
        let open = self.key.open_in_place(nonce, aad, sealed).map_err(|_| BadContext)?;
        let (p, call) = open.split_first_chunk().ok_or(BadContext)?;
        let call = str::from_utf8(call).map_err(|_| BadContext)?.to_owned();
        Ok(IncomingLeg { call, participant: u32::from_be_bytes(*p) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const DEV: ResourceId = ResourceId(Uuid::from_u128(1));
    const OTHER: ResourceId = ResourceId(Uuid::from_u128(2));

    fn leg(call: &str, participant: u32) -> IncomingLeg {
        IncomingLeg { call: call.to_owned(), participant }
    }

    #[test]
    fn a_context_names_its_leg_to_its_resource_only() {
        let contexts = Contexts::new(b"secret");
        let context = contexts.seal(DEV, "c-1", P(2));
        assert_eq!(contexts.open(DEV, &context), Ok(leg("c-1", 2)));
        assert_eq!(contexts.open(OTHER, &context), Err(BadContext));
        assert_eq!(Contexts::new(b"other").open(DEV, &context), Err(BadContext));
        assert_eq!(contexts.seal(DEV, "c-1", P(2)), context, "told again, it is the same");
        assert_ne!(contexts.seal(OTHER, "c-1", P(2)), context);
        let read = URL_SAFE_NO_PAD.decode(&context).unwrap();
        assert!(!read.windows(3).any(|part| part == b"c-1"), "nobody reads it");
    }

    #[test]
    fn no_changed_byte_and_no_other_format_is_taken() {
        let contexts = Contexts::new(b"secret");
        let context = contexts.seal(DEV, "c-29228d3e040e4656a70e890ab4e173e5", P(7));
        let bytes = URL_SAFE_NO_PAD.decode(&context).unwrap();
        for index in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[index] ^= 1;
            assert_eq!(contexts.open(DEV, &URL_SAFE_NO_PAD.encode(forged)), Err(BadContext), "byte {index}");
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..index]);
            assert_eq!(contexts.open(DEV, &cut), Err(BadContext), "cut at {index}");
        }
        let long = format!("{context}{}", "A".repeat(TEXT_MAX));
        assert_eq!(contexts.open(DEV, &long), Err(BadContext));
    }

    proptest! {
        #[test]
        fn every_leg_round_trips(call in "[A-Za-z0-9_-]{1,64}", p in any::<u32>(), resource in any::<u128>()) {
            let (contexts, resource) = (Contexts::new(b"secret"), ResourceId(Uuid::from_u128(resource)));
            let context = contexts.seal(resource, &call, P(p));
            prop_assert_eq!(contexts.open(resource, &context), Ok(leg(&call, p)));
        }

        #[test]
        fn no_text_opens(text in "\\PC{0,600}") {
            prop_assert_eq!(Contexts::new(b"secret").open(DEV, &text), Err(BadContext));
        }
    }
}
