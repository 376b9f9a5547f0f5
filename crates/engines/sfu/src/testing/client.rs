//! The client: the same library at the other end, with full ICE.

mod answering;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec as WireCodec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};

use crate::{Certificate, Codec, Datagram, Layer, Now, SlotKey, SourceKind, Transmission};

/// What a client is like.
#[derive(Clone, Copy, Debug)]
pub struct ClientConfig {
    /// Where it sends from.
    pub address: SocketAddr,
    /// Over TCP instead of UDP.
    pub is_tcp: bool,
    /// The instant at which `Now` was zero.
    pub origin: Instant,
    /// The camera in three layers instead of one.
    pub has_layers: bool,
    /// Audio lines to receive on.
    pub audio_slots: u8,
    /// Video lines to receive on.
    pub video_slots: u8,
    /// Whether it has data channels.
    pub has_data: bool,
}

/// What it sends.
#[derive(Clone, Debug)]
pub struct Sent {
    /// From which source.
    pub kind: SourceKind,
    /// In which layer; of no meaning for sources in one.
    pub layer: Layer,
    /// What it is encoded with.
    pub codec: Codec,
    /// Media time.
    pub timestamp: u32,
    /// The RTP marker.
    pub marker: bool,
    /// Loudness, for audio.
    pub level_dbov: Option<i8>,
    /// Behind the header.
    pub payload: Vec<u8>,
}

/// What came on a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// The line.
    pub slot: SlotKey,
    /// The stream's identifier.
    pub ssrc: u32,
    /// What the payload type means.
    pub codec: Codec,
    /// With its rollovers.
    pub sequence: u64,
    /// Media time.
    pub timestamp: u32,
    /// The RTP marker.
    pub marker: bool,
    /// Header extensions.
    pub extensions: ExtensionValues,
    /// Behind the header.
    pub payload: Arc<[u8]>,
}

/// What happened.
#[derive(Debug)]
pub enum ClientEvent {
    /// Connected.
    Up,
    /// A media packet.
    Packet(Box<Received>),
    /// The server asks for a key frame.
    KeyframeRequest(SourceKind, Layer),
    /// A data channel opened.
    DataOpen {
        /// The ordered one.
        is_reliable: bool,
    },
    /// A message.
    Data {
        /// On the ordered channel.
        is_reliable: bool,
        /// The whole of it.
        message: Vec<u8>,
    },
    /// A data channel was closed.
    DataClosed {
        /// The ordered one.
        is_reliable: bool,
    },
    /// The server said goodbye.
    Closed,
}

/// Collects what a client puts out.
#[derive(Default, Debug)]
pub struct ClientOutput {
    /// Datagrams to send.
    pub transmissions: Vec<Transmission>,
    /// Everything else.
    pub events: Vec<ClientEvent>,
}

/// A client.
pub struct Client {
    rtc: Rtc,
    origin: Instant,
    pending: Option<SdpPendingOffer>,
    mic: Option<Mid>,
    camera: Option<Mid>,
    screen: Option<Mid>,
    audio: Vec<Mid>,
    video: Vec<Mid>,
    channels: Vec<(ChannelId, bool)>,
    has_layers: bool,
    // The next sequence number of each stream: microphone, screen, and the camera's layers.
    sequences: [u64; 5],
}

/// What camera layers are called, lowest first.
const RIDS: [&str; 3] = ["q", "h", "f"];

impl Client {
    /// A client and its first offer.
    ///
    /// # Panics
    /// When its own configuration makes no sense.
    #[must_use]
    pub fn new(config: ClientConfig, now: Now) -> (Self, String) {
        let mut client = Self::empty(config, now);
        let candidate = if config.is_tcp {
            Candidate::builder().tcp().host(config.address).tcptype(TcpType::Active).build()
        } else {
            Candidate::host(config.address, "udp")
        };
        client.rtc.add_local_candidate(candidate.expect("an address of this machine"));
        let offer = client.first_offer(config);
        (client, offer)
    }

    fn empty(config: ClientConfig, now: Now) -> Self {
        let certificate = Certificate::generate().expect("the cryptographic library makes certificates");
        Self {
            rtc: certificate.rtc_config().enable_bwe(Some(Bitrate::kbps(1_000))).build(config.origin + now),
            origin: config.origin,
            pending: None,
            mic: None,
            camera: None,
            screen: None,
            audio: Vec::new(),
            video: Vec::new(),
            channels: Vec::new(),
            has_layers: config.has_layers,
            sequences: [1_000, 2_000, 3_000, 4_000, 5_000],
        }
    }

