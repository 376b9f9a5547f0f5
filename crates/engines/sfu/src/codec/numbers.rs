//! Where a descriptor has the numbers of its picture. VP8 and VP9 write them alike.

use super::PictureSeen;
use crate::PictureNumbers;

const IS_LONG: u8 = 0x80;
const KEY_INDEX: u8 = 0x1f;

/// Where the numbers stand, in bytes from the start of the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Places {
    // And whether it has two bytes.
    picture_id: Option<(usize, bool)>,
    tl0_picture: Option<usize>,
    key_index: Option<usize>,
}

impl Places {
    /// Whether there is a place for each of `numbers`.
    pub(super) fn has(self, numbers: PictureNumbers) -> bool {
        (numbers.picture_id.is_none() || self.picture_id.is_some())
            && (numbers.tl0_picture.is_none() || self.tl0_picture.is_some())
            && (numbers.key_index.is_none() || self.key_index.is_some())
    }

    /// What stands in the payload whose places these are.
    pub(super) fn read(self, payload: &[u8]) -> PictureSeen {
        let picture_id = self.picture_id.map(|(at, is_long)| {
            let high = u16::from(payload[at] & !IS_LONG);
            if is_long { high << 8 | u16::from(payload[at + 1]) } else { high }
        });
        PictureSeen {
            numbers: PictureNumbers {
                picture_id,
                tl0_picture: self.tl0_picture.map(|at| payload[at]),
                key_index: self.key_index.map(|at| payload[at] & KEY_INDEX),
            },
            has_long_picture_id: self.picture_id.is_some_and(|(_, is_long)| is_long),
        }
    }

    /// Writes `numbers` into the payload whose places these are.
    pub(crate) fn put(self, payload: &mut [u8], numbers: PictureNumbers) {
        if let (Some((at, is_long)), Some(id)) = (self.picture_id, numbers.picture_id) {
            let [high, low] = id.to_be_bytes();
            if is_long {
                payload[at..at + 2].copy_from_slice(&[IS_LONG | high, low]);
            } else {
                payload[at] = low & !IS_LONG;
            }
        }
        if let (Some(at), Some(id)) = (self.tl0_picture, numbers.tl0_picture) {
            payload[at] = id;
        }
        if let (Some(at), Some(index)) = (self.key_index, numbers.key_index) {
            payload[at] = payload[at] & !KEY_INDEX | index & KEY_INDEX;
        }
    }
}

/// Reads a descriptor byte by byte. `None` wherever it ends too early.
pub(super) struct Reader<'a> {
    payload: &'a [u8],
    // Invariant: at most the payload's length, and all places are below it.
    at: usize,
    places: Places,
}

impl<'a> Reader<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { payload, at: 0, places: Places::default() }
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// Two bytes, the higher one first.
    pub(super) fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    pub(super) fn picture_id(&mut self) -> Option<()> {
        let at = self.at;
        let is_long = self.byte()? & IS_LONG != 0;
        if is_long {
            self.byte()?;
        }
        self.places.picture_id = Some((at, is_long));
        Some(())
    }

    pub(super) fn tl0_picture(&mut self) -> Option<()> {
        let at = self.at;
        self.byte()?;
        self.places.tl0_picture = Some(at);
        Some(())
    }

    /// The byte that KEYIDX shares with TID.
    pub(super) fn key_index(&mut self) -> Option<()> {
        let at = self.at;
        self.byte()?;
        self.places.key_index = Some(at);
        Some(())
    }

    /// The places, and what stands behind the descriptor.
    pub(super) fn finish(self) -> (Places, &'a [u8]) {
        (self.places, &self.payload[self.at..])
    }
}
