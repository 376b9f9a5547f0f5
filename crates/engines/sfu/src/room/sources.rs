//! What one participant sends: which layers come, how large they are, what they cost.

use super::{
    gaps::Gaps,
    keyframes::{Asking, KeyframeGate},
    rate::RateMeter,
    recent::Recent,
};
use crate::{Codec, Layer, Now, Packet, Size, SourceKind, codec::FrameMark};

/// A layer is there while packets come: three frames at five a second.
const CAMERA_ALIVE: Now = Now::from_millis(600);
/// A screen that stands still sends a frame a second, or fewer.
const SCREEN_ALIVE: Now = Now::from_secs(3);
/// How long a layer that was asked for may take to come, before it counts as one that the sender has not.
const HOPE: Now = Now::from_secs(3);
/// How long an unwanted layer is still asked for: people scroll through galleries and back.
const RELEASE: Now = Now::from_secs(5);
/// How long a layer takes to reach its rate.
const WARM_UP: Now = Now::from_secs(2);
/// Pixels from which clients send three layers, and two.
const THREE_LAYERS_PIXELS: u32 = 960 * 540;
const TWO_LAYERS_PIXELS: u32 = 480 * 270;
/// A screen's rate while it is not known: pages and slides, which change seldom.
const SCREEN_BPS: u64 = 300_000;

/// A line into which a source goes: the member's place, and its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Watcher {
    pub(super) place: usize,
    pub(super) slot: u8,
}

/// What is sent on one of a participant's three lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// Who gets it.
    // No two are equal. The hot path goes through it for every packet.
    pub(super) watchers: Vec<Watcher>,
    /// What it was encoded with last; `None` before the first packet.
    pub(super) codec: Option<Codec>,
    pub(super) layers: [LayerState; 3],
    alive: Alive,
}

/// The layers that were there at the last look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Alive(u8);

impl Alive {
    pub(super) fn has(self, layer: Layer) -> bool {
        self.0 & bit(layer) != 0
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The layer that stands for `target` among those that are there: a wish for one that never comes shows nothing.
    pub(super) fn best(self, target: Layer) -> Option<Layer> {
        let mut there = Layer::ALL.into_iter().filter(|layer| self.has(*layer));
        there.clone().rfind(|layer| *layer <= target).or_else(|| there.next())
    }
}

/// One layer of a source; audio and screens have the lowest only.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerState {
    last: Option<Now>,
    /// When it came after it had not been there.
    began: Now,
    /// The highest sequence number so far.
    highest: u64,
    meter: RateMeter,
    size: Option<Size>,
    gate: KeyframeGate,
    pub(super) gaps: Gaps,
    /// Its last packets, while somebody waits for a key frame.
    recent: Recent,
    is_awaited: bool,
    /// When it began to be asked for; `None` while nobody wants it.
    wanted_since: Option<Now>,
    /// When somebody wanted it last.
    wanted_last: Option<Now>,
}

/// What a packet told about its layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct News {
    /// Nothing of what came behind it is lost for who begins with it.
    pub(super) can_begin: bool,
    /// A packet of a higher number came before.
    pub(super) is_late: bool,
    /// The layer was not there before.
    pub(super) is_revived: bool,
}

impl Source {
    /// Takes notice of a packet.
    pub(super) fn seen(&mut self, packet: &Packet, mark: &FrameMark) -> News {
        self.codec = Some(packet.codec);
        let is_revived = !self.alive.has(packet.layer);
        let layer = &mut self.layers[packet.layer as usize];
        let is_late = layer.last.is_some() && packet.sequence < layer.highest;
        let can_begin = !is_late || layer.recent.covers(packet.sequence);
        layer.note_missing(packet, mark, is_late);
        layer.highest = layer.highest.max(packet.sequence);
        layer.last = Some(packet.arrived);
        if is_revived {
            layer.began = packet.arrived;
        }
        layer.size = mark.size.or(layer.size);
        layer.meter.add(packet.payload.len(), packet.arrived);
        layer.recent.push(packet);
        if mark.starts_key_frame && can_begin {
            layer.gate.came(packet.arrived);
        }
        News { can_begin, is_late, is_revived }
    }

