//! A peer and a client with a way between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::testing::{
    Client, ClientConfig, ClientEvent, ClientOutput, Link, LinkModel, Received, Sent, Vp8Frame,
};
use crate::{
    Accepted, Certificate, Codec, Credentials, Datagram, Forward, HostCandidate, Marks, NamedMids, Now,
    Offer, OfferError, Packet, Peer, PeerConfig, PeerError, PeerEvent, PeerKey, PeerLimits, PeerSink,
    SlotKey, Transmission,
};

pub(super) const SERVER: &str = "192.0.2.1:10000";
pub(super) const CLIENT: &str = "198.51.100.7:5000";

/// Any instant will do: only distances to it count.
pub(super) fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "an instant cannot be made without reading the clock once")]
    *ORIGIN.get_or_init(Instant::now)
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn credentials(number: u8) -> Credentials {
    Credentials { ufrag: format!("aa{number:014}"), password: format!("{number:024}") }
}

pub(super) fn peer_config() -> PeerConfig {
    static CERTIFICATE: OnceLock<Arc<Certificate>> = OnceLock::new();
    PeerConfig {
        key: PeerKey(7),
        certificate: Arc::clone(CERTIFICATE.get_or_init(|| Arc::new(Certificate::generate().unwrap()))),
        candidates: vec![
            HostCandidate { address: address(SERVER), is_tcp: true },
            HostCandidate { address: address(SERVER), is_tcp: false },
        ],
        origin: origin(),
        limits: PeerLimits::default(),
    }
}

pub(super) fn client_config() -> ClientConfig {
    ClientConfig {
        address: address(CLIENT),
        is_tcp: false,
        origin: origin(),
        has_layers: true,
        audio_slots: 2,
        video_slots: 1,
        has_data: true,
    }
}

/// What came out of the peer.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) packets: Vec<Packet>,
    pub(super) events: Vec<PeerEvent>,
    pub(super) transmissions: Vec<Transmission>,
}

impl Seen {
    /// Datagrams that begin with this kind of RTCP.
    pub(super) fn count_reports(&self, kind: u8) -> usize {
        let is_of_kind = |bytes: &[u8]| matches!(bytes, [128..=191, second, ..] if *second == kind);
        self.transmissions.iter().filter(|sent| is_of_kind(&sent.bytes)).count()
    }
}

impl PeerSink for Seen {
    fn transmit(&mut self, transmission: Transmission) {
        self.transmissions.push(transmission);
    }

    fn packet(&mut self, packet: Packet) {
        self.packets.push(packet);
    }

    fn event(&mut self, event: PeerEvent) {
        self.events.push(event);
    }
}

pub(super) struct Pair {
    pub(super) peer: Peer,
    pub(super) client: Client,
    pub(super) now: Now,
    pub(super) seen: Seen,
    pub(super) out: ClientOutput,
    pub(super) up: Link,
    pub(super) down: Link,
    pub(super) accepted: Accepted,
    /// Why the peer has ended.
    pub(super) failure: Option<PeerError>,
    /// Datagrams the peer has sent.
    pub(super) sent_down: usize,
    /// Those of them that begin with a sender report.
    pub(super) reports_down: usize,
    /// Those of them that are media, by stream.
    pub(super) media_down: BTreeMap<u32, usize>,
    /// Copies of what the client has sent lately.
    pub(super) sent_up: Vec<Vec<u8>>,
    offers: u8,
    peer_due: Now,
    client_due: Now,
}

impl Pair {
    /// Offer and answer are exchanged; nothing has been sent yet.
    pub(super) fn new(config: ClientConfig) -> Self {
        Self::with_offer(config, |offer| offer)
    }

    /// The same, with a change to the offer on its way.
    pub(super) fn with_offer(config: ClientConfig, change: impl FnOnce(String) -> String) -> Self {
        let now = Now::from_secs(1);
        let (mut client, offer) = Client::new(config, now);
        let offer = change(offer);
        let mut peer = Peer::new(&peer_config(), now);
        let accepted = accept(&mut peer, &offer, 1, now).unwrap();
        client.answer(&accepted.answer).unwrap();
        let link = |seed| Link::new(LinkModel::default(), seed);
        let mut pair = Self {
            peer,
            client,
            now,
            seen: Seen::default(),
            out: ClientOutput::default(),
            up: link(1),
            down: link(2),
            accepted,
            failure: None,
            sent_down: 0,
            reports_down: 0,
            media_down: BTreeMap::new(),
            sent_up: Vec::new(),
            offers: 1,
            peer_due: now,
            client_due: now,
        };
        pair.touch();
        pair
    }

