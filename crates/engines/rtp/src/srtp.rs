//! SRTP and SRTCP (RFC 3711, RFC 7714) under keys that DTLS agreed on (RFC 5764).
//!
//! ```text
//! DTLS exporter ─► from_dtls ─► MasterKey of the other side ─► Opener
//!                           └─► MasterKey of this side      ─► Sealer
//! ```
//!
//! Made for a server that seals one payload for hundreds of receivers: all keys are expanded when a [`Sealer`] is made,
//! packets are sealed where they lie, and nothing is allocated when the packet's `Vec` has [`TRAILER_BYTES_MAX`] free.

use aws_lc_rs::error::Unspecified;
use std::fmt;

mod cipher;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;
mod window;

pub use opener::{Opener, STREAMS_MAX};
pub use sealer::Sealer;
pub use window::Once;

/// What sealing adds at most: 16 bytes to RTP, and 4 more, the packet's number, to RTCP.
pub const TRAILER_BYTES_MAX: usize = 20;

/// The shortest header of RTP.
const RTP_HEADER_BYTES: usize = 12;
/// The longest master key, that of AES-256.
const KEY_BYTES_MAX: usize = 32;
/// The longest master salt, that of counter mode.
const SALT_BYTES_MAX: usize = 14;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80` (RFC 5764 §4.1.2), which every WebRTC endpoint has.
    Aes128CmSha1_80,
    /// `SRTP_AEAD_AES_128_GCM` (RFC 7714 §14.2).
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM` (RFC 7714 §14.2).
    AeadAes256Gcm,
}

impl Profile {
    /// The profile with this number in the `use_srtp` extension of DTLS; `None` for those that are not spoken here.
    pub const fn from_dtls_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmSha1_80),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// Length of the master key.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of the master salt.
    pub const fn salt_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Length of the tag that makes a packet authentic.
    pub const fn tag_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }
}

/// Master key and salt of one direction. `Debug` tells the profile alone.
pub struct MasterKey {
    profile: Profile,
    /// As many as [`Profile::key_bytes`] count; zeros follow.
    key: [u8; KEY_BYTES_MAX],
    /// As many as [`Profile::salt_bytes`] count; zeros follow, with which RFC 7714 §11 fills the salt of GCM up.
    salt: [u8; SALT_BYTES_MAX],
}

impl MasterKey {
    /// `key` and `salt` have the lengths of the profile.
    fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Self {
        let mut master = Self { profile, key: [0; KEY_BYTES_MAX], salt: [0; SALT_BYTES_MAX] };
        master.key[..profile.key_bytes()].copy_from_slice(key);
        master.salt[..profile.salt_bytes()].copy_from_slice(salt);
        master
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MasterKey").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// The keys of both directions, named for the side of DTLS that seals with them.
#[derive(Debug)]
pub struct DtlsKeys {
    /// Of what the DTLS client sends.
    pub client: MasterKey,
    /// Of what the DTLS server sends.
    pub server: MasterKey,
}

/// Takes what DTLS exported for `EXTRACTOR-dtls_srtp` apart (RFC 5764 §4.2).
///
/// Shape: client key, server key, client salt, server salt, and nothing else.
pub fn from_dtls(profile: Profile, material: &[u8]) -> Result<DtlsKeys, SrtpError> {
    let (key_bytes, salt_bytes) = (profile.key_bytes(), profile.salt_bytes());
    let needed_bytes = 2 * (key_bytes + salt_bytes);
    if material.len() != needed_bytes {
        return Err(SrtpError::Material { bytes: material.len(), needed_bytes });
    }
    let (keys, salts) = material.split_at(2 * key_bytes);
    let (client_key, server_key) = keys.split_at(key_bytes);
    let (client_salt, server_salt) = salts.split_at(salt_bytes);
    Ok(DtlsKeys {
        client: MasterKey::new(profile, client_key, client_salt),
        server: MasterKey::new(profile, server_key, server_salt),
    })
}

/// Why a packet was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// The exporter gave another number of bytes than the profile uses.
    #[error("keying material has {bytes} bytes, the profile needs {needed_bytes}")]
    Material {
        /// What was given.
        bytes: usize,
        /// What the profile uses.
        needed_bytes: usize,
    },
    /// The cipher library refused a key or a packet of the right length: a broken build or machine.
    #[error("the cipher failed")]
    Cipher,
    /// All packet numbers of the key were used (RFC 3711 §9.2): a new DTLS handshake must follow.
    #[error("no packet number is left under this key")]
    Exhausted,
    /// Header, number and tag do not fit into the packet.
    #[error("{bytes} bytes cannot hold header, packet number and tag")]
    Short {
        /// Length of the packet.
        bytes: usize,
    },
    /// An RTCP packet without the E flag. All profiles here encrypt.
    #[error("the packet is not encrypted")]
    Clear,
    /// The tag is not what the key makes: another key, or changed on the way.
    #[error("the packet is not authentic")]
    Forged,
    /// The number was seen before, or it is older than what is remembered.
    #[error("packet {index} of stream {stream} is a replay or too old")]
    Replayed {
        /// SSRC of the sender.
        stream: u32,
        /// Number of the packet.
        index: u64,
    },
}

impl From<Unspecified> for SrtpError {
    fn from(Unspecified: Unspecified) -> Self {
        Self::Cipher
    }
}
