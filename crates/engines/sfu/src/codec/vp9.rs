//! The VP9 payload descriptor (RFC 9628 §4.2).

use super::FrameMark;
use super::numbers::{Places, Reader};
use crate::Size;

const HAS_PICTURE_ID: u8 = 0x80;
const IS_PREDICTED: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const IS_FLEXIBLE: u8 = 0x10;
const STARTS_FRAME: u8 = 0x08;
const HAS_STRUCTURE: u8 = 0x02;
/// Another reference follows.
const HAS_MORE: u8 = 0x01;
/// Pictures that one in flexible mode may refer to.
const REFERENCES_MAX: u8 = 3;
const HAS_SIZES: u8 = 0x10;
const HAS_GROUPS: u8 = 0x08;

/// Reads the descriptor. `payload` that ends too early has no marks.
pub(super) fn mark(payload: &[u8]) -> FrameMark {
    let Some(Descriptor { first, spatial_layer, size, places, frame }) = descriptor(payload) else {
        return FrameMark::default();
    };
    let is_key = first & (IS_PREDICTED | STARTS_FRAME) == STARTS_FRAME && spatial_layer == 0;
    FrameMark {
        starts_key_frame: is_key && !frame.is_empty(),
        is_padding: false,
        size,
        picture: Some(places.read(payload)),
    }
}

/// Where the numbers of a descriptor stand.
pub(super) fn places(payload: &[u8]) -> Option<Places> {
    descriptor(payload).map(|descriptor| descriptor.places)
}

struct Descriptor<'a> {
    first: u8,
    spatial_layer: u8,
    /// Of the whole picture, where the structure is told.
    size: Option<Size>,
    places: Places,
    frame: &'a [u8],
}

fn descriptor(payload: &[u8]) -> Option<Descriptor<'_>> {
    let mut reader = Reader::new(payload);
    let first = reader.byte()?;
    if first & HAS_PICTURE_ID != 0 {
        reader.picture_id()?;
    }
    let mut spatial_layer = 0;
    if first & HAS_LAYERS != 0 {
        spatial_layer = reader.byte()? >> 1 & 0x07;
        if first & IS_FLEXIBLE == 0 {
            reader.tl0_picture()?;
        }
    }
    if first & (IS_FLEXIBLE | IS_PREDICTED) == IS_FLEXIBLE | IS_PREDICTED {
        references(&mut reader)?;
    }
    let mut size = None;
    if first & HAS_STRUCTURE != 0 {
        structure(&mut reader, &mut size)?;
    }
    let (places, frame) = reader.finish();
    Some(Descriptor { first, spatial_layer, size, places, frame })
}

fn references(reader: &mut Reader<'_>) -> Option<()> {
    for _ in 0..REFERENCES_MAX {
        if reader.byte()? & HAS_MORE == 0 {
            break;
        }
    }
    Some(())
}

