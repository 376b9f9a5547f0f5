//! The spend limit in virtual time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use trunkline_testkit::{TestStore, on_both_engines};
use trunkline_web::ports::GuardSpend as _;
use trunkline_web::{Allow, ApiError, Method, Operation};

use super::harness::{SLICES, World, settings};
use crate::{SpendAction, UsageService};

on_both_engines!(SLICES;
    the_limit_stops_until_the_month_turns,
    a_raised_limit_lets_pass_and_is_said_again,
    a_warning_never_stops_and_comes_once,
    other_resources_and_free_operations_go_on,
    the_last_request_of_a_month_is_noticed,
);

const fn metered(meter: Option<&'static str>) -> Operation {
    Operation { meter, ..Operation::own("Op_Do", Method::Post, "/do", &[Allow::ResourceKey]) }
}

static USERS: Operation = metered(Some("users"));
static UNPRICED: Operation = metered(Some("unpriced"));
static FREE: Operation = metered(Some("free"));
static UNMETERED: Operation = metered(None);

async fn check(
    world: &World,
    guard: &Arc<UsageService>,
    name: &str,
    operation: &'static Operation,
) -> Result<(), ApiError> {
    guard.check(world.view(name).id, operation).await
}

fn pass_a_second(world: &World) {
    world.app.clock().advance(Duration::from_millis(1001));
}

fn event(world: &World, month: &str, cost: &str, limit: &str, action: &str) -> Value {
    let id = world.view("dev").id.to_string();
    let payload =
        json!({ "month": month, "cost": cost, "limit": limit, "currency": "EUR", "action": action });
    json!({ "resource": id, "kind": "usage.limit_reached", "subject": id, "payload": payload })
}

async fn the_limit_stops_until_the_month_turns(store: TestStore) {
    let world = World::new(store, settings(None, SpendAction::Warn));
    let guard = world.service(settings(Some("0.05"), SpendAction::Stop));
    world.at("2026-11-30T23:59:50Z");
    world.count("dev", "users", 9).await;
    assert_eq!(check(&world, &guard, "dev", &USERS).await, Ok(()));
    world.count("dev", "users", 1).await;
    assert_eq!(check(&world, &guard, "dev", &USERS).await, Ok(()), "what is known may be a second old");
    pass_a_second(&world);
    for _ in 0..3 {
        let refusal = check(&world, &guard, "dev", &USERS).await.expect_err("the limit is reached");
        assert_eq!((refusal.status.as_u16(), refusal.code), (403, "SpendLimitReached"));
        assert_eq!(refusal.retry_after_seconds, None, "SDKs would wait and try again");
        for part in ["0.05 EUR", "2026-11", "usage.spend_limit", "usage.spend_action"] {
            assert!(refusal.message.contains(part), "{}", refusal.message);
        }
        pass_a_second(&world);
    }
    let november = event(&world, "2026-11", "0.05", "0.05", "stop");
    assert_eq!(world.app.events().await, std::slice::from_ref(&november));
    world.at("2026-12-01T00:00:00Z");
    assert_eq!(check(&world, &guard, "dev", &USERS).await, Ok(()));
    world.count("dev", "users", 11).await;
    pass_a_second(&world);
    assert!(check(&world, &guard, "dev", &USERS).await.is_err());
    let december = event(&world, "2026-12", "0.055", "0.05", "stop");
    assert_eq!(world.app.events().await, [november, december]);
}

async fn a_raised_limit_lets_pass_and_is_said_again(store: TestStore) {
    let world = World::new(store, settings(None, SpendAction::Warn));
    world.count("dev", "users", 10).await;
    let low = world.service(settings(Some("0.05"), SpendAction::Stop));
    assert!(check(&world, &low, "dev", &USERS).await.is_err());
    let high = world.service(settings(Some("0.1"), SpendAction::Stop));
    assert_eq!(check(&world, &high, "dev", &USERS).await, Ok(()));
    world.count("dev", "users", 10).await;
    pass_a_second(&world);
    assert!(check(&world, &high, "dev", &USERS).await.is_err());
    let again = world.service(settings(Some("0.05"), SpendAction::Stop));
    assert!(check(&world, &again, "dev", &USERS).await.is_err());
    let expected =
        [event(&world, "2026-11", "0.05", "0.05", "stop"), event(&world, "2026-11", "0.1", "0.1", "stop")];
    assert_eq!(world.app.events().await, expected);
}

async fn a_warning_never_stops_and_comes_once(store: TestStore) {
    let world = World::new(store, settings(None, SpendAction::Warn));
    let guard = world.service(settings(Some("0.05"), SpendAction::Warn));
    let other_node = world.service(settings(Some("0.05"), SpendAction::Warn));
    world.count("dev", "users", 100).await;
    let checks =
        (0..8).map(|number| check(&world, if number % 2 == 0 { &guard } else { &other_node }, "dev", &USERS));
    assert_eq!(join_all(checks).await, [const { Ok(()) }; 8]);
    world.count("dev", "users", 100).await;
    pass_a_second(&world);
    assert_eq!(check(&world, &guard, "dev", &USERS).await, Ok(()));
    assert_eq!(world.app.events().await, [event(&world, "2026-11", "0.5", "0.05", "warn")]);
    assert_eq!(world.app.count("usage_limits_reached").await, 1);
}

async fn other_resources_and_free_operations_go_on(store: TestStore) {
    let world = World::new(store, settings(None, SpendAction::Warn));
    let guard = world.service(settings(Some("0.05"), SpendAction::Stop));
    world.count("dev", "users", 100).await;
    assert!(check(&world, &guard, "dev", &USERS).await.is_err());
    for operation in [&UNPRICED, &FREE, &UNMETERED] {
        assert_eq!(check(&world, &guard, "dev", operation).await, Ok(()));
    }
    assert_eq!(check(&world, &guard, "other", &USERS).await, Ok(()));
    let without_limit = world.service(settings(None, SpendAction::Stop));
    assert_eq!(check(&world, &without_limit, "dev", &USERS).await, Ok(()));
}

async fn the_last_request_of_a_month_is_noticed(store: TestStore) {
    let world = World::new(store, settings(None, SpendAction::Warn));
    let guard = world.service(settings(Some("0.05"), SpendAction::Warn));
    world.count("dev", "users", 10).await;
    world.count("other", "users", 9).await;
    for _ in 0..2 {
        assert_eq!(guard.check_all().await, Ok(()));
        assert_eq!(world.app.events().await, [event(&world, "2026-11", "0.05", "0.05", "warn")]);
    }
    let without_limit = world.service(settings(None, SpendAction::Warn));
    assert_eq!(without_limit.check_all().await, Ok(()));
}

#[test]
fn prices_of_unknown_meters_are_found() {
    let prices = settings(None, SpendAction::Warn).prices;
    assert_eq!(prices.list_unknown_meters(&[&USERS, &FREE, &UNMETERED]), ["talk.seconds"]);
}
