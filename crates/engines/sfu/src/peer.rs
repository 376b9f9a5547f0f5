//! One client's transport: ICE-lite, DTLS, SRTP and data channels behind types of our own, without I/O.
//!
//! ```text
//! datagram ─► handle_datagram ─┬─► Rtc ─────┐           ┌─► transmit   datagrams to send
//! timeout  ─► handle_timeout  ─┤            ├─► drain ──┼─► packet     media that came, decrypted
//! forward  ─► write           ─┴─► Sending ─┘           └─► event      up, lost, estimate, key frame asked, data
//! ```
//!
//! The library (`Rtc`) finds the way, agrees on keys, keeps data channels and receives media. What is sent goes past it
//! (`Sending`), for that is done for each packet and each receiver.
//!
//! Contract: `drain` follows every `handle_*` and `accept` before the next of them. Several `write`s, `write_data`s and
//! `request_keyframe`s may go before one `handle_timeout` and its `drain`: nothing of them leaves earlier. `drain`
//! answers when `handle_timeout` is due.

mod answer;
mod clock;
mod config;
mod data;
mod error;
mod events;
mod filter;
mod lines;
mod offer;
mod packets;
mod sending;
mod stats;
mod tap;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, Mid};
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
use filter::Filter;
use lines::MediaLines;
use packets::Streams;
use sending::{Sending, Way};
use stats::Sources;

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
    sending: Sending,
    channels: Channels,
    clock: SenderClock,
    filter: Filter,
    sources: Sources,
    // Of all datagrams; sent ones without what goes past the library.
    bytes_in: u64,
    bytes_out: u64,
    last_heard: Now,
    epoch: u32,
    // When the library wants to be woken; `None` when it was touched, and has perhaps something to give.
    library_due: Option<Now>,
    is_up: bool,
    is_lost: bool,
    is_over: bool,
}

