//! `ChatThread_ListChatReadReceipts`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, next, raw_id, text};

on_both_engines!(SLICES;
    pages_hold_one_receipt_for_each,
    strangers_see_nothing,
);

async fn pages_hold_one_receipt_for_each(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE, 4]).await;
    let id = world.send(ADA, &thread, "x").await;
    for number in [EVE, ADA, BOB] {
        let body = json!({ "chatMessageId": id });
        world.call(number, Call::post(at(&thread, "/readReceipts")).json(&body)).await.expect(200);
    }
    let mut target = Some(format!("{}&maxPageSize=2", at(&thread, "/readReceipts")));
    let (mut sizes, mut readers) = (Vec::new(), Vec::new());
    while let Some(page) = target {
        let answer = world.call(4, Call::get(page)).await.expect(200);
        let found = answer.body["value"].as_array().expect("a page").clone();
        sizes.push(found.len());
        readers.extend(found.iter().map(|r| text(&r["senderCommunicationIdentifier"]["rawId"])));
        target = next(&answer);
    }
    readers.sort();
    assert_eq!(sizes, [2, 1]);
    assert_eq!(readers, [raw_id(ADA), raw_id(BOB), raw_id(EVE)]);
    let skipped = Call::get(format!("{}&skip=2", at(&thread, "/readReceipts")));
    let skipped = world.call(ADA, skipped).await.expect(200);
    assert_eq!(skipped.body["value"].as_array().map(Vec::len), Some(1));
    world.remove(ADA, &thread, BOB).await;
    let left = world.call(ADA, Call::get(at(&thread, "/readReceipts"))).await.expect(200);
    assert_eq!(left.body["value"].as_array().map(Vec::len), Some(2));
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::get(at(&thread, "/readReceipts"));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
}
