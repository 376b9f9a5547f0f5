//! `Directory_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::harness::{DIRECTORY, SLICES, World, settings};

on_both_engines!(SLICES; clients_learn_tenant_and_authority, the_tenant_stays, readers_may_look);

async fn clients_learn_tenant_and_authority(store: TestStore) {
    let world = World::new(store).await;
    let tenant = world.directory.tenant_id();
    let shown = json!({
        "tenantId": tenant, "issuer": format!("{}/{tenant}/v2.0", app::ORIGIN),
        "authority": app::ORIGIN, "isEnabled": true,
    });
    assert_eq!(world.get(DIRECTORY).await.expect(200).body, shown);
    assert_eq!(world.app.audit_log().await.len(), 0);
}

async fn the_tenant_stays(store: TestStore) {
    let first = World::new(store).await;
    let tenant = first.directory.tenant_id();
    let second = first.restarted(Vec::new(), settings()).await;
    assert_eq!(second.directory.tenant_id(), tenant);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(DIRECTORY)).await;
}
