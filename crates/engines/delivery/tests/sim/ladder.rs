//! Attempts: when, how often, and what each status means.

use trunkline_delivery::{DeadLetterReason, Outcome, Policy};

use crate::endpoints::{Endpoint, Reaction, refuse, slow, status};
use crate::world::{POLICY, World, one, seconds, works};

/// Pauses between requests, in seconds.
fn pauses(world: &World) -> Vec<f64> {
    world.requests.windows(2).map(|pair| pair[1].at.since(pair[0].at).as_secs_f64()).collect()
}

#[test]
fn an_event_is_delivered_once_and_leaves_no_row() {
    let (mut world, key) = one(POLICY, works());
    let position = world.publish();
    world.settle();
    assert_eq!(world.requests.len(), 1);
    assert_eq!((world.requests[0].positions.as_slice(), world.requests[0].tries), ([position].as_slice(), 0));
    assert!(world.store.rows.is_empty());
    assert_eq!(world.store.cursor, position.sequence);
    assert_eq!(world.store.log.len(), 1);
    let line = &world.store.log[0];
    assert_eq!(
        (line.subscription, line.answer.outcome, line.next, line.is_late),
        (key, Outcome::Delivered, None, false)
    );
    assert!(world.bytes.is_empty(), "the payload is released");
}

#[test]
fn the_ladder_is_climbed_to_the_second_for_a_day() {
    for seed in 0..5 {
        let mut world = World::new(seed);
        world.subscribe(1, POLICY, Endpoint::always(status(500)));
        world.publish();
        world.run(seconds(3 * 86_400));
        let ladder = [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
        let pauses = pauses(&world);
        // 81,000 s and the jitter are the sum of the ladder: the tenth step ends inside the day or just outside.
        assert!((9..=10).contains(&pauses.len()), "seed {seed}: {pauses:?}");
        for (index, (pause, step)) in pauses.iter().zip(ladder).enumerate() {
            let step = f64::from(step);
            // The answer takes 2 ms; finding and loading the row takes less than 30.
            assert!((step..step * 1.1 + 0.1).contains(pause), "seed {seed}, step {index}: {pause} of {step}");
        }
        let tries: Vec<_> = world.requests.iter().map(|request| request.tries).collect();
        assert_eq!(tries, (0..u32::try_from(tries.len()).expect("few")).collect::<Vec<_>>());
        assert_eq!(world.store.dropped.values().collect::<Vec<_>>(), [&DeadLetterReason::TimeToLiveExceeded]);
        assert!(world.store.rows.is_empty());
    }
}

#[test]
fn the_log_names_the_time_of_the_next_attempt() {
    let (mut world, _) = one(POLICY, Endpoint::script([status(500)], status(200)));
    world.publish();
    world.run(seconds(20));
    let next = world.store.log[0].next.expect("a failed attempt has a next one");
    assert!(world.requests[1].at >= next && world.requests[1].at.since(next) < seconds(1));
}

#[test]
fn each_status_has_its_pause_or_its_end() {
    let check = |reaction: Reaction, least: Option<u64>, outcome: Outcome| {
        let (mut world, _) = one(POLICY, Endpoint::script([reaction], status(200)));
        world.publish();
        world.run(seconds(400));
        assert_eq!(world.store.log[0].answer.outcome, outcome, "{reaction:?}");
        let pauses = pauses(&world);
        match least {
            Some(least) => {
                let took = world.store.log[0].answer.took.as_secs_f64();
                let least = f64::from(u32::try_from(least).expect("short")) + took;
                assert!((least - 0.01..least * 1.1 + 0.1).contains(&pauses[0]), "{reaction:?}: {pauses:?}");
                assert_eq!(pauses.len(), 1);
            }
            None => assert!(pauses.is_empty(), "{reaction:?}"),
        }
        assert!(world.store.rows.is_empty(), "{reaction:?}");
    };
    for success in 200..=204 {
        check(status(success), None, Outcome::Delivered);
    }
    check(status(205), Some(10), Outcome::GenericError);
    check(status(302), Some(10), Outcome::GenericError);
    check(status(404), Some(10), Outcome::NotFound);
    check(status(408), Some(120), Outcome::TimedOut);
    check(status(429), Some(30), Outcome::Busy);
    check(status(503), Some(30), Outcome::Busy);
    check(status(500), Some(10), Outcome::GenericError);
    check(refuse(), Some(10), Outcome::SocketError);
    check(Reaction::Fail(Outcome::ResolutionError, seconds(1)), Some(10), Outcome::ResolutionError);
    check(Reaction::Fail(Outcome::Aborted, seconds(1)), Some(10), Outcome::Aborted);
    check(Reaction::Hang, Some(10), Outcome::TimedOut);
    check(slow(200, 29), None, Outcome::Delivered);
    check(status(400), None, Outcome::BadRequest);
    check(status(401), None, Outcome::Unauthorized);
    check(status(403), None, Outcome::Forbidden);
    check(status(413), None, Outcome::PayloadTooLarge);
}

#[test]
fn what_is_never_retried_is_dropped_with_its_reason() {
    let cases = [
        (400, DeadLetterReason::UndeliverableDueToHttpBadRequest),
        (401, DeadLetterReason::UndeliverableDueToHttpUnauthorized),
        (403, DeadLetterReason::UndeliverableDueToHttpForbidden),
        (413, DeadLetterReason::UndeliverableDueToHttpRequestEntityTooLarge),
    ];
    for (answer, reason) in cases {
        let (mut world, _) = one(POLICY, Endpoint::always(status(answer)));
        world.publish();
        world.settle();
        assert_eq!(world.store.dropped.values().collect::<Vec<_>>(), [&reason]);
        assert_eq!(world.store.cursor, 1);
    }
}

#[test]
fn the_number_of_attempts_counts_the_first() {
    for attempts_max in [1, 2, 4] {
        let (mut world, _) = one(Policy { attempts_max, ..POLICY }, Endpoint::always(status(500)));
        world.publish();
        world.run(seconds(86_400));
        assert_eq!(world.requests.len(), usize::try_from(attempts_max).expect("few"));
        let dropped: Vec<_> = world.store.dropped.values().collect();
        assert_eq!(dropped, [&DeadLetterReason::MaxDeliveryAttemptsExceeded]);
    }
}

#[test]
fn several_failures_then_success_leave_nothing() {
    let (mut world, key) = one(POLICY, Endpoint::script([status(500), status(503), refuse()], status(204)));
    world.publish();
    world.run(seconds(200));
    assert_eq!(world.requests.len(), 4);
    assert!(world.store.rows.is_empty() && world.store.dropped.is_empty());
    assert_eq!(world.machine.subscription(key).expect("it is there").rows, 0);
}
