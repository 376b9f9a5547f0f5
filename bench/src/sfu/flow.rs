//! What speakers and cameras send, and when.

use std::time::Duration;

use trunkline_sfu::testing::{Sent, Vp8Frame, voice, vp8};
use trunkline_sfu::{Codec, Layer, SourceKind};

const AUDIO_CLOCK_HZ: u64 = 48_000;
const VIDEO_CLOCK_HZ: u64 = 90_000;
const FRAMES_PER_SECOND: u32 = 30;
/// What cameras claim to send, so that one layer fits.
pub(super) const PICTURE: (u16, u16) = (1_280, 720);

/// What somebody sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Media {
    /// Packets of Opus, evenly.
    Voice { packets_per_s: u32 },
    /// Thirty frames in a second; the packets of a frame leave at once, or evenly until the next one.
    Camera { packets_per_frame: u32, packet_bytes: usize, is_even: bool },
}

impl Media {
    pub(super) fn packets_per_s(self) -> u32 {
        match self {
            Self::Voice { packets_per_s } => packets_per_s,
            Self::Camera { packets_per_frame, .. } => packets_per_frame * FRAMES_PER_SECOND,
        }
    }

    /// Packets that leave together, and the time until the next ones.
    fn rhythm(self) -> (u32, Duration) {
        let together = match self {
            Self::Camera { packets_per_frame, is_even: false, .. } => packets_per_frame,
            _ => 1,
        };
        (together, Duration::from_secs(1) * together / self.packets_per_s())
    }
}

/// One stream on its way.
pub(super) struct Flow {
    pub(super) media: Media,
    /// The client that sends it.
    pub(super) sender: usize,
    /// The receivers ask for a key frame.
    pub(super) is_key_due: bool,
    next: Duration,
    sent: u64,
    frame: u16,
}

impl Flow {
    pub(super) fn new(media: Media, sender: usize) -> Self {
        Self { media, sender, is_key_due: true, next: Duration::ZERO, sent: 0, frame: 0 }
    }

    /// Begins anew at `now`; senders begin one after the other, as people do.
    pub(super) fn start(&mut self, now: Duration) {
        let (_, pause) = self.media.rhythm();
        self.next = now + pause * u32::try_from(self.sender % 16).unwrap_or(0) / 16;
    }

    /// Packets sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn due(&self) -> Duration {
        self.next
    }

    /// The packets that are due at `now`.
    pub(super) fn packets(&mut self, now: Duration, mut send: impl FnMut(Sent)) {
        let (together, pause) = self.media.rhythm();
        while self.next <= now {
            self.next += pause;
            for _ in 0..together {
                let packet = self.packet();
                send(packet);
                self.sent += 1;
            }
        }
    }

    fn packet(&mut self) -> Sent {
        match self.media {
            Media::Voice { packets_per_s } => Sent {
                timestamp: low(self.sent * AUDIO_CLOCK_HZ / u64::from(packets_per_s)),
                ..voice(low(self.sent))
            },
            Media::Camera { packets_per_frame, packet_bytes, .. } => {
                let place = self.sent % u64::from(packets_per_frame);
                let is_first = place == 0;
                self.frame = self.frame.wrapping_add(u16::from(is_first)) & 0x7fff;
                let is_key = is_first && std::mem::take(&mut self.is_key_due);
                let [_, tl0_picture] = self.frame.to_be_bytes();
                let frame = Vp8Frame {
                    is_key,
                    picture_id: self.frame,
                    tl0_picture,
                    size: PICTURE,
                    bytes: packet_bytes,
                    ..Vp8Frame::default()
                };
                let mut payload = vp8(frame);
                if !is_first {
                    // No start of a partition (RFC 7741 §4.2).
                    payload[0] &= !0x10;
                }
                let frames = self.sent / u64::from(packets_per_frame);
                Sent {
                    kind: SourceKind::Camera,
                    layer: Layer::Low,
                    codec: Codec::Vp8,
                    timestamp: low(frames * VIDEO_CLOCK_HZ / u64::from(FRAMES_PER_SECOND)),
                    marker: place + 1 == u64::from(packets_per_frame),
                    level_dbov: None,
                    payload,
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what stands in RTP headers")]
fn low(number: u64) -> u32 {
    number as u32
}
