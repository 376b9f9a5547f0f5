//! What goes into a peer and what comes out of it.

use std::net::SocketAddr;

use crate::{Packet, SlotKey};

/// A datagram that came for this peer, or a frame of its TCP connection.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Whether it came over TCP.
    pub is_tcp: bool,
    /// The client's address.
    pub source: SocketAddr,
    /// Our address as the client knows it: a candidate of this peer.
    pub destination: SocketAddr,
    /// STUN, DTLS, RTP or RTCP.
    pub bytes: &'a [u8],
}

/// A datagram to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmission {
    /// Whether it goes over the client's TCP connection.
    pub is_tcp: bool,
    /// The candidate of ours it leaves from.
    pub source: SocketAddr,
    /// The client's address.
    pub destination: SocketAddr,
    /// The whole datagram.
    pub bytes: Vec<u8>,
}

/// Takes what a peer puts out. Two implementations: the media thread and the virtual network of tests.
pub trait PeerSink {
    /// A datagram to send.
    fn transmit(&mut self, transmission: Transmission);
    /// A media packet that came, decrypted.
    fn packet(&mut self, packet: Packet);
    /// Anything else.
    fn event(&mut self, event: PeerEvent);
}

/// What happened to a peer.
#[derive(Debug)]
pub enum PeerEvent {
    /// Connected: ICE found a way and DTLS has keys. Comes once.
    Up,
    /// Nothing has come from the client for some seconds.
    Lost,
    /// The client is heard again.
    Back,
    /// The client asks for a key frame on a slot.
    KeyframeRequest(SlotKey),
    /// How much can be sent to the client.
    Estimate {
        /// Bits per second, all slots together.
        bps: u64,
        /// From the receiver's own estimate (REMB), for want of transport-wide feedback.
        is_remb: bool,
    },
    /// A data channel opened; messages can be written to it.
    DataOpen {
        /// The ordered one of the two.
        is_reliable: bool,
    },
    /// A data channel was closed, by either end; it does not open again.
    DataClosed {
        /// The ordered one of the two.
        is_reliable: bool,
    },
    /// A message on a data channel.
    Data {
        /// The ordered one of the two.
        is_reliable: bool,
        /// The whole message.
        message: Vec<u8>,
    },
    /// The client has ended the transport, or `close` has been carried out.
    Closed,
}
