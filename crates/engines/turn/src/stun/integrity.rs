//! Who made a message (HMAC-SHA1) and whether it is one (CRC-32).

use aws_lc_rs::hmac;
use md5::{Digest as _, Md5};
use trunkline_kernel::secret::equal_in_constant_time;

use super::HEADER_BYTES;

/// `MESSAGE-INTEGRITY` with its head.
pub(super) const INTEGRITY_BYTES: usize = 24;
/// `FINGERPRINT` with its head.
pub(super) const FINGERPRINT_BYTES: usize = 8;
/// What a CRC is mixed with, so that it differs from other protocols' (RFC 8489 §14.7): "STUN".
const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// What both sides know.
#[derive(Clone)]
pub struct IntegrityKey(hmac::Key);

impl std::fmt::Debug for IntegrityKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IntegrityKey(…)")
    }
}

impl IntegrityKey {
    /// From a password of ICE, or from [`long_term_key`].
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key))
    }

    /// The code for a message of which `before` stands before the attribute.
    pub(super) fn sign(&self, before: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&head_with_length(before, INTEGRITY_BYTES));
        context.update(&before[4..]);
        context.sign()
    }

    pub(super) fn verify(&self, before: &[u8], code: &[u8]) -> bool {
        equal_in_constant_time(self.sign(before).as_ref(), code)
    }
}

/// The first four bytes with the length that the message has once an attribute of `bytes` is its last.
fn head_with_length(before: &[u8], bytes: usize) -> [u8; 4] {
    let length =
        u16::try_from(before.len() - HEADER_BYTES + bytes).expect("messages are shorter than 64 KiB");
    let [high, low] = length.to_be_bytes();
    [before[0], before[1], high, low]
}

/// The fingerprint of a message of which `before` stands before the attribute.
pub(super) fn fingerprint(before: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head_with_length(before, FINGERPRINT_BYTES));
    crc.update(&before[4..]);
    crc.finalize() ^ FINGERPRINT_MASK
}

/// The key of a name and its password in a realm. The RFC makes it with MD5 (RFC 8489 §9.2.2).
pub fn long_term_key(username: &str, realm: &str, password: &str) -> [u8; 16] {
    Md5::digest(format!("{username}:{realm}:{password}")).into()
}
