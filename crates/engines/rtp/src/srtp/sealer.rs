//! What is sent.

use super::cipher::{Cipher, Number, Protocol, RTCP_HEADER_BYTES};
use super::{MasterKey, RTP_HEADER_BYTES, SrtpError};

/// Numbers that one stream of RTP has under one key (RFC 3711 §9.2).
const RTP_NUMBERS: u64 = 1 << 48;
/// Numbers that SRTCP has under one key (RFC 3711 §9.2).
const RTCP_NUMBERS: u32 = 1 << 31;

/// Seals what one side sends.
///
/// No lock: one thread owns this, as it owns the connection.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    /// The number of the next RTCP packet.
    pub(super) rtcp_next: u32,
}

impl Sealer {
    /// Derives and expands the keys of RTP and RTCP.
    pub fn new(key: &MasterKey) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = (Cipher::derive(key, Protocol::Rtp)?, Cipher::derive(key, Protocol::Rtcp)?);
        Ok(Self::with_ciphers(rtp, rtcp))
    }

    pub(super) fn with_ciphers(rtp: Cipher, rtcp: Cipher) -> Self {
        Self { rtp, rtcp, rtcp_next: 0 }
    }

    /// Seals one RTP packet where it lies.
    ///
    /// `packet` is the header, `header_bytes` long with its extensions, and the payload in the clear. Afterwards the
    /// payload is encrypted and the tag appended: at most 16 bytes, and no allocation when that many are free.
    ///
    /// `stream` is the SSRC and `index` the rollover counter times 65,536 plus the sequence number (48 bits); both are
    /// those of the header, or nobody can open the packet. The caller never seals two packets under the same pair:
    /// [`super::Once`] sees to that.
    ///
    /// After an error the packet must not be sent.
    pub fn seal(
        &mut self,
        packet: &mut Vec<u8>,
        header_bytes: usize,
        stream: u32,
        index: u64,
    ) -> Result<(), SrtpError> {
        if header_bytes < RTP_HEADER_BYTES || packet.len() < header_bytes {
            return Err(SrtpError::Short { bytes: packet.len() });
        }
        if index >= RTP_NUMBERS {
            return Err(SrtpError::Exhausted);
        }
        self.rtp.seal_rtp(packet, header_bytes, Number { stream, index }).map_err(SrtpError::from)
    }

    /// Seals a compound RTCP packet where it lies.
    ///
    /// Its first 8 bytes stay in the clear; number and tag are appended: at most 20 bytes. After an error the packet
    /// must not be sent.
    ///
    /// All streams share one counter, which starts at 0. RFC 3711 §3.4 counts for each SSRC, and receivers do, but a
    /// receiver only wants numbers that rise; gaps are lost packets to it. Another implementation may seal RTCP of
    /// other SSRCs with the same key, also with the same numbers: the SSRC of the first packet of the compound is a
    /// part of the counter block (RFC 3711 §4.1.1) and of the nonce (RFC 7714 §9.1), so that no two packets share a
    /// key stream. What must never happen is that two of them seal for the same SSRC.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let Some([_, _, _, _, stream @ ..]) = packet.first_chunk::<RTCP_HEADER_BYTES>() else {
            return Err(SrtpError::Short { bytes: packet.len() });
        };
        if self.rtcp_next == RTCP_NUMBERS {
            return Err(SrtpError::Exhausted);
        }
        let number = Number { stream: u32::from_be_bytes(*stream), index: self.rtcp_next.into() };
        self.rtcp_next += 1;
        self.rtcp.seal_rtcp(packet, number).map_err(SrtpError::from)
    }
}