    /// Connected, with its events taken.
    pub(super) fn connected(config: ClientConfig) -> Self {
        let mut pair = Self::new(config);
        pair.run(Duration::from_secs(2));
        assert!(pair.failure.is_none(), "{:?}", pair.failure);
        assert!(
            pair.seen.events.iter().any(|event| matches!(event, PeerEvent::Up)),
            "{:?}",
            pair.seen.events
        );
        assert!(
            pair.out.events.iter().any(|event| matches!(event, ClientEvent::Up)),
            "{:?}",
            pair.out.events
        );
        pair.forget();
        pair
    }

    pub(super) fn forget(&mut self) {
        self.seen = Seen::default();
        self.out = ClientOutput::default();
    }

    /// Sends a new offer and its answer.
    pub(super) fn renew(
        &mut self,
        audio_slots: u8,
        video_slots: u8,
        is_restart: bool,
    ) -> Result<(), OfferError> {
        let offer = self.client.renew(audio_slots, video_slots, is_restart);
        self.offers += 1;
        self.accepted = accept(&mut self.peer, &offer, self.offers, self.now)?;
        self.client.answer(&self.accepted.answer).unwrap();
        self.touch();
        Ok(())
    }

    /// Lets both ends put out what they have.
    pub(super) fn touch(&mut self) {
        self.peer.handle_timeout(self.now).unwrap();
        self.client.handle_timeout(self.now).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        match self.peer.drain(self.now, &mut self.seen) {
            Ok(due) => self.peer_due = due,
            Err(failure) => self.failure = Some(failure),
        }
        self.sent_down += self.seen.transmissions.len();
        self.reports_down += self.seen.count_reports(200);
        for sent in &self.seen.transmissions {
            if let [128..=191, second, _, _, _, _, _, _, stream @ ..] = sent.bytes.as_slice()
                && !(192..=223).contains(second)
            {
                let stream = stream.first_chunk().copied().map_or(0, u32::from_be_bytes);
                *self.media_down.entry(stream).or_default() += 1;
            }
        }
        for transmission in self.seen.transmissions.drain(..) {
            self.down.send(transmission, self.now);
        }
        self.client_due = self.client.drain(&mut self.out).unwrap();
        self.sent_up.truncate(16);
        for transmission in self.out.transmissions.drain(..) {
            self.sent_up.push(transmission.bytes.clone());
            self.up.send(transmission, self.now);
        }
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while self.now < end && self.failure.is_none() {
            let times = [
                Some(self.peer_due),
                Some(self.client_due),
                self.up.poll_timeout(),
                self.down.poll_timeout(),
            ];
            let next = times.into_iter().flatten().min().unwrap_or(end);
            self.now = next.max(self.now + Duration::from_micros(100)).min(end);
            self.step();
        }
    }

    fn step(&mut self) {
        while let Some(sent) = self.up.receive(self.now) {
            let result = self.peer.handle_datagram(datagram(&sent), self.now);
            assert!(matches!(result, Ok(()) | Err(PeerError::Dropped(_))), "{result:?}");
            self.drain();
        }
        while let Some(sent) = self.down.receive(self.now) {
            self.client.handle_datagram(datagram(&sent), self.now).unwrap();
            self.drain();
        }
        if self.peer_due <= self.now {
            self.peer.handle_timeout(self.now).unwrap();
        }
        if self.client_due <= self.now {
            self.client.handle_timeout(self.now).unwrap();
        }
        self.drain();
    }

    /// What came at the client on slots.
    pub(super) fn received(&self) -> Vec<&Received> {
        let events = self.out.events.iter();
        events
            .filter_map(
                |event| if let ClientEvent::Packet(packet) = event { Some(packet.as_ref()) } else { None },
            )
            .collect()
    }

    /// The client sends a packet, and both ends go on.
    pub(super) fn send(&mut self, sent: Sent) {
        assert!(self.client.send(sent, self.now), "there is such a stream");
        self.touch();
    }
}

pub(super) fn accept(peer: &mut Peer, sdp: &str, number: u8, now: Now) -> Result<Accepted, OfferError> {
    let mids = NamedMids::default();
    peer.accept(Offer { sdp, mids: &mids, credentials: credentials(number) }, now)
}

/// A transmission as it arrives.
pub(super) fn datagram(sent: &Transmission) -> Datagram<'_> {
    Datagram { is_tcp: sent.is_tcp, source: sent.source, destination: sent.destination, bytes: &sent.bytes }
}

/// A packet for the client, as a room makes it.
pub(super) fn forward(is_video: bool, index: u8, number: u32, now: Now) -> Forward {
    let payload =
        if is_video { crate::testing::vp8(Vp8Frame::default()) } else { crate::testing::opus(number) };
    Forward {
        to: PeerKey(7),
        slot: SlotKey { is_video, index },
        codec: if is_video { Codec::Vp8 } else { Codec::Opus },
        sequence: 100 + u64::from(number),
        timestamp: 5_000 + number * if is_video { 3_000 } else { 960 },
        marker: is_video,
        is_repairable: is_video,
        payload: payload.into(),
        patch: None,
        marks: Marks::default(),
        captured: now,
    }
}
