//! The session keys of RTP or of RTCP, expanded, and what they do to one packet.

use super::{MasterKey, Profile, SALT_BYTES_MAX, SrtpError};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_256, AES_CTR_IV_LEN, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::SHA1_OUTPUT_LEN;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;

/// Header of RTCP that stays readable: the first four bytes and the sender's SSRC.
pub(super) const RTCP_HEADER_BYTES: usize = 8;
/// The E flag and the packet's number.
pub(super) const RTCP_NUMBER_BYTES: usize = 4;

/// The E flag, in the first byte of the packet's number.
pub(super) const RTCP_ENCRYPTED: u8 = 0x80;

/// What is kept of HMAC-SHA1 in [`Profile::Aes128CmSha1_80`].
const TAG_BYTES: usize = Profile::Aes128CmSha1_80.tag_bytes();
/// Key of HMAC-SHA1 (RFC 3711 §8.2).
const AUTHENTICATION_KEY_BYTES: usize = 20;

/// Which of the two protocols a cipher is for; the value is its first label (RFC 3711 §4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    Rtp = 0,
    Rtcp = 3,
}

/// Expanded keys. No call below allocates or expands a key.
pub(super) enum Cipher {
    /// In a box because AWS-LC keeps 1,700 bytes of keys for it, and for GCM nearly nothing outside a box of its own.
    CounterMode(Box<CounterMode>),
    Gcm(Gcm),
}

/// AES in counter mode, then HMAC-SHA1 over what was encrypted.
pub(super) struct CounterMode {
    key: EncryptingKey,
    salt: [u8; SALT_BYTES_MAX],
    authentication: hmac::Key,
}

/// AES-GCM.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
}

/// The number of a packet: `stream` is the SSRC, `index` ROC and sequence number (48 bits) or the number of SRTCP (31).
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) stream: u32,
    pub(super) index: u64,
}

impl Cipher {
    /// Derives the session keys of one protocol (RFC 3711 §4.3, RFC 7714 §11); they are never derived anew.
    pub(super) fn derive(master: &MasterKey, protocol: Protocol) -> Result<Self, SrtpError> {
        let first_label = protocol as u8;
        let mut key = [0; super::KEY_BYTES_MAX];
        let mut authentication = [0; AUTHENTICATION_KEY_BYTES];
        let mut salt = [0; SALT_BYTES_MAX];
        let key = &mut key[..master.profile.key_bytes()];
        derive(master, first_label, key)?;
        derive(master, first_label + 1, &mut authentication)?;
        derive(master, first_label + 2, &mut salt)?;
        Self::with_session_keys(master.profile, key, salt, &authentication).map_err(SrtpError::from)
    }

