//! `Calls_List`, `Calls_Get`: calls as operators see them.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, raw_id, text, token};

on_both_engines!(SLICES; calls_are_listed_and_shown, strangers_see_nothing);

async fn calls_are_listed_and_shown(store: TestStore) {
    let world = World::new(store).await;
    let _bob = world.connect(BOB).await;
    let mut ada = world.connect(ADA).await;
    for number in 1..=3 {
        let leg = format!("a-{number}");
        ada.ok("call.start", json!({ "leg": leg, "to": [raw_id(BOB)], "displayName": "Ada" })).await;
        if number < 3 {
            ada.ok("call.hangUp", json!({ "leg": leg })).await;
            ada.next_of("leg.over").await;
        }
    }
    let get = |target: &str| Call::get(target.to_owned()).bearer("reader");
    let page = world.app.call(get("/trunkline/resources/dev/calls?maxPageSize=2")).await.expect(200).body;
    let calls = page["value"].as_array().expect("a page").clone();
    assert_eq!(calls.len(), 2);
    assert_eq!((&calls[0]["kind"], &calls[0]["startedBy"]), (&json!("oneToOne"), &json!(raw_id(ADA))));
    assert_eq!((calls[0].get("endedOn"), &calls[1]["reason"]["code"]), (None, &json!(487)));
    let next = text(&page["nextLink"]);
    let next = next.strip_prefix("https://localhost:8443").expect("a link of this server");
    let rest = world.app.call(get(next)).await.expect(200).body;
    assert_eq!((rest["value"].as_array().map(Vec::len), rest.get("nextLink")), (Some(1), None));

    let target = format!("/trunkline/resources/dev/calls/{}", text(&calls[1]["id"]));
    let shown = world.app.call(get(&target)).await.expect(200).body;
    assert_eq!(shown["serverCallId"], calls[1]["serverCallId"]);
    let legs = shown["legs"].as_array().expect("legs");
    assert_eq!(
        (&legs[0]["user"], &legs[0]["name"], &legs[0]["p"]),
        (&json!(raw_id(ADA)), &json!("Ada"), &json!(1))
    );
    assert_eq!((&legs[1]["user"], &legs[1]["kind"]), (&json!(raw_id(BOB)), &json!("user")));
    assert_eq!(legs[0]["agent"], "testkit/1 tests");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let list = || Call::get("/trunkline/resources/dev/calls");
    world.app.call(list()).await.expect_denied("CredentialsMissing");
    world.app.call(list().bearer(&token(&raw_id(ADA), "voip"))).await.expect_error(403, "Forbidden");
    let none = Call::get("/trunkline/resources/none/calls").bearer("reader");
    world.app.call(none).await.expect_error(404, "NotFound");
    let none = Call::get("/trunkline/resources/dev/calls/c-none").bearer("reader");
    world.app.call(none).await.expect_error(404, "NotFound");
}
