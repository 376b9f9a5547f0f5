//! `CommunicationServices_ListBySubscription`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{SLICES, World};

const TAIL: &str = "/providers/Microsoft.Communication/communicationServices";

on_both_engines!(SLICES;
    pages_neither_skip_nor_repeat_while_resources_come,
    whoever_has_a_role_on_one_sees_that_one,
    readers_may_look,
    wrong_subscriptions_and_continuations_are_refused,
);

pub(super) fn names(answer: &Answer) -> Vec<String> {
    let name = |entry: &Value| entry["name"].as_str().expect("text").to_owned();
    answer.body["value"].as_array().expect("a list").iter().map(name).collect()
}

async fn pages_neither_skip_nor_repeat_while_resources_come(store: TestStore) {
    let world = World::empty(store);
    for number in 0..5 {
        world.create(&format!("r{number}"), &json!({})).await.expect(201);
    }
    let mut target = world.arm(&format!("{TAIL}?maxPageSize=2")).await;
    let mut seen = Vec::new();
    for round in 0..3 {
        let answer = world.manage("reader", Call::get(target.clone())).await.expect(200);
        seen.extend(names(&answer));
        world.create(&format!("a{round}"), &json!({})).await.expect(201);
        let Some(link) = answer.body["nextLink"].as_str() else { break };
        assert!(link.contains("api-version="), "the clients follow it as it is");
        target = link.strip_prefix(app::ORIGIN).expect("absolute").to_owned();
    }
    assert_eq!(seen, ["r0", "r1", "r2", "r3", "r4"]);
    let all = world.operate("reader", Call::get(world.arm(TAIL).await)).await.expect(200);
    assert_eq!(names(&all).len(), 8);
    assert_eq!(all.body.get("nextLink"), None);
    let first = world.operate("reader", Call::get(world.service("a0", "").await)).await.expect(200);
    assert_eq!(all.body["value"][0], first.body);
}

async fn whoever_has_a_role_on_one_sees_that_one(store: TestStore) {
    let world = World::new(store).await;
    let list = |role: &'static str| async {
        names(&world.manage(role, Call::get(world.arm(TAIL).await)).await.expect(200))
    };
    let (all, one, none) = (list("reader").await, list("reader:2").await, list("owner:77").await);
    assert_eq!(all, ["dev", "other"]);
    assert_eq!(one, ["other"]);
    assert_eq!(none, [""; 0]);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.arm(TAIL).await)).await;
}

async fn wrong_subscriptions_and_continuations_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let elsewhere =
        format!("/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652{TAIL}?api-version=2025-09-01");
    world.manage("reader", Call::get(elsewhere)).await.expect_error(404, "SubscriptionNotFound");
    let forged = world.arm(&format!("{TAIL}?continuationToken=x")).await;
    world.manage("reader", Call::get(forged)).await.expect_invalid("continuationToken");
    let zero = world.arm(&format!("{TAIL}?maxPageSize=0")).await;
    world.manage("reader", Call::get(zero)).await.expect_invalid("maxPageSize");
}
