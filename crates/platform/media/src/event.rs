//! What rooms tell their owner.

use std::time::Duration;

use trunkline_sfu::{PeerStats, Size, SlotKey, SlotPhase, SourceKind};

/// A client of a room: the participant's number in the call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerId(pub u32);

/// Something that a client sends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NamedSource {
    /// Whose.
    pub peer: PeerId,
    /// What.
    pub kind: SourceKind,
}

/// What a receiver wishes to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamedWant {
    /// Camera or screen of somebody.
    pub source: NamedSource,
    /// The tile it is shown in, in device pixels.
    pub size: Size,
    /// Higher is served first.
    pub priority: u8,
}

/// What one receiving line of a client carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedSlot {
    /// The place among the lines of its kind.
    pub slot: SlotKey,
    /// The line's name in the client's SDP (`a=mid`).
    pub mid: String,
    /// Whose media it is; `None` when the line is free.
    pub source: Option<NamedSource>,
    /// Whether media flows.
    pub phase: SlotPhase,
}

/// Over what a client reaches this server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// Datagrams.
    Udp,
    /// ICE-TCP: datagrams in frames of a TCP connection.
    Tcp,
}

/// Something that happened in a room.
///
/// The newest of the same kind about the same client replaces an older one that was not taken yet.
#[derive(Clone, Debug)]
pub enum RoomEvent {
    /// The client's media transport is connected.
    Up {
        /// Who.
        peer: PeerId,
        /// Over what.
        path: Path,
    },
    /// Nothing has come from the client for some seconds.
    Lost {
        /// Who.
        peer: PeerId,
    },
    /// Something came again after [`RoomEvent::Lost`].
    Back {
        /// Who.
        peer: PeerId,
    },
    /// The client's transport ended; it must join again. Its settings stay.
    Failed {
        /// Who.
        peer: PeerId,
        /// Why, for the log.
        why: &'static str,
    },
    /// What the receiving lines of the client carry: all of them.
    Slots {
        /// Whose lines.
        peer: PeerId,
        /// In the order of the offer, audio first.
        slots: Vec<NamedSlot>,
    },
    /// The client should offer this many receiving lines.
    Need {
        /// Who.
        peer: PeerId,
        /// Lines of audio, in total.
        audio: u8,
        /// Lines of video, in total.
        video: u8,
    },
    /// Which layers of the client's video somebody wants.
    Layers {
        /// The sender.
        peer: PeerId,
        /// Bits of the camera's layers: 1 low, 2 middle, 4 high.
        camera: u8,
        /// Whether the screen is wanted.
        screen: bool,
    },
    /// Who speaks.
    Speaking {
        /// Those who speak now.
        speaking: Vec<PeerId>,
        /// Those who spoke most lately, loudest first.
        dominant: Vec<PeerId>,
    },
    /// How a connection was, at its end.
    Quality {
        /// Whose.
        peer: PeerId,
        /// The record.
        report: Box<QualityReport>,
    },
}

/// How the connection of one client was, as the server saw it.
#[derive(Clone, Debug)]
pub struct QualityReport {
    /// From the answer to the end.
    pub lasted: Duration,
    /// Over what media came last; `None` when it never did.
    pub path: Option<Path>,
    /// Datagrams of this client that were dropped before anybody read them.
    pub dropped: u64,
    /// The last statistics of the transport, cumulative; `None` when it ended before the first.
    pub stats: Option<PeerStats>,
}