    /// Whether to ask the sender for a key frame of a layer now. `has_missed`: the last one is known not to do.
    pub(super) fn ask(&mut self, layer: Layer, has_missed: bool, now: Now) -> bool {
        let asking = Asking { has_missed, watchers: self.watchers.len() };
        self.layers[layer as usize].gate.ask(now, asking)
    }

    /// When [`Source::ask`] says yes at the earliest; `None`: at once.
    pub(super) fn next_ask(&self, layer: Layer, has_missed: bool) -> Option<Now> {
        let asking = Asking { has_missed, watchers: self.watchers.len() };
        self.layers[layer as usize].gate.next(asking)
    }

    /// The packets of a layer that came before one that should have come before them.
    pub(super) fn overtakers(&self, packet: &Packet) -> Vec<Packet> {
        self.layers[packet.layer as usize].recent.behind(packet.sequence)
    }

    /// Somebody waits for whatever comes first.
    pub(super) fn await_any(&mut self) {
        for layer in &mut self.layers {
            layer.await_keyframe();
        }
    }

    /// Lets go the packets that were kept for those who waited.
    pub(super) fn forget_recent(&mut self) {
        for layer in &mut self.layers {
            if !std::mem::take(&mut layer.is_awaited) {
                layer.recent.end();
            }
        }
    }

    /// Looks which layers are there; answers whether it changed.
    pub(super) fn look(&mut self, kind: SourceKind, now: Now) -> bool {
        let patience = if kind == SourceKind::Screen { SCREEN_ALIVE } else { CAMERA_ALIVE };
        let is_alive = |layer: &Layer| {
            self.layers[*layer as usize].last.is_some_and(|last| now.saturating_sub(last) <= patience)
        };
        let alive = Alive(bits(Layer::ALL.into_iter().filter(is_alive)));
        std::mem::replace(&mut self.alive, alive) != alive
    }

    /// The layers that were there at the last look.
    pub(super) fn alive(&self) -> Alive {
        self.alive
    }

    /// The lowest layer that fills a tile, or the highest there can be.
    pub(super) fn wish(&self, tile: Size, declared: Option<Size>) -> Layer {
        let possible = self.possible(declared);
        let mut candidates = Layer::ALL.into_iter().filter(|layer| possible & bit(*layer) != 0);
        let fills = |layer: &Layer| {
            let size = self.layers[*layer as usize].size.or(declared.map(|size| scaled(size, *layer)));
            // A picture that is shown whole is bounded by one of the tile's sides.
            size.is_some_and(|size| {
                u32::from(size.width) * 4 >= u32::from(tile.width) * 3
                    || u32::from(size.height) * 4 >= u32::from(tile.height) * 3
            })
        };
        candidates.clone().find(fills).or_else(|| candidates.next_back()).unwrap_or(Layer::Low)
    }

    /// Bits of the layers that the sender has, or can have at its capture size.
    pub(super) fn possible(&self, declared: Option<Size>) -> u8 {
        let by_size = match declared.map(pixels) {
            Some(THREE_LAYERS_PIXELS..) => 0b111,
            Some(TWO_LAYERS_PIXELS..) => 0b011,
            Some(_) => 0b001,
            None => 0,
        };
        if by_size | self.alive.0 == 0 { bit(Layer::Low) } else { by_size | self.alive.0 }
    }

    /// What each layer takes, in bits per second; one that does not come takes what comes in its stead.
    pub(super) fn costs(&mut self, kind: SourceKind, declared: Option<Size>, now: Now) -> [u64; 3] {
        let mut costs = [0; 3];
        for layer in Layer::ALL {
            costs[layer as usize] = self.cost(layer, kind, declared, now);
        }
        costs
    }

