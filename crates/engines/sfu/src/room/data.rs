//! Messages on data channels: to whom they go, and how many.
//!
//! ```text
//! version 1, flags 1, channel 2, sequence 4, sender 4, [count 1, recipients 4 each], part 2, payload
//! ```
//!
//! Parts are passed on as they come; only the sender is written by the server. What a sender may not send yet waits
//! here, and what a receiver cannot take yet; both for the ordered channel only: on the other one it is dropped.

use std::{collections::VecDeque, sync::Arc};

use super::{Room, RoomOutput};
use crate::{Now, PeerKey, Policy};

const VERSION: u8 = 1;
const IS_ADDRESSED: u8 = 1;
/// Where the sender's number stands.
const SENDER: std::ops::Range<usize> = 8..12;
/// Version, flags, channel, sequence, sender.
const HEAD_BYTES: usize = SENDER.end;
const PART_BYTES: usize = 2;
const RECIPIENTS_MAX: usize = 64;
/// Payload of a part: what fits into a datagram, and a quarter of what SCTP takes at once.
const LOSSY_BYTES_MAX: usize = 1_100;
const RELIABLE_BYTES_MAX: usize = 15 * 1024;
/// 500 kbit/s of one sender, and a second of it at once: more than one message of 32 KiB.
const BYTES_PER_SECOND: u64 = 62_500;
/// Parts to everybody in a second: each costs as many packets as there are people.
const BROADCASTS_PER_SECOND: u64 = 80;
/// What a part to some costs beside its bytes, so that tiny ones are bounded too: some 240 a second.
const ADDRESSED_BYTES: u64 = 256;
/// What a message that waits takes beside its bytes.
const PLACE_BYTES: usize = 100;
/// What waits of one sender, or for one receiver: eight messages of the largest size.
const WAITING_BYTES_MAX: usize = 256 * 1024;
/// How long a receiver may take nothing, before its channel is closed: longer than a change of networks takes.
const STALLED: Now = Now::from_secs(20);
/// How often a receiver that takes nothing is tried again.
const TRY_AGAIN: Now = Now::from_millis(20);

/// Why a message on a data channel was not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DataRefusal {
    /// It is not what the protocol says, or larger.
    #[error("the data message is malformed")]
    Malformed,
    /// The sender has used up its budget: the message is dropped.
    #[error("the sender is over its budget for data")]
    OverBudget,
    /// The sender is not in this room, or may nothing in it.
    #[error("the sender of the data message is not taking part")]
    NotAllowed,
}

/// A part as the protocol has it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Part {
    /// Empty: everybody.
    recipients: Vec<u32>,
}

/// Reads the head of a message.
fn read(message: &[u8], is_reliable: bool) -> Option<Part> {
    let (head, mut rest) = message.split_at_checked(HEAD_BYTES)?;
    let channel = u16::from_be_bytes([head[2], head[3]]);
    if head[0] != VERSION || channel == 0 {
        return None;
    }
    let mut recipients = Vec::new();
    if head[1] & IS_ADDRESSED != 0 {
        let (&count, after) = rest.split_first()?;
        let (numbers, after) = after.split_at_checked(usize::from(count) * 4)?;
        recipients.extend(numbers.as_chunks().0.iter().map(|number| u32::from_be_bytes(*number)));
        rest = after;
    }
    let payload = rest.len().checked_sub(PART_BYTES)?;
    let payload_max = if is_reliable { RELIABLE_BYTES_MAX } else { LOSSY_BYTES_MAX };
    (recipients.len() <= RECIPIENTS_MAX && payload <= payload_max).then_some(Part { recipients })
}

/// The message with its sender's number.
fn stamped(message: &[u8], participant: u32) -> Arc<[u8]> {
    let mut stamped: Arc<[u8]> = message.into();
    let bytes = Arc::get_mut(&mut stamped).expect("just made");
    bytes[SENDER].copy_from_slice(&participant.to_be_bytes());
    stamped
}

/// What a member sends and is sent on its data channels.
#[derive(Clone, Debug, Default)]
pub(super) struct DataState {
    bytes: Budget,
    broadcasts: Budget,
    /// Messages that its budget does not allow yet.
    outgoing: Waiting,
    /// Messages that it cannot take yet.
    incoming: Waiting,
    /// It refused the last one.
    is_full: bool,
    try_at: Now,
    /// When it refused first, without having taken any since.
    full_since: Option<Now>,
    /// The first of those that were last tried again.
    tried: Option<Arc<[u8]>>,
    /// Messages for it are lost.
    is_stalled: bool,
}

#[derive(Clone, Debug, Default)]
struct Waiting {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

/// What a message takes that waits: its bytes, and its place.
fn cost(message: &[u8]) -> usize {
    message.len() + PLACE_BYTES
}

impl Waiting {
    fn has_room(&self, message: &[u8]) -> bool {
        self.bytes + cost(message) <= WAITING_BYTES_MAX
    }

