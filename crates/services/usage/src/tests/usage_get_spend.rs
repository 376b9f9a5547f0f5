//! `Usage_GetSpend`.

use serde_json::json;
use trunkline_testkit::{TestStore, app, on_both_engines};

use super::harness::{SLICES, World, settings};
use crate::SpendAction;

on_both_engines!(SLICES;
    a_month_is_turned_into_money,
    resources_come_in_pages,
    without_prices_nothing_costs_anything,
    wrong_questions_are_refused,
    operators_may_look,
);

async fn world(store: TestStore) -> World {
    let world = World::new(store, settings(Some("0.05"), SpendAction::Stop));
    world.at("2026-10-31T23:00:00Z");
    world.count("dev", "users", 1).await;
    world.at("2026-11-21T12:00:00Z");
    world.count("dev", "users", 8).await;
    world.count("dev", "talk.seconds", 30).await;
    world.count("other", "unpriced", 1).await;
    world
}

async fn a_month_is_turned_into_money(store: TestStore) {
    let world = world(store).await;
    let [dev, other] = ["dev", "other"].map(|name| world.view(name).id.to_string());
    let answer = world.read("/trunkline/usage/spend").await.expect(200);
    let expected = json!({
        "month": "2026-11", "currency": "EUR", "spendLimit": "0.05", "spendAction": "stop",
        "value": [
            { "resource": "dev", "resourceId": dev, "cost": "0.05", "isLimitReached": true, "meters": [
                { "meter": "talk.seconds", "quantity": 30, "price": "0.02/60", "cost": "0.01" },
                { "meter": "users", "quantity": 8, "price": "0.005", "cost": "0.04" },
            ] },
            { "resource": "other", "resourceId": other, "cost": "0", "isLimitReached": false, "meters": [
                { "meter": "unpriced", "quantity": 1 },
            ] },
        ],
    });
    assert_eq!(answer.body, expected);
    let october = world.read("/trunkline/usage/spend?month=2026-10&resource=dev").await.expect(200);
    assert_eq!(october.body["month"], "2026-10");
    assert_eq!(october.body["value"][0]["cost"], "0.005");
    assert_eq!(october.body["value"][0]["isLimitReached"], false);
    let nothing = world.read("/trunkline/usage/spend?month=2026-09").await.expect(200);
    assert_eq!(nothing.body["value"], json!([]));
    assert_eq!(world.app.events().await.len(), 0, "looking says nothing to anybody");
}

async fn resources_come_in_pages(store: TestStore) {
    let world = world(store).await;
    let first = world.read("/trunkline/usage/spend?maxPageSize=1").await.expect(200);
    assert_eq!(first.body["value"][0]["resource"], "dev");
    let link = first.body["nextLink"].as_str().and_then(|link| link.strip_prefix(app::ORIGIN));
    let second = world.read(link.expect("a second page")).await.expect(200);
    assert_eq!(second.body["value"][0]["resource"], "other");
    assert_eq!(second.body["value"].as_array().map(Vec::len), Some(1));
}

async fn without_prices_nothing_costs_anything(store: TestStore) {
    let world = World::new(store, crate::Settings { currency: "USD".to_owned(), ..Default::default() });
    world.count("dev", "users", 8).await;
    let answer = world.read("/trunkline/usage/spend").await.expect(200);
    let meters = json!([{ "meter": "users", "quantity": 8 }]);
    assert_eq!(answer.body["value"][0]["meters"], meters);
    assert_eq!(answer.body["value"][0]["cost"], "0");
    assert_eq!(answer.body.get("spendLimit"), None);
    assert_eq!(answer.body["spendAction"], "warn");
}

async fn wrong_questions_are_refused(store: TestStore) {
    let world = world(store).await;
    for (query, target) in
        [("month=november", "month"), ("month=2026-11-01", "month"), ("resource=%00", "resource")]
    {
        world.read(&format!("/trunkline/usage/spend?{query}")).await.expect_invalid(target);
    }
}

async fn operators_may_look(store: TestStore) {
    world(store).await.takes_operators("/trunkline/usage/spend").await;
}
