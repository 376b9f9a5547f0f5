//! Dead letters: five minutes after the last attempt, together, and four hours of patience.

use std::time::Duration;

use trunkline_delivery::{DeadLetterReason, Limits, Outcome, Phase, Policy};

use crate::endpoints::{Endpoint, refuse, status};
use crate::world::{POLICY, START, World, one, seconds};

const KEPT: Policy = Policy { has_dead_letter: true, ..POLICY };

#[test]
fn a_dead_letter_is_written_five_minutes_after_the_last_attempt() {
    let (mut world, _) = one(KEPT, Endpoint::always(status(400)));
    let position = world.publish();
    world.run(seconds(299));
    assert!(world.store.dead.is_empty());
    assert_eq!(world.store.rows.len(), 1);
    world.run(seconds(2));
    let [(at, key, row)] = world.store.dead.as_slice() else { panic!("{:?}", world.store.dead) };
    assert_eq!((at.as_seconds() - START, key.position), (300, position));
    let reason = DeadLetterReason::UndeliverableDueToHttpBadRequest;
    assert_eq!((row.attempts, row.phase), (1, Phase::DeadLetter { reason }));
    let last = row.last.expect("it was tried");
    assert_eq!(
        (last.outcome, last.status, last.at.as_seconds() - START),
        (Outcome::BadRequest, Some(400), 0)
    );
    assert!(world.store.rows.is_empty() && world.store.dropped.is_empty());
    assert!(world.bytes.is_empty());
}

#[test]
fn what_is_due_together_goes_into_one_file() {
    let (mut world, _) = one(KEPT, Endpoint::always(status(413)));
    world.publish_many(300);
    world.run(seconds(302));
    assert_eq!(world.store.dead.len(), 300);
    let mut files: Vec<_> = world.store.dead.iter().map(|(at, ..)| *at).collect();
    files.dedup();
    assert!(files.len() <= 12, "{}", files.len());
}

#[test]
fn a_broken_place_is_tried_each_minute_for_four_hours() {
    let (mut world, _) = one(KEPT, Endpoint::always(status(401)));
    world.blobs_work = false;
    world.publish();
    world.run(Duration::from_mins(5 + 239));
    assert_eq!((world.store.rows.len(), world.store.dropped.len()), (1, 0));
    world.run(Duration::from_mins(3));
    assert!(world.store.rows.is_empty() && world.store.dead.is_empty());
    let reasons: Vec<_> = world.store.dropped.values().collect();
    assert_eq!(reasons, [&DeadLetterReason::UndeliverableDueToHttpUnauthorized]);
}

#[test]
fn a_place_that_works_again_in_time_gets_everything() {
    let (mut world, _) = one(KEPT, Endpoint::always(status(403)));
    world.blobs_work = false;
    world.publish_many(20);
    world.run(Duration::from_hours(2));
    world.crash();
    world.run(Duration::from_hours(1));
    world.blobs_work = true;
    world.run(Duration::from_mins(2));
    assert_eq!((world.store.dead_keys.len(), world.store.rows.len(), world.store.dropped.len()), (20, 0, 0));
}

#[test]
fn dead_letters_do_not_wait_behind_the_rows_of_a_sick_endpoint() {
    let mut world = World::new(1);
    let policy = Policy { attempts_max: 1, ..KEPT };
    world.subscribe(1, policy, Endpoint::always(refuse()));
    world.publish_many(2_000);
    world.run(Duration::from_mins(6));
    assert!(world.store.rows.len() > 1_900, "on probation nearly all wait: {}", world.store.rows.len());
    assert!(world.store.dead.len() >= 10, "and the first failures are kept: {}", world.store.dead.len());
}

#[test]
fn without_a_place_any_more_waiting_dead_letters_are_dropped() {
    let (mut world, key) = one(KEPT, Endpoint::always(status(400)));
    world.publish();
    world.run(seconds(10));
    world.machine.set_subscription(key, POLICY, world.now);
    world.run(Duration::from_mins(5));
    assert_eq!((world.store.dead.len(), world.store.rows.len(), world.store.dropped.len()), (0, 0, 1));
}

#[test]
fn too_many_rows_are_given_up_with_our_own_reason() {
    let limits = Limits { pending_max: 100, ..Limits::default() };
    let mut world = World::with_limits(1, limits);
    world.subscribe(1, Policy { is_active: false, ..POLICY }, Endpoint::always(status(200)));
    world.publish_many(150);
    world.settle();
    assert_eq!((world.store.rows.len(), world.store.dropped.len()), (100, 50));
    assert!(world.store.dropped.values().all(|reason| *reason == DeadLetterReason::PendingLimitExceeded));
    assert_eq!(world.store.cursor, 150);
}
