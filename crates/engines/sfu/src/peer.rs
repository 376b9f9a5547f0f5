//! One client's transport: ICE-lite, DTLS, SRTP and data channels behind types of our own, without I/O.
//!
//! ```text
//! datagram ─► handle_datagram ─┐                    ┌─► transmit   datagrams to send
//! timeout  ─► handle_timeout  ─┼─► Rtc ─► drain ────┼─► packet     media that came, decrypted
//! forward  ─► write           ─┘                    └─► event      up, lost, estimate, key frame asked, data
//! ```
//!
//! Contract: `drain` follows every `handle_*` and `accept` before the next of them. Several `write`s, `write_data`s and
//! `request_keyframe`s may go before one `handle_timeout` and its `drain`: nothing of them leaves earlier. `drain`
//! answers when `handle_timeout` is due.

mod answer;
mod clock;
mod config;
mod data;
mod error;
mod estimate;
mod events;
mod filter;
mod lines;
mod offer;
mod packets;
mod parking;
mod stats;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Instant;

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpOffer;
use str0m::media::KeyframeRequestKind;
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Event, IceConnectionState, IceCreds, Input, Output, Rtc, RtcError};

pub use config::{Certificate, HostCandidate, PeerConfig, PeerLimits};
pub use error::{DropReason, OfferError, PeerError};
pub use events::{Datagram, PeerEvent, PeerSink, Transmission};
pub use offer::NamedMids;
pub use stats::{PeerStats, SlotStats, SourceStats};

use crate::{Layer, Lines, Now, PeerKey, SlotKey, SourceKind};
use clock::SenderClock;
use data::Channels;
use estimate::Estimates;
use filter::Filter;
use lines::MediaLines;
use packets::Streams;
use parking::Parking;
use stats::StatsInProgress;

/// A client whose datagrams stay away for this long is told to be lost; ICE itself waits 15 s.
///
/// Longer than the pause between two checks of consent, which is up to 6 s (RFC 7675 §5.1): a client that is alone in
/// a call and sends nothing is not heard in between.
const SILENCE: Now = Now::from_secs(7);

/// The words by which ICE knows this end (RFC 8445 §5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// 4 to 256 letters and digits; every check of the client begins with it.
    pub ufrag: String,
    /// 22 to 256 letters and digits.
    pub password: String,
}

/// An offer, the first or a later one.
pub struct Offer<'a> {
    /// The text of the description.
    pub sdp: &'a str,
    /// Which lines send, when it is not by order.
    pub mids: &'a NamedMids,
    /// Taken when the offer begins ICE anew, as the first one does; else dropped.
    pub credentials: Credentials,
}

/// What came of an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The text of the answer.
    pub answer: String,
    /// How many lines the client receives on, and what it understands there.
    pub lines: Lines,
    /// Whether there is a line for data channels.
    pub has_data: bool,
    /// The ufrag checks come with from now on; that of the last answer goes on for a while.
    pub ufrag: String,
    /// Counts answers, from 1.
    pub epoch: u32,
}

/// One client's transport.
// No lock: one media thread owns it.
pub struct Peer {
    rtc: Rtc,
    key: PeerKey,
    origin: Instant,
    lines: MediaLines,
    streams: Streams,
    parking: Parking,
    channels: Channels,
    clock: SenderClock,
    estimates: Estimates,
    filter: Filter,
    stats: StatsInProgress,
    last_heard: Now,
    epoch: u32,
    is_up: bool,
    is_lost: bool,
    is_over: bool,
}

impl Peer {
    /// A peer that waits for an offer.
    #[must_use]
    pub fn new(config: &PeerConfig, now: Now) -> Self {
        Self {
            rtc: config::build(config, config.origin + now),
            key: config.key,
            origin: config.origin,
            lines: MediaLines::default(),
            streams: Streams::default(),
            parking: Parking::default(),
            channels: Channels::default(),
            clock: SenderClock::default(),
            estimates: Estimates::default(),
            filter: Filter::new(config.limits, now),
            stats: StatsInProgress::default(),
            last_heard: now,
            epoch: 0,
            is_up: false,
            is_lost: false,
            is_over: false,
        }
    }

