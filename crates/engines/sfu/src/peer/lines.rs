//! Which media line is what, and with which numbers a client wants its media.

use str0m::Rtc;
use str0m::format::{Codec as WireCodec, PayloadParams};
use str0m::media::{Media, Mid, Rid};

use super::filter::PayloadTypes;
use super::offer::{Plan, PlanLine, Role};
use crate::codec::red::RED_OPUS_TYPE;
use crate::{Codec, Layer, Lines, SlotKey, SourceKind};

/// The lines of the last accepted offer. Empty before the first.
#[derive(Default)]
pub(super) struct MediaLines {
    plan: Option<Plan>,
    mic: Option<Mid>,
    camera: Option<Mid>,
    screen: Option<Mid>,
    // Invariant: lowest layer first; empty for a camera in one size.
    layers: Vec<(Rid, Layer)>,
    audio: Vec<Slot>,
    video: Vec<Slot>,
    incoming: Vec<(u8, Codec)>,
}

struct Slot {
    mid: Mid,
    numbers: Numbers,
}

/// The receiver's payload types for what we may send it.
#[derive(Clone, Copy, Default)]
struct Numbers([Option<Types>; Codec::ALL.len()]);

/// The payload types of one codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Types {
    pub(super) media: u8,
    /// Of repairs (RFC 4588), where the receiver takes them.
    pub(super) repair: Option<u8>,
}

impl Numbers {
    fn of(self, codec: Codec) -> Option<Types> {
        self.0[codec as usize]
    }
}

impl MediaLines {
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Whether the offer begins ICE anew (RFC 8839 §4.4.1.1.1).
    pub(super) fn is_restart(&self, plan: &Plan) -> bool {
        self.plan.as_ref().is_some_and(|old| (&old.ufrag, &old.password) != (&plan.ufrag, &plan.password))
    }

    /// Reads what was agreed, after the library has accepted the offer of `plan`.
    pub(super) fn take(&mut self, rtc: &Rtc, mut plan: Plan) {
        plan.cleaned = String::new();
        let params = rtc.codec_config().params();
        self.audio.clear();
        self.video.clear();
        self.incoming.clear();
        for line in &plan.lines {
            let mid = Mid::from(line.mid.as_str());
            match line.role {
                Role::Mic => self.mic = Some(mid),
                Role::Camera => {
                    self.camera = Some(mid);
                    self.layers =
                        line.rids.iter().map(|(rid, layer)| (Rid::from(rid.as_str()), *layer)).collect();
                }
                Role::Screen => self.screen = Some(mid),
                Role::AudioSlot => self.audio.push(Slot { mid, numbers: numbers(rtc, mid, line, params) }),
                Role::VideoSlot => self.video.push(Slot { mid, numbers: numbers(rtc, mid, line, params) }),
                Role::Data => continue,
            }
            if line.role.sends() {
                let codecs = agreed(rtc, mid, line, params).flat_map(codecs);
                self.incoming.extend(codecs.map(|(types, codec)| (types.media, codec)));
            }
        }
        self.plan = Some(plan);
    }

    /// The lines of a kind that we send on, in the order of their slots.
    pub(super) fn mids(&self, is_video: bool) -> impl Iterator<Item = Mid> {
        let slots = if is_video { &self.video } else { &self.audio };
        slots.iter().map(|slot| slot.mid)
    }

    /// What packets of the client may carry: its codecs, their repairs, RED.
    pub(super) fn payload_types_in(&self, rtc: &Rtc) -> PayloadTypes {
        let mut known = PayloadTypes::default();
        let Some(plan) = &self.plan else {
            return known;
        };
        for line in plan.lines.iter().filter(|line| line.role.sends()) {
            for params in agreed(rtc, Mid::from(line.mid.as_str()), line, rtc.codec_config().params()) {
                known.insert(*params.pt());
                for other in [params.resend(), params.red()].into_iter().flatten() {
                    known.insert(*other);
                }
            }
        }
        known
    }

