//! `media.report` and `call.survey`: how media was, and what people say of it.

use std::time::Duration;

use serde_json::json;
use trunkline_store::{StoreError, params};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, EVE, SLICES, World, raw_id, text};

on_both_engines!(SLICES;
    the_last_report_of_a_leg_is_kept,
    a_report_may_come_a_moment_late,
    people_say_what_they_think_for_ten_minutes,
    what_is_too_much_is_refused,
    what_an_erased_person_said_goes,
);

async fn reports(world: &World) -> Vec<(i64, i64, String)> {
    let read: Result<_, StoreError> = world
        .app
        .store
        .read(|tx| {
            let rows =
                tx.query_all("SELECT p, view, body FROM calling_reports ORDER BY p, view", params![])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
        })
        .await;
    read.expect("reports can be read")
}

fn report(at: i64) -> serde_json::Value {
    json!({
        "leg": "a-1", "at": at, "rtt_ms": 41, "path": "relay-tls",
        "in": [{ "mid": "5", "lost": 1, "packets": 900, "jitter_ms": 4, "kbps": 420, "width": 640, "height": 360 }],
        "out": [{ "source": "camera", "layer": "h", "kbps": 600, "limited": "none" }],
    })
}

async fn the_last_report_of_a_leg_is_kept(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, _bob, _) = world.pair().await;
    ada.ok("media.report", report(1)).await;
    ada.ok("media.report", report(2)).await;
    assert_eq!(reports(&world).await, [], "it waits for the end of the leg");
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    let kept = reports(&world).await;
    assert_eq!((kept.len(), kept[0].0, kept[0].1), (1, 1, 1));
    let body: serde_json::Value = serde_json::from_str(&kept[0].2).unwrap();
    assert_eq!(
        (&body["at"], &body["path"], &body["in"][0]["mid"]),
        (&json!(2), &json!("relay-tls"), &json!("5"))
    );
    assert_eq!(body["out"][0]["kbps"], 600);
}

async fn a_report_may_come_a_moment_late(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, _bob, _) = world.pair().await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    world.app.clock().advance(Duration::from_secs(10));
    ada.ok("media.report", report(7)).await;
    assert_eq!(reports(&world).await.len(), 1);
    world.app.clock().advance(Duration::from_secs(1));
    assert_eq!(ada.refused("media.report", report(8)).await, "unknownCall");
}

async fn people_say_what_they_think_for_ten_minutes(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, leg) = world.pair().await;
    let mut eve = world.connect(EVE).await;
    let said = |leg: &str| json!({ "leg": leg, "survey": { "overallRating": { "score": 5 } } });
    assert_eq!(eve.refused("call.survey", said("a-1")).await, "unknownCall", "was not in the call");
    bob.ok("call.survey", said(&leg)).await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    let reply = ada.ok("call.survey", said("a-1")).await;
    assert_eq!(text(&reply["survey"]), "a-1");
    let kept: Vec<(i64, i64)> = reports(&world).await.iter().map(|(p, view, _)| (*p, *view)).collect();
    assert_eq!(kept, [(1, 2), (2, 2)]);

    let list = world.app.call(Call::get("/trunkline/resources/dev/calls").bearer("reader")).await.expect(200);
    let id = text(&list.body["value"][0]["id"]);
    let call = Call::get(format!("/trunkline/resources/dev/calls/{id}")).bearer("reader");
    let shown = world.app.call(call).await.expect(200).body;
    assert_eq!(shown["legs"][0]["survey"], json!({ "overallRating": { "score": 5 } }));

    world.app.clock().advance(Duration::from_secs(601));
    let mut later = world.connect(ADA).await;
    assert_eq!(later.refused("call.survey", said("a-1")).await, "unknownCall");
}

async fn what_is_too_much_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, _bob, _) = world.pair().await;
    let line = json!({ "mid": "1" });
    let many = json!({ "leg": "a-1", "at": 1, "in": vec![line; 81] });
    assert_eq!(ada.refused("media.report", many).await, "malformed");
    let long = json!({ "leg": "a-1", "survey": { "text": "x".repeat(4096) } });
    assert_eq!(ada.refused("call.survey", long).await, "malformed");
    assert_eq!(ada.refused("call.survey", json!({ "leg": "a-1", "survey": 5 })).await, "malformed");
    assert_eq!(reports(&world).await, []);
}

async fn what_an_erased_person_said_goes(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, leg) = world.pair().await;
    let said = |leg: &str| json!({ "leg": leg, "survey": { "issues": "text" } });
    ada.ok("media.report", report(1)).await;
    ada.ok("call.survey", said("a-1")).await;
    bob.ok("call.survey", said(&leg)).await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    let resource = world.resources.view("dev").id;
    world.calling.forget_user(resource, &raw_id(ADA)).await.unwrap();
    let kept: Vec<(i64, i64)> = reports(&world).await.iter().map(|(p, view, _)| (*p, *view)).collect();
    assert_eq!(kept, [(1, 1), (2, 2)], "numbers stay, words go");
}
