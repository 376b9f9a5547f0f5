//! `Chat_ListChatThreads`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::harness::{
    ADA, BOB, EVE, SLICES, VERSION, World, at, date, next, raw_id, raw_id_in, text, threads, token,
};

on_both_engines!(SLICES;
    own_threads_are_listed_the_last_joined_first,
    pages_hold_what_was_asked_for,
    old_threads_can_be_left_out,
    strangers_and_other_resources_see_nothing,
    bad_queries_are_refused,
);

async fn ids(world: &World, number: u32, target: String) -> Vec<String> {
    let answer = world.call(number, Call::get(target)).await.expect(200);
    answer.body["value"].as_array().expect("a page").iter().map(|item| text(&item["id"])).collect()
}

async fn own_threads_are_listed_the_last_joined_first(store: TestStore) {
    let world = World::new(store).await;
    let made = world.now();
    let first = world.thread(ADA, &[BOB]).await;
    let second = world.thread(BOB, &[ADA]).await;
    let sent = world.now();
    world.send(ADA, &first, "hello").await;
    world.thread(BOB, &[]).await;
    let answer = world.call(ADA, Call::get(threads())).await.expect(200);
    let item = |id: &str, last| json!({ "id": id, "topic": "Lunch", "lastMessageReceivedOn": date(last) });
    let second_made = made.plus(std::time::Duration::from_secs(1));
    assert_eq!(answer.body, json!({ "value": [item(&second, second_made), item(&first, sent)] }));
    world.remove(BOB, &second, ADA).await;
    assert_eq!(ids(&world, ADA, threads()).await, std::slice::from_ref(&first));
    world.call(BOB, Call::delete(at(&first, ""))).await.expect(204);
    assert_eq!(ids(&world, ADA, threads()).await, Vec::<String>::new());
    world.add(BOB, &second, ADA, "1970-01-01T00:00:00Z").await;
    assert_eq!(ids(&world, ADA, threads()).await, [second]);
}

async fn pages_hold_what_was_asked_for(store: TestStore) {
    let world = World::new(store).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.thread(ADA, &[]).await);
    }
    made.reverse();
    let mut target = Some(format!("{}&maxPageSize=2", threads()));
    let mut sizes = Vec::new();
    let mut seen = Vec::new();
    while let Some(page) = target {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        let found = answer.body["value"].as_array().expect("a page");
        sizes.push(found.len());
        seen.extend(found.iter().map(|item| text(&item["id"])));
        target = next(&answer);
        // What comes meanwhile shifts nothing.
        world.thread(ADA, &[]).await;
    }
    assert_eq!((sizes, seen), (vec![2, 2, 1], made));
}

async fn old_threads_can_be_left_out(store: TestStore) {
    let world = World::new(store).await;
    let old = world.thread(ADA, &[]).await;
    let awake = world.thread(ADA, &[]).await;
    let start = world.now();
    world.send(ADA, &awake, "x").await;
    let new = world.thread(ADA, &[]).await;
    let target = format!("{}&startTime={}&maxPageSize=1", threads(), date(start));
    let first = world.call(ADA, Call::get(target)).await.expect(200);
    assert_eq!(first.body["value"][0]["id"], json!(new));
    let second = world.call(ADA, Call::get(next(&first).expect("another page"))).await.expect(200);
    assert_eq!(second.body["value"][0]["id"], json!(awake));
    assert_eq!(next(&second), None);
    assert_eq!(ids(&world, ADA, threads()).await, [new, awake, old]);
}

async fn strangers_and_other_resources_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[]).await;
    for number in [EVE, 500] {
        let answer = world.call(number, Call::get(threads())).await.expect(200);
        assert_eq!(answer.body, json!({ "value": [] }));
    }
    let call = Call::get(threads()).host(app::OTHER_HOST).bearer(&token(&raw_id_in(2, ADA), "chat"));
    assert_eq!(world.app.call(call).await.expect(200).body["value"], Value::Array(vec![]));
    for scope in ["chat", "chat.join", "chat.join.limited"] {
        world.app.call(Call::get(threads()).bearer(&token(&raw_id(ADA), scope))).await.expect(200);
    }
    let voice = Call::get(threads()).bearer(&token(&raw_id(ADA), "voip"));
    world.app.call(voice).await.expect_error(403, "Forbidden");
    world.app.call(Call::get(threads())).await.expect_denied("CredentialsMissing");
}

async fn bad_queries_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for (query, target) in [
        ("maxPageSize=0", "maxPageSize"),
        ("maxPageSize=x", "maxPageSize"),
        ("startTime=yesterday", "startTime"),
        ("continuationToken=x.y", "continuationToken"),
    ] {
        let call = Call::get(format!("/chat/threads?api-version={VERSION}&{query}"));
        world.call(ADA, call).await.expect_invalid(target);
    }
}
