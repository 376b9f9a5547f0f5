//! Subscriptions that come, change and go while events flow.

use std::time::Duration;

use trunkline_kernel::Clock as _;
use trunkline_store::{StoreError, Tx};
use trunkline_testkit::{TestStore, on_both_engines};

use super::fakes::{Behaviour, SLICES, Stage, numbered};
use crate::model::Provisioning;
use crate::{changes, rows};

on_both_engines!(SLICES;
    a_new_subscription_gets_every_event_from_then_on,
    a_deleted_subscription_leaves_nothing_behind,
    events_wait_while_a_change_waits_for_its_handshake,
    an_expired_subscription_gets_nothing_more,
);

async fn a_new_subscription_gets_every_event_from_then_on(test: TestStore) {
    let stage = Stage::running(test).await;
    for round in 0..20 {
        let name = format!("hook{round}");
        stage.publish(["before".to_owned()]).await;
        stage.subscribe(&name).await;
        stage.publish([name.clone()]).await;
        stage.hooks.wait("its event", |hooks| hooks.subjects(&name).contains(&name)).await;
    }
}

async fn a_deleted_subscription_leaves_nothing_behind(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    stage.hooks.set("hook", Behaviour::Refuse);
    stage.publish(numbered("a", 50)).await;
    stage.until_passed(50).await;
    let now = stage.clock.now();
    let bury = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        let mut row = rows::find_subscription_by_number(tx, number)?.unwrap();
        changes::bury(tx, &mut row, now)
    };
    stage.test.write(changes::lock(), bury).await.unwrap();
    stage.until("its rows go", || async { stage.waiting(number).await == 0 }).await;
    let tombstones = || async {
        let sql = "SELECT count(*) FROM events_subscriptions";
        let count: Result<i64, StoreError> = stage.test.read(|tx| tx.query_one(sql, &[])?.get(0)).await;
        count == Ok(0)
    };
    stage.until("its tombstone goes", tombstones).await;
    stage.hooks.set("hook", Behaviour::Answer(200));
    stage.subscribe("hook").await;
    stage.publish(["new".to_owned()]).await;
    stage.hooks.wait("the new one", |hooks| hooks.subjects("hook").contains(&"new".to_owned())).await;
}

async fn events_wait_while_a_change_waits_for_its_handshake(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    let set = |state: Provisioning| {
        let write = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            let mut row = rows::find_subscription_by_number(tx, number)?.unwrap();
            row.subscription.generation = rows::bump_generation(tx)?;
            row.subscription.state = state;
            rows::replace_subscription(tx, &row).map(drop)
        };
        stage.test.write(changes::lock(), write)
    };
    set(Provisioning::Updating).await.unwrap();
    stage.publish(numbered("a", 5)).await;
    stage.until_passed(5).await;
    assert_eq!(stage.waiting(number).await, 5);
    assert_eq!(stage.hooks.subjects("hook").len(), 0);
    set(Provisioning::Succeeded).await.unwrap();
    stage.hooks.wait_for("hook", 5).await;
    stage.until("the rows go", || async { stage.waiting(number).await == 0 }).await;
}

async fn an_expired_subscription_gets_nothing_more(test: TestStore) {
    let stage = Stage::running(test).await;
    let end = stage.clock.now().plus(Duration::from_mins(10));
    stage.subscribe_with("hook", |spec| spec.expires = Some(end)).await;
    stage.subscribe("other").await;
    stage.publish(["one".to_owned()]).await;
    stage.hooks.wait_for("hook", 1).await;
    stage.until_passed(1).await;
    stage.clock.jump(Duration::from_mins(11));
    // The driver finds out within a second.
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let (before, others) = (stage.hooks.count("hook"), stage.hooks.count("other"));
            let last = stage.cursor().await + 1;
            stage.publish(["later".to_owned()]).await;
            stage.hooks.wait_for("other", others + 1).await;
            stage.until_passed(last).await;
            if stage.hooks.count("hook") == before {
                return;
            }
        }
    })
    .await
    .unwrap();
    stage.service.purge().await.unwrap();
    let row = stage.test.read(|tx| rows::find_subscription(tx, super::fakes::RESOURCE, None, "hook")).await;
    assert!(row.unwrap().is_none());
}
