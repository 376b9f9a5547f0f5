//! A sender as browsers are: up to three layers, each with its own numbers; a key frame when asked.

use std::sync::Arc;

use trunkline_sfu::{Codec, Layer, Marks, Now, Packet, Size, SourceKey};

use crate::chance::Chance;

/// Time between frames: 30 a second.
const FRAME_MS: u64 = 33;

/// Where the label stands: behind the head of a frame, whatever its codec.
const LABEL_AT: usize = 15;

/// What the tests' frames say of themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label {
    pub(crate) peer: u8,
    pub(crate) layer: u8,
    pub(crate) is_key: bool,
    pub(crate) frame: u32,
    pub(crate) part: u8,
    pub(crate) parts: u8,
}

pub(crate) struct Camera {
    source: SourceKey,
    pub(crate) size: Size,
    layers: Vec<Encoder>,
    /// VP8, VP9 or AV1.
    pub(crate) codec: Codec,
    /// Bits of the layers that are on.
    pub(crate) on: u8,
    /// Whether the layers follow what is asked for.
    pub(crate) is_obedient: bool,
    next: Now,
}

struct Encoder {
    layer: Layer,
    sequence: u64,
    timestamp: u32,
    picture: u16,
    tl0: u8,
    frame: u32,
    parts: u8,
    part_bytes: usize,
    is_key_due: bool,
}

impl Camera {
    pub(crate) fn new(source: SourceKey, size: Size, layers: usize, chance: &mut Chance) -> Self {
        // About 150, 500 and 1,200 kbit/s at 30 frames a second.
        Self::with(source, size, &[(1, 600), (2, 1_000), (5, 1_000)][..layers], chance)
    }

    /// In one size of so many bits per second.
    pub(crate) fn single(source: SourceKey, size: Size, bps: usize, chance: &mut Chance) -> Self {
        let parts = u8::try_from(bps / 240_000).expect("a camera's rate");
        Self::with(source, size, &[(parts, 930)], chance)
    }

    /// With layers of so many packets of so many bytes in each frame.
    fn with(source: SourceKey, size: Size, shapes: &[(u8, usize)], chance: &mut Chance) -> Self {
        let layers = Layer::ALL.into_iter().zip(shapes.iter().copied());
        let layers = layers.map(|(layer, (parts, part_bytes))| Encoder {
            layer,
            sequence: chance.below(1 << 20),
            timestamp: low(chance.next()),
            picture: u16::try_from(chance.below(1 << 15)).expect("15 bits"),
            tl0: low(chance.next()).to_le_bytes()[0],
            frame: 0,
            parts,
            part_bytes,
            is_key_due: true,
        });
        let layers: Vec<Encoder> = layers.collect();
        Self { source, size, layers, codec: Codec::Vp8, on: 0b111, is_obedient: false, next: Now::ZERO }
    }

    pub(crate) fn ask_keyframe(&mut self, layer: Layer) {
        for encoder in self.layers.iter_mut().filter(|encoder| encoder.layer == layer) {
            encoder.is_key_due = true;
        }
    }

    pub(crate) fn turn(&mut self, on: u8) {
        for encoder in &mut self.layers {
            let bit = 1 << encoder.layer as u8;
            encoder.is_key_due |= on & !self.on & bit != 0;
        }
        self.on = on;
    }

    /// The packets of the frame that is due.
    pub(crate) fn frame(&mut self, now: Now, out: &mut Vec<Packet>) {
        if now < self.next {
            return;
        }
        self.next = now + Now::from_millis(FRAME_MS);
        let count = self.layers.len();
        for (index, encoder) in self.layers.iter_mut().enumerate() {
            if self.on & 1 << encoder.layer as u8 != 0 {
                let halvings = count - 1 - index;
                let size = Size { width: self.size.width >> halvings, height: self.size.height >> halvings };
                encoder.encode(self.source, (self.codec, size), now, out);
            }
        }
    }
}

impl Encoder {
    fn encode(&mut self, source: SourceKey, (codec, size): (Codec, Size), now: Now, out: &mut Vec<Packet>) {
        let is_key = std::mem::take(&mut self.is_key_due);
        let parts = if is_key { self.parts * 3 } else { self.parts };
        self.timestamp = self.timestamp.wrapping_add(90 * 33);
        self.picture = (self.picture + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        self.frame += 1;
        for part in 0..parts {
            let label = Label {
                peer: low(source.peer.0).to_le_bytes()[0],
                layer: self.layer as u8,
                is_key,
                frame: self.frame,
                part,
                parts,
            };
            self.sequence += 1;
            out.push(Packet {
                source,
                layer: self.layer,
                codec,
                sequence: self.sequence,
                timestamp: self.timestamp,
                marker: part + 1 == parts,
                payload: self.payload(label, codec, size),
                arrived: now,
                captured: Some(now),
                marks: Marks::default(),
            });
        }
    }

    fn payload(&self, label: Label, codec: Codec, size: Size) -> Arc<[u8]> {
        let mut bytes = match codec {
            Codec::Vp9 => self.vp9(label, size),
            // A unit that goes on, or the first one of a sequence.
            Codec::Av1 => {
                vec![u8::from(label.part > 0) << 7 | u8::from(label.is_key && label.part == 0) << 3]
            }
            _ => self.vp8(label, size),
        };
        bytes.resize(LABEL_AT, 0);
        bytes.extend([label.peer, label.layer, u8::from(label.is_key), label.part, label.parts]);
        bytes.extend(label.frame.to_be_bytes());
        bytes.resize(self.part_bytes, 0);
        bytes.into()
    }

    fn vp8(&self, label: Label, size: Size) -> Vec<u8> {
        let starts = u8::from(label.part == 0) << 4;
        let [high, low] = self.picture.to_be_bytes();
        let mut bytes = vec![0x80 | starts, 0xc0, 0x80 | high, low, self.tl0];
        bytes.extend([u8::from(!label.is_key), 0, 0, 0x9d, 0x01, 0x2a]);
        bytes.extend(size.width.to_le_bytes());
        bytes.extend(size.height.to_le_bytes());
        bytes
    }

    /// With the structure in every packet.
    fn vp9(&self, label: Label, size: Size) -> Vec<u8> {
        let flags = u8::from(!label.is_key) << 6 | u8::from(label.part == 0) << 3;
        let [high, low] = self.picture.to_be_bytes();
        let mut bytes = vec![0xa2 | flags, 0x80 | high, low, 0, self.tl0, 0x10];
        bytes.extend(size.width.to_be_bytes());
        bytes.extend(size.height.to_be_bytes());
        bytes
    }
}

/// Reads what [`Camera`] wrote.
pub(crate) fn label(payload: &[u8]) -> Label {
    let [peer, layer, is_key, part, parts, a, b, c, d] = payload[LABEL_AT..24] else {
        unreachable!("nine bytes")
    };
    Label { peer, layer, is_key: is_key == 1, frame: u32::from_be_bytes([a, b, c, d]), part, parts }
}

fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("masked")
}
