//! Payloads that look like those of encoders.

use super::Sent;
use crate::{Codec, Layer, SourceKind};

/// A frame of VP8 as one packet carries it.
#[derive(Clone, Copy, Debug)]
pub struct Vp8Frame {
    /// Whether it is a key frame.
    pub is_key: bool,
    /// 15 bits.
    pub picture_id: u16,
    /// TL0PICIDX.
    pub tl0_picture: u8,
    /// TID, 0 to 2.
    pub temporal: u8,
    /// KEYIDX, 5 bits.
    pub key_index: u8,
    /// Width and height in pixels, in key frames.
    pub size: (u16, u16),
    /// Bytes of the whole payload, at least 16.
    pub bytes: usize,
}

impl Default for Vp8Frame {
    fn default() -> Self {
        Self {
            is_key: true,
            picture_id: 1,
            tl0_picture: 1,
            temporal: 0,
            key_index: 1,
            size: (640, 360),
            bytes: 1_000,
        }
    }
}

/// A whole VP8 frame with the descriptor browsers send for three temporal layers (RFC 7741 §4.2).
#[must_use]
pub fn vp8(frame: Vp8Frame) -> Vec<u8> {
    let [id_high, id_low] = (frame.picture_id | 0x8000).to_be_bytes();
    // X and S; then I, L, T and K.
    let mut payload =
        vec![0x90, 0xf0, id_high, id_low, frame.tl0_picture, frame.temporal << 6 | frame.key_index & 0x1f];
    if frame.is_key {
        let (width, height) = (frame.size.0.to_le_bytes(), frame.size.1.to_le_bytes());
        payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, width[0], width[1], height[0], height[1]]);
    } else {
        payload.extend([0x11, 0, 0]);
    }
    payload.resize(frame.bytes.max(payload.len()), 0x55);
    payload
}

/// A packet of somebody's voice, which the one with the next number follows.
#[must_use]
pub fn voice(number: u32) -> Sent {
    Sent {
        kind: SourceKind::Audio,
        layer: Layer::Low,
        codec: Codec::Opus,
        timestamp: number.wrapping_mul(960),
        marker: number == 0,
        level_dbov: Some(-20),
        payload: opus(number),
    }
}

/// An Opus packet of 20 ms; its bytes tell its number.
#[must_use]
pub fn opus(number: u32) -> Vec<u8> {
    let mut payload = vec![0x78];
    payload.extend(number.to_be_bytes());
    payload.resize(80, 0xaa);
    payload
}
