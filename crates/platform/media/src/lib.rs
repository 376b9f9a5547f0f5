//! Media threads: sockets, timers and rooms of the forwarding engine.
//!
//! ```text
//!  MediaHandle ── open_room ─► RoomHandle ── commands ─► media thread (UDP, ICE-TCP) ── events ─► owner of the room
//! ```
//!
//! Each thread has a port number of its own and shares nothing with the others: a room lives on one thread. Who is in
//! a room, and what they may, is the owner's business; media here only follows.

mod addresses;
mod config;
mod error;
mod event;
mod handle;
mod metrics;
mod plane;
mod poller;
mod ports;
mod queue;
pub mod relay;
mod tcp;
mod thread;

pub use config::MediaConfig;
pub use error::MediaError;
pub use event::{NamedSlot, NamedSource, NamedWant, Path, PeerId, QualityReport, RoomEvent};
pub use handle::{Answer, MediaHandle, Offer, RoomHandle, ThreadLoad};
pub use metrics::Metrics;
pub use plane::MediaPlane;
#[cfg(feature = "testing")]
pub use thread::testing;
pub use trunkline_sfu::{
    Layer, NamedMids, OfferError, PeerStats, Policy, Size, SlotKey, SlotPhase, SlotStats, SourceKind,
    SourceStats, Sources,
};

#[cfg(test)]
mod tests;
