//! What a peer is made of: certificate, addresses, limits, and the list of what it understands.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::config::{CryptoProvider, DtlsCert};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc, RtcConfig};

use super::PeerError;
use super::tap::Tap;
use crate::PeerKey;

/// How often the numbers of a stream are told: often enough for a quality record, seldom enough to cost nothing.
const STATS_INTERVAL: Duration = Duration::from_secs(5);
/// The largest message of a data channel, in bytes: a part of 15 KiB with its head fits with room.
pub(super) const MESSAGE_BYTES_MAX: u32 = 64 * 1024;

/// How a peer is set up.
pub struct PeerConfig {
    /// The name of this peer in its packets.
    pub key: PeerKey,
    /// The certificate of this process.
    pub certificate: Arc<Certificate>,
    /// Where this peer can be reached.
    pub candidates: Vec<HostCandidate>,
    /// The instant at which `Now` was zero.
    pub origin: Instant,
    /// What one client may do.
    pub limits: PeerLimits,
}

/// An address of ours as clients see it.
///
/// Before a NAT this is the public address, and datagrams carry it as `destination` and `source` as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostCandidate {
    /// Address and port.
    pub address: SocketAddr,
    /// ICE over TCP (RFC 6544, passive) instead of UDP.
    pub is_tcp: bool,
}

/// What one client may send before datagrams of it are dropped.
#[derive(Clone, Copy, Debug)]
pub struct PeerLimits {
    /// Datagrams in a second; a second's worth may come at once.
    pub datagrams_per_s: u32,
    /// Bytes in a second; a second's worth may come at once.
    pub bytes_per_s: u32,
    /// DTLS datagrams in a second.
    pub handshakes_per_s: u32,
    /// Datagrams of reports (RTCP) in a second.
    pub reports_per_s: u32,
    /// Streams (SSRCs) heard of within a minute.
    pub streams_per_minute: usize,
}

impl Default for PeerLimits {
    fn default() -> Self {
        // 12 Mbit/s is three layers of 720p with a screen of 1080p and repairs of a quarter, doubled.
        // Feedback comes up to 20 times a second, and each lost packet is perhaps asked for by itself.
        Self {
            datagrams_per_s: 4_000,
            bytes_per_s: 1_500_000,
            handshakes_per_s: 50,
            reports_per_s: 400,
            streams_per_minute: 32,
        }
    }
}

/// The certificate of a process for DTLS; its fingerprint stands in every answer.
pub struct Certificate {
    dtls: DtlsCert,
    provider: Arc<CryptoProvider>,
}

impl Certificate {
    /// Makes a key (P-256) and a certificate for it.
    ///
    /// # Errors
    /// [`PeerError::Certificate`] when the cryptographic library refuses.
    pub fn generate() -> Result<Self, PeerError> {
        let provider = str0m::crypto::from_feature_flags();
        let dtls = provider.dtls_provider.generate_certificate().ok_or(PeerError::Certificate)?;
        Ok(Self { dtls, provider: Arc::new(provider) })
    }

    /// A configuration with this certificate and our codecs and header extensions.
    ///
    /// Both ends are made of it: the numbers are those Chromium offers, so that most answers repeat the offer.
    pub(crate) fn rtc_config(&self) -> RtcConfig {
        Rtc::builder()
            .set_crypto_provider(Arc::clone(&self.provider))
            .set_dtls_cert(self.dtls.clone())
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .clear_extension_map()
            .set_extension(1, Extension::AudioLevel)
            .set_extension(2, Extension::AbsoluteSendTime)
            .set_extension(3, Extension::TransportSequenceNumber)
            .set_extension(4, Extension::RtpMid)
            .set_extension(5, Extension::PlayoutDelay)
            .set_extension(6, Extension::VideoContentType)
            .set_extension(10, Extension::RtpStreamId)
            .set_extension(11, Extension::RepairedRtpStreamId)
            .set_extension(13, Extension::VideoOrientation)
            .set_stats_interval(Some(STATS_INTERVAL))
            .set_sctp_max_message_size(MESSAGE_BYTES_MAX)
    }
}

/// The server's end: it waits for checks and never sends first. Media is sent past it.
pub(super) fn build(config: &PeerConfig, now: Instant) -> (Rtc, Tap) {
    let (mut rtc, tap) = Tap::build(&config.certificate.provider, |provider| {
        config.certificate.rtc_config().set_crypto_provider(provider).set_ice_lite(true).build(now)
    });
    // Candidates of UDP stand first in the answer: clients check in this order.
    for wants_tcp in [false, true] {
        for candidate in config.candidates.iter().filter(|candidate| candidate.is_tcp == wants_tcp) {
            // ICE-lite takes host candidates only. One it refuses (link-local) could not be reached anyway.
            let made = if wants_tcp {
                Candidate::builder().tcp().host(candidate.address).tcptype(TcpType::Passive).build()
            } else {
                Candidate::host(candidate.address, "udp")
            };
            if let Ok(made) = made {
                rtc.add_local_candidate(made);
            }
        }
    }
    (rtc, tap)
}