    fn pop(&mut self) -> Option<Arc<[u8]>> {
        let message = self.messages.pop_front()?;
        self.bytes -= cost(&message);
        Some(message)
    }

    fn push(&mut self, message: Arc<[u8]>) {
        self.bytes += cost(&message);
        self.messages.push_back(message);
    }

    fn put_back(&mut self, message: Arc<[u8]>) {
        self.bytes += cost(&message);
        self.messages.push_front(message);
    }
}

/// An allowance that fills up with time, to a second's worth.
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    /// Millionths that are spent of the last second's worth.
    spent_micros: u64,
    last: Now,
}

const MICROS: u64 = 1_000_000;

impl Budget {
    /// Whether `amount` can be spent now of `per_second`.
    fn allows(&mut self, amount: u64, per_second: u64, now: Now) -> bool {
        let elapsed_us = now.saturating_sub(self.last).as_micros().min(u128::from(MICROS));
        let back = u64::try_from(elapsed_us).expect("at most a million") * per_second;
        self.spent_micros = self.spent_micros.saturating_sub(back);
        self.last = now;
        self.spent_micros + amount * MICROS <= per_second * MICROS
    }

    fn spend(&mut self, amount: u64) {
        self.spent_micros += amount * MICROS;
    }
}

impl DataState {
    /// Spends what the message costs, if there is as much.
    fn spend(&mut self, message: &[u8], is_broadcast: bool, now: Now) -> bool {
        // What goes to everybody is counted in parts as well.
        let overhead = if is_broadcast { 0 } else { ADDRESSED_BYTES };
        let bytes = message.len() as u64 + overhead;
        let is_allowed = self.bytes.allows(bytes, BYTES_PER_SECOND, now)
            && (!is_broadcast || self.broadcasts.allows(1, BROADCASTS_PER_SECOND, now));
        if is_allowed {
            self.bytes.spend(bytes);
            self.broadcasts.spend(u64::from(is_broadcast));
        }
        is_allowed
    }

    fn is_waiting(&self) -> bool {
        !self.incoming.messages.is_empty() || !self.outgoing.messages.is_empty()
    }
}

impl Room {
    /// A message came on a data channel.
    pub fn handle_data(
        &mut self,
        from: PeerKey,
        is_reliable: bool,
        message: &[u8],
        now: Now,
    ) -> Result<(), DataRefusal> {
        let part = read(message, is_reliable).ok_or(DataRefusal::Malformed)?;
        let takes_part = |policy| policy != Policy::default();
        let sender = self.members.get_mut(from).filter(|sender| takes_part(sender.policy));
        let sender = sender.ok_or(DataRefusal::NotAllowed)?;
        let message = stamped(message, sender.participant);
        let data = &mut sender.data;
        // Behind what waits, nothing overtakes.
        let is_free = !is_reliable || data.outgoing.messages.is_empty();
        if is_free && data.spend(&message, part.recipients.is_empty(), now) {
            self.pass_on(from, is_reliable, &part, &message);
            return Ok(());
        }
        if !is_reliable || !data.outgoing.has_room(&message) {
            return Err(DataRefusal::OverBudget);
        }
        data.outgoing.push(message);
        self.wake(now + TRY_AGAIN);
        Ok(())
    }

    /// A receiver's ordered channel did not take a message of [`RoomOutput::SendData`]: it is kept and tried again, in
    /// order.
    pub fn handle_data_full(&mut self, to: PeerKey, message: Arc<[u8]>, now: Now) {
        let Some(data) = self.members.get_mut(to).map(|member| &mut member.data) else { return };
        data.is_full = true;
        data.try_at = now + TRY_AGAIN;
        // Another than the first: some were taken.
        if data.tried.take().is_some_and(|tried| !Arc::ptr_eq(&tried, &message)) {
            data.full_since = None;
        }
        let since = *data.full_since.get_or_insert(now);
        data.incoming.put_back(message);
        if now.saturating_sub(since) > STALLED {
            self.stall(to);
        }
        self.wake(now + TRY_AGAIN);
    }

    /// Gives up a receiver's ordered channel: order without gaps cannot be kept any more.
    fn stall(&mut self, peer: PeerKey) {
        let Some(member) = self.members.get_mut(peer) else { return };
        member.data.incoming = Waiting::default();
        if !std::mem::replace(&mut member.data.is_stalled, true) {
            self.outputs.push_back(RoomOutput::Stalled { peer });
        }
    }

    fn pass_on(&mut self, from: PeerKey, is_reliable: bool, part: &Part, message: &Arc<[u8]>) {
        let mut stalled = Vec::new();
        for member in self.members.iter_mut() {
            let is_addressed = part.recipients.is_empty() || part.recipients.contains(&member.participant);
            let is_open = member.policy != Policy::default() && !(is_reliable && member.data.is_stalled);
            if member.key == from || !is_addressed || !is_open {
                continue;
            }
            let message = Arc::clone(message);
            let is_behind = is_reliable && !member.data.incoming.messages.is_empty();
            match is_behind {
                false => {
                    self.outputs.push_back(RoomOutput::SendData { to: member.key, is_reliable, message });
                }
                true if member.data.incoming.has_room(&message) => member.data.incoming.push(message),
                true => stalled.push(member.key),
            }
        }
        for peer in stalled {
            self.stall(peer);
        }
    }

