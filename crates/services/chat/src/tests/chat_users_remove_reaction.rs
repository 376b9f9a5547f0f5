//! `ChatUsers_RemoveReaction`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, own};

on_both_engines!(SLICES;
    only_the_own_reaction_goes,
    bad_requests_are_refused,
    strangers_take_nothing_back,
);

async fn reactions(world: &World, thread: &str, id: &str) -> Value {
    let call = Call::get(own(thread, &format!("/messages/{id}")));
    world.call(ADA, call).await.expect(200).body["reactions"].clone()
}

async fn only_the_own_reaction_goes(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    for (number, emoji) in [(ADA, "a"), (BOB, "a"), (BOB, "b")] {
        world.react(number, &thread, &id, emoji).await;
    }
    let events = world.app.events().await;
    // What is not there can be removed too: an answer that was lost is asked for again.
    for _ in 0..2 {
        let call = Call::delete(own(&thread, &format!("/messages/{id}/reactions/a")));
        world.call(BOB, call).await.expect(204);
    }
    let expected = json!([
        { "emoji": "a", "count": 1, "isOwn": true }, { "emoji": "b", "count": 1, "isOwn": false },
    ]);
    assert_eq!(reactions(&world, &thread, &id).await, expected);
    assert_eq!(world.app.events().await, events);
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let delete = async |id: &str, emoji: &str| {
        world.call(ADA, Call::delete(own(&thread, &format!("/messages/{id}/reactions/{emoji}")))).await
    };
    delete(&id, "a%20b").await.expect_invalid("emoji");
    delete("1", "a").await.expect_error(404, "NotFound");
    delete("abc", "a").await.expect_error(404, "NotFound");
}

async fn strangers_take_nothing_back(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    world.react(BOB, &thread, &id, "a").await;
    let call = Call::delete(own(&thread, &format!("/messages/{id}/reactions/a")));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
    assert_eq!(reactions(&world, &thread, &id).await[0]["count"], json!(1));
}
