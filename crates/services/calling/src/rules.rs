//! What happens to a call, and what is to be done about it. Pure: no clock, no store, no sockets.
//!
//! ```text
//! request of a client ─┐                        ┌─► Save     rows, before anything is told
//! media               ─┼─► Call::handle(input) ─┼─► Publish  events, with the rows
//! session             ─┤                        ├─► Tell     notices to legs
//! timer               ─┘                        ├─► Ring, StopRing, CloseMedia, Policy
//!                                               └─► SetTimer, StopTimer, Over
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`call`] | the machine: who is in, and which input goes where |
//! | [`legs`] | one participation |
//! | [`inputs`], [`effects`] | what comes in, what is to be done |
//! | [`coming`], [`going`] | starting, ringing, joining; ending |
//! | [`connection`] | media and sessions come, go and come back |
//! | [`doing`] | mute, hold, hands, spotlight, sources and the like |
//! | [`lobby`] | letting in, and what people are allowed |
//! | [`capabilities`] | which role may do what |
//! | [`reasons`] | why something ended, as ACS numbers it |
//! | [`timers`], [`restore`] | waiting; going on after the server was away |

pub(crate) mod call;
pub(crate) mod capabilities;
mod coming;
mod connection;
mod doing;
pub(crate) mod effects;
mod going;
pub(crate) mod inputs;
pub(crate) mod legs;
mod lobby;
pub(crate) mod reasons;
pub(crate) mod restore;
pub(crate) mod timers;

#[cfg(test)]
mod tests;

pub(crate) use call::{Call, Kind, Limits, Refusal, Start};
pub(crate) use effects::{Change, Effect, Fact, Notice, Policy, To};
pub(crate) use inputs::{EndpointId, Input, LegId, LiveText, TokenHash, Update};
pub(crate) use legs::{Leg, LegState, NewLeg, P, Sources};
pub(crate) use reasons::Reason;
pub(crate) use restore::{Kept, KeptLeg};
pub(crate) use timers::{TimerId, Times};