    fn cost(&mut self, layer: Layer, kind: SourceKind, declared: Option<Size>, now: Now) -> u64 {
        let nominal = nominal_bps(layer, kind, declared);
        if self.alive.has(layer) {
            let peak = self.layers[layer as usize].meter.peak_bps(now);
            // A layer that has just begun, or was starved for a moment, will take more.
            let is_warm = now.saturating_sub(self.layers[layer as usize].began) >= WARM_UP;
            return peak.max(if is_warm { nominal / 4 } else { nominal });
        }
        let wanted_since = self.layers[layer as usize].wanted_since;
        let is_hoped_for = wanted_since.is_none_or(|since| now.saturating_sub(since) < HOPE);
        let is_possible = self.possible(declared) & bit(layer) != 0;
        match self.alive.best(layer) {
            Some(stand_in) if !(is_hoped_for && is_possible) => {
                self.layers[stand_in as usize].meter.peak_bps(now)
            }
            _ => nominal,
        }
    }

    /// What came at most in one of the last seconds, all layers together.
    pub(super) fn peak_bps(&mut self, now: Now) -> u64 {
        self.layers.iter_mut().map(|layer| layer.meter.peak_bps(now)).sum()
    }

    /// What comes now of a layer.
    pub(super) fn present_bps(&mut self, layer: Layer, now: Now) -> u64 {
        self.layers[layer as usize].meter.present_bps(now)
    }

    /// Notes which layers are wanted now, and answers the bits of those to be sent.
    pub(super) fn want(&mut self, wanted: u8, now: Now) -> u8 {
        let mut asked = 0;
        for layer in Layer::ALL {
            let bit = bit(layer);
            let state = &mut self.layers[layer as usize];
            if wanted & bit != 0 {
                state.wanted_since.get_or_insert(now);
                state.wanted_last = Some(now);
            } else {
                state.wanted_since = None;
            }
            if state.wanted_last.is_some_and(|last| now.saturating_sub(last) < RELEASE) {
                asked |= bit;
            }
        }
        asked
    }

    /// The sender has begun something new: sizes and hopes of before do not hold.
    pub(super) fn restart(&mut self) {
        for layer in &mut self.layers {
            layer.size = None;
            layer.wanted_since = None;
        }
    }
}

impl LayerState {
    /// Somebody waits for a key frame.
    pub(super) fn await_keyframe(&mut self) {
        self.is_awaited = true;
        self.recent.begin(self.highest);
    }

    // Before `last` and `highest` are set.
    fn note_missing(&mut self, packet: &Packet, mark: &FrameMark, is_late: bool) {
        if is_late {
            self.gaps.fill(packet.sequence);
        } else if self.last.is_some() {
            self.gaps.advance(self.highest, packet.sequence, packet.arrived);
        }
        if mark.starts_key_frame {
            self.gaps.overtaken(packet.sequence);
        }
    }
}

/// The bits of layers.
pub(super) fn bits(layers: impl Iterator<Item = Layer>) -> u8 {
    layers.fold(0, |bits, layer| bits | bit(layer))
}

fn bit(layer: Layer) -> u8 {
    1 << layer as u8
}

fn pixels(size: Size) -> u32 {
    u32::from(size.width) * u32::from(size.height)
}

/// The size of a layer by the protocol's rule.
fn scaled(declared: Size, layer: Layer) -> Size {
    let highest = match pixels(declared) {
        THREE_LAYERS_PIXELS.. => 2,
        TWO_LAYERS_PIXELS.. => 1,
        _ => 0,
    };
    let halvings = 2_u8.min(highest).saturating_sub(layer as u8);
    Size { width: declared.width >> halvings, height: declared.height >> halvings }
}

/// What clients are told to spend on a layer, by the capture size.
fn nominal_bps(layer: Layer, kind: SourceKind, declared: Option<Size>) -> u64 {
    if kind == SourceKind::Screen {
        return SCREEN_BPS;
    }
    let kbps: [u64; 3] = match declared.map(pixels) {
        Some(pixels) if pixels >= 1280 * 720 => [150, 500, 1_700],
        Some(THREE_LAYERS_PIXELS..) => [150, 500, 1_200],
        Some(TWO_LAYERS_PIXELS..) => [150, 700, 700],
        _ => [250, 500, 1_200],
    };
    kbps[layer as usize] * 1_000
}