    fn first_offer(&mut self, config: ClientConfig) -> String {
        let layers = config
            .has_layers
            .then(|| Simulcast { send: RIDS.map(SimulcastLayer::new).to_vec(), recv: Vec::new() });
        let mut api = self.rtc.sdp_api();
        self.mic = Some(api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None));
        self.camera = Some(api.add_media(MediaKind::Video, Direction::SendOnly, None, None, layers));
        self.screen = Some(api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None));
        for _ in 0..config.audio_slots {
            self.audio.push(api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None));
        }
        for _ in 0..config.video_slots {
            self.video.push(api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None));
        }
        if config.has_data {
            let reliable = ChannelConfig {
                label: "reliable".to_owned(),
                negotiated: Some(0),
                ..ChannelConfig::default()
            };
            let lossy = ChannelConfig {
                label: "lossy".to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                negotiated: Some(1),
                ..ChannelConfig::default()
            };
            self.channels = vec![
                (api.add_channel_with_config(reliable), true),
                (api.add_channel_with_config(lossy), false),
            ];
        }
        let (offer, pending) = api.apply().expect("lines were added");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// A later offer: more lines to receive on, and ICE anew when asked for.
    ///
    /// # Panics
    /// When it would change nothing.
    #[must_use]
    pub fn renew(&mut self, audio_slots: u8, video_slots: u8, is_restart: bool) -> String {
        let mut api = self.rtc.sdp_api();
        if is_restart {
            api.ice_restart(true);
        }
        for _ in 0..audio_slots {
            self.audio.push(api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None));
        }
        for _ in 0..video_slots {
            self.video.push(api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None));
        }
        let (offer, pending) = api.apply().expect("something changes");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes the answer to the last offer.
    ///
    /// # Errors
    /// What the library says about it.
    ///
    /// # Panics
    /// Without an offer before.
    pub fn answer(&mut self, sdp: &str) -> Result<(), RtcError> {
        let pending = self.pending.take().expect("an offer was made");
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(RtcError::from)?;
        self.rtc.sdp_api().accept_answer(pending, answer)
    }

    /// Takes a datagram. Whether it was one for it.
    ///
    /// # Errors
    /// What the library says about it.
    pub fn handle_datagram(&mut self, datagram: Datagram<'_>, now: Now) -> Result<bool, RtcError> {
        let proto = if datagram.is_tcp { Protocol::Tcp } else { Protocol::Udp };
        let Ok(contents) = datagram.bytes.try_into() else {
            return Ok(false);
        };
        let receive = Receive { proto, source: datagram.source, destination: datagram.destination, contents };
        self.rtc.handle_input(Input::Receive(self.origin + now, receive)).map(|()| true)
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// What the library says about it.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), RtcError> {
        self.rtc.handle_input(Input::Timeout(self.origin + now))
    }

    /// Queues a packet; it leaves with the next `handle_timeout` and `drain`. Whether there is a stream for it.
    ///
    /// # Panics
    /// When the codec was not agreed.
    pub fn send(&mut self, sent: Sent, now: Now) -> bool {
        let (mid, rid, stream) = match sent.kind {
            SourceKind::Audio => (self.mic, None, 0),
            SourceKind::Screen => (self.screen, None, 1),
            SourceKind::Camera if self.has_layers => {
                (self.camera, Some(Rid::from(RIDS[sent.layer as usize])), 2 + sent.layer as usize)
            }
            SourceKind::Camera => (self.camera, None, 2),
        };
        let payload_type = self.payload_type(sent.codec).expect("the codec was agreed");
        let Some(stream_tx) =
            mid.and_then(|mid| self.rtc.direct_api().stream_tx_by_mid(mid, rid).map(|stream| stream.ssrc()))
        else {
            return false;
        };
        let sequence = self.sequences[stream];
        self.sequences[stream] += 1;
        let values = ExtensionValues {
            audio_level: sent.level_dbov,
            voice_activity: sent.level_dbov.map(|level| level > -50),
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(
            payload_type.into(),
            SeqNo::from(sequence),
            sent.timestamp,
            self.origin + now,
            sent.payload,
        )
        .marker(sent.marker)
        .nackable(sent.kind != SourceKind::Audio)
        .ext_vals(values);
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx(&stream_tx) else {
            return false;
        };
        stream.write_rtp(write);
        true
    }

    /// Leaves out the next sequence number of a source, as if a packet had been lost for good.
    pub fn skip(&mut self, kind: SourceKind, layer: Layer) {
        let stream = match kind {
            SourceKind::Audio => 0,
            SourceKind::Screen => 1,
            SourceKind::Camera => 2 + if self.has_layers { layer as usize } else { 0 },
        };
        self.sequences[stream] += 1;
    }

    /// Asks for a key frame on a slot. Whether anything came there yet.
    pub fn request_keyframe(&mut self, slot: SlotKey) -> bool {
        let slots = if slot.is_video { &self.video } else { &self.audio };
        let Some(mid) = slots.get(usize::from(slot.index)) else {
            return false;
        };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_rx_by_mid(*mid, None) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// Tells the server how much may come (REMB). Whether anything came on the slot yet.
    pub fn request_bitrate(&mut self, slot: SlotKey, bps: u64) -> bool {
        let slots = if slot.is_video { &self.video } else { &self.audio };
        let Some(mid) = slots.get(usize::from(slot.index)) else {
            return false;
        };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_rx_by_mid(*mid, None) else {
            return false;
        };
        stream.request_remb(Bitrate::bps(bps));
        true
    }

    /// Queues a message. Whether it was taken.
    pub fn write_data(&mut self, is_reliable: bool, message: &[u8]) -> bool {
        let Some((id, _)) = self.channels.iter().find(|(_, other)| *other == is_reliable) else {
            return false;
        };
        self.rtc.channel(*id).is_some_and(|mut channel| channel.write(true, message).unwrap_or(false))
    }

    /// Opens a channel that nobody agreed on.
    pub fn open_strange_channel(&mut self) {
        let config = ChannelConfig { label: "strange".to_owned(), ..ChannelConfig::default() };
        self.rtc.direct_api().create_data_channel(config);
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// What the library says about it.
    pub fn close(&mut self) -> Result<(), RtcError> {
        self.rtc.close()
    }

    /// Gives out all there is, and says when `handle_timeout` is due.
    ///
    /// # Errors
    /// What the library says about it.
    pub fn drain(&mut self, out: &mut ClientOutput) -> Result<Now, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(at.saturating_duration_since(self.origin)),
                Output::Transmit(sent) => out.transmissions.push(Transmission {
                    is_tcp: sent.proto == Protocol::Tcp,
                    source: sent.source,
                    destination: sent.destination,
                    bytes: sent.contents.into(),
                }),
                Output::Event(event) => out.events.extend(self.event(event)),
            }
        }
    }

    fn event(&mut self, event: Event) -> Option<ClientEvent> {
        match event {
            Event::Connected => Some(ClientEvent::Up),
            Event::RtpPacket(packet) => self.received(packet).map(Box::new).map(ClientEvent::Packet),
            Event::KeyframeRequest(asked) => {
                let mid = Some(asked.mid);
                let layer = asked
                    .rid
                    .and_then(|rid| RIDS.iter().position(|name| Rid::from(*name) == rid))
                    .map_or(Layer::Low, |at| Layer::ALL[at]);
                let kind = if mid == self.camera { SourceKind::Camera } else { SourceKind::Screen };
                Some(ClientEvent::KeyframeRequest(kind, layer))
            }
            Event::ChannelOpen(id, _) => {
                self.is_reliable(id).map(|is_reliable| ClientEvent::DataOpen { is_reliable })
            }
            Event::ChannelClose(id) => {
                self.is_reliable(id).map(|is_reliable| ClientEvent::DataClosed { is_reliable })
            }
            Event::ChannelData(data) => self
                .is_reliable(data.id)
                .map(|is_reliable| ClientEvent::Data { is_reliable, message: data.data }),
            Event::Closed => Some(ClientEvent::Closed),
            _ => None,
        }
    }

    fn received(&mut self, packet: RtpPacket) -> Option<Received> {
        let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc)?.mid();
        let place =
            |slots: &[Mid]| slots.iter().position(|other| *other == mid).and_then(|at| u8::try_from(at).ok());
        let slot = place(&self.video)
            .map(|index| SlotKey { is_video: true, index })
            .or_else(|| place(&self.audio).map(|index| SlotKey { is_video: false, index }))?;
        Some(Received {
            slot,
            ssrc: *packet.header.ssrc,
            codec: self.codec(*packet.header.payload_type)?,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            extensions: packet.header.ext_vals,
            payload: packet.payload,
        })
    }

    fn is_reliable(&self, id: ChannelId) -> Option<bool> {
        self.channels.iter().find(|(other, _)| *other == id).map(|(_, is_reliable)| *is_reliable)
    }

    fn payload_type(&self, codec: Codec) -> Option<u8> {
        let params = self.rtc.codec_config().params().iter();
        let mut numbers =
            params.filter(|params| params.spec().codec == wire(codec)).filter_map(|params| match codec {
                Codec::Red => params.red(),
                _ => Some(params.pt()),
            });
        numbers.next().map(|number| *number)
    }

    fn codec(&self, payload_type: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| self.payload_type(*codec) == Some(payload_type))
    }
}

fn wire(codec: Codec) -> WireCodec {
    match codec {
        Codec::Opus | Codec::Red => WireCodec::Opus,
        Codec::Vp8 => WireCodec::Vp8,
        Codec::H264 => WireCodec::H264,
        Codec::Vp9 => WireCodec::Vp9,
        Codec::Av1 => WireCodec::Av1,
    }
}
