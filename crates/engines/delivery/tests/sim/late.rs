//! Answers after the time-out.

use trunkline_delivery::{LATE_ANSWERS_MAX, Outcome, Policy};

use crate::endpoints::{Endpoint, slow, status};
use crate::world::{POLICY, World, one, seconds};

#[test]
fn a_late_success_settles_the_delivery_before_its_retry() {
    let (mut world, key) = one(POLICY, Endpoint::always(slow(200, 35)));
    world.publish();
    world.run(seconds(34));
    assert_eq!(world.store.rows.len(), 1, "it timed out and waits for its second attempt");
    world.run(seconds(60));
    assert_eq!(world.requests.len(), 1, "there is none");
    assert!(world.store.rows.is_empty());
    let log: Vec<_> = world.store.log.iter().map(|line| (line.answer.outcome, line.is_late)).collect();
    assert_eq!(log, [(Outcome::TimedOut, false), (Outcome::Delivered, true)]);
    assert_eq!(world.machine.subscription(key).expect("it is there").rows, 0);
}

#[test]
fn a_late_success_leaves_a_retry_under_way_alone() {
    let (mut world, _) = one(POLICY, Endpoint::script([slow(200, 45)], slow(200, 20)));
    world.publish();
    world.run(seconds(46));
    assert_eq!(world.requests.len(), 2);
    world.run(seconds(60));
    assert_eq!(world.requests.len(), 2);
    assert!(world.store.rows.is_empty());
    assert_eq!(world.store.log.len(), 3);
}

#[test]
fn a_late_success_after_the_retry_changes_nothing() {
    let (mut world, _) = one(POLICY, Endpoint::script([slow(200, 100)], status(200)));
    world.publish();
    world.run(seconds(200));
    assert_eq!(world.requests.len(), 2);
    assert!(world.store.rows.is_empty());
}

#[test]
fn a_late_failure_changes_nothing() {
    let (mut world, _) = one(POLICY, Endpoint::script([slow(500, 35)], status(200)));
    world.publish();
    world.run(seconds(50));
    assert_eq!(world.requests.len(), 2);
    assert_eq!(world.store.log.len(), 2);
}

#[test]
fn a_late_success_saves_a_delivery_from_the_dead_letters() {
    let policy = Policy { attempts_max: 1, has_dead_letter: true, ..POLICY };
    let (mut world, _) = one(policy, Endpoint::always(slow(200, 170)));
    world.publish();
    world.run(seconds(1_000));
    assert!(world.store.dead.is_empty() && world.store.rows.is_empty());
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn a_late_success_settles_a_row_that_waits_for_a_lane() {
    let (mut world, _) = one(POLICY, Endpoint::always(slow(200, 45)));
    world.publish_many(64);
    world.run(seconds(7_200));
    assert!(world.store.rows.is_empty(), "{} wait", world.store.rows.len());
}

#[test]
fn few_requests_stay_open() {
    let (mut world, _) = one(POLICY, Endpoint::always(slow(200, 35)));
    world.publish_many(20);
    world.pump();
    let allowed = world.late_allowed;
    assert_eq!((world.requests.len(), allowed), (20, LATE_ANSWERS_MAX));
    world.run(seconds(36));
    assert_eq!(world.store.log.iter().filter(|line| line.is_late).count(), LATE_ANSWERS_MAX);
}

#[test]
fn after_a_restart_a_late_answer_is_unknown() {
    let mut world = World::new(3);
    world.subscribe(1, POLICY, Endpoint::script([slow(200, 100)], status(200)));
    world.publish();
    world.run(seconds(31));
    world.crash();
    world.run(seconds(100));
    assert_eq!(world.requests.len(), 2);
    assert!(world.store.rows.is_empty());
}
