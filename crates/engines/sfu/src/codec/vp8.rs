//! The VP8 payload descriptor and the head of a key frame (RFC 7741 §4.2, §4.3; RFC 6386 §9.1).

use super::{FrameMark, Vp8Seen};
use crate::{Size, Vp8Fields};

const HAS_EXTENSION: u8 = 0x80;
const STARTS_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0_PICTURE: u8 = 0x40;
const HAS_TEMPORAL_ID: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
const IS_LONG: u8 = 0x80;

/// Reads the descriptor and, where a frame begins, its head. `payload` that ends too early has no marks.
pub(super) fn mark(payload: &[u8]) -> FrameMark {
    let Some((first, seen, frame)) = descriptor(payload) else { return FrameMark::default() };
    let starts_frame = first & STARTS_PARTITION != 0 && first & PARTITION == 0;
    let starts_key_frame = starts_frame && frame.first().is_some_and(|tag| tag & 1 == 0);
    FrameMark {
        starts_key_frame,
        is_padding: false,
        size: if starts_key_frame { size(frame) } else { None },
        vp8: (first & HAS_EXTENSION != 0).then_some(seen),
    }
}

/// Where the counters of a descriptor stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Places {
    picture_id: Option<(usize, bool)>,
    tl0_picture: Option<usize>,
    key_index: Option<usize>,
}

/// Where to put `fields`; `None` when the descriptor has no such places: what goes out would contradict the slot's
/// numbers.
pub(crate) fn places(payload: &[u8], fields: Vp8Fields) -> Option<Places> {
    let mut places = Places::default();
    let has = if payload.first()? & HAS_EXTENSION != 0 { *payload.get(1)? } else { 0 };
    let mut at = 2;
    if has & HAS_PICTURE_ID != 0 {
        let is_long = payload.get(at)? & IS_LONG != 0;
        places.picture_id = Some((at, is_long));
        at += if is_long { 2 } else { 1 };
    }
    if has & HAS_TL0_PICTURE != 0 {
        places.tl0_picture = Some(at);
        at += 1;
    }
    if has & (HAS_TEMPORAL_ID | HAS_KEY_INDEX) != 0 {
        places.key_index = (has & HAS_KEY_INDEX != 0).then_some(at);
        at += 1;
    }
    let has_all = (fields.picture_id.is_none() || places.picture_id.is_some())
        && (fields.tl0_picture.is_none() || places.tl0_picture.is_some())
        && (fields.key_index.is_none() || places.key_index.is_some());
    (has_all && (has == 0 || at <= payload.len())).then_some(places)
}

impl Places {
    /// Writes `fields` into the payload whose places these are.
    pub(crate) fn put(self, payload: &mut [u8], fields: Vp8Fields) {
        if let (Some((at, is_long)), Some(id)) = (self.picture_id, fields.picture_id) {
            let [high, low] = id.to_be_bytes();
            if is_long {
                payload[at..at + 2].copy_from_slice(&[IS_LONG | high, low]);
            } else {
                payload[at] = low & !IS_LONG;
            }
        }
        if let (Some(at), Some(id)) = (self.tl0_picture, fields.tl0_picture) {
            payload[at] = id;
        }
        if let (Some(at), Some(index)) = (self.key_index, fields.key_index) {
            payload[at] = payload[at] & 0xe0 | index & 0x1f;
        }
    }
}

