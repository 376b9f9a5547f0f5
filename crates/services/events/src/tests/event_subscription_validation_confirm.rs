//! `EventSubscriptionValidation_Confirm`, and the same by POST (`EventSubscriptionValidation_ConfirmByPost`).

use trunkline_testkit::{Behaviour, Call, Sink, TestStore, on_both_engines};

use super::handshakes::{World, validation_path};
use crate::model::Provisioning;

on_both_engines!(
    super::super::arm::SLICES;
    the_address_validates_once,
    another_code_validates_nothing,
    pages_load_nothing_and_are_not_kept,
    an_address_whose_time_is_over_validates_nothing_even_before_the_job_ran,
);

async fn waiting(store: TestStore) -> (World, Sink) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Status(200)).await;
    world.subscribe(&sink).await;
    world.run().await;
    assert_eq!(world.state().await, Provisioning::AwaitingManualAction);
    (world, sink)
}

async fn the_address_validates_once(store: TestStore) {
    let (world, sink) = waiting(store).await;
    for method in ["GET", "POST"] {
        world.subscribe(&Sink::start(Behaviour::Agree).await).await;
        world.run().await;
        sink.clear();
        world.subscribe(&sink).await;
        world.run().await;
        assert_eq!(world.state().await, Provisioning::AwaitingManualAction, "{method}");
        world.visit(method, &sink).await.expect(200);
        assert_eq!(world.state().await, Provisioning::Succeeded, "{method}");
        assert_eq!(world.left_over().await, [0, 0]);
        world.visit(method, &sink).await.expect(410);
        assert_eq!(world.state().await, Provisioning::Succeeded, "{method}");
    }
}

async fn another_code_validates_nothing(store: TestStore) {
    let (world, sink) = waiting(store).await;
    let path = validation_path(&sink);
    let (place, code) = path.split_once("?id=").expect("a code");
    for wrong in [
        place.to_owned(),
        format!("{place}?id="),
        format!("{place}?id={}", code.to_uppercase()),
        format!("{place}?id={}", &code[1..]),
        format!("{place}?code={code}"),
        format!("/eventsubscriptions/one/validate?id={code}"),
    ] {
        world.app.call(Call::get(wrong.clone())).await.expect(400);
        world.app.call(Call::new("POST", wrong)).await.expect(400);
    }
    // A number without a handshake answers like one that never was.
    world.app.call(Call::get(format!("/eventsubscriptions/999999/validate?id={code}"))).await.expect(410);
    assert_eq!(world.state().await, Provisioning::AwaitingManualAction);
    assert_eq!(world.left_over().await, [1, 1]);
    world.visit("GET", &sink).await.expect(200);
}

async fn pages_load_nothing_and_are_not_kept(store: TestStore) {
    let (world, sink) = waiting(store).await;
    for _ in 0..2 {
        let answer = world.visit("GET", &sink).await;
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    }
}

async fn an_address_whose_time_is_over_validates_nothing_even_before_the_job_ran(store: TestStore) {
    let (world, sink) = waiting(store).await;
    world.pass(crate::handshake::MANUAL_WAIT_MAX);
    world.visit("GET", &sink).await.expect(410);
    assert_eq!(world.state().await, Provisioning::AwaitingManualAction);
    world.run().await;
    assert_eq!(world.state().await, Provisioning::Failed);
}
