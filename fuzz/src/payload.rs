//! What payloads say about themselves. Clients encrypt them, so whatever is in them comes from a client of the call.

use trunkline_sfu::Codec;
use trunkline_sfu::testing::payloads::{is_redundant_opus, marks, newest_of_redundant};

/// The first byte names the codec.
pub(crate) fn run(bytes: &[u8]) {
    let (codec, payload) = bytes.split_first().unwrap_or((&0, &[]));
    match codec % 3 {
        0 => vp8(payload),
        1 => h264(payload),
        _ => red(payload),
    }
}

fn vp8(payload: &[u8]) {
    let seen = marks(Codec::Vp8, payload);
    assert_eq!(seen.is_padding, payload.is_empty());
    assert!(seen.size.is_none() || seen.starts_key_frame, "only key frames tell a size");
    if let Some(size) = seen.size {
        assert!(size.width < 1 << 14 && size.height < 1 << 14);
    }
    if let Some(fields) = seen.vp8 {
        assert!(fields.picture_id.is_none_or(|id| id < 1 << 15));
        assert!(fields.key_index.is_none_or(|index| index < 1 << 5));
    }
    // What stands behind the head of a key frame changes nothing.
    let mut longer = payload.to_vec();
    longer.extend([0xff; 16]);
    if seen.size.is_some() {
        assert_eq!(marks(Codec::Vp8, &longer), seen);
    }
}

fn h264(payload: &[u8]) {
    let seen = marks(Codec::H264, payload);
    assert_eq!((seen.size, seen.vp8), (None, None));
    assert!(!(seen.is_padding && seen.starts_key_frame));
    // A key frame stays one when more units follow.
    let mut longer = payload.to_vec();
    longer.extend([0, 1, 0x41]);
    assert!(!seen.starts_key_frame || marks(Codec::H264, &longer).starts_key_frame);
}

fn red(payload: &[u8]) {
    let Some(newest) = newest_of_redundant(payload) else { return };
    assert!(!newest.is_empty() && payload.ends_with(&newest), "the newest block stands last");
    // Older blocks may be left out: one head and the block say the same.
    let mut alone = vec![111];
    alone.extend_from_slice(&newest);
    assert_eq!(newest_of_redundant(&alone).as_deref(), Some(&*newest));
    assert!(is_redundant_opus(&alone));
    if is_redundant_opus(payload) {
        assert!(payload[0] & 0x7f == 111);
    }
}