    /// Passes on what had to wait.
    pub(super) fn pass_on_waiting(&mut self, now: Now) {
        let waiting = self.members.iter().filter(|member| member.data.is_waiting());
        let waiting: Vec<PeerKey> = waiting.map(|member| member.key).collect();
        for key in waiting {
            self.release_outgoing(key, now);
            self.try_incoming(key, now);
        }
        if self.members.iter().any(|member| member.data.is_waiting()) {
            self.wake(now + TRY_AGAIN);
        }
    }

    fn release_outgoing(&mut self, key: PeerKey, now: Now) {
        while let Some(data) = self.members.get_mut(key).map(|member| &mut member.data) {
            let Some(message) = data.outgoing.messages.front().cloned() else { return };
            let part = read(&message, true).expect("it was read before it was put here");
            if !data.spend(&message, part.recipients.is_empty(), now) {
                return;
            }
            data.outgoing.pop();
            self.pass_on(key, true, &part, &message);
        }
    }

    /// All at once: when one is refused, [`Room::keep_back`] takes those behind it back in their order.
    fn try_incoming(&mut self, key: PeerKey, now: Now) {
        let Some(data) = self.members.get_mut(key).map(|member| &mut member.data) else { return };
        if now < data.try_at {
            return;
        }
        if !std::mem::take(&mut data.is_full) {
            data.full_since = None;
        }
        data.try_at = now + TRY_AGAIN;
        data.tried = data.incoming.messages.front().cloned();
        while let Some(message) = data.incoming.pop() {
            self.outputs.push_back(RoomOutput::SendData { to: key, is_reliable: true, message });
        }
    }

    /// Keeps a message back whose receiver has refused one before it.
    pub(super) fn keep_back(&mut self, output: RoomOutput) -> Option<RoomOutput> {
        let RoomOutput::SendData { to, is_reliable: true, message } = output else { return Some(output) };
        match self.members.get_mut(to) {
            Some(member) if member.data.is_full => {
                member.data.incoming.push(message);
                None
            }
            _ => Some(RoomOutput::SendData { to, is_reliable: true, message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(flags: u8, recipients: &[u32], payload: usize) -> Vec<u8> {
        let mut bytes = vec![VERSION, flags, 0, 7, 0, 0, 0, 1, 0, 0, 0, 99];
        if flags & IS_ADDRESSED != 0 {
            bytes.push(u8::try_from(recipients.len()).expect("few"));
            bytes.extend(recipients.iter().flat_map(|number| number.to_be_bytes()));
        }
        bytes.extend([0, 0]);
        bytes.resize(bytes.len() + payload, 5);
        bytes
    }

    #[test]
    fn what_the_protocol_does_not_say_is_refused() {
        let check = |message: &[u8], is_reliable, expect: Option<&[u32]>| {
            let read = read(message, is_reliable).map(|part| part.recipients);
            assert_eq!(read.as_deref(), expect);
        };
        check(&message(2, &[], 10), false, Some(&[]));
        check(&message(3, &[4, 5], 0), false, Some(&[4, 5]));
        check(&message(1, &[], 3), true, Some(&[]));
        check(&message(0, &[], 1_100), false, Some(&[]));
        check(&message(0, &[], 1_101), false, None);
        check(&message(0, &[], 1_101), true, Some(&[]));
        check(&message(0, &[], 15 * 1024), true, Some(&[]));
        check(&message(0, &[], 15 * 1024 + 1), true, None);
        check(&message(1, &[7; 65], 0), true, None);
        check(&message(1, &[1, 2], 0)[..16], true, None);
        check(&[2, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0], true, None);
        check(&[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0], true, None);
        check(&[1, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 0], true, None);
        check(&[], true, None);
    }

    #[test]
    fn the_server_writes_the_sender() {
        let stamped = stamped(&message(0, &[], 4), 0x0102_0304);
        assert_eq!(stamped[SENDER], [1, 2, 3, 4]);
        assert_eq!(stamped.len(), message(0, &[], 4).len());
    }

    #[test]
    fn a_budget_is_a_second_at_once_and_then_its_rate() {
        let mut budget = Budget::default();
        let mut spent = 0;
        for ms in 0..3_000 {
            while budget.allows(100, 10_000, Now::from_millis(10_000 + ms)) {
                budget.spend(100);
                spent += 100;
            }
        }
        assert!((39_800..=40_000).contains(&spent), "{spent}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes, true);
            let _ = read(&bytes, false);
        }

        #[test]
        fn recipients_round_trip(recipients in prop::collection::vec(any::<u32>(), 0..=64)) {
            let part = read(&message(1, &recipients, 9), false);
            prop_assert_eq!(part, Some(Part { recipients }));
        }
    }
}
