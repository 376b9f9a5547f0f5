//! What a receiver makes of the packets of one slot: it knows only what a browser knows, and the labels.

use std::collections::BTreeMap;

use trunkline_sfu::Forward;

use crate::camera::{Label, label};

/// All packets that came on one slot, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Received {
    packets: BTreeMap<u64, Forward>,
    /// With 60 bytes of heads for each packet.
    pub(crate) bytes: u64,
}

/// A frame as it came.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) label: Label,
    pub(crate) timestamp: u32,
    pub(crate) picture: u16,
    pub(crate) is_whole: bool,
    /// The decoder could use it: a whole key frame, or a whole frame behind the one it is built on.
    pub(crate) is_shown: bool,
}

impl Received {
    pub(crate) const fn new() -> Self {
        Self { packets: BTreeMap::new(), bytes: 0 }
    }

    pub(crate) fn take(&mut self, forward: Forward) {
        let number = forward.sequence;
        self.bytes += forward.payload.len() as u64 + 60;
        assert!(self.packets.insert(number, forward).is_none(), "number {number} twice");
    }

    pub(crate) fn count(&self) -> usize {
        self.packets.len()
    }

    /// The numbers that are missing between the first and the last.
    pub(crate) fn holes(&self) -> u64 {
        let (Some(first), Some(last)) = (self.packets.keys().next(), self.packets.keys().next_back()) else {
            return 0;
        };
        last - first + 1 - self.packets.len() as u64
    }

    /// The packets in the order of their numbers.
    pub(crate) fn packets(&self) -> impl Iterator<Item = &Forward> {
        self.packets.values()
    }

    /// The frames in the order of their numbers; fails where the stream is not one stream.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::new();
        let mut parts = 0;
        for packet in self.packets.values() {
            let label = label(&packet.payload);
            let picture = packet.patch.and_then(|patch| patch.picture_id).expect("numbers are patched");
            if let Some(last) = frames.last_mut().filter(|last| same(&last.label, &label)) {
                assert_eq!(
                    (last.picture, last.timestamp),
                    (picture, packet.timestamp),
                    "one frame, two identities"
                );
                parts += 1;
                last.is_whole = parts == label.parts;
                continue;
            }
            check_step(frames.last(), &label, picture, packet.timestamp);
            parts = 1;
            let is_whole = label.parts == 1 && label.part == 0;
            frames.push(Frame { label, timestamp: packet.timestamp, picture, is_whole, is_shown: false });
        }
        show(&mut frames);
        frames
    }

    /// The layers that were shown, one after another.
    pub(crate) fn shown_layers(&self) -> Vec<u8> {
        let mut layers: Vec<u8> =
            self.frames().iter().filter(|frame| frame.is_shown).map(|frame| frame.label.layer).collect();
        layers.dedup();
        layers
    }

    pub(crate) fn shown(&self) -> usize {
        self.frames().iter().filter(|frame| frame.is_shown).count()
    }
}

fn same(one: &Label, other: &Label) -> bool {
    (one.peer, one.layer, one.frame) == (other.peer, other.layer, other.frame)
}

/// Numbers run on from frame to frame, over switches as well.
fn check_step(last: Option<&Frame>, label: &Label, picture: u16, timestamp: u32) {
    let Some(last) = last else {
        assert!(label.is_key && label.part == 0, "the first packet of a slot begins a key frame: {label:?}");
        return;
    };
    let step = timestamp.wrapping_sub(last.timestamp);
    assert!(step > 0 && step < 1 << 31, "time goes back from {last:?} to {label:?}");
    let is_same_stream = (last.label.peer, last.label.layer) == (label.peer, label.layer);
    if is_same_stream && label.frame > last.label.frame {
        let frames = label.frame - last.label.frame;
        let pictures = u32::from(picture.wrapping_sub(last.picture) & 0x7fff);
        // After a pause the stream begins anew, with the next picture.
        assert!(
            pictures == frames || (pictures == 1 && label.is_key),
            "{last:?} then {label:?} as {picture}"
        );
    } else {
        assert!(label.is_key && label.part == 0, "a switch begins with a key frame: {label:?}");
        assert_eq!(picture, (last.picture + 1) & 0x7fff, "pictures run on over a switch");
    }
}

fn show(frames: &mut [Frame]) {
    let mut decoded: Option<Label> = None;
    for frame in frames {
        let follows = decoded.is_some_and(|last| {
            (last.peer, last.layer, last.frame + 1)
                == (frame.label.peer, frame.label.layer, frame.label.frame)
        });
        frame.is_shown = frame.is_whole && (frame.label.is_key || follows);
        decoded = if frame.is_shown { Some(frame.label) } else { None };
    }
}
