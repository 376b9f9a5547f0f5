//! Where the effects of a call go.

use std::future::Future;

use trunkline_calling_wire::{Answer, Offer, ServerRecord, Want};
use trunkline_kernel::Timestamp;

use super::CallFacts;
use crate::error::CallingError;
use crate::rules::{Call, EndpointId, Input, Notice, P, Policy, Reason, Sources, To};
use crate::signalling::Reached;

/// What media tells a call.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Something has happened.
    Input(Input),
    /// How the connection of a leg was that has ended.
    Record(P, Box<ServerRecord>),
}

/// Media threads and sessions, as a call sees them. Two: the real ones, and those of tests.
pub(crate) trait Outside: Send + 'static {
    /// What media tells.
    type Event: Send;

    /// Sets up media for a leg, or new media in the place of what it has.
    fn join(&mut self, p: P, offer: Offer) -> impl Future<Output = Result<Answer, CallingError>> + Send;
    /// Takes another offer for the media a leg has.
    fn renew(&mut self, p: P, offer: Offer) -> impl Future<Output = Result<Answer, CallingError>> + Send;
    /// Ends a leg's media.
    fn leave(&mut self, p: P);
    /// Says what is let through.
    fn policy(&mut self, p: P, policy: Policy);
    /// Says what a leg sends.
    fn sources(&mut self, p: P, sources: Sources);
    /// Says what a leg wishes to see.
    fn wants(&mut self, p: P, wants: Vec<Want>, shown_max: u8);
    /// Says who matters most.
    fn order(&mut self, order: &[P]);
    /// Brings in a participant that says again what it hears.
    fn open_loop(&mut self, p: P);
    /// The next event of media; never comes when there is no media.
    fn next(&mut self) -> impl Future<Output = Self::Event> + Send;
    /// Tells clients what concerns only them, and gives what concerns the call.
    fn hear(&mut self, facts: &CallFacts, call: &Call, event: Self::Event) -> Vec<Heard>;
    /// Whether records of connections that have ended are still to come.
    fn awaits_records(&self) -> bool;

    /// Rings the devices of somebody who is called.
    fn ring(&mut self, facts: &CallFacts, call: &Call, p: P, until: Timestamp) -> Reached;
    /// Has them stop, but for one.
    fn stop_ring(&mut self, facts: &CallFacts, call: &Call, p: P, reason: Reason, except: Option<EndpointId>);
    /// Tells legs something.
    fn tell(&mut self, facts: &CallFacts, call: &Call, to: To, notice: &Notice);
}
