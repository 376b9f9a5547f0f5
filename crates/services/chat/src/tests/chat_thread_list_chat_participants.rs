//! `ChatThread_ListChatParticipants`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, next, raw_id};

on_both_engines!(SLICES;
    pages_are_in_the_order_of_joining,
    some_can_be_skipped,
    strangers_see_nothing,
);

async fn pages_are_in_the_order_of_joining(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[9, 4, 7, BOB]).await;
    world.remove(ADA, &thread, 4).await;
    let mut target = Some(format!("{}&maxPageSize=2", at(&thread, "/participants")));
    let mut pages = Vec::new();
    while let Some(page) = target {
        let answer = world.call(BOB, Call::get(page)).await.expect(200);
        let people = answer.body["value"].as_array().expect("a page").clone();
        pages.push(people.iter().map(|p| p["communicationIdentifier"]["rawId"].clone()).collect::<Vec<_>>());
        target = next(&answer);
    }
    let ids = |numbers: &[u32]| numbers.iter().map(|number| json!(raw_id(*number))).collect::<Vec<_>>();
    assert_eq!(pages, [ids(&[ADA, 9]), ids(&[7, BOB])]);
    world.add(ADA, &thread, 4, "1970-01-01T00:00:00Z").await;
    let last = world.participants(ADA, &thread).await.pop().expect("somebody");
    assert_eq!(last["communicationIdentifier"]["rawId"], json!(raw_id(4)));
}

async fn some_can_be_skipped(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE, 4]).await;
    let target = format!("{}&skip=1&maxPageSize=2", at(&thread, "/participants"));
    let first = world.call(ADA, Call::get(target)).await.expect(200);
    let id = |answer: &serde_json::Value, index: usize| {
        answer["value"][index]["communicationIdentifier"]["rawId"].clone()
    };
    assert_eq!((id(&first.body, 0), id(&first.body, 1)), (json!(raw_id(BOB)), json!(raw_id(EVE))));
    // The link has what was skipped behind it; one SDK sends `skip` with it all the same.
    let link = next(&first).expect("another page");
    for target in [link.clone(), format!("{link}&skip=1")] {
        let second = world.call(ADA, Call::get(target)).await.expect(200);
        assert_eq!(id(&second.body, 0), json!(raw_id(4)));
        assert_eq!(second.body["value"].as_array().map(Vec::len), Some(1));
    }
    let bad = Call::get(format!("{}&skip=-1", at(&thread, "/participants")));
    world.call(ADA, bad).await.expect_invalid("skip");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::get(at(&thread, "/participants"));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
}
