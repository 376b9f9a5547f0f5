//! The numbers of pictures in descriptors of VP8 and VP9, which run on over switches as sequence numbers do.

use crate::{PictureNumbers, codec::PictureSeen};

const PICTURE_ID: u16 = 0x7fff;
const SHORT_PICTURE_ID: u16 = 0x7f;
const KEY_INDEX: u8 = 0x1f;

/// What a slot adds to the sender's counters (RFC 7741 §4.2, RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PictureCounters {
    picture_offset: u16,
    tl0_offset: u8,
    key_offset: u8,
    /// The newest that went out.
    last: PictureNumbers,
}

impl PictureCounters {
    /// Puts the first packet of a new stream, a key frame, behind what was sent before.
    pub(super) fn switch(&mut self, new: PictureSeen) {
        let new = new.numbers;
        if let (Some(last), Some(new)) = (self.last.picture_id, new.picture_id) {
            self.picture_offset = last.wrapping_add(1).wrapping_sub(new) & PICTURE_ID;
        }
        if let (Some(last), Some(new)) = (self.last.tl0_picture, new.tl0_picture) {
            self.tl0_offset = last.wrapping_add(1).wrapping_sub(new);
        }
        if let (Some(last), Some(new)) = (self.last.key_index, new.key_index) {
            self.key_offset = last.wrapping_add(1).wrapping_sub(new) & KEY_INDEX;
        }
    }

    /// The numbers to write; `is_newest` when no later packet went out before.
    pub(super) fn map(&mut self, seen: PictureSeen, is_newest: bool) -> PictureNumbers {
        let mask = if seen.has_long_picture_id { PICTURE_ID } else { SHORT_PICTURE_ID };
        let numbers = PictureNumbers {
            picture_id: seen.numbers.picture_id.map(|id| id.wrapping_add(self.picture_offset) & mask),
            tl0_picture: seen.numbers.tl0_picture.map(|id| id.wrapping_add(self.tl0_offset)),
            key_index: seen.numbers.key_index.map(|index| index.wrapping_add(self.key_offset) & KEY_INDEX),
        };
        if is_newest {
            // A stream without a counter does not end the count of those before it.
            self.last = PictureNumbers {
                picture_id: numbers.picture_id.or(self.last.picture_id),
                tl0_picture: numbers.tl0_picture.or(self.last.tl0_picture),
                key_index: numbers.key_index.or(self.last.key_index),
            };
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(picture_id: u16, tl0_picture: u8) -> PictureSeen {
        PictureSeen {
            numbers: PictureNumbers {
                picture_id: Some(picture_id),
                tl0_picture: Some(tl0_picture),
                key_index: Some(31),
            },
            has_long_picture_id: true,
        }
    }

    #[test]
    fn counters_run_on_over_a_switch() {
        let mut counters = PictureCounters::default();
        counters.map(seen(0x7fff, 255), true);
        counters.switch(seen(500, 9));
        let first = counters.map(seen(500, 9), true);
        assert_eq!(first, PictureNumbers { picture_id: Some(0), tl0_picture: Some(0), key_index: Some(0) });
        let second = counters.map(seen(501, 10), true);
        assert_eq!((second.picture_id, second.tl0_picture), (Some(1), Some(1)));
    }

    #[test]
    fn a_late_packet_moves_nothing() {
        let mut counters = PictureCounters::default();
        counters.map(seen(11, 2), true);
        assert_eq!(counters.map(seen(10, 1), false).picture_id, Some(10));
        counters.switch(seen(70, 30));
        assert_eq!(counters.map(seen(70, 30), true).picture_id, Some(12));
    }

    #[test]
    fn short_picture_ids_stay_short() {
        let short = |id| PictureSeen {
            numbers: PictureNumbers { picture_id: Some(id), ..PictureNumbers::default() },
            has_long_picture_id: false,
        };
        let mut counters = PictureCounters::default();
        counters.map(short(126), true);
        counters.switch(short(3));
        assert_eq!(counters.map(short(3), true).picture_id, Some(127));
        assert_eq!(counters.map(short(4), true).picture_id, Some(0));
    }
}
