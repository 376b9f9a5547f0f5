//! Waiting to be let in.

use std::time::Duration;

use trunkline_calling_wire::{LegState as LegShows, ParticipantState};

use super::world::{World, leg};
use crate::rules::{Input, Kind, LegState, Notice, P, Policy, Reason, Refusal};

/// Ada is in the room; so many wait.
fn room(waiting: u32) -> World {
    let mut world = World::start(Kind::Room { id: "9".into() }, Vec::new());
    world.up(P(1));
    for number in 2..waiting + 2 {
        let mut guest = leg("guest", Some(u64::from(number)));
        guest.waits_in_lobby = true;
        world.step(Input::Join { leg: guest });
        world.up(P(number));
    }
    world
}

#[test]
fn whoever_waits_sees_and_hears_nothing() {
    let world = room(1);
    assert_eq!(world.shows(2), (LegShows::InLobby, ParticipantState::InLobby));
    assert_eq!(world.policies[&P(2)], Policy::default());
    assert!(world.told.iter().all(|(to, notice)| *to != P(2) || *notice == Notice::Leg));
    assert_eq!(world.call.count(), 1);
}

#[test]
fn all_who_wait_are_let_in() {
    let mut world = room(2);
    world.step(Input::Admit { by: P(1), who: vec![] });
    assert_eq!(world.states(), [LegState::Connected; 3]);
    assert!(world.was_told(2, &Notice::Everybody) && world.policies[&P(3)].is_heard);
    world.pass(Duration::from_hours(1));
    assert_eq!(world.call.count(), 3);
}

#[test]
fn one_is_let_in_and_one_is_sent_away() {
    let mut world = room(2);
    world.refused(Input::Admit { by: P(1), who: vec![P(1)] }, Refusal::NotNow);
    world.refused(Input::Admit { by: P(1), who: vec![P(9)] }, Refusal::UnknownParticipant);
    world.refused(Input::Admit { by: P(2), who: vec![P(2)] }, Refusal::NotNow);
    world.step(Input::Admit { by: P(1), who: vec![P(2), P(2)] });
    assert_eq!(world.leg(2).state, LegState::Connected);
    world.step(Input::Refuse { by: P(1), who: vec![P(3)] });
    assert_eq!((world.end_of(2), world.end_of(3)), (None, Some(Reason::NOT_ADMITTED)));
}

#[test]
fn nobody_waits_for_ever() {
    let mut world = room(1);
    world.pass(Duration::from_mins(31));
    assert_eq!(world.end_of(2), Some(Reason::NOT_ADMITTED));
    assert!(!world.is_over);
}
