//! Streams of video slots, known to the library only once something is sent on them.
//!
//! The library fills silence with padding of 50 kbit/s as soon as it knows a video stream, and looks at every stream at
//! every timeout: clients of an audio call would get more padding than voice, and unused slots would cost the most.
//!
//! ```text
//! answer names the stream ─► parked ─► first packet ─► begun (for good: a stream that begins twice repeats its numbers)
//! ```

use str0m::Rtc;
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use super::config::{VIDEO_CACHE_AGE, VIDEO_CACHE_PACKETS};

/// At most a quarter of what a slot sends goes into repairs: beyond it repairs make congestion worse.
const REPAIR_RATIO_MAX: f32 = 0.25;

/// The streams that wait for their first packet.
#[derive(Default)]
pub(super) struct Parking {
    parked: Vec<Parked>,
    begun: Vec<Mid>,
}

#[derive(Clone, Copy)]
struct Parked {
    mid: Mid,
    ssrc: Ssrc,
    repair: Option<Ssrc>,
}

impl Parking {
    /// Makes all streams known, so that the next answer names them as the last one did.
    pub(super) fn leave(&mut self, rtc: &mut Rtc) {
        let mut direct = rtc.direct_api();
        for parked in self.parked.drain(..) {
            direct.declare_stream_tx(parked.ssrc, parked.repair, parked.mid, None);
        }
    }

    /// Takes away those of `mids` on which nothing was sent yet.
    pub(super) fn enter(&mut self, rtc: &mut Rtc, mids: impl Iterator<Item = Mid>) {
        let mut direct = rtc.direct_api();
        for mid in mids.filter(|mid| !self.begun.contains(mid)) {
            if let Some(stream) = direct.stream_tx_by_mid(mid, None) {
                let parked = Parked { mid, ssrc: stream.ssrc(), repair: stream.rtx() };
                direct.remove_stream_tx(parked.ssrc);
                self.parked.push(parked);
            }
        }
    }

    /// Makes the stream of a line known, because a packet is about to be sent on it.
    pub(super) fn begin(&mut self, rtc: &mut Rtc, mid: Mid) {
        let Some(at) = self.parked.iter().position(|parked| parked.mid == mid) else {
            return;
        };
        let parked = self.parked.swap_remove(at);
        self.begun.push(mid);
        let mut direct = rtc.direct_api();
        let stream = direct.declare_stream_tx(parked.ssrc, parked.repair, mid, None);
        stream.set_rtx_cache(VIDEO_CACHE_PACKETS, VIDEO_CACHE_AGE, Some(REPAIR_RATIO_MAX));
    }
}
