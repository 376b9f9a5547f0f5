//! Who made a message (HMAC-SHA1, HMAC-SHA256) and whether it is one (CRC-32).

use aws_lc_rs::{digest, hmac};
use md5::{Digest as _, Md5};
use trunkline_kernel::secret::equal_in_constant_time;

use super::HEADER_BYTES;
use super::attributes::number;

/// Number and length before a value.
const HEAD_BYTES: usize = 4;
/// `FINGERPRINT` with its head.
pub(super) const FINGERPRINT_BYTES: usize = 8;
/// What a CRC is mixed with, so that it differs from other protocols' (RFC 8489 §14.7): "STUN".
const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// What both sides know, and the attribute that shows it.
#[derive(Clone)]
pub struct IntegrityKey {
    key: hmac::Key,
    is_sha256: bool,
}

impl std::fmt::Debug for IntegrityKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("IntegrityKey(…)")
    }
}

impl IntegrityKey {
    /// For `MESSAGE-INTEGRITY`, from a password of ICE, or from [`long_term_key`].
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), is_sha256: false }
    }

    /// For `MESSAGE-INTEGRITY-SHA256`, from [`long_term_key_sha256`], or from [`long_term_key`] where no algorithm was
    /// chosen.
    pub fn sha256(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), is_sha256: true }
    }

    /// The number of the attribute that this key makes.
    pub(super) fn attribute(&self) -> u16 {
        if self.is_sha256 { number::MESSAGE_INTEGRITY_SHA256 } else { number::MESSAGE_INTEGRITY }
    }

    fn code_bytes(&self) -> usize {
        if self.is_sha256 { 32 } else { 20 }
    }

    /// The code for a message of which `before` stands before the attribute.
    pub(super) fn sign(&self, before: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&head_with_length(before, HEAD_BYTES + self.code_bytes()));
        context.update(&before[4..]);
        context.sign()
    }

    /// Whether `code` is the whole code: a use of STUN that shortens it has to say so (RFC 8489 §14.6), and TURN does
    /// not.
    pub(super) fn verify(&self, before: &[u8], code: &[u8]) -> bool {
        // With another length it would not fit the message that it is computed over.
        code.len() == self.code_bytes() && equal_in_constant_time(self.sign(before).as_ref(), code)
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

/// The key of a name and its password in a realm, made with MD5 (RFC 8489 §18.5.1.1): what every client knows.
pub fn long_term_key(username: &str, realm: &str, password: &str) -> [u8; 16] {
    Md5::digest(format!("{username}:{realm}:{password}")).into()
}

/// The same, made with SHA-256 (RFC 8489 §18.5.1.2).
pub fn long_term_key_sha256(username: &str, realm: &str, password: &str) -> [u8; 32] {
    sha256(&format!("{username}:{realm}:{password}"))
}

/// A name that is not to be seen on the way: `USERHASH` (RFC 8489 §14.4).
pub fn user_hash(username: &str, realm: &str) -> [u8; 32] {
    sha256(&format!("{username}:{realm}"))
}

fn sha256(text: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
