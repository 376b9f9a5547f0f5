//! Sessions and media that are lost and come back; servers that were away.

use std::time::Duration;

use trunkline_calling_wire::{LegState as LegShows, ParticipantState};

use super::world::{LIMITS, START, World, rejoining};
use crate::rules::{Call, EndpointId, Input, Kind, LegState, Notice, P, Reason, Refusal, TimerId, Times};

const ONE: EndpointId = EndpointId(1);

#[test]
fn whoever_loses_the_socket_is_shown_reconnecting() {
    let mut world = World::talk();
    world.forget_told();
    world.step(Input::SessionLost { endpoint: ONE });
    assert_eq!(world.shows(1), (LegShows::Reconnecting, ParticipantState::Reconnecting));
    assert!(world.was_told(2, &Notice::Participant(P(1))));
    assert!(world.policies[&P(1)].is_heard, "media goes on");
    world.step(Input::SessionBack { endpoint: ONE });
    assert_eq!(world.shows(1).0, LegShows::Connected);
    assert!(!world.timers.contains_key(&TimerId::Away(P(1))));
}

#[test]
fn both_socket_and_media_must_come_back() {
    let mut world = World::talk();
    world.step(Input::SessionLost { endpoint: ONE });
    world.step(Input::MediaLost { p: P(1) });
    world.step(Input::SessionBack { endpoint: ONE });
    assert_eq!(world.shows(1).0, LegShows::Reconnecting);
    world.step(Input::MediaBack { p: P(1) });
    assert_eq!(world.shows(1).0, LegShows::Connected);
}

#[test]
fn whoever_held_holds_again() {
    let mut world = World::talk();
    world.step(Input::Hold { p: P(1), is_held: true });
    world.step(Input::MediaLost { p: P(1) });
    assert_eq!(world.shows(2).0, LegShows::RemoteHold);
    world.step(Input::MediaBack { p: P(1) });
    assert_eq!(world.leg(1).state, LegState::Held);
    assert!(!world.policies[&P(1)].hears);
}

#[test]
fn whoever_stays_away_is_out() {
    let mut world = World::talk();
    world.step(Input::MediaLost { p: P(1) });
    world.pass(Duration::from_secs(119));
    assert!(!world.is_over);
    world.pass(Duration::from_secs(2));
    assert_eq!((world.end_of(1), world.end_of(2)), (Some(Reason::MEDIA_LOST), Some(Reason::HUNG_UP)));
}

#[test]
fn a_transport_that_failed_may_be_set_up_anew() {
    let mut world = World::group(2);
    world.step(Input::MediaFailed { p: P(2) });
    assert_eq!(world.shows(2).1, ParticipantState::Reconnecting);
    world.up(P(2));
    assert_eq!(world.shows(2).1, ParticipantState::Connected);
}

#[test]
fn a_leg_comes_back_with_its_token_only() {
    let mut world = World::talk();
    world.refused(Input::Rejoin { p: P(1), with: rejoining(8, 2) }, Refusal::NotAllowed);
    world.step(Input::Rejoin { p: P(1), with: rejoining(8, 1) });
    assert_eq!(world.leg(1).endpoint, Some(EndpointId(8)));
    assert_eq!(world.shows(1).1, ParticipantState::Reconnecting);
    world.step(Input::SessionGone { endpoint: ONE, reason: Reason::CLOSED });
    // The reply may have been lost: what it brought has not been used yet.
    world.step(Input::Rejoin { p: P(1), with: rejoining(9, 1) });
    world.forget_told();
    world.up(P(1));
    world.refused(Input::Rejoin { p: P(1), with: rejoining(10, 1) }, Refusal::NotAllowed);
    assert_eq!(world.shows(1).0, LegShows::Connected);
    assert!(world.was_told(1, &Notice::Everybody), "what it saw before is gone");
}

#[test]
fn a_call_goes_on_after_the_server_was_away() {
    let mut world = World::group(3);
    world.step(Input::Hold { p: P(2), is_held: true });
    let kept = world.call.kept();
    let (call, effects) = Call::restore(kept, Times::default(), LIMITS, START);
    let mut again = World::of(call, effects);
    assert_eq!(again.timers.len(), 4, "one each, and the longest");

    for (number, endpoint) in [(1, 11), (2, 12)] {
        again.step(Input::Rejoin { p: P(number), with: rejoining(endpoint, number.into()) });
        again.up(P(number));
    }
    assert_eq!(again.states()[..2], [LegState::Connected, LegState::Held]);
    assert_eq!(again.leg(3).shows(), ParticipantState::Reconnecting);
    again.pass(Duration::from_secs(121));
    assert_eq!(again.states().len(), 3);
    assert!(again.leg(3).reason == Some(Reason::MEDIA_LOST) && !again.is_over);
    assert_eq!(again.facts.len(), 1, "only that the third has left");
}

#[test]
fn a_call_that_rang_rings_on() {
    let mut world = World::pair();
    world.up(P(1));
    world.step(Input::Reached { p: P(2) });
    let (call, effects) =
        Call::restore(world.call.kept(), Times::default(), LIMITS, START.plus(Duration::from_secs(20)));
    let mut again = World::of(call, effects);
    again.now = START.plus(Duration::from_secs(20));
    assert!(again.ringing.contains(&P(2)));
    assert_eq!(again.timers[&TimerId::Ring(P(2))], START.plus(Duration::from_secs(85)));

    again.step(Input::Rejoin { p: P(1), with: rejoining(11, 1) });
    assert!(again.was_told(1, &Notice::Everybody), "the caller sees that it rings");
    again.up(P(1));
    again.step(Input::Reached { p: P(2) });
    assert_eq!(again.shows(1).0, LegShows::Ringing);
    again.accept(P(2), 12);
    again.up(P(2));
    assert_eq!(again.states(), [LegState::Connected, LegState::Connected]);
}

#[test]
fn a_call_nobody_comes_back_to_ends() {
    let world = World::talk();
    let (call, effects) = Call::restore(world.call.kept(), Times::default(), LIMITS, START);
    let mut again = World::of(call, effects);
    again.pass(Duration::from_secs(121));
    assert!(again.is_over);
    let room = World::start(Kind::Room { id: "9".into() }, Vec::new());
    let mut empty = room.call.kept();
    empty.legs.clear();
    let (call, effects) = Call::restore(empty, Times::default(), LIMITS, START);
    let mut again = World::of(call, effects);
    again.pass(Duration::from_secs(61));
    assert!(again.is_over);
}
