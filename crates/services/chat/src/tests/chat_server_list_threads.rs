//! `ChatServer_ListThreads`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::KeySlot;
use trunkline_web::context::encode;

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, next, raw_id, text};
use super::server_calls::{THREADS, import_at, thread_from_elsewhere};

on_both_engines!(SLICES;
    every_thread_is_listed_the_last_made_first,
    pages_end_where_the_list_ends,
    those_of_one_person_can_be_asked_for,
    other_resources_have_their_own,
    other_credentials_see_nothing,
);

fn ids(page: &Value) -> Vec<String> {
    page["value"].as_array().expect("a page").iter().map(|thread| text(&thread["id"])).collect()
}

async fn every_thread_is_listed_the_last_made_first(store: TestStore) {
    let world = World::new(store).await;
    let created = world.now();
    let first = world.thread(ADA, &[BOB]).await;
    let sent = world.now();
    world.send(BOB, &first, "hello").await;
    let gone = world.thread(ADA, &[]).await;
    world.call(ADA, Call::delete(at(&gone, ""))).await.expect(204);
    let imported = "19:imported@thread.v2";
    let call = Call::new("PUT", import_at(imported, "")).json(&thread_from_elsewhere(&[]));
    world.serve(call).await.expect(200);
    let page = world.serve(Call::get(THREADS)).await.expect(200).body;
    assert_eq!(ids(&page), [imported, &first]);
    let expected = json!({
        "id": first, "topic": "Lunch", "createdOn": date(created),
        "createdByCommunicationIdentifier": super::harness::identifier(ADA),
        "retentionPolicy": { "kind": "none" }, "lastMessageReceivedOn": date(sent),
        "participantCount": 2, "isImporting": false,
    });
    assert_eq!(page["value"][1], expected);
    assert_eq!(page["value"][0]["isImporting"], json!(true));
    assert_eq!(page["value"][0].get("lastMessageReceivedOn"), None);
}

async fn pages_end_where_the_list_ends(store: TestStore) {
    let world = World::new(store).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(world.thread(ADA, &[]).await);
    }
    let mut target = Some(format!("{THREADS}?maxPageSize=2"));
    let mut pages = Vec::new();
    while let Some(page) = target {
        let answer = world.serve(Call::get(page)).await.expect(200);
        pages.push(ids(&answer.body));
        target = next(&answer);
        // A thread that is made meanwhile does not shift the others.
        world.thread(ADA, &[]).await;
    }
    made.reverse();
    assert_eq!(pages, [made[..2].to_vec(), made[2..].to_vec()]);
    for bad in ["maxPageSize=0", "continuationToken=x"] {
        world.serve(Call::get(format!("{THREADS}?{bad}"))).await.expect_error(400, "BadRequest");
    }
}

async fn those_of_one_person_can_be_asked_for(store: TestStore) {
    let world = World::new(store).await;
    let both = world.thread(ADA, &[BOB]).await;
    world.thread(ADA, &[]).await;
    let left = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &left, BOB).await;
    let last = world.thread(EVE, &[BOB]).await;
    let target = format!("{THREADS}?maxPageSize=1&participant={}", encode(&raw_id(BOB)));
    let first = world.serve(Call::get(target)).await.expect(200);
    assert_eq!(ids(&first.body), [last]);
    let second = world.serve(Call::get(next(&first).expect("another page"))).await.expect(200);
    assert_eq!((ids(&second.body), next(&second)), (vec![both], None));
    let stranger = format!("{THREADS}?participant={}", encode(&raw_id(50)));
    assert_eq!(world.serve(Call::get(stranger)).await.expect(200).body, json!({ "value": [] }));
}

async fn other_resources_have_their_own(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[]).await;
    let key = world.resources.key("other", KeySlot::Primary);
    let call = Call::get(THREADS).host(app::OTHER_HOST).signed(&key);
    assert_eq!(world.app.call(call).await.expect(200).body, json!({ "value": [] }));
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[]).await;
    world.refuses_other_credentials(&Call::get(THREADS), false).await;
    for application in ["app:data:reader", "app:data:reader:1", "app:data:contributor"] {
        let seen = world.app.call(Call::get(THREADS).bearer(application)).await.expect(200);
        assert_eq!(seen.body["value"].as_array().map(Vec::len), Some(1));
    }
}
