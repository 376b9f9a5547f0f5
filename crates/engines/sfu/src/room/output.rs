//! What a room asks of its surroundings.

use std::sync::Arc;

use crate::{Layer, PeerKey, SlotState, SourceKey};

/// What a room asks of its surroundings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RoomOutput {
    /// Ask the sender for a picture that stands alone.
    RequestKeyframe {
        /// Whose.
        source: SourceKey,
        /// Of which layer.
        layer: Layer,
    },
    /// What the receiver is to be sent, for the probing of its bandwidth.
    SetBitrate {
        /// The receiver.
        peer: PeerKey,
        /// What the network should carry for the next better picture, or for those that are shown; 0 when all is as
        /// wished and known to have room.
        minimum_bps: u64,
        /// What it should carry for all wishes together.
        desired_bps: u64,
    },
    /// What each receiving line of a client shows: all lines, audio first.
    Slots {
        /// The receiver.
        peer: PeerKey,
        /// Its lines.
        slots: Vec<SlotState>,
    },
    /// The client should offer more receiving lines; the numbers are totals.
    NeedLines {
        /// The receiver.
        peer: PeerKey,
        /// Audio lines.
        audio: u8,
        /// Video lines.
        video: u8,
    },
    /// Which of its pictures somebody wants.
    Layers {
        /// The sender.
        peer: PeerKey,
        /// Bit `1 << layer` for each layer of the camera.
        camera: u8,
        /// Whether the screen is wanted.
        screen: bool,
    },
    /// Who speaks, and who leads the conversation, newest first.
    Speaking {
        /// Everybody who speaks now, by key.
        speaking: Vec<PeerKey>,
        /// Those who spoke last, the present one first.
        dominant: Vec<PeerKey>,
    },
    /// The client has taken nothing on its ordered data channel for so long that messages are lost: the channel is to be
    /// closed. Its media goes on.
    Stalled {
        /// The receiver.
        peer: PeerKey,
    },
    /// A message for a data channel. One for the ordered channel that is not taken goes to
    /// [`Room::handle_data_full`](crate::Room::handle_data_full); one for the other is dropped.
    SendData {
        /// The receiver.
        to: PeerKey,
        /// Which of the two channels.
        is_reliable: bool,
        /// The whole message.
        message: Arc<[u8]>,
    },
}
