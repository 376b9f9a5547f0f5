//! Leaving, removing, ending for everybody.

use std::time::Duration;

use trunkline_calling_wire::Role;

use super::world::{World, leg};
use crate::rules::{Change, EndpointId, Fact, Input, Kind, Notice, P, Reason, Refusal};

#[test]
fn ending_for_everybody_tells_each_its_reason() {
    let mut world = World::group(3);
    world.step(Input::HangUp { p: P(2), for_everyone: true });
    assert_eq!(world.end_of(2), Some(Reason::HUNG_UP));
    assert_eq!(
        (world.end_of(1), world.end_of(3)),
        (Some(Reason::ENDED_FOR_ALL), Some(Reason::ENDED_FOR_ALL))
    );
    assert_eq!(world.ended(), Some(Reason::ENDED_FOR_ALL));
    assert_eq!(world.call.head().ended.and_then(|ended| ended.by), Some(P(2)));
    assert_eq!(world.facts.iter().filter(|fact| matches!(fact, Fact::ParticipantRemoved(_))).count(), 3);
}

#[test]
fn an_attendee_does_not_end_it_for_everybody() {
    let mut attendee = leg("att", Some(2));
    attendee.role = Role::Attendee;
    let mut world = World::start(Kind::Room { id: "9".into() }, Vec::new());
    world.up(P(1));
    world.step(Input::Join { leg: attendee });
    world.refused(Input::HangUp { p: P(2), for_everyone: true }, Refusal::NotAllowed);
    world.up(P(2));
    world.refused(Input::HangUp { p: P(2), for_everyone: true }, Refusal::NotAllowed);
    world.refused(Input::Remove { by: P(2), p: P(1) }, Refusal::NotAllowed);
    world.step(Input::HangUp { p: P(2), for_everyone: false });
    assert_eq!(world.end_of(2), Some(Reason::HUNG_UP));
}

#[test]
fn somebody_is_removed() {
    let mut world = World::group(3);
    world.step(Input::Spotlight { by: P(1), add: vec![P(3)], remove: vec![], clear: false });
    world.step(Input::Remove { by: P(1), p: P(3) });
    assert_eq!(world.end_of(3), Some(Reason::REMOVED));
    assert!(world.told.contains(&(P(3), Notice::LegOver { reason: Reason::REMOVED, by: Some(P(1)) })));
    assert!(world.was_told(2, &Notice::Participant(P(3))));
    assert!(world.has_saved(Change::Leg(P(3))) && world.call.spotlight().is_empty());
    world.refused(Input::Remove { by: P(1), p: P(3) }, Refusal::UnknownParticipant);
    world.refused(Input::Remove { by: P(1), p: P(77) }, Refusal::UnknownParticipant);
}

#[test]
fn sessions_tokens_and_users_that_end_take_their_legs() {
    let cases = [
        (Input::SessionGone { endpoint: EndpointId(2), reason: Reason::CLOSED }, Reason::CLOSED),
        (Input::TokenEnded { endpoint: EndpointId(2) }, Reason::TOKEN_ENDED),
        (Input::UserDeleted { user: "8:acs:user2".into() }, Reason::BY_SERVICE),
    ];
    for (input, reason) in cases {
        let mut world = World::group(3);
        world.step(input);
        assert_eq!((world.end_of(1), world.end_of(2), world.end_of(3)), (None, Some(reason), None));
        assert!(!world.is_over);
    }
}

#[test]
fn a_call_of_thirty_hours_has_been_long_enough() {
    let mut world = World::group(2);
    world.pass(Duration::from_hours(30));
    assert_eq!((world.end_of(1), world.end_of(2)), (Some(Reason::BY_SERVICE), Some(Reason::BY_SERVICE)));
}

#[test]
fn whoever_ends_a_call_of_two_for_everybody_tells_the_other() {
    let mut world = World::talk();
    world.step(Input::HangUp { p: P(1), for_everyone: true });
    assert_eq!((world.end_of(1), world.end_of(2)), (Some(Reason::HUNG_UP), Some(Reason::ENDED_FOR_ALL)));
}
