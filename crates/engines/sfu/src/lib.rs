//! Forwarding of media: who receives which packets, without I/O.
//!
//! ```text
//! datagrams ─► peer (one client: ICE, DTLS, SRTP) ─► Packet ─► room ─► Forward ─► peer of each receiver ─► datagrams
//! ```
//!
//! A [`Room`] decides who gets which packet with which numbers; it knows no transport. Both halves are machines:
//! `handle_*` takes what happened and when, `poll_*` gives what to do.

mod codec;
mod ids;
mod peer;
mod room;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use ids::{
    Codec, CodecSet, Forward, Layer, Lines, Marks, Now, Packet, PeerKey, PictureNumbers, Policy, Size,
    SlotKey, SlotPhase, SlotState, SourceKey, SourceKind, Sources, Want,
};
pub use peer::{
    Accepted, Certificate, Credentials, Datagram, DropReason, HostCandidate, NamedMids, Offer, OfferError,
    Peer, PeerConfig, PeerError, PeerEvent, PeerLimits, PeerSink, PeerStats, SlotStats, SourceStats,
    Transmission,
};
pub use room::{DataRefusal, Room, RoomLimits, RoomOutput};
