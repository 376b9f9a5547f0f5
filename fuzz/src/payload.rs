//! What payloads say about themselves. Clients encrypt them, so whatever is in them comes from a client of the call.

use trunkline_sfu::Codec;
use trunkline_sfu::testing::payloads::{is_redundant_opus, marks, newest_of_redundant};

/// The first byte names the codec.
pub(crate) fn run(bytes: &[u8]) {
    let (codec, payload) = bytes.split_first().unwrap_or((&0, &[]));
    match codec % 5 {
        0 => vp8(payload),
        1 => h264(payload),
        2 => red(payload),
        3 => vp9(payload),
        _ => av1(payload),
    }
}

fn vp8(payload: &[u8]) {
    let seen = marks(Codec::Vp8, payload);
    assert_eq!(seen.is_padding, payload.is_empty());
    assert!(seen.size.is_none() || seen.starts_key_frame, "only key frames tell a size");
    if let Some(size) = seen.size {
        assert!(size.width < 1 << 14 && size.height < 1 << 14);
    }
    if let Some(numbers) = seen.picture {
        assert!(numbers.picture_id.is_none_or(|id| id < 1 << 15));
        assert!(numbers.key_index.is_none_or(|index| index < 1 << 5));
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
    assert_eq!((seen.size, seen.picture), (None, None));
    assert!(!(seen.is_padding && seen.starts_key_frame));
    // A key frame stays one when more units follow.
    let mut longer = payload.to_vec();
    longer.extend([0, 1, 0x41]);
    assert!(!seen.starts_key_frame || marks(Codec::H264, &longer).starts_key_frame);
}

fn vp9(payload: &[u8]) {
    let seen = marks(Codec::Vp9, payload);
    assert_eq!(seen.is_padding, payload.is_empty());
    let Some(numbers) = seen.picture else {
        assert!(!seen.starts_key_frame && seen.size.is_none(), "what is cut short has no marks");
        return;
    };
    assert!(numbers.picture_id.is_none_or(|id| id < 1 << 15));
    assert_eq!(numbers.key_index, None);
    // What stands behind the descriptor changes nothing but that there is something.
    let mut longer = payload.to_vec();
    longer.push(0xff);
    let behind = marks(Codec::Vp9, &longer);
    assert_eq!((behind.size, behind.picture), (seen.size, seen.picture));
    assert!(!seen.starts_key_frame || behind.starts_key_frame);
}

fn av1(payload: &[u8]) {
    let seen = marks(Codec::Av1, payload);
    assert_eq!((seen.size, seen.picture), (None, None));
    assert!(!(seen.is_padding && seen.starts_key_frame));
    let mut longer = payload.to_vec();
    longer.push(0xff);
    assert!(payload.len() < 2 || marks(Codec::Av1, &longer) == seen);
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