    /// GCM uses the first 12 bytes of `salt`, and no `authentication`.
    pub(super) fn with_session_keys(
        profile: Profile,
        key: &[u8],
        salt: [u8; SALT_BYTES_MAX],
        authentication: &[u8],
    ) -> Result<Self, Unspecified> {
        let algorithm = match profile {
            Profile::Aes128CmSha1_80 => {
                let authentication = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication);
                let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, key)?)?;
                return Ok(Self::CounterMode(Box::new(CounterMode { key, salt, authentication })));
            }
            Profile::AeadAes128Gcm => &AES_128_GCM,
            Profile::AeadAes256Gcm => &AES_256_GCM,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
        let [salt @ .., _, _] = salt;
        Ok(Self::Gcm(Gcm { key, salt }))
    }

    /// Encrypts what follows the header and appends the tag.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header_bytes: usize,
        number: Number,
    ) -> Result<(), Unspecified> {
        let (header, payload) = packet.split_at_mut_checked(header_bytes).ok_or(Unspecified)?;
        match self {
            Self::CounterMode(mode) => {
                mode.apply_keystream(number, payload)?;
                let sealed_bytes = packet.len();
                packet.extend_from_slice(&number.rollovers());
                let tag = mode.tag(packet)?;
                packet.truncate(sealed_bytes);
                packet.extend_from_slice(&tag);
            }
            Self::Gcm(mode) => {
                let tag =
                    mode.key.seal_in_place_separate_tag(mode.nonce(number), Aad::from(header), payload)?;
                packet.extend_from_slice(tag.as_ref());
            }
        }
        Ok(())
    }

    /// Encrypts what follows the first 8 bytes and appends number and tag.
    pub(super) fn seal_rtcp(&self, packet: &mut Vec<u8>, number: Number) -> Result<(), Unspecified> {
        let word = number.rtcp_word();
        let (header, payload) = packet.split_first_chunk_mut().ok_or(Unspecified)?;
        match self {
            Self::CounterMode(mode) => {
                mode.apply_keystream(number, payload)?;
                packet.extend_from_slice(&word);
                let tag = mode.tag(packet)?;
                packet.extend_from_slice(&tag);
            }
            Self::Gcm(mode) => {
                let associated = Aad::from(rtcp_associated(*header, word));
                let tag = mode.key.seal_in_place_separate_tag(mode.nonce(number), associated, payload)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
        }
        Ok(())
    }

    /// Undoes [`Cipher::seal_rtp`]. After an error the packet is worth nothing.
    pub(super) fn open_rtp(
        &self,
        packet: &mut Vec<u8>,
        header_bytes: usize,
        number: Number,
    ) -> Result<(), Unspecified> {
        match self {
            Self::CounterMode(mode) => {
                let tag = take_last::<TAG_BYTES>(packet)?;
                let clear_bytes = packet.len();
                packet.extend_from_slice(&number.rollovers());
                verify_slices_are_equal(&mode.tag(packet)?, &tag)?;
                packet.truncate(clear_bytes);
                mode.apply_keystream(number, packet.get_mut(header_bytes..).ok_or(Unspecified)?)
            }
            Self::Gcm(mode) => {
                let (header, sealed) = packet.split_at_mut_checked(header_bytes).ok_or(Unspecified)?;
                let payload = mode.key.open_in_place(mode.nonce(number), Aad::from(header), sealed)?;
                let clear_bytes = header_bytes + payload.len();
                packet.truncate(clear_bytes);
                Ok(())
            }
        }
    }

    /// Undoes [`Cipher::seal_rtcp`]. After an error the packet is worth nothing.
    pub(super) fn open_rtcp(&self, packet: &mut Vec<u8>, number: Number) -> Result<(), Unspecified> {
        match self {
            Self::CounterMode(mode) => {
                let tag = take_last::<TAG_BYTES>(packet)?;
                verify_slices_are_equal(&mode.tag(packet)?, &tag)?;
                take_last::<RTCP_NUMBER_BYTES>(packet)?;
                mode.apply_keystream(number, packet.get_mut(RTCP_HEADER_BYTES..).ok_or(Unspecified)?)
            }
            Self::Gcm(mode) => {
                let word = take_last(packet)?;
                let (header, sealed) = packet.split_first_chunk_mut().ok_or(Unspecified)?;
                let associated = Aad::from(rtcp_associated(*header, word));
                let payload = mode.key.open_in_place(mode.nonce(number), associated, sealed)?;
                let clear_bytes = RTCP_HEADER_BYTES + payload.len();
                packet.truncate(clear_bytes);
                Ok(())
            }
        }
    }

    /// Where the number of a sealed RTCP packet lies, counted from its end.
    pub(super) fn rtcp_number_from_end_bytes(&self) -> usize {
        match self {
            Self::CounterMode(_) => RTCP_NUMBER_BYTES + TAG_BYTES,
            Self::Gcm(_) => RTCP_NUMBER_BYTES,
        }
    }
}

impl CounterMode {
    /// Encrypts and decrypts.
    pub(super) fn apply_keystream(&self, number: Number, payload: &mut [u8]) -> Result<(), Unspecified> {
        apply_keystream(&self.key, self.counter(number), payload)
    }

