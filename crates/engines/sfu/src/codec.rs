//! What payloads say about themselves: where key frames begin, how large the picture is, which counters VP8 has.
//!
//! The parsers take any bytes: what does not add up is an ordinary packet without marks.

mod h264;
pub(crate) mod red;
pub(crate) mod vp8;

use crate::{Codec, Size, Vp8Fields};

/// What the room needs to know of a packet's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct FrameMark {
    /// The first packet of a frame that stands alone: decoding can begin here.
    pub(crate) starts_key_frame: bool,
    /// There is no payload: it was sent to measure the network.
    pub(crate) is_padding: bool,
    /// The size of the picture, where a key frame's header tells it.
    pub(crate) size: Option<Size>,
    /// The counters of a VP8 descriptor.
    pub(crate) vp8: Option<Vp8Seen>,
}

/// What a VP8 descriptor says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Vp8Seen {
    pub(crate) fields: Vp8Fields,
    /// Whether the picture id has 15 bits; otherwise it has 7.
    pub(crate) has_long_picture_id: bool,
}

/// Reads the marks of a payload.
pub(crate) fn mark(codec: Codec, payload: &[u8]) -> FrameMark {
    if payload.is_empty() {
        return FrameMark { is_padding: true, ..FrameMark::default() };
    }
    match codec {
        Codec::Vp8 => vp8::mark(payload),
        Codec::H264 => {
            FrameMark { starts_key_frame: h264::starts_key_frame(payload), ..FrameMark::default() }
        }
        Codec::Opus | Codec::Red => FrameMark::default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            for codec in [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264] {
                prop_assert_eq!(mark(codec, &payload).is_padding, payload.is_empty());
            }
            let _ = red::primary(&payload);
            let _ = red::is_plain_opus(&payload);
        }
    }
}
