//! What goes over the signalling socket: the messages of `docs/signalling.md`, and what operators see of calls.
//!
//! | module | what |
//! |---|---|
//! | [`envelope`] | numbers, acknowledgements and types; the bounds every message keeps |
//! | [`client`] | what clients say |
//! | [`server`] | what the server says |
//! | [`call`], [`media`] | words both use |
//! | [`reasons`] | why something ended |
//! | [`operator`] | calls as operators see them |
//! | [`quality`] | how media was |

pub mod call;
pub mod client;
pub mod envelope;
pub mod media;
pub mod operator;
pub mod quality;
pub mod reasons;
pub mod server;

#[cfg(test)]
mod tests;

pub use call::{
    AddedParticipant, CallKind, CallState, Capability, CustomContext, Forbidden, Joined, LegState, Locator,
    Participant, ParticipantKind, ParticipantState, Reaction, Role, ShownAudio, ShownSources, XHeader,
};
pub use client::{ClientMessage, ReadError};
pub use envelope::{Head, body_of, is_id, read_head};
pub use media::{Answer, NamedLines, Offer, Size, SlotPhase, SlotShown, SourceName, Sources, Want};
pub use quality::{ClientReport, ServerRecord};
pub use reasons::Reason;
pub use server::{ErrorName, IceServer, Reply, ServerMessage};
