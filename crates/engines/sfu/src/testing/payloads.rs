//! The parsers of payloads, which are no part of the engine's surface, for fuzzing.

use std::sync::Arc;

use crate::codec::{self, red};
use crate::{Codec, PictureNumbers, Size};

/// What a payload says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PayloadMarks {
    /// Decoding can begin here.
    pub starts_key_frame: bool,
    /// There is no payload.
    pub is_padding: bool,
    /// The size of the picture, where it is told.
    pub size: Option<Size>,
    /// The numbers in a descriptor of VP8 or VP9.
    pub picture: Option<PictureNumbers>,
}

/// Reads the marks of a payload.
#[must_use]
pub fn marks(codec: Codec, payload: &[u8]) -> PayloadMarks {
    let mark = codec::mark(codec, payload);
    PayloadMarks {
        starts_key_frame: mark.starts_key_frame,
        is_padding: mark.is_padding,
        size: mark.size,
        picture: mark.picture.map(|seen| seen.numbers),
    }
}

/// The newest block of redundant audio.
#[must_use]
pub fn newest_of_redundant(payload: &[u8]) -> Option<Arc<[u8]>> {
    red::primary(payload)
}

/// Whether all blocks of redundant audio are Opus by its usual number.
#[must_use]
pub fn is_redundant_opus(payload: &[u8]) -> bool {
    red::is_plain_opus(payload)
}