/// The scalability structure (§4.2.1). `size` becomes that of the highest spatial layer, the last one, if it is told.
fn structure(reader: &mut Reader<'_>, size: &mut Option<Size>) -> Option<()> {
    let head = reader.byte()?;
    if head & HAS_SIZES != 0 {
        for _ in 0..=head >> 5 {
            *size = Some(Size { width: reader.short()?, height: reader.short()? });
        }
    }
    if head & HAS_GROUPS != 0 {
        for _ in 0..reader.byte()? {
            let references = reader.byte()? >> 2 & 0x03;
            for _ in 0..references {
                reader.byte()?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::PictureNumbers;

    /// What Chromium sends before a key frame of 640 × 360 in one layer: I, L, B and V.
    const KEY: [u8; 15] =
        [0xaa, 0x92, 0x34, 0x00, 0x07, 0x18, 0x02, 0x80, 0x01, 0x68, 1, 0x04, 1, 0x82, 0x49];

    /// A descriptor with a picture id and layers, before `frame`.
    fn payload(flags: u8, picture_id: u16, layers: u8, tl0_picture: u8, frame: &[u8]) -> Vec<u8> {
        let [high, low] = picture_id.to_be_bytes();
        let mut bytes = vec![HAS_PICTURE_ID | HAS_LAYERS | flags, 0x80 | high, low, layers];
        if flags & IS_FLEXIBLE == 0 {
            bytes.push(tl0_picture);
        }
        bytes.extend(frame);
        bytes
    }

    #[test]
    fn a_key_frame_tells_its_size_and_numbers() {
        let mark = mark(&KEY);
        assert!(mark.starts_key_frame && !mark.is_padding);
        assert_eq!(mark.size, Some(Size { width: 640, height: 360 }));
        let seen = mark.picture.expect("it has numbers");
        assert_eq!(
            seen.numbers,
            PictureNumbers { picture_id: Some(0x1234), tl0_picture: Some(7), key_index: None }
        );
        assert!(seen.has_long_picture_id);
    }

    #[test]
    fn the_picture_is_as_large_as_its_highest_layer() {
        // Two spatial layers, no groups.
        let sizes = [0x30, 1, 0x40, 0, 0xb4, 2, 0x80, 1, 0x68, 0x82];
        let mark = mark(&payload(STARTS_FRAME | HAS_STRUCTURE, 1, 0, 1, &sizes));
        assert_eq!(mark.size, Some(Size { width: 640, height: 360 }));
        assert!(mark.starts_key_frame);
    }

    #[test]
    fn only_the_first_packet_of_a_key_frame_starts_it() {
        let check = |flags, layers, expect| {
            let payload = payload(flags, 5, layers, 1, &[0x00, 0x82]);
            assert_eq!(mark(&payload).starts_key_frame, expect, "{payload:x?}");
        };
        check(STARTS_FRAME, 0, true);
        check(STARTS_FRAME | IS_FLEXIBLE, 0, true);
        check(STARTS_FRAME | IS_PREDICTED, 0, false); // between frames
        check(STARTS_FRAME | IS_PREDICTED | IS_FLEXIBLE, 0, false);
        check(0, 0, false); // not the start of a frame
        check(STARTS_FRAME, 0x03, false); // the second spatial layer, which builds on the first
        assert!(mark(&[STARTS_FRAME, 0x82]).starts_key_frame, "nothing but the frame");
        assert!(!mark(&[STARTS_FRAME]).starts_key_frame, "nothing behind the descriptor");
    }

    #[test]
    fn a_short_picture_id_has_seven_bits() {
        let seen = mark(&[HAS_PICTURE_ID, 0x7f, 0x82]).picture.expect("it has numbers");
        assert_eq!((seen.numbers.picture_id, seen.has_long_picture_id), (Some(0x7f), false));
    }

    #[test]
    fn a_descriptor_cut_short_has_no_marks() {
        for length in 1..KEY.len() - 2 {
            assert_eq!(mark(&KEY[..length]), FrameMark::default(), "{length} bytes");
            assert_eq!(places(&KEY[..length]), None);
        }
        // References one behind the other, and one that is not there.
        let flexible = IS_FLEXIBLE | IS_PREDICTED;
        assert_eq!(mark(&payload(flexible, 1, 0, 0, &[0x03, 0x03])), FrameMark::default());
        assert!(mark(&payload(flexible, 1, 0, 0, &[0x03, 0x03, 0x03])).picture.is_some());
    }

    proptest! {
        #[test]
        fn numbers_are_put_in_their_places(
            flags in any::<u8>().prop_map(|flags| flags & (STARTS_FRAME | IS_PREDICTED | 0x05)),
            (old_id, new_id) in (0..0x8000_u16, 0..0x8000_u16),
            (old_tl0, new_tl0) in any::<(u8, u8)>(),
            frame in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let mut bytes = payload(flags, old_id, 0, old_tl0, &frame);
            let numbers = PictureNumbers { picture_id: Some(new_id), tl0_picture: Some(new_tl0), key_index: None };
            let found = places(&bytes).expect("it is whole");
            prop_assert!(found.has(numbers));
            let has_key_index = found.has(PictureNumbers { key_index: Some(1), ..numbers });
            prop_assert!(!has_key_index);
            found.put(&mut bytes, numbers);
            prop_assert_eq!(mark(&bytes).picture.map(|seen| seen.numbers), Some(numbers));
            prop_assert_eq!(bytes, payload(flags, new_id, 0, new_tl0, &frame));
        }

        #[test]
        fn places_are_inside_whatever_comes(
            mut bytes in prop::collection::vec(any::<u8>(), 0..24),
            numbers in (any::<Option<u16>>(), any::<Option<u8>>(), any::<Option<u8>>()),
        ) {
            let numbers =
                PictureNumbers { picture_id: numbers.0, tl0_picture: numbers.1, key_index: numbers.2 };
            let before = bytes.clone();
            let Some(found) = places(&bytes) else {
                prop_assert_eq!(mark(&bytes), FrameMark::default());
                return Ok(());
            };
            found.put(&mut bytes, numbers);
            prop_assert_eq!(bytes.len(), before.len());
            prop_assert_eq!(mark(&bytes).starts_key_frame, mark(&before).starts_key_frame);
        }
    }
}