    /// First counter block (RFC 3711 §4.1.1).
    fn counter(&self, number: Number) -> [u8; AES_CTR_IV_LEN] {
        let mut counter = [0; AES_CTR_IV_LEN];
        counter[..SALT_BYTES_MAX].copy_from_slice(&self.salt);
        number.mix_into(&mut counter[4..SALT_BYTES_MAX]);
        counter
    }

    /// The tag over bytes that lie together. `hmac::Context` would take them in parts, but it moves AWS-LC's 1,200
    /// bytes of state about from call to call, which shows beside a small packet.
    fn tag(&self, bytes: &[u8]) -> Result<[u8; TAG_BYTES], Unspecified> {
        let mut whole = [0; SHA1_OUTPUT_LEN];
        hmac::sign_to_buffer(&self.authentication, bytes, &mut whole)?;
        Ok(*whole.first_chunk().expect("SHA-1 makes 20 bytes"))
    }
}

impl Gcm {
    /// RFC 7714 §8.1 and §9.1.
    fn nonce(&self, number: Number) -> Nonce {
        let mut nonce = self.salt;
        number.mix_into(&mut nonce[2..]);
        Nonce::assume_unique_for_key(nonce)
    }
}

impl Number {
    /// Exclusive or with SSRC and 48 bits of index, as both modes lay them out.
    fn mix_into(self, place: &mut [u8]) {
        let [_, _, index @ ..] = self.index.to_be_bytes();
        for (byte, number) in place.iter_mut().zip(self.stream.to_be_bytes().into_iter().chain(index)) {
            *byte ^= number;
        }
    }

    /// The rollover counter, which counter mode authenticates though it is not sent (RFC 3711 §4.2).
    fn rollovers(self) -> [u8; 4] {
        let [_, _, rollovers @ .., _, _] = self.index.to_be_bytes();
        rollovers
    }

    /// E flag and number as they stand in the packet.
    fn rtcp_word(self) -> [u8; RTCP_NUMBER_BYTES] {
        let [_, _, _, _, first, rest @ ..] = self.index.to_be_bytes();
        [first | RTCP_ENCRYPTED, rest[0], rest[1], rest[2]]
    }
}

/// Encrypts and decrypts.
fn apply_keystream(
    key: &EncryptingKey,
    counter: [u8; AES_CTR_IV_LEN],
    payload: &mut [u8],
) -> Result<(), Unspecified> {
    key.less_safe_encrypt(payload, EncryptionContext::Iv128(counter.into())).map(drop)
}

/// Takes what the packet ends with off it.
fn take_last<const BYTES: usize>(packet: &mut Vec<u8>) -> Result<[u8; BYTES], Unspecified> {
    let last = *packet.last_chunk().ok_or(Unspecified)?;
    packet.truncate(packet.len() - BYTES);
    Ok(last)
}

/// What GCM authenticates beside the encrypted part of RTCP (RFC 7714 §9.2).
fn rtcp_associated(header: [u8; RTCP_HEADER_BYTES], word: [u8; RTCP_NUMBER_BYTES]) -> [u8; 12] {
    let mut associated = [0; 12];
    associated[..RTCP_HEADER_BYTES].copy_from_slice(&header);
    associated[RTCP_HEADER_BYTES..].copy_from_slice(&word);
    associated
}

/// Fills `derived` with the key, tag key or salt that the label stands for (RFC 3711 §4.3.3, RFC 6188 §3).
pub(super) fn derive(master: &MasterKey, label: u8, derived: &mut [u8]) -> Result<(), SrtpError> {
    let mut counter = [0; AES_CTR_IV_LEN];
    counter[..SALT_BYTES_MAX].copy_from_slice(&master.salt);
    counter[7] ^= label;
    let algorithm = match master.profile {
        Profile::Aes128CmSha1_80 | Profile::AeadAes128Gcm => &AES_128,
        Profile::AeadAes256Gcm => &AES_256,
    };
    derived.fill(0);
    UnboundCipherKey::new(algorithm, &master.key[..master.profile.key_bytes()])
        .and_then(EncryptingKey::ctr)
        .and_then(|key| apply_keystream(&key, counter, derived))
        .map_err(SrtpError::from)
}
