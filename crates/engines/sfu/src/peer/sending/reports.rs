//! Reports: what the client says of what it gets, and what is said of what is sent.

use trunkline_rtp::congestion::Purpose;
use trunkline_rtp::rtcp::{self, Packet, Reports, SenderInfo, TransportFeedback};

use super::{Ciphers, Sending, Slot};
use crate::Now;
use crate::peer::events::{PeerSink, Transmission};

/// How often a slot is reported on: clients keep lips and voice together by it.
const REPORT_INTERVAL: Now = Now::from_secs(1);
/// Reports of this length leave as one datagram.
const REPORT_BYTES: usize = 1_000;
/// Repairs that wait for their turn, and as many more that one report may ask for: others would only come too late.
const REPAIRS_MAX: usize = 256;

impl Sending {
    /// Takes a datagram of reports. Answers whether the library should have it as well: what the client tells of what
    /// it sends is not looked at here.
    pub(crate) fn handle_reports(&mut self, datagram: &[u8], now: Now) -> bool {
        let Some(Ciphers { opener, .. }) = &mut self.ciphers else { return true };
        let mut opened = std::mem::take(&mut self.opened);
        let mut is_for_library = false;
        if opener.open_rtcp(datagram, &mut opened).is_ok() {
            // After an error it is not known where the next packet begins.
            for packet in rtcp::packets(&opened).map_while(Result::ok) {
                is_for_library |= self.handle_packet(packet, now);
            }
        }
        self.opened = opened;
        is_for_library
    }

    fn handle_packet(&mut self, packet: Packet<'_>, now: Now) -> bool {
        match packet {
            Packet::SenderReport { reports, .. } => {
                self.handle_blocks(reports, now);
                return true;
            }
            Packet::ReceiverReport { reports, .. } => self.handle_blocks(reports, now),
            Packet::Nack(nack) => self.handle_missing(nack, now),
            Packet::PictureLoss { media } => self.handle_picture_loss(media),
            Packet::FullIntraRequest(request) => {
                request.media().for_each(|(media, _)| self.handle_picture_loss(media));
            }
            Packet::Remb(remb) if !self.control.has_feedback() => {
                let losses = self.video.iter().filter_map(|slot| slot.loss(now));
                let loss = losses.fold(0.0, f32::max);
                self.control.remb(remb.bps, loss);
            }
            Packet::TransportFeedback(feedback) => self.handle_feedback(&feedback, now),
            Packet::Remb(_) => {}
            Packet::Goodbye | Packet::Description | Packet::Extended | Packet::Other { .. } => return true,
        }
        false
    }

    fn handle_blocks(&mut self, reports: Reports<'_>, now: Now) {
        for report in reports.iter() {
            let slot = self.audio.of_stream(report.stream).or_else(|| self.video.of_stream(report.stream));
            if let Some(trip) = slot.and_then(|slot| slot.reported(report, now)) {
                self.round_trip = Some(trip);
            }
        }
    }

    fn handle_missing(&mut self, nack: rtcp::Nack<'_>, now: Now) {
        let trip = self.round_trip;
        let Some(slot) = self.video.of_stream(nack.media).filter(|_| self.repairs.len() < REPAIRS_MAX) else {
            return;
        };
        let index = slot.key.index;
        self.repairs
            .extend(slot.missing(nack.numbers(), trip, now).into_iter().map(|number| (index, number)));
    }

    fn handle_picture_loss(&mut self, media: u32) {
        if let Some(slot) = self.video.of_stream(media) {
            slot.count_keyframe_request();
            let key = slot.key;
            self.want_keyframe(key);
        }
    }

    fn handle_feedback(&mut self, feedback: &TransportFeedback<'_>, now: Now) {
        if self.control.has_feedback() {
            self.control.feedback(feedback, now);
            self.round_trip = self.control.round_trip().or(self.round_trip);
        }
    }

    /// Reports on what was sent since the last time.
    pub(super) fn report(&mut self, now: Now, out: &mut dyn PeerSink) {
        if std::mem::take(&mut self.is_closing) {
            return self.say_goodbye(out);
        }
        if now < self.report_at {
            return;
        }
        let mut report = Vec::new();
        let slots = self.audio.iter_mut().chain(self.video.iter_mut());
        let infos: Vec<SenderInfo> = slots.filter_map(|slot| slot.take_report(now)).collect();
        for info in infos {
            rtcp::write_sender_report(&mut report, &info);
            rtcp::write_description(&mut report, info.stream, &self.cname);
            self.report_at = now + REPORT_INTERVAL;
            if report.len() >= REPORT_BYTES {
                self.transmit_report(std::mem::take(&mut report), out);
            }
        }
        self.transmit_report(report, out);
    }

    fn say_goodbye(&mut self, out: &mut dyn PeerSink) {
        let streams: Vec<u32> =
            self.slots().filter(|slot| slot.packets() > 0).map(|slot| slot.media).collect();
        let mut goodbye = Vec::new();
        if !streams.is_empty() {
            rtcp::write_goodbye(&mut goodbye, &streams);
        }
        self.transmit_report(goodbye, out);
    }

    fn transmit_report(&mut self, mut report: Vec<u8>, out: &mut dyn PeerSink) {
        let (Some(Ciphers { sealer, .. }), Some(way)) = (&mut self.ciphers, self.way) else { return };
        if report.is_empty() || sealer.seal_rtcp(&mut report).is_err() {
            return;
        }
        self.bytes += report.len() as u64;
        out.transmit(Transmission {
            is_tcp: way.is_tcp,
            source: way.source,
            destination: way.destination,
            bytes: report,
        });
    }

    /// Sends what a cluster lacks: packets that were sent before, or nothing but padding.
    pub(super) fn probe(&mut self, now: Now, out: &mut dyn PeerSink) {
        while let Some(id) = self.control.owes(now) {
            let can_fill = |slot: &&Slot| slot.repair_type.is_some() && slot.extensions.has_transport();
            let filled = self.video.iter().find(can_fill).map(|slot| (slot.key.index, slot.filler()));
            let before = self.control.probed_bytes();
            if let Some((index, filler)) = filled {
                self.repair(index, filler.as_ref(), Purpose::Probe(id), now, out);
            }
            if self.control.probed_bytes() == before {
                self.control.end_probe();
            }
        }
    }
}
