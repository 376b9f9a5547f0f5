//! Groups: by an id, of people who were called, and calls of two that become one.

use std::time::Duration;

use trunkline_calling_wire::LegState as LegShows;

use super::world::{LIMITS, START, World, leg};
use crate::rules::{Change, Effect, Fact, Input, Kind, LegState, Notice, P, Reason, Refusal, TimerId};

fn called() -> World {
    World::start(Kind::Group { id: None }, vec![leg("bob", None), leg("cid", None)])
}

#[test]
fn the_first_who_joins_is_in_alone() {
    let world = World::group(1);
    assert_eq!(world.states(), [LegState::Connected]);
    assert_eq!(world.facts, [Fact::CallStarted, Fact::ParticipantAdded(P(1))]);
    assert_eq!(world.call.head().live_at, None);
    let told: Vec<&Notice> = world.told.iter().map(|(_, notice)| notice).collect();
    assert_eq!(
        told[..2],
        [&Notice::Leg, &Notice::Leg],
        "connecting, then connected, before anything of others"
    );
    assert_eq!(told[2..4], [&Notice::Everybody, &Notice::Call]);
}

#[test]
fn whoever_joins_sees_others_once_connected() {
    let mut world = World::group(2);
    world.forget_told();
    world.join("cid", 3);
    assert!(world.was_told(1, &Notice::Participant(P(3))) && world.was_told(2, &Notice::Participant(P(3))));
    assert_eq!(world.told.iter().filter(|(to, _)| *to == P(3)).collect::<Vec<_>>(), [&(P(3), Notice::Leg)]);
    world.up(P(3));
    assert!(world.was_told(3, &Notice::Everybody));
    assert!(world.was_told(1, &Notice::Call), "the others learn the count");
    assert_eq!(world.call.count(), 3);
}

#[test]
fn the_same_user_joins_twice() {
    let mut world = World::group(1);
    world.join("ada", 9);
    assert_eq!(world.users(), ["8:acs:ada".into(), "8:acs:ada".into()]);
}

#[test]
fn a_group_of_an_id_ends_with_the_last_one() {
    let mut world = World::group(2);
    world.step(Input::HangUp { p: P(1), for_everyone: false });
    assert!(!world.is_over);
    assert_eq!((world.end_of(1), world.end_of(2)), (Some(Reason::HUNG_UP), None));
    world.step(Input::HangUp { p: P(2), for_everyone: false });
    assert!(world.is_over && world.timers.is_empty());
    assert_eq!(world.facts.last(), Some(&Fact::CallEnded));
}

#[test]
fn a_room_waits_a_minute_for_somebody_to_come_back() {
    let mut world = World::start(Kind::Room { id: "99".into() }, Vec::new());
    world.up(P(1));
    world.step(Input::HangUp { p: P(1), for_everyone: false });
    world.pass(Duration::from_secs(59));
    world.join("bob", 2);
    world.up(P(2));
    world.pass(Duration::from_mins(5));
    assert!(!world.is_over, "somebody came");
    world.step(Input::HangUp { p: P(2), for_everyone: false });
    world.pass(Duration::from_mins(1));
    assert!(world.is_over);
}

#[test]
fn a_call_is_full_at_its_limit() {
    let mut world = World::group(5);
    assert_eq!(world.call.count(), LIMITS.participants);
    world.refused(Input::Join { leg: leg("late", Some(9)) }, Refusal::Full);
    world.refused(Input::Add { by: P(1), legs: vec![leg("late", None)] }, Refusal::Full);
    world.step(Input::HangUp { p: P(5), for_everyone: false });
    world.join("late", 9);
    assert_eq!(world.leg(6).name, "late", "numbers are never used twice");
}

#[test]
fn whoever_calls_several_is_connected_while_they_ring() {
    let mut world = called();
    assert_eq!(world.ringing.len(), 2);
    world.step(Input::Reached { p: P(2) });
    assert_eq!(world.shows(1).0, LegShows::Ringing);
    world.up(P(1));
    assert_eq!(world.shows(1).0, LegShows::Connected);
    world.accept(P(2), 2);
    world.up(P(2));
    assert!(world.call.head().live_at.is_some());
    world.pass(Duration::from_secs(90));
    let states = [LegState::Connected, LegState::Connected, LegState::Over];
    assert_eq!(world.states(), states, "Cid did not answer, and the call goes on");
}

#[test]
fn nobody_came() {
    let mut world = called();
    world.up(P(1));
    world.step(Input::Decline { p: P(2), is_busy: false });
    assert!(!world.is_over);
    world.step(Input::Decline { p: P(3), is_busy: false });
    assert_eq!(world.end_of(1), Some(Reason::ALL_DECLINED));

    let mut world = called();
    world.up(P(1));
    world.step(Input::Decline { p: P(2), is_busy: false });
    world.pass(Duration::from_secs(86));
    assert_eq!(world.end_of(1), Some(Reason::NO_ANSWER));
}

#[test]
fn the_caller_of_several_gives_up() {
    let mut world = called();
    world.step(Input::HangUp { p: P(1), for_everyone: false });
    assert_eq!((world.stopped(2), world.stopped(3)), (Some(Reason::CANCELLED), Some(Reason::CANCELLED)));
    assert!(world.is_over);
}

#[test]
fn a_third_makes_a_call_of_two_a_group() {
    let mut world = World::talk();
    world.forget_told();
    world.step(Input::Add { by: P(2), legs: vec![leg("cid", None)] });
    assert_eq!(*world.call.kind(), Kind::Group { id: None });
    assert!(world.has_saved(Change::Call) && world.has_saved(Change::Leg(P(3))));
    assert_eq!(world.timers[&TimerId::Ring(P(3))], START.plus(Duration::from_secs(115)));
    assert!(world.was_told(1, &Notice::Call) && world.was_told(2, &Notice::Participant(P(3))));
    assert_eq!(world.has_fact(Fact::IncomingCall(P(3))), 1);

    world.step(Input::HangUp { p: P(1), for_everyone: false });
    assert!(!world.is_over, "Bob goes on without Ada");
    world.accept(P(3), 3);
    world.up(P(3));
    assert_eq!(world.states(), [LegState::Connected, LegState::Connected]);
}

#[test]
fn further_people_are_called_only_by_those_who_are_in() {
    let mut world = World::pair();
    world.refused(Input::Add { by: P(1), legs: vec![leg("cid", None)] }, Refusal::NotNow);
    world.refused(Input::Add { by: P(9), legs: vec![leg("cid", None)] }, Refusal::UnknownParticipant);
}

#[test]
fn somebody_who_is_called_is_called_no_more() {
    let mut world = World::talk();
    world.step(Input::Add { by: P(1), legs: vec![leg("cid", None)] });
    world.step(Input::Remove { by: P(1), p: P(3) });
    assert_eq!(world.stopped(3), Some(Reason::REMOVED));
    assert!(!world.is_over && !world.last.contains(&Effect::CloseMedia { p: P(3) }));
    assert_eq!(world.has_fact(Fact::ParticipantRemoved(P(3))), 0, "was never in");
}
