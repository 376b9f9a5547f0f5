//! Time to live against attempts.

use std::time::Duration;

use trunkline_delivery::{DeadLetterReason, Outcome, Phase, Policy, SubscriptionKey};

use crate::endpoints::{Endpoint, Reaction, status};
use crate::world::{POLICY, World, one, seconds};

#[test]
fn time_to_live_is_looked_at_when_the_next_attempt_would_start() {
    let policy = Policy { time_to_live: seconds(60), ..POLICY };
    let (mut world, _) = one(policy, Endpoint::always(status(500)));
    world.publish();
    world.run(seconds(90));
    // At 0, 10 and 40 s; the next is due after 100 s, and until then nothing is given up.
    assert_eq!(world.requests.len(), 3);
    assert!(world.store.dropped.is_empty());
    world.run(seconds(30));
    assert_eq!(world.requests.len(), 3);
    assert_eq!(world.store.dropped.values().collect::<Vec<_>>(), [&DeadLetterReason::TimeToLiveExceeded]);
    assert!(world.store.rows.is_empty());
}

#[test]
fn attempts_run_out_before_the_time() {
    let policy = Policy { time_to_live: seconds(60), attempts_max: 3, ..POLICY };
    let (mut world, _) = one(policy, Endpoint::always(status(500)));
    world.publish();
    world.run(seconds(50));
    let dropped: Vec<_> = world.store.dropped.values().collect();
    assert_eq!(dropped, [&DeadLetterReason::MaxDeliveryAttemptsExceeded]);
}

#[test]
fn what_was_never_tried_is_tried_once_even_when_it_is_old() {
    let policy = Policy { time_to_live: seconds(60), is_active: false, ..POLICY };
    let (mut world, key) = one(policy, Endpoint::always(status(200)));
    world.publish();
    world.run(seconds(600));
    assert_eq!((world.requests.len(), world.store.rows.len(), world.store.cursor), (0, 1, 1));
    world.machine.set_subscription(key, Policy { is_active: true, ..policy }, world.now);
    world.run(seconds(1));
    assert_eq!((world.requests.len(), world.store.rows.len()), (1, 0));
}

#[test]
fn what_expires_on_probation_is_dead_lettered_untried() {
    let policy = Policy { time_to_live: Duration::from_mins(10), has_dead_letter: true, ..POLICY };
    let mut world = World::new(1);
    let key =
        world.subscribe(1, policy, Endpoint::always(Reaction::Fail(Outcome::ResolutionError, seconds(1))));
    world.publish_many(200);
    world.run(Duration::from_mins(30));
    assert_eq!(world.machine.subscription(key).expect("it is there").rows, 0);
    let untried: Vec<_> = world.store.dead.iter().filter(|(_, _, row)| row.attempts == 0).collect();
    assert!(untried.len() > 100, "{}", untried.len());
    for (_, _, row) in untried {
        assert_eq!(row.phase, Phase::DeadLetter { reason: DeadLetterReason::TimeToLiveExceeded });
        assert_eq!(row.last.map(|last| (last.outcome, last.status)), Some((Outcome::Probation, None)));
    }
    assert_eq!(world.store.dead.len(), 200, "each exactly once");
    assert_eq!(world.store.dead_keys.len(), 200);
}

#[test]
fn a_policy_with_fewer_attempts_counts_for_rows_that_wait() {
    let (mut world, key) = one(POLICY, Endpoint::always(status(500)));
    world.publish();
    world.run(seconds(50));
    assert_eq!((world.requests.len(), key), (3, SubscriptionKey(1)));
    world.machine.set_subscription(key, Policy { attempts_max: 2, ..POLICY }, world.now);
    world.run(seconds(100));
    assert_eq!(world.requests.len(), 3);
    assert_eq!(world.store.dropped.len(), 1);
}
