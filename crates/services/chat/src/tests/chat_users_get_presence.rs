//! `ChatUsers_GetPresence`.

use serde_json::{Value, json};
use trunkline_store::Key;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, identifier, raw_id, raw_id_in};
use super::live::{DEADLINE, Live};
use crate::error::ChatError;
use crate::rows::{endpoints, person};

on_both_engines!(SLICES;
    connected_people_are_online,
    people_of_a_dead_node_are_not,
    only_people_with_a_common_thread_are_told_of,
    bad_requests_are_refused,
    strangers_see_nobody,
);

async fn presence(world: &World, number: u32, about: &[u32]) -> Vec<Value> {
    let identifiers: Vec<Value> = about.iter().map(|number| identifier(*number)).collect();
    let call = Call::post("/trunkline/chat/presence").json(&json!({ "identifiers": identifiers }));
    let answer = world.call(number, call).await.expect(200);
    answer.body["value"].as_array().expect("a list").clone()
}

fn away(number: u32) -> Value {
    json!({ "identifier": identifier(number), "isOnline": false })
}

fn online(number: u32) -> Value {
    json!({ "identifier": identifier(number), "isOnline": true })
}

fn seen(number: u32, at: &str) -> Value {
    json!({ "identifier": identifier(number), "isOnline": false, "lastSeenOn": at })
}

async fn connected_people_are_online(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    world.thread(ADA, &[BOB, EVE]).await;
    let first = live.connect(BOB, "bob-1").await;
    let second = live.connect(BOB, "bob-2").await;
    assert_eq!(presence(world, ADA, &[EVE, BOB, ADA]).await, [away(EVE), online(BOB), away(ADA)]);
    let until = async |expected: Value| {
        let wait = async {
            while presence(world, ADA, &[BOB]).await != std::slice::from_ref(&expected) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("the rows follow");
    };
    first.stop().await.expect("it leaves");
    live.until(|live| live.world.chat.realtime.count() == 1).await;
    until(online(BOB)).await;
    let left = date(world.now());
    second.stop().await.expect("it leaves");
    until(seen(BOB, &left)).await;
    world.advance_ms(1000);
    assert_eq!(presence(world, ADA, &[BOB]).await, [seen(BOB, &left)]);
}

async fn people_of_a_dead_node_are_not(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[BOB]).await;
    let (resource, now) = (world.resources.view("dev").id, world.now());
    let connect = world.app.store.write(Key::system("test"), move |tx| {
        let bob = person(tx, resource, &raw_id(BOB), now)?;
        Ok::<_, ChatError>(endpoints::insert_endpoint(tx, bob, "bob-1", "dead", now)?)
    });
    connect.await.expect("a row");
    world.advance_ms(90_000);
    assert_eq!(presence(&world, ADA, &[BOB]).await, [online(BOB)]);
    world.advance_ms(1);
    assert_eq!(presence(&world, ADA, &[BOB]).await, [seen(BOB, &date(now))]);
}

async fn only_people_with_a_common_thread_are_told_of(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let other = world.thread(BOB, &[EVE]).await;
    assert_eq!(presence(&world, ADA, &[BOB, EVE, 50]).await, [away(BOB)]);
    assert_eq!(presence(&world, BOB, &[ADA, EVE]).await, [away(ADA), away(EVE)]);
    assert!(presence(&world, 50, &[ADA, BOB]).await.is_empty());
    let foreign = json!({ "identifiers": [{ "rawId": raw_id_in(2, BOB) }, { "rawId": "4:+14255550123" }] });
    let call = Call::post("/trunkline/chat/presence").json(&foreign);
    assert_eq!(world.call(ADA, call).await.expect(200).body, json!({ "value": [] }));
    world.remove(BOB, &other, EVE).await;
    assert!(presence(&world, EVE, &[BOB]).await.is_empty());
    assert!(presence(&world, BOB, &[EVE]).await.is_empty());
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    assert!(presence(&world, ADA, &[BOB]).await.is_empty());
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let ask = async |body: Value| world.call(ADA, Call::post("/trunkline/chat/presence").json(&body)).await;
    ask(json!({})).await.expect_invalid("body");
    ask(json!({ "identifiers": [{}] })).await.expect_invalid("identifiers");
    let many = |count: usize| json!({ "identifiers": vec![identifier(BOB); count] });
    ask(many(101)).await.expect_invalid("identifiers");
    ask(many(100)).await.expect(200);
    assert_eq!(ask(json!({ "identifiers": [] })).await.expect(200).body, json!({ "value": [] }));
}

async fn strangers_see_nobody(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post("/trunkline/chat/presence").json(&json!({ "identifiers": [identifier(BOB)] }));
    world.refuses_callers(&call).await;
}
