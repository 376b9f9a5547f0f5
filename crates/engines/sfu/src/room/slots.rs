//! Receiving lines: what is put into each, and which packets of it pass.

use super::{
    counters::PictureCounters,
    ladder::Ladder,
    rewrite::{AUDIO_CLOCK_HZ, Rewrite, VIDEO_CLOCK_HZ},
    seed::Seed,
    sources::{Alive, News},
};
use crate::{Layer, Now, Size, SlotPhase, SourceKey, codec::FrameMark};

/// How often a receiver may ask for a key frame in one slot.
const KEYFRAME_REQUESTS_APART: Now = Now::from_millis(500);

/// A line for sound.
#[derive(Clone, Debug)]
pub(super) struct AudioSlot {
    pub(super) source: Option<SourceKey>,
    pub(super) rewrite: Rewrite,
}

impl AudioSlot {
    pub(super) fn new(seed: &mut Seed) -> Self {
        Self { source: None, rewrite: seed.rewrite(AUDIO_CLOCK_HZ) }
    }

    /// Puts another source in, or none; answers what was in it.
    pub(super) fn put(&mut self, source: Option<SourceKey>) -> Option<SourceKey> {
        self.rewrite.detach();
        std::mem::replace(&mut self.source, source)
    }
}

/// A line for pictures.
///
/// ```text
/// wish    the layer that fills the tile                       by the receiver's wish
/// target  the highest layer there is bandwidth for, or none   by allocation; none: paused
/// next    the layer that is there in its stead                by what comes; awaits its key frame
/// current the layer that goes out                             until the key frame of `next`
/// ```
#[derive(Clone, Debug)]
pub(super) struct VideoSlot {
    pub(super) source: Option<SourceKey>,
    /// The size of the receiver's tile.
    pub(super) tile: Size,
    /// Its place among the receiver's pictures when bandwidth is divided.
    pub(super) order: usize,
    pub(super) target: Option<Layer>,
    pub(super) current: Option<Layer>,
    pub(super) next: Option<Layer>,
    /// Whether no bandwidth was divided since the source came.
    pub(super) is_new: bool,
    pub(super) ladder: Ladder,
    pub(super) rewrite: Rewrite,
    pub(super) counters: PictureCounters,
    /// When the receiver asked for a key frame last.
    asked: Option<Now>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It goes out; `is_switch`: as the first one of its layer.
    Pass { is_switch: bool },
    /// It is left out of the layer that goes out.
    Skip,
    /// It belongs to a layer that does not go out.
    Other,
}

impl VideoSlot {
    pub(super) fn new(seed: &mut Seed) -> Self {
        Self {
            source: None,
            tile: Size { width: 0, height: 0 },
            order: 0,
            target: None,
            current: None,
            next: None,
            is_new: true,
            ladder: Ladder::default(),
            rewrite: seed.rewrite(VIDEO_CLOCK_HZ),
            counters: PictureCounters::default(),
            asked: None,
        }
    }

    /// Puts another source in, or none; answers what was in it.
    pub(super) fn put(&mut self, source: Option<SourceKey>) -> Option<SourceKey> {
        self.target = None;
        self.current = None;
        self.next = None;
        self.is_new = true;
        self.ladder = Ladder::default();
        self.asked = None;
        self.rewrite.detach();
        std::mem::replace(&mut self.source, source)
    }

    /// The receiver does not see it for now; when it does again, no bandwidth was lost meanwhile.
    pub(super) fn hide(&mut self) {
        self.target = None;
        self.is_new = true;
        self.ladder = Ladder::default();
    }

    /// What to do with a packet.
    pub(super) fn step(&mut self, layer: Layer, mark: &FrameMark, news: News) -> Step {
        if self.current == Some(layer) {
            return if mark.is_padding { Step::Skip } else { Step::Pass { is_switch: false } };
        }
        let is_better = self.current < Some(layer) && Some(layer) <= self.target;
        if mark.starts_key_frame && news.can_begin && (self.next == Some(layer) || is_better) {
            self.current = Some(layer);
            if self.next == Some(layer) {
                self.next = None;
            }
            self.rewrite.detach();
            return Step::Pass { is_switch: true };
        }
        Step::Other
    }

    /// Decides again which layer goes out, from those that are there.
    pub(super) fn choose(&mut self, alive: Alive) {
        let best = self.target.map(|target| alive.best(target).or(self.current).unwrap_or(target));
        if best.is_none() {
            self.current = None;
        }
        self.next = best.filter(|_| self.current != best);
        // A layer that has ended shows a still picture while the next one is awaited.
        if self.next.is_some() && self.current.is_some_and(|current| !alive.has(current)) {
            self.current = None;
        }
    }

    /// How it goes, for a receiver that may and can see it.
    pub(super) fn phase(&self) -> SlotPhase {
        match (self.source, self.target, self.current) {
            (Some(_), None, _) => SlotPhase::Paused,
            (Some(_), Some(_), None) => SlotPhase::Waiting,
            _ => SlotPhase::Live,
        }
    }

    /// The layer of which the receiver's request wants a key frame; `None` when it asks too often.
    pub(super) fn keyframe_request(&mut self, now: Now) -> Option<Layer> {
        let wanted = self.next.or(self.current)?;
        if self.asked.is_some_and(|asked| now.saturating_sub(asked) < KEYFRAME_REQUESTS_APART) {
            return None;
        }
        self.asked = Some(now);
        Some(wanted)
    }
}
