//! The VP8 payload descriptor and the head of a key frame (RFC 7741 §4.2, §4.3; RFC 6386 §9.1).

use super::FrameMark;
use super::numbers::{Places, Reader};
use crate::Size;

const HAS_EXTENSION: u8 = 0x80;
const STARTS_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0_PICTURE: u8 = 0x40;
const HAS_TEMPORAL_ID: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;

/// Reads the descriptor and, where a frame begins, its head. `payload` that ends too early has no marks.
pub(super) fn mark(payload: &[u8]) -> FrameMark {
    let Some((first, places, frame)) = descriptor(payload) else { return FrameMark::default() };
    let starts_frame = first & STARTS_PARTITION != 0 && first & PARTITION == 0;
    let starts_key_frame = starts_frame && frame.first().is_some_and(|tag| tag & 1 == 0);
    FrameMark {
        starts_key_frame,
        is_padding: false,
        size: if starts_key_frame { size(frame) } else { None },
        picture: (first & HAS_EXTENSION != 0).then(|| places.read(payload)),
    }
}

/// Where the numbers of a descriptor stand.
pub(super) fn places(payload: &[u8]) -> Option<Places> {
    descriptor(payload).map(|(_, places, _)| places)
}

/// The first byte, where the numbers stand, and what is behind the descriptor.
fn descriptor(payload: &[u8]) -> Option<(u8, Places, &[u8])> {
    let mut reader = Reader::new(payload);
    let first = reader.byte()?;
    let has = if first & HAS_EXTENSION == 0 { 0 } else { reader.byte()? };
    if has & HAS_PICTURE_ID != 0 {
        reader.picture_id()?;
    }
    if has & HAS_TL0_PICTURE != 0 {
        reader.tl0_picture()?;
    }
    if has & HAS_KEY_INDEX != 0 {
        reader.key_index()?;
    } else if has & HAS_TEMPORAL_ID != 0 {
        reader.byte()?;
    }
    let (places, frame) = reader.finish();
    Some((first, places, frame))
}

/// What the head of a key frame says, where the packet is long enough.
fn size(frame: &[u8]) -> Option<Size> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = frame else { return None };
    // The upper two bits are a scaling hint.
    Some(Size {
        width: u16::from_le_bytes([*w0, *w1]) & 0x3fff,
        height: u16::from_le_bytes([*h0, *h1]) & 0x3fff,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::PictureNumbers;

    /// A descriptor in the form Chromium sends it, before `frame`: the tests' sender.
    fn payload(numbers: PictureNumbers, starts_frame: bool, frame: &[u8]) -> Vec<u8> {
        let mut bytes = vec![HAS_EXTENSION | if starts_frame { STARTS_PARTITION } else { 0 }, 0];
        if let Some(id) = numbers.picture_id {
            bytes[1] |= HAS_PICTURE_ID;
            let [high, low] = id.to_be_bytes();
            bytes.extend([0x80 | high, low]);
        }
        if let Some(id) = numbers.tl0_picture {
            bytes[1] |= HAS_TL0_PICTURE;
            bytes.push(id);
        }
        if let Some(index) = numbers.key_index {
            bytes[1] |= HAS_KEY_INDEX;
            bytes.push(index & 0x1f);
        }
        bytes.extend(frame);
        bytes
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let payload =
            [0x90, 0xe0, 0x92, 0x34, 0x07, 0x20, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0x68, 0x41];
        let mark = mark(&payload);
        assert!(mark.starts_key_frame);
        assert_eq!(mark.size, Some(Size { width: 640, height: 360 }));
        let seen = mark.picture.expect("it has numbers");
        assert_eq!(
            seen.numbers,
            PictureNumbers { picture_id: Some(0x1234), tl0_picture: Some(7), key_index: None }
        );
        assert!(seen.has_long_picture_id);
    }

    #[test]
    fn only_the_first_packet_of_a_key_frame_starts_it() {
        let check =
            |payload: &[u8], expect| assert_eq!(mark(payload).starts_key_frame, expect, "{payload:x?}");
        check(&[0x10, 0x00], true);
        check(&[0x10, 0x01], false); // between frames
        check(&[0x00, 0x00], false); // not the start of a partition
        check(&[0x11, 0x00], false); // another partition
        check(&[0x10], false); // nothing behind the descriptor
    }

    #[test]
    fn a_short_picture_id_has_seven_bits() {
        let seen = mark(&[0x90, 0x80, 0x7f, 0x01]).picture.expect("it has numbers");
        assert_eq!((seen.numbers.picture_id, seen.has_long_picture_id), (Some(0x7f), false));
    }

    #[test]
    fn a_descriptor_cut_short_has_no_marks() {
        let whole = [0x90, 0xf0, 0x92, 0x34, 0x07, 0x25, 0x00];
        assert!(mark(&whole).starts_key_frame);
        for length in 1..whole.len() - 1 {
            assert_eq!(mark(&whole[..length]), FrameMark::default(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn numbers_round_trip(
            picture_id in prop::option::of(0..0x8000_u16),
            tl0_picture in any::<Option<u8>>(),
            key_index in prop::option::of(0..32_u8),
        ) {
            let numbers = PictureNumbers { picture_id, tl0_picture, key_index };
            let mark = mark(&payload(numbers, true, &[0x01, 0, 0]));
            prop_assert_eq!(mark.picture.map(|seen| seen.numbers), Some(numbers));
            prop_assert!(!mark.starts_key_frame);
        }

        #[test]
        fn numbers_are_put_in_their_places(
            has in prop::array::uniform3(any::<bool>()),
            old in prop::array::uniform3(any::<u16>()),
            new in prop::array::uniform3(any::<u16>()),
            puts in prop::array::uniform3(any::<bool>()),
        ) {
            let numbers = |values: [u16; 3], has: [bool; 3]| PictureNumbers {
                picture_id: has[0].then_some(values[0] & 0x7fff),
                tl0_picture: has[1].then_some(values[1].to_be_bytes()[1]),
                key_index: has[2].then_some(values[2].to_be_bytes()[1] & 0x1f),
            };
            let mut bytes = payload(numbers(old, has), true, &[0x01, 0, 0]);
            let is_there = puts.iter().zip(has).all(|(puts, has)| !puts || has);
            let wanted = numbers(new, puts);
            let found = places(&bytes).expect("it is whole");
            prop_assert_eq!(found.has(wanted), is_there);
            found.put(&mut bytes, wanted);
            let mixed = std::array::from_fn(|index| if puts[index] { new[index] } else { old[index] });
            prop_assert_eq!(bytes, payload(numbers(mixed, has), true, &[0x01, 0, 0]));
        }

        #[test]
        fn places_are_inside_whatever_comes(
            mut bytes in prop::collection::vec(any::<u8>(), 0..12),
            numbers in (any::<Option<u16>>(), any::<Option<u8>>(), any::<Option<u8>>()),
        ) {
            let numbers =
                PictureNumbers { picture_id: numbers.0, tl0_picture: numbers.1, key_index: numbers.2 };
            let length = bytes.len();
            if let Some(found) = places(&bytes) {
                found.put(&mut bytes, numbers);
            }
            prop_assert_eq!(bytes.len(), length);
        }
    }
}