/// The first byte, the counters and what stands behind the descriptor.
fn descriptor(payload: &[u8]) -> Option<(u8, Vp8Seen, &[u8])> {
    let (&first, mut rest) = payload.split_first()?;
    let mut seen = Vp8Seen::default();
    if first & HAS_EXTENSION == 0 {
        return Some((first, seen, rest));
    }
    let has = take(&mut rest)?;
    if has & HAS_PICTURE_ID != 0 {
        let high = take(&mut rest)?;
        seen.has_long_picture_id = high & IS_LONG != 0;
        let high = u16::from(high & !IS_LONG);
        seen.fields.picture_id =
            Some(if seen.has_long_picture_id { high << 8 | u16::from(take(&mut rest)?) } else { high });
    }
    if has & HAS_TL0_PICTURE != 0 {
        seen.fields.tl0_picture = Some(take(&mut rest)?);
    }
    if has & (HAS_TEMPORAL_ID | HAS_KEY_INDEX) != 0 {
        let byte = take(&mut rest)?;
        seen.fields.key_index = (has & HAS_KEY_INDEX != 0).then_some(byte & 0x1f);
    }
    Some((first, seen, rest))
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

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A descriptor in the form Chromium sends it, before `frame`: the tests' sender.
    fn payload(fields: Vp8Fields, starts_frame: bool, frame: &[u8]) -> Vec<u8> {
        let mut bytes = vec![HAS_EXTENSION | if starts_frame { STARTS_PARTITION } else { 0 }, 0];
        if let Some(id) = fields.picture_id {
            bytes[1] |= HAS_PICTURE_ID;
            let [high, low] = id.to_be_bytes();
            bytes.extend([IS_LONG | high, low]);
        }
        if let Some(id) = fields.tl0_picture {
            bytes[1] |= HAS_TL0_PICTURE;
            bytes.push(id);
        }
        if let Some(index) = fields.key_index {
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
        let seen = mark.vp8.expect("it has counters");
        assert_eq!(
            seen.fields,
            Vp8Fields { picture_id: Some(0x1234), tl0_picture: Some(7), key_index: None }
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
        let seen = mark(&[0x90, 0x80, 0x7f, 0x01]).vp8.expect("it has counters");
        assert_eq!((seen.fields.picture_id, seen.has_long_picture_id), (Some(0x7f), false));
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
        fn counters_round_trip(
            picture_id in prop::option::of(0..0x8000_u16),
            tl0_picture in any::<Option<u8>>(),
            key_index in prop::option::of(0..32_u8),
        ) {
            let fields = Vp8Fields { picture_id, tl0_picture, key_index };
            let mark = mark(&payload(fields, true, &[0x01, 0, 0]));
            prop_assert_eq!(mark.vp8.map(|seen| seen.fields), Some(fields));
            prop_assert!(!mark.starts_key_frame);
        }

        #[test]
        fn counters_are_put_in_their_places(
            has in prop::array::uniform3(any::<bool>()),
            old in prop::array::uniform3(any::<u16>()),
            new in prop::array::uniform3(any::<u16>()),
            puts in prop::array::uniform3(any::<bool>()),
        ) {
            let fields = |values: [u16; 3], has: [bool; 3]| Vp8Fields {
                picture_id: has[0].then_some(values[0] & 0x7fff),
                tl0_picture: has[1].then_some(values[1].to_be_bytes()[1]),
                key_index: has[2].then_some(values[2].to_be_bytes()[1] & 0x1f),
            };
            let mut bytes = payload(fields(old, has), true, &[0x01, 0, 0]);
            let is_there = puts.iter().zip(has).all(|(puts, has)| !puts || has);
            let wanted = fields(new, puts);
            let Some(found) = places(&bytes, wanted) else {
                prop_assert!(!is_there);
                return Ok(());
            };
            prop_assert!(is_there);
            found.put(&mut bytes, wanted);
            let mixed = std::array::from_fn(|index| if puts[index] { new[index] } else { old[index] });
            prop_assert_eq!(bytes, payload(fields(mixed, has), true, &[0x01, 0, 0]));
        }

        #[test]
        fn places_are_inside_whatever_comes(
            mut bytes in prop::collection::vec(any::<u8>(), 0..12),
            fields in (any::<Option<u16>>(), any::<Option<u8>>(), any::<Option<u8>>()),
        ) {
            let fields = Vp8Fields { picture_id: fields.0, tl0_picture: fields.1, key_index: fields.2 };
            let length = bytes.len();
            if let Some(found) = places(&bytes, fields) {
                found.put(&mut bytes, fields);
            }
            prop_assert_eq!(bytes.len(), length);
        }
    }
}
