//! `ResourceEventSubscriptions_Reveal`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{Home, SLICES, World};
use super::operators::{path_of, web_hook};

on_both_engines!(SLICES; secrets_are_shown_to_owners_and_audited, owners_may_reveal);

async fn secrets_are_shown_to_owners_and_audited(store: TestStore) {
    let world = World::new(store).await;
    let mut body = web_hook("https://app.example/hook?code=1");
    body["destination"]["webHook"]["headers"] = json!([{ "name": "X-Key", "value": "hunter2", "isSecret": true }, { "name": "X-Team", "value": "v" }]);
    world.subscribed("hook", &body).await;
    let call = || Call::post(path_of("hook", "/:reveal"));
    let answer = world.operate("owner", call()).await.expect(200);
    let expected = json!({ "url": "https://app.example/hook?code=1", "headers": { "X-Key": "hunter2" } });
    assert_eq!(answer.body, expected);
    let (target, detail) =
        world.app.newest_audit("ResourceEventSubscriptions_Reveal", "owner", &answer).await;
    assert_eq!(target, "dev/hook");
    assert!(!detail.to_string().contains("hunter2"), "{detail}");
    // What waits for its handshake is what was asked for last.
    world.subscribe("hook", &web_hook("https://app.example/new?code=2")).await.expect(201);
    let answer = world.operate("owner", call()).await.expect(200);
    assert_eq!(answer.body["url"], "https://app.example/new?code=2");
    world.refuse(Home::Resource, "hook", "It answered 500.").await;
    assert_eq!(world.operate("owner", call()).await.body["url"], "https://app.example/hook?code=1");
    world.operate("owner", Call::post(path_of("none", "/:reveal"))).await.expect_error(404, "NotFound");
}

async fn owners_may_reveal(store: TestStore) {
    let world = World::new(store).await;
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
    let target = path_of("hook", "/:reveal");
    world.takes_operators_from("owner", &Call::post(target.clone())).await;
    world.refuses_unknown_resources(&|target| Call::post(target), &target).await;
}