impl Peer {
    /// A peer that waits for an offer.
    #[must_use]
    pub fn new(config: &PeerConfig, now: Now) -> Self {
        let (rtc, tap) = config::build(config, config.origin + now);
        Self {
            rtc,
            key: config.key,
            origin: config.origin,
            lines: MediaLines::default(),
            streams: Streams::default(),
            sending: Sending::new(tap),
            channels: Channels::default(),
            clock: SenderClock::default(),
            filter: Filter::new(config.limits, now),
            sources: Sources::default(),
            bytes_in: 0,
            bytes_out: 0,
            last_heard: now,
            epoch: 0,
            library_due: None,
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
        self.touch();
        self.handle_timeout(now).map_err(|_| OfferError::Ended)?;
        if !self.rtc.is_alive() {
            return Err(OfferError::Ended);
        }
        let credentials = IceCreds { ufrag: offer.credentials.ufrag, pass: offer.credentials.password };
        if self.epoch == 0 {
            self.rtc.direct_api().set_local_ice_credentials(credentials.clone());
        }
        self.sending.lend(&mut self.rtc);
        let answer = match self.rtc.sdp_api().accept_offer(parsed) {
            Ok(answer) => answer,
            Err(cause) => {
                // What it left half done: nothing may be sealed by both under one name.
                let mids = plan.lines.iter().map(|line| Mid::from(line.mid.as_str()));
                self.sending.take(&mut self.rtc, &self.lines);
                sending::forget(&mut self.rtc, mids);
                return Err(OfferError::Refused(cause.to_string()));
            }
        };
        if self.epoch > 0 && self.lines.is_restart(&plan) {
            // The library has drawn credentials of its own; ours tell the demux whose they are.
            self.rtc.direct_api().set_local_ice_credentials(credentials);
        }
        self.lines.take(&self.rtc, plan);
        self.sending.take(&mut self.rtc, &self.lines);
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
        self.bytes_in += datagram.bytes.len() as u64;
        if is_report(datagram.bytes) && !self.sending.handle_reports(datagram.bytes, now) {
            return Ok(());
        }
        if is_check(datagram.bytes) {
            // It may change the way.
            self.sending.tap.ask();
        }
        self.touch();
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
        if self.library_due.is_some_and(|due| now < due) {
            return Ok(());
        }
        // A way may be given up by time alone.
        self.sending.tap.ask();
        self.touch();
        self.rtc.handle_input(Input::Timeout(self.at(now))).map_err(failed)
    }

    /// The library is asked for what it has with the next `drain`, and is told the time before.
    fn touch(&mut self) {
        self.library_due = None;
    }

    /// Asks the client for a key frame. Nothing happens while the stream has not come.
    pub fn request_keyframe(&mut self, kind: SourceKind, layer: Layer) {
        let Some((mid, rid)) = self.lines.sending(kind, layer) else {
            return;
        };
        self.touch();
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// How much one would like to send: what is probed for. Bits per second.
    pub fn set_bitrate(&mut self, minimum_bps: u64, desired_bps: u64) {
        self.sending.set_wanted(minimum_bps, desired_bps);
    }

    /// Its numbers until now. What only the library knows of what the client sends (loss, jitter, what was asked for
    /// again) is up to five seconds old.
    #[must_use]
    pub fn stats(&self, now: Now) -> PeerStats {
        PeerStats {
            at: now,
            rtt: self.round_trip(),
            estimate_bps: self.sending.estimate_bps(),
            loss_out: self.sending.loss(),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out + self.sending.bytes(),
            path: self.sending.way().map(|way| (way.destination, way.is_tcp)),
            sources: self.sources.all(),
            slots: self.sending.stats(),
        }
    }

    /// The last round trip to the client and back, once it is known.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.sending.round_trip().or(self.sources.round_trip())
    }

    /// Begins to end the transport: the client is told by the datagrams of the next `drain`s.
    pub fn close(&mut self) {
        self.touch();
        self.sending.close();
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
        let library_due = match self.library_due {
            Some(due) => due,
            None => self.drain_library(now, out)?,
        };
        let sending_due = self.sending.drain(&self.lines, now, out);
        if self.is_over {
            return Ok(Now::MAX);
        }
        let due = library_due.min(sending_due);
        if !self.is_up {
            return Ok(due);
        }
        let silent_at = self.last_heard + SILENCE;
        self.set_lost(now >= silent_at, out);
        Ok(if self.is_lost { due } else { due.min(silent_at) })
    }

    fn drain_library(&mut self, now: Now, out: &mut dyn PeerSink) -> Result<Now, PeerError> {
        loop {
            match self.rtc.poll_output().map_err(failed)? {
                Output::Timeout(at) => {
                    let due = self.library_rests(at, now, out);
                    self.library_due = Some(due);
                    return Ok(due);
                }
                Output::Transmit(sent) => self.transmit(sent, out),
                Output::Event(event) => self.handle_event(event, now, out),
            }
        }
    }

    fn transmit(&mut self, sent: Transmit, out: &mut dyn PeerSink) {
        let is_tcp = sent.proto == Protocol::Tcp;
        if self.sending.tap.is_question(&sent.contents) {
            return self.sending.set_way(Way { is_tcp, source: sent.source, destination: sent.destination });
        }
        let bytes: Vec<u8> = sent.contents.into();
        self.bytes_out += bytes.len() as u64;
        out.transmit(Transmission { is_tcp, source: sent.source, destination: sent.destination, bytes });
    }

    /// The library has given out all it had; answers when it wants to be woken.
    fn library_rests(&mut self, at: Instant, now: Now, out: &mut dyn PeerSink) -> Now {
        self.sending.take_keys();
        if !self.rtc.is_alive() {
            self.end(out);
            return Now::MAX;
        }
        at.saturating_duration_since(self.origin).max(now)
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
            Event::MediaIngressStats(stats) => self.sources.stream(&self.lines, &stats),
            Event::PeerStats(stats) => self.sources.peer(&stats),
            Event::Closed => self.end(out),
            _ => {}
        }
    }

    fn set_lost(&mut self, is_lost: bool, out: &mut dyn PeerSink) {
        if self.is_up && is_lost != self.is_lost {
            self.is_lost = is_lost;
            self.sending.set_silent(is_lost);
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

/// RTCP, on a port that it shares with RTP (RFC 5761 §4).
fn is_report(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, 192..=223, ..])
}

/// STUN (RFC 7983 §7).
fn is_check(datagram: &[u8]) -> bool {
    matches!(datagram, [0..=3, ..])
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn failed(cause: RtcError) -> PeerError {
    PeerError::Failed(cause.to_string())
}
