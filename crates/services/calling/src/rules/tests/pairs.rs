//! Calls between two, until they talk or do not.

use std::time::Duration;

use trunkline_calling_wire::{LegState as LegShows, ParticipantKind, ParticipantState};

use super::world::{World, leg};
use crate::rules::{
    Change, Effect, EndpointId, Fact, Input, Kind, LegState, Notice, P, Policy, Reason, Refusal, TimerId,
};

#[test]
fn a_call_rings_and_is_told() {
    let world = World::pair();

    assert_eq!(world.states(), [LegState::Joining, LegState::Invited]);
    assert_eq!(world.facts, [Fact::CallStarted, Fact::IncomingCall(P(2))]);
    assert_eq!(world.ringing.iter().collect::<Vec<_>>(), [&P(2)]);
    assert!(
        world.has_saved(Change::Call)
            && world.has_saved(Change::Leg(P(1)))
            && world.has_saved(Change::Leg(P(2)))
    );
    assert_eq!(
        world.timers.keys().copied().collect::<Vec<_>>(),
        [TimerId::Ring(P(2)), TimerId::Setup(P(1)), TimerId::Longest]
    );
    assert_eq!(world.policies[&P(1)], Policy::default(), "nothing passes yet");
    assert_eq!(world.shows(1).0, LegShows::Connecting);
    assert_eq!(world.told, [(P(1), Notice::Leg), (P(1), Notice::Everybody), (P(1), Notice::Call)]);
}

#[test]
fn the_caller_sees_it_ring() {
    let mut world = World::pair();
    world.forget_told();
    world.step(Input::Reached { p: P(2) });

    assert_eq!(world.shows(1).0, LegShows::Ringing);
    assert_eq!(world.shows(2).1, ParticipantState::Ringing);
    assert_eq!(world.told, [(P(1), Notice::Participant(P(2))), (P(1), Notice::Leg)]);

    world.step(Input::Reached { p: P(2) });
    assert!(world.last.is_empty(), "another device tells nothing new");
}

#[test]
fn both_connect_together() {
    let mut world = World::pair();
    world.up(P(1));
    assert!(!world.timers.contains_key(&TimerId::Setup(P(1))), "the caller's media waits without a limit");
    world.accept(P(2), 7);
    assert_eq!(world.stopped(2), Some(Reason::TAKEN_ELSEWHERE));
    assert!(world.last.contains(&Effect::Bind { p: P(2), endpoint: EndpointId(7) }));
    assert_eq!(world.states(), [LegState::Joining, LegState::Joining]);
    assert!(world.timers.contains_key(&TimerId::Setup(P(2))));

    world.forget_told();
    world.up(P(2));

    assert_eq!(world.states(), [LegState::Connected, LegState::Connected]);
    assert_eq!(world.facts[2..], [Fact::ParticipantAdded(P(1)), Fact::ParticipantAdded(P(2))]);
    assert!(world.call.head().live_at.is_some());
    assert_eq!(world.timers.keys().copied().collect::<Vec<_>>(), [TimerId::Longest]);
    let all = Policy { is_heard: true, is_seen: true, may_share: true, hears: true, sees: true };
    assert!(world.policies.values().all(|policy| *policy == all));
    assert!(world.was_told(1, &Notice::Leg) && world.was_told(1, &Notice::Participant(P(2))));
    assert!(world.was_told(2, &Notice::Leg) && world.was_told(2, &Notice::Everybody));
    assert!(world.was_told(1, &Notice::Call) && world.was_told(2, &Notice::Call), "that there are two now");
}

#[test]
fn the_first_device_wins() {
    let mut world = World::pair();
    world.accept(P(2), 7);
    world.refused(Input::Accept { p: P(2), with: super::world::taking(8) }, Refusal::NotNow);
    assert_eq!(world.leg(2).endpoint, Some(EndpointId(7)));
}