    /// Takes an offer and answers it.
    ///
    /// # Errors
    /// [`OfferError`] when the offer breaks the protocol; the connection stays as it was.
    pub fn accept(&mut self, offer: Offer<'_>, now: Now) -> Result<Accepted, OfferError> {
        let plan = offer::check(offer.sdp, offer.mids, self.lines.plan())?;
        let parsed = SdpOffer::from_sdp_string(&plan.cleaned)
            .map_err(|cause| OfferError::Unreadable(cause.to_string()))?;
        if parsed.media_lines.len() != plan.lines.len() {
            return Err(OfferError::Unreadable("the parser stopped early".to_owned()));
        }
        self.handle_timeout(now).map_err(|_| OfferError::Ended)?;
        if !self.rtc.is_alive() {
            return Err(OfferError::Ended);
        }
        let credentials = IceCreds { ufrag: offer.credentials.ufrag, pass: offer.credentials.password };
        if self.epoch == 0 {
            self.rtc.direct_api().set_local_ice_credentials(credentials.clone());
        }
        self.parking.leave(&mut self.rtc);
        let answer = self.rtc.sdp_api().accept_offer(parsed);
        let answer = match answer {
            Ok(answer) => answer,
            Err(cause) => {
                self.parking.enter(&mut self.rtc, self.lines.video_mids());
                return Err(OfferError::Refused(cause.to_string()));
            }
        };
        if self.epoch > 0 && self.lines.is_restart(&plan) {
            // The library has drawn credentials of its own; ours tell the demux whose they are.
            self.rtc.direct_api().set_local_ice_credentials(credentials);
        }
        self.lines.take(&self.rtc, plan);
        self.parking.enter(&mut self.rtc, self.lines.video_mids());
        self.filter.set_payload_types(self.lines.payload_types_in(&self.rtc));
        if self.lines.has_data() {
            self.channels.open(&mut self.rtc);
        }
        self.epoch += 1;
        let local = self.rtc.direct_api().local_ice_credentials();
        Ok(Accepted {
            answer: answer::finish(&answer.to_sdp_string(), &self.lines, &local),
            lines: self.lines.receiving(),
            has_data: self.lines.has_data(),
            ufrag: local.ufrag,
            epoch: self.epoch,
        })
    }

    /// The name of a slot's line in the description (`a=mid`).
    #[must_use]
    pub fn mid_of(&self, slot: SlotKey) -> Option<&str> {
        self.lines.mid_of(slot)
    }

    /// Whether ICE has validated this address of the client.
    ///
    /// To be asked for an unknown source that has just sent a check; all else from unknown sources is dropped.
    #[must_use]
    pub fn accepts_address(&self, source: SocketAddr, destination: SocketAddr) -> bool {
        // The library answers for RTP what it would not for STUN: only whether the way is known.
        const RTP: [u8; 12] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let Ok(contents) = RTP.as_slice().try_into() else {
            return false;
        };
        let receive = Receive { proto: Protocol::Udp, source, destination, contents };
        self.rtc.accepts(&Input::Receive(self.origin, receive))
    }

