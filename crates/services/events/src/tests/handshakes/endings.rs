//! Handshakes that fail, and those that somebody else ends.

use trunkline_testkit::{Behaviour, on_both_engines};

use super::*;

on_both_engines!(
    super::arm::SLICES;
    an_endpoint_is_asked_three_times_and_then_it_has_failed,
    an_endpoint_may_agree_the_third_time,
    redirects_are_failures_and_are_not_followed,
    private_addresses_are_refused_without_a_connection,
    no_failure_tells_the_secret_part_of_the_address,
    a_failed_change_leaves_what_was_in_force,
    an_answer_to_a_superseded_handshake_has_no_effect,
    a_handshake_without_a_place_waits_a_moment,
);

const PAUSE: Duration = Duration::from_secs(5);

async fn an_endpoint_is_asked_three_times_and_then_it_has_failed(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::json(202, &json!({ "validationResponse": "any" }))).await;
    let answer = world.subscribe(&sink).await;
    for attempt in 1..=2 {
        assert_eq!(world.run().await, 1);
        assert_eq!(sink.count(), attempt);
        assert_eq!(world.state().await, Provisioning::Creating);
        assert_eq!(world.run().await, 0, "not before the pause is over");
        world.pass(PAUSE);
    }
    assert_eq!(world.run().await, 1);
    assert_eq!(world.state().await, Provisioning::Failed);
    let operation = world.operation(&answer).await;
    assert_eq!(operation["status"], "Failed");
    let message = operation["error"]["message"].as_str().expect("a message");
    assert!(message.contains("status 202") && message.contains("validationResponse"), "{message}");
    assert!(world.row().await.failure.expect("a reason").contains("202"));
    world.pass(Duration::from_hours(1));
    assert_eq!((world.run().await, sink.count(), world.left_over().await), (0, 3, [0, 0]));
}

async fn an_endpoint_may_agree_the_third_time(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Agree).await;
    sink.next([Behaviour::Close, Behaviour::Status(503)]);
    world.subscribe(&sink).await;
    for _ in 0..3 {
        assert_eq!(world.run().await, 1);
        world.pass(PAUSE);
    }
    assert_eq!((world.state().await, sink.count()), (Provisioning::Succeeded, 3));
    let codes: Vec<String> = sink
        .received()
        .iter()
        .map(|request| request.json()[0]["data"]["validationCode"].to_string())
        .collect();
    assert!(codes.iter().all(|code| *code == codes[0]), "one handshake has one code");
}

async fn redirects_are_failures_and_are_not_followed(store: TestStore) {
    let world = World::new(store).await;
    let elsewhere = Sink::start(Behaviour::Agree).await;
    let sink = Sink::start(Behaviour::Redirect(elsewhere.url("/hook"))).await;
    world.subscribe(&sink).await;
    for _ in 0..3 {
        world.run().await;
        world.pass(PAUSE);
    }
    assert_eq!((world.state().await, elsewhere.connections()), (Provisioning::Failed, 0));
}

async fn private_addresses_are_refused_without_a_connection(store: TestStore) {
    let world = World::with_networks(store, &[]).await;
    let sink = Sink::start(Behaviour::Agree).await;
    world.subscribe(&sink).await;
    for _ in 0..3 {
        world.run().await;
        world.pass(PAUSE);
    }
    assert_eq!((world.state().await, sink.connections()), (Provisioning::Failed, 0));
    let reason = world.row().await.failure.expect("a reason");
    assert!(reason.contains("private"), "{reason}");
}

async fn no_failure_tells_the_secret_part_of_the_address(store: TestStore) {
    let world = World::new(store).await;
    for behaviour in [
        Behaviour::Status(404),
        Behaviour::Garbage,
        Behaviour::Close,
        Behaviour::EndlessHead,
        Behaviour::EndlessBody,
        Behaviour::json(200, &json!({ "validationResponse": "another" })),
    ] {
        let sink = Sink::start(behaviour.clone()).await;
        let answer = world.subscribe(&sink).await;
        for _ in 0..3 {
            world.run().await;
            world.pass(PAUSE);
        }
        assert_eq!((world.state().await, sink.count()), (Provisioning::Failed, 3), "{behaviour:?}");
        let shown = format!("{:?} {}", world.row().await, world.operation(&answer).await);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

async fn a_failed_change_leaves_what_was_in_force(store: TestStore) {
    let world = World::new(store).await;
    let (good, bad) = (Sink::start(Behaviour::Agree).await, Sink::start(Behaviour::Status(500)).await);
    world.subscribe(&good).await;
    world.run().await;
    let before = world.row().await.subscription.spec;
    world.subscribe(&bad).await;
    for _ in 0..3 {
        world.run().await;
        world.pass(PAUSE);
    }
    let row = world.row().await;
    assert_eq!((row.subscription.state, &row.subscription.spec), (Provisioning::Succeeded, &before));
    assert!(row.failure.is_some() && row.proposal.is_none());
}

async fn an_answer_to_a_superseded_handshake_has_no_effect(store: TestStore) {
    let world = World::new(store).await;
    let (old, new) = (Sink::start(Behaviour::Hang).await, Sink::start(Behaviour::Agree).await);
    world.subscribe(&old).await;
    let superseding = async {
        old.wait_for(1).await;
        world.subscribe(&new).await;
        old.release();
    };
    let (ran, ()) = tokio::join!(world.run(), superseding);
    assert!(ran >= 1);
    // The answer without a code would have made it wait for somebody.
    world.run().await;
    assert_eq!((world.state().await, new.count()), (Provisioning::Succeeded, 1));
    assert_eq!(world.left_over().await, [0, 0]);
}

async fn a_handshake_without_a_place_waits_a_moment(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Agree).await;
    world.subscribe(&sink).await;
    let places = u32::try_from(crate::handshake::HANDSHAKES_AT_ONCE).expect("a small number");
    let taken = world.service.handshakes.acquire_many(places).await.expect("places are never closed");
    assert_eq!((world.run().await, sink.count()), (1, 0));
    assert_eq!(world.state().await, Provisioning::Creating);
    drop(taken);
    assert_eq!(world.run().await, 0);
    world.pass(Duration::from_secs(1));
    assert_eq!((world.run().await, sink.count()), (1, 1));
    assert_eq!(world.state().await, Provisioning::Succeeded);
}