#[test]
fn what_comes_of_ringing_ends_both() {
    let cases = [
        (Input::Decline { p: P(2), is_busy: false }, Reason::DECLINED, Reason::DECLINED),
        (Input::Decline { p: P(2), is_busy: true }, Reason::BUSY, Reason::BUSY),
        (Input::NoDevice { p: P(2), is_known: false }, Reason::NO_DEVICE, Reason::NO_DEVICE),
        (Input::NoDevice { p: P(2), is_known: true }, Reason::NOT_ONLINE, Reason::NOT_ONLINE),
        (Input::Timer { timer: TimerId::Ring(P(2)) }, Reason::NO_ANSWER, Reason::NO_ANSWER),
        (Input::HangUp { p: P(1), for_everyone: false }, Reason::CANCELLED, Reason::HUNG_UP),
        (Input::HangUp { p: P(1), for_everyone: true }, Reason::CANCELLED, Reason::HUNG_UP),
        (Input::Remove { by: P(1), p: P(2) }, Reason::REMOVED, Reason::HUNG_UP),
        (Input::MediaFailed { p: P(1) }, Reason::CANCELLED, Reason::NO_MEDIA),
        (Input::Timer { timer: TimerId::Setup(P(1)) }, Reason::CANCELLED, Reason::NO_MEDIA),
        (Input::TokenEnded { endpoint: EndpointId(1) }, Reason::CANCELLED, Reason::TOKEN_ENDED),
        (Input::UserDeleted { user: "8:acs:bob".into() }, Reason::BY_SERVICE, Reason::HUNG_UP),
        (Input::End { reason: Reason::BY_SERVICE }, Reason::CANCELLED, Reason::BY_SERVICE),
    ];
    for (input, at_callee, at_caller) in cases {
        let mut world = World::pair();
        world.step(Input::Reached { p: P(2) });
        world.step(input.clone());

        assert_eq!(world.stopped(2), Some(at_callee), "{input:?}");
        assert_eq!(world.end_of(1), Some(at_caller), "{input:?}");
        assert_eq!(world.facts[2..], [Fact::CallEnded], "{input:?}: nobody was in");
        assert!(world.is_over && world.timers.is_empty() && world.ringing.is_empty(), "{input:?}");
        world.refused(Input::MediaUp { p: P(1) }, Refusal::Over);
    }
}

#[test]
fn media_of_the_callee_that_never_comes_up_ends_both() {
    let mut world = World::pair();
    world.up(P(1));
    world.accept(P(2), 2);
    world.pass(Duration::from_secs(29));
    assert!(!world.is_over);
    world.pass(Duration::from_secs(2));
    assert_eq!((world.end_of(1), world.end_of(2)), (Some(Reason::OTHER_FAILED), Some(Reason::NO_MEDIA)));
}

#[test]
fn media_of_the_caller_that_goes_while_it_rings_has_its_time_again() {
    let mut world = World::pair();
    world.up(P(1));
    world.step(Input::MediaLost { p: P(1) });
    assert!(world.timers.contains_key(&TimerId::Setup(P(1))));
    world.accept(P(2), 2);
    world.up(P(2));
    assert_eq!(world.states(), [LegState::Joining, LegState::Joining], "not without the caller's media");
    world.step(Input::MediaBack { p: P(1) });
    assert_eq!(world.states(), [LegState::Connected, LegState::Connected]);
}

#[test]
fn it_rings_for_85_seconds() {
    let mut world = World::pair();
    world.up(P(1));
    world.pass(Duration::from_secs(84));
    assert!(!world.is_over);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.end_of(1), Some(Reason::NO_ANSWER));
}

#[test]
fn whoever_hangs_up_ends_it_for_both() {
    let mut world = World::talk();
    world.step(Input::HangUp { p: P(2), for_everyone: false });
    assert_eq!((world.end_of(1), world.end_of(2)), (Some(Reason::HUNG_UP), Some(Reason::HUNG_UP)));
    assert!(world.told.contains(&(P(1), Notice::LegOver { reason: Reason::HUNG_UP, by: Some(P(2)) })));
    assert_eq!(world.has_fact(Fact::ParticipantRemoved(P(1))), 1);
    assert_eq!(world.has_fact(Fact::ParticipantRemoved(P(2))), 1);
    assert_eq!(world.facts.last(), Some(&Fact::CallEnded));
}

#[test]
fn nobody_joins_a_call_of_two_by_id() {
    let mut world = World::talk();
    world.refused(Input::Join { leg: leg("eve", Some(9)) }, Refusal::NotAllowed);
}

#[test]
fn the_echo_answers_by_itself() {
    let mut echo = leg("echo123", None);
    echo.kind = ParticipantKind::Echo;
    let mut world = World::start(Kind::Echo, vec![echo]);
    assert!(world.last.contains(&Effect::OpenLoop { p: P(2) }) && world.ringing.is_empty());
    world.up(P(1));
    assert_eq!(world.states(), [LegState::Connected, LegState::Connected]);
    world.refused(Input::Add { by: P(1), legs: vec![leg("eve", None)] }, Refusal::NotNow);
    world.step(Input::HangUp { p: P(1), for_everyone: false });
    assert!(world.is_over);
}