    pub(super) fn has_data(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.lines.iter().any(|line| line.role == Role::Data))
    }

    pub(super) fn has_transport_feedback(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.has_transport_feedback)
    }

    pub(super) fn receiving(&self) -> Lines {
        let slots = || self.audio.iter().chain(&self.video);
        // The blocks of RED name the codec within by its number, which is forwarded as it is.
        let has_red = self
            .audio
            .iter()
            .all(|slot| slot.numbers.of(Codec::Opus).is_some_and(|types| types.media == RED_OPUS_TYPE));
        Lines {
            audio: count(&self.audio),
            video: count(&self.video),
            receives: Codec::ALL
                .into_iter()
                .filter(|codec| slots().any(|slot| slot.numbers.of(*codec).is_some()))
                .filter(|codec| *codec != Codec::Red || has_red)
                .collect(),
        }
    }

    pub(super) fn mid_of(&self, slot: SlotKey) -> Option<&str> {
        let slots = if slot.is_video { &self.video } else { &self.audio };
        slots.get(usize::from(slot.index)).map(|slot| &*slot.mid)
    }

    /// The line and the rid a source comes on.
    pub(super) fn sending(&self, kind: SourceKind, layer: Layer) -> Option<(Mid, Option<Rid>)> {
        match kind {
            SourceKind::Audio => self.mic.map(|mid| (mid, None)),
            SourceKind::Screen => self.screen.map(|mid| (mid, None)),
            SourceKind::Camera if self.layers.is_empty() => self.camera.map(|mid| (mid, None)),
            SourceKind::Camera => {
                let (rid, _) = self.layers.iter().find(|(_, known)| *known == layer)?;
                self.camera.map(|mid| (mid, Some(*rid)))
            }
        }
    }

    /// What comes on a line with a rid; `None` when nothing should.
    pub(super) fn source(&self, mid: Mid, rid: Option<Rid>) -> Option<(SourceKind, Layer)> {
        let mid = Some(mid);
        if mid == self.mic {
            Some((SourceKind::Audio, Layer::Low))
        } else if mid == self.screen {
            Some((SourceKind::Screen, Layer::Low))
        } else if mid == self.camera {
            let layer = match rid {
                // In one size. A layer that does not say which is nobody's.
                None if self.layers.is_empty() => Layer::Low,
                None => return None,
                Some(rid) => self.layers.iter().find(|(known, _)| *known == rid)?.1,
            };
            Some((SourceKind::Camera, layer))
        } else {
            None
        }
    }

    /// What a payload type of the client means.
    pub(super) fn codec(&self, payload_type: u8) -> Option<Codec> {
        self.incoming.iter().find(|(known, _)| *known == payload_type).map(|(_, codec)| *codec)
    }

    /// The payload types for a codec on a slot.
    pub(super) fn outgoing(&self, slot: SlotKey, codec: Codec) -> Option<Types> {
        let slots = if slot.is_video { &self.video } else { &self.audio };
        slots.get(usize::from(slot.index))?.numbers.of(codec)
    }
}

/// The codecs agreed for a line, in our order.
fn agreed<'a>(
    rtc: &'a Rtc,
    mid: Mid,
    line: &'a PlanLine,
    params: &'a [PayloadParams],
) -> impl Iterator<Item = &'a PayloadParams> {
    let agreed = rtc.media(mid).map(Media::remote_pts).unwrap_or_default();
    params.iter().filter(move |params| agreed.contains(&params.pt()) && line.has(*params.pt()))
}

fn numbers(rtc: &Rtc, mid: Mid, line: &PlanLine, params: &[PayloadParams]) -> Numbers {
    let mut numbers = Numbers::default();
    for (types, codec) in agreed(rtc, mid, line, params).flat_map(codecs) {
        let place = &mut numbers.0[codec as usize];
        if line.has(types.media) {
            place.get_or_insert(Types { repair: types.repair.filter(|repair| line.has(*repair)), ..types });
        }
    }
    numbers
}

/// A codec's payload types, and those of its redundant form.
fn codecs(params: &PayloadParams) -> impl Iterator<Item = (Types, Codec)> + use<> {
    let codec = match params.spec().codec {
        WireCodec::Opus => Some(Codec::Opus),
        WireCodec::Vp8 => Some(Codec::Vp8),
        WireCodec::H264 => Some(Codec::H264),
        WireCodec::Vp9 => Some(Codec::Vp9),
        WireCodec::Av1 => Some(Codec::Av1),
        _ => None,
    };
    let repair = params.resend().map(|repair| *repair);
    let plain = codec.map(|codec| (Types { media: *params.pt(), repair }, codec));
    let redundant = params.red().filter(|_| codec == Some(Codec::Opus));
    plain.into_iter().chain(redundant.map(|red| (Types { media: *red, repair: None }, Codec::Red)))
}

fn count(slots: &[Slot]) -> u8 {
    u8::try_from(slots.len()).unwrap_or(u8::MAX)
}
