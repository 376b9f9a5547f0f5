//! `ResourceEventSubscriptions_Replay`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_store::{Row, params};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::arm::{SLICES, World};
use super::operators::{SMS, path_of, web_hook};

on_both_engines!(SLICES;
    a_window_becomes_a_job,
    a_subscription_that_was_never_active_is_refused,
    wrong_windows_are_refused,
    contributors_may_replay,
);

fn replay(body: &Value) -> Call {
    Call::post(path_of("hook", "/:replay")).json(body)
}

/// The payloads of replays that wait.
async fn orders(world: &World) -> Vec<Value> {
    let rows: Result<Vec<Row>, trunkline_store::StoreError> = world
        .app
        .store
        .read(|tx| tx.query_all("SELECT payload FROM jobs WHERE kind = ?1", params![crate::REPLAY_JOB]))
        .await;
    let payload = |row: &Row| row.get::<String>(0).expect("text");
    rows.expect("jobs can be read")
        .iter()
        .map(|row| serde_json::from_str(&payload(row)).expect("JSON"))
        .collect()
}

async fn a_window_becomes_a_job(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    for number in 0..5 {
        world.publish(1, SMS, &number.to_string()).await;
        world.app.clock().advance(Duration::from_mins(10));
    }
    // Published 50, 40, 30, 20 and 10 minutes ago.
    let answer =
        world.operate("contributor", replay(&json!({ "from": "40m", "to": "15m" }))).await.expect(202);
    let id = answer.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header("operation-location"), format!("{}/trunkline/operations/{id}", app::ORIGIN));
    assert_eq!(answer.header("retry-after"), "1");
    let row = world.row(super::arm::Home::Resource, "hook").await.expect("a subscription");
    let number = row.subscription.number;
    let (after, through) = (row.subscription.from_sequence + 1, row.subscription.from_sequence + 4);
    assert_eq!(orders(&world).await, [json!({ "subscription": number, "after": after, "through": through })]);
    let (target, detail) =
        world.app.newest_audit("ResourceEventSubscriptions_Replay", "contributor", &answer).await;
    assert_eq!((target.as_str(), &detail["after"]), ("dev/hook", &json!(after)));
    world.operate("contributor", replay(&json!({ "from": "1d" }))).await.expect(202);
    let newest = row.subscription.from_sequence + 5;
    assert!(
        orders(&world).await.iter().any(|order| order["through"] == json!(newest)),
        "as far as there are events"
    );
}

async fn a_subscription_that_was_never_active_is_refused(store: TestStore) {
    let world = World::new(store).await;
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
    let rows = world.rows().await;
    world.operate("owner", replay(&json!({ "from": "1h" }))).await.expect_error(409, "Conflict");
    assert_eq!(world.rows().await, rows);
}

async fn wrong_windows_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    let rows = world.rows().await;
    for (body, target) in [
        (json!({ "from": "yesterday" }), "from"),
        (json!({ "from": "1h", "to": "tomorrow" }), "to"),
        (json!({ "from": "1h", "to": "2h" }), "from"),
        (json!({ "from": "1h", "to": "1h" }), "from"),
    ] {
        world.operate("owner", replay(&body)).await.expect_invalid(target);
    }
    for body in [json!({}), json!({ "from": 5 }), json!({ "from": "1h", "until": "2h" })] {
        assert_eq!(world.operate("owner", replay(&body)).await.status, 400, "{body}");
    }
    assert_eq!(world.rows().await, rows);
    let none = Call::post(path_of("none", "/:replay")).json(&json!({ "from": "1h" }));
    world.operate("owner", none).await.expect_error(404, "NotFound");
}

async fn contributors_may_replay(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    let body = json!({ "from": "1h" });
    world.takes_operators_from("contributor", &replay(&body)).await;
    let call = |target: String| Call::post(target).json(&body);
    world.refuses_unknown_resources(&call, &path_of("hook", "/:replay")).await;
}
