//! What payloads say about themselves: where key frames begin, how large the picture is, which numbers it has.
//!
//! The parsers take any bytes: what does not add up is an ordinary packet without marks.

mod av1;
mod h264;
mod numbers;
pub(crate) mod red;
mod vp8;
mod vp9;

pub(crate) use numbers::Places;

use crate::{Codec, PictureNumbers, Size};

/// What the room needs to know of a packet's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct FrameMark {
    /// The first packet of a frame that stands alone: decoding can begin here.
    pub(crate) starts_key_frame: bool,
    /// There is no payload: it was sent to measure the network.
    pub(crate) is_padding: bool,
    /// The size of the picture, where a key frame's header tells it.
    pub(crate) size: Option<Size>,
    /// What a descriptor of VP8 or VP9 says.
    pub(crate) picture: Option<PictureSeen>,
}

/// The numbers of a picture in a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PictureSeen {
    pub(crate) numbers: PictureNumbers,
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
        Codec::Vp9 => vp9::mark(payload),
        Codec::H264 => {
            FrameMark { starts_key_frame: h264::starts_key_frame(payload), ..FrameMark::default() }
        }
        Codec::Av1 => FrameMark { starts_key_frame: av1::starts_key_frame(payload), ..FrameMark::default() },
        Codec::Opus | Codec::Red => FrameMark::default(),
    }
}

/// Where to put `numbers` into a payload; `None` when the descriptor has no such places: what goes out would contradict
/// the slot's numbers.
pub(crate) fn places(codec: Codec, payload: &[u8], numbers: PictureNumbers) -> Option<Places> {
    let places = match codec {
        Codec::Vp8 => vp8::places(payload)?,
        Codec::Vp9 => vp9::places(payload)?,
        Codec::Opus | Codec::Red | Codec::H264 | Codec::Av1 => Places::default(),
    };
    places.has(numbers).then_some(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            for codec in Codec::ALL {
                prop_assert_eq!(mark(codec, &payload).is_padding, payload.is_empty());
            }
            let _ = red::primary(&payload);
            let _ = red::is_plain_opus(&payload);
        }
    }
}
