//! The node that has a resource: how clients find it, and what it may do once another node has taken the resource.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{Call, SignallingClient, TestStore, on_both_engines};

use super::harness::{ADA, BOB, GROUP, SLICES, World, raw_id, raw_id_in, token};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    a_host_that_is_no_resource_takes_clients_of_the_one_that_is_named,
    tokens_of_other_resources_do_not_open_the_one_that_is_named,
    a_node_that_lost_the_resource_lets_its_clients_go_with_the_first_write,
    a_node_that_had_lost_the_resource_meanwhile_begins_its_calls_anew,
    what_another_node_deletes_stays_deleted,
);

async fn a_host_that_is_no_resource_takes_clients_of_the_one_that_is_named(store: TestStore) {
    let world = World::new(store).await;
    let dev = world.resources.view("dev").id;
    let at = |query: &str| Call::get(format!("/calling/signalling{query}")).host("node2.foreign.example");
    world.app.call(at("")).await.expect_error(404, "NotFound");
    world.app.call(at("?resource=dev")).await.expect_invalid("resource");
    let nobody = "?resource=29228d3e-040e-4656-a70e-890ab4e173e5";
    world.app.call(at(nobody)).await.expect_error(404, "NotFound");
    // All that is missing is the upgrade.
    world.app.call(at(&format!("?resource={dev}"))).await.expect_error(426, "BadRequest");

    let node = trunkline_testkit::realtime::Origin {
        host: "node2.foreign.example".to_owned(),
        ..world.origin.clone()
    };
    let (target, token) = (format!("/calling/signalling?resource={dev}"), token(&raw_id(ADA), "voip"));
    let opened = SignallingClient::connect_at(&node, &target, &world.tasks, &token, json!({})).await;
    let mut ada = opened.expect("the token is of the resource");
    ada.ok("call.join", json!({ "leg": "a", "locator": { "groupId": GROUP } })).await;
    ada.cut();
    ada.resume().await.expect("a session goes on at the same address");
}

async fn tokens_of_other_resources_do_not_open_the_one_that_is_named(store: TestStore) {
    let world = World::new(store).await;
    let dev = world.resources.view("dev").id;
    let target = format!("/calling/signalling?resource={dev}");
    for foreign in [token(&raw_id_in(2, ADA), "voip"), "nonsense".to_owned()] {
        let opened =
            SignallingClient::connect_at(&world.origin, &target, &world.tasks, &foreign, json!({})).await;
        assert_eq!(opened.map(drop).expect_err("no session opens")["code"], 4401, "{foreign}");
    }
    // The resource of the host does not count where another one is named.
    let other = format!("/calling/signalling?resource={}", world.resources.view("other").id);
    let ours = token(&raw_id(ADA), "voip");
    let opened = SignallingClient::connect_at(&world.origin, &other, &world.tasks, &ours, json!({})).await;
    assert_eq!(opened.map(drop).expect_err("no session opens")["code"], 4401);
    assert_eq!(world.metrics.sessions.get(), 0);
}

async fn a_node_that_lost_the_resource_lets_its_clients_go_with_the_first_write(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    world.taken_by_another_node().await;
    ada.request("call.add", json!({ "leg": "a-1", "to": [raw_id(7)] })).await;
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.socket().close_code().await, Some(4410), "they are to look where the calls are");
    }
    world.until(|world| world.metrics.sessions.get() == 0 && world.metrics.calls.get() == 0).await;
    assert_eq!(world.app.count("calling_legs").await, 2, "nobody was added");
    assert_eq!(world.app.count("calling_calls WHERE ended_at IS NULL").await, 1, "and nothing has ended");
    let redirect = world.connect_as(ADA, json!({})).await.map(drop).expect_err("the resource is elsewhere");
    let dev = world.resources.view("dev").id;
    assert_eq!(redirect["url"], format!("wss://node2.example/calling/signalling?resource={dev}"));
}

async fn a_node_that_had_lost_the_resource_meanwhile_begins_its_calls_anew(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    let joined = ada.ok("call.join", json!({ "leg": "a", "locator": { "groupId": GROUP } })).await;
    world.news("a", Input::MediaUp { p: P(1) });
    ada.until(|message| message["state"] == "connected").await;
    // Another one took it, and is gone again.
    world.taken_by_another_node().await;
    world.app.clock().advance(Duration::from_secs(25));
    let mut bob = world.connect(BOB).await;
    assert_eq!(ada.socket().close_code().await, Some(4410));
    let mut ada = world.connect(ADA).await;
    let rejoin = json!({ "leg": "a", "legToken": joined["legToken"] });
    assert_eq!(ada.ok("call.rejoin", rejoin).await["call"], joined["call"]);
    let second = bob.ok("call.join", json!({ "leg": "b", "locator": { "groupId": GROUP } })).await;
    assert_eq!((&second["call"], &second["p"]), (&joined["call"], &json!(2)));
    assert_eq!(world.metrics.calls.get(), 1);
}

async fn what_another_node_deletes_stays_deleted(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    let other = world.node("node-2").await;
    let now = trunkline_kernel::Clock::now(&**world.app.clock());
    other.forget_resource(world.resources.view("dev").id, now).await.unwrap();
    // The node that ran the call has not heard of it, and writes what it would.
    ada.say("call.survey", json!({ "leg": "a-1", "survey": { "overall": 5 } })).await;
    ada.say("call.hangUp", json!({ "leg": "a-1" })).await;
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.socket().close_code().await, Some(4410));
    }
    for table in ["calling_calls", "calling_legs", "calling_reports", "calling_owners"] {
        assert_eq!(world.app.count(table).await, 0, "{table}");
    }
}