    /// Takes a datagram of the client.
    ///
    /// # Errors
    /// [`PeerError::Dropped`] when it was not taken and all goes on; [`PeerError::Failed`] when the peer must go.
    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Now) -> Result<(), PeerError> {
        self.filter.check(datagram.bytes, now).map_err(PeerError::Dropped)?;
        let contents = datagram.bytes.try_into().map_err(|_| PeerError::Dropped(DropReason::Form))?;
        let receive = Receive {
            proto: if datagram.is_tcp { Protocol::Tcp } else { Protocol::Udp },
            source: datagram.source,
            destination: datagram.destination,
            contents,
        };
        self.last_heard = now;
        match self.rtc.handle_input(Input::Receive(self.at(now), receive)) {
            // A record that does not decrypt proves nothing but that somebody sent it (RFC 6347 §4.1.2.7); a handshake
            // that really fails runs out of time.
            Err(RtcError::Dtls(_)) if self.rtc.is_alive() => Err(PeerError::Dropped(DropReason::Form)),
            other => other.map_err(failed),
        }
    }

    /// Lets time pass, and what was written go out with the next `drain`.
    ///
    /// # Errors
    /// [`PeerError::Failed`] when the peer must go.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), PeerError> {
        self.rtc.handle_input(Input::Timeout(self.at(now))).map_err(failed)
    }

    /// Asks the client for a key frame. Nothing happens while the stream has not come.
    pub fn request_keyframe(&mut self, kind: SourceKind, layer: Layer) {
        let Some((mid, rid)) = self.lines.sending(kind, layer) else {
            return;
        };
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// How much one would like to send: what is probed for. Bits per second.
    pub fn set_bitrate(&mut self, minimum_bps: u64, desired_bps: u64) {
        self.rtc.bwe().set_bitrate(Bitrate::bps(minimum_bps), Bitrate::bps(desired_bps));
    }

    /// Begins to end the transport: the client is told by the datagrams of the next `drain`s.
    pub fn close(&mut self) {
        // On an error the instance is over as well, which `drain` tells.
        if self.rtc.close().is_err() {
            self.rtc.disconnect();
        }
    }

    /// Gives out all there is, and says when `handle_timeout` is due.
    ///
    /// # Errors
    /// [`PeerError::Failed`] when the peer must go.
    pub fn drain(&mut self, now: Now, out: &mut dyn PeerSink) -> Result<Now, PeerError> {
        loop {
            match self.rtc.poll_output().map_err(failed)? {
                Output::Timeout(at) => return Ok(self.due(at, now, out)),
                Output::Transmit(sent) => self.transmit(sent, now, out),
                Output::Event(event) => self.handle_event(event, now, out),
            }
        }
    }

    fn transmit(&mut self, sent: Transmit, now: Now, out: &mut dyn PeerSink) {
        let bytes: Vec<u8> = sent.contents.into();
        if bytes.first().is_some_and(|first| (128..192).contains(first)) {
            self.estimates.count(bytes.len(), now);
        }
        let is_tcp = sent.proto == Protocol::Tcp;
        out.transmit(Transmission { is_tcp, source: sent.source, destination: sent.destination, bytes });
    }

    fn due(&mut self, at: Instant, now: Now, out: &mut dyn PeerSink) -> Now {
        if let Some(stats) = self.stats.finish() {
            let video = stats.slots.iter().filter(|slot| slot.slot.is_video);
            self.estimates.set_loss(video.filter_map(|slot| slot.loss).fold(0.0, f32::max));
            out.event(PeerEvent::Stats(stats));
        }
        if !self.rtc.is_alive() {
            self.end(out);
            return Now::MAX;
        }
        let at = at.saturating_duration_since(self.origin);
        if !self.is_up {
            return at;
        }
        let silent_at = self.last_heard + SILENCE;
        self.set_lost(now >= silent_at, out);
        if self.is_lost { at } else { at.min(silent_at) }
    }

    fn handle_event(&mut self, event: Event, now: Now, out: &mut dyn PeerSink) {
        match event {
            Event::Connected if !self.is_up => {
                self.is_up = true;
                out.event(PeerEvent::Up);
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.set_lost(true, out),
            Event::RtpPacket(packet) => {
                if let Some(packet) = self.packet(packet, now) {
                    out.packet(packet);
                }
            }
            Event::KeyframeRequest(asked) => {
                if let Some(slot) = self.lines.slot(asked.mid) {
                    out.event(PeerEvent::KeyframeRequest(slot));
                }
            }
            Event::EgressBitrateEstimate(kind) => self.handle_estimate(&kind, now, out),
            Event::ChannelOpen(id, _) => {
                if let Some(is_reliable) = self.channels.is_reliable(id) {
                    out.event(PeerEvent::DataOpen { is_reliable });
                } else if self.channels.count_strange() {
                    self.rtc.disconnect();
                }
            }
            Event::ChannelClose(id) => {
                if let Some(is_reliable) = self.channels.is_reliable(id) {
                    out.event(PeerEvent::DataClosed { is_reliable });
                }
            }
            Event::ChannelData(data) => {
                if let Some(is_reliable) = self.channels.is_reliable(data.id) {
                    out.event(PeerEvent::Data { is_reliable, message: data.data });
                }
            }
            Event::MediaIngressStats(stats) => self.stats.source(&self.lines, &stats),
            Event::MediaEgressStats(stats) => self.stats.slot(&self.lines, &stats),
            Event::PeerStats(stats) => self.stats.begin(&stats, now),
            Event::Closed => self.end(out),
            _ => {}
        }
    }

    fn handle_estimate(&mut self, kind: &BweKind, now: Now, out: &mut dyn PeerSink) {
        let (bps, is_remb) = match kind {
            BweKind::Twcc { estimate, can_probe: true } => {
                (self.estimates.by_feedback(estimate.as_u64(), now), false)
            }
            BweKind::Remb { estimate, .. } if !self.lines.has_transport_feedback() => {
                (self.estimates.by_client(estimate.as_u64()), true)
            }
            _ => return,
        };
        out.event(PeerEvent::Estimate { bps, is_remb });
    }

    fn set_lost(&mut self, is_lost: bool, out: &mut dyn PeerSink) {
        if self.is_up && is_lost != self.is_lost {
            self.is_lost = is_lost;
            out.event(if is_lost { PeerEvent::Lost } else { PeerEvent::Back });
        }
    }

    fn end(&mut self, out: &mut dyn PeerSink) {
        if !self.is_over {
            self.is_over = true;
            out.event(PeerEvent::Closed);
        }
    }

    fn at(&self, now: Now) -> Instant {
        self.origin + now
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn failed(cause: RtcError) -> PeerError {
    PeerError::Failed(cause.to_string())
}
