//! `CommunicationServices_LinkNotificationHub`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{SLICES, World, woken};

const HUB: &str = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/resourceGroups/rg/providers/\
                   Microsoft.NotificationHubs/namespaces/n/notificationHubs/h";
const CONNECTION: &str = "Endpoint=sb://n.example/;SharedAccessKeyName=full;SharedAccessKey=c2VjcmV0";

on_both_engines!(SLICES;
    a_hub_is_linked_and_its_secret_sealed,
    contributors_may_link,
    wrong_places_and_hubs_are_refused,
);

async fn link(world: &World, name: &str, body: &Value) -> Answer {
    let call = Call::post(world.service(name, "/linkNotificationHub").await).json(body);
    world.manage("contributor", call).await
}

fn body() -> Value {
    json!({ "resourceId": HUB, "connectionString": CONNECTION })
}

async fn a_hub_is_linked_and_its_secret_sealed(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    let answer = link(&world, "dev", &body()).await.expect(200);
    assert_eq!(answer.body, json!({ "resourceId": HUB }));
    woken(&mut changes).await;
    let shown = world.manage("reader", Call::get(world.service("dev", "").await)).await.expect(200);
    assert_eq!(shown.body["properties"]["notificationHubId"], HUB);
    let audited = world.newest_of("CommunicationServices_LinkNotificationHub", "contributor", &answer).await;
    assert_eq!(audited, ("dev".to_owned(), json!({ "notificationHubId": HUB })));
    let sealed: Result<Vec<u8>, trunkline_store::StoreError> = world
        .app
        .store
        .read(|tx| tx.query_one("SELECT sealed FROM resources_notification_hubs", &[])?.get(0))
        .await;
    let sealed = sealed.expect("readable");
    assert!(!sealed.windows(8).any(|window| CONNECTION.as_bytes().windows(8).any(|plain| plain == window)));
    let purpose =
        crate::rows::hub_purpose(trunkline_kernel::ResourceId(uuid::Uuid::from_u128(super::harness::DEV)));
    let open = world.resources.vault.open(&purpose, &sealed).expect("opens");
    assert_eq!(open.expose(), CONNECTION.as_bytes());
    // It is sealed anew with the keys, replaced by another, and goes with the resource.
    assert_eq!(world.resources.reseal().await.ok(), Some(5));
    link(&world, "dev", &body()).await.expect(200);
    assert_eq!(world.app.count("resources_notification_hubs").await, 1);
    world.manage("owner", Call::delete(world.service("dev", "").await)).await.expect(202);
    assert_eq!(world.app.count("resources_notification_hubs").await, 0);
}

async fn contributors_may_link(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(world.service("dev", "/linkNotificationHub").await).json(&body());
    world.takes_managers_from("contributor", &call).await;
}

async fn wrong_places_and_hubs_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("POST", "/linkNotificationHub", &body()).await;
    link(&world, "nobody", &body()).await.expect_error(404, "ResourceNotFound");
    link(&world, "dev", &json!({})).await.expect_invalid("body");
    let bad = json!({ "resourceId": "h", "connectionString": CONNECTION });
    link(&world, "dev", &bad).await.expect_invalid("resourceId");
    let bad = json!({ "resourceId": HUB, "connectionString": "c2VjcmV0" });
    let refused = link(&world, "dev", &bad).await.expect_invalid("connectionString");
    assert!(!refused.body.to_string().contains("c2VjcmV0"), "secrets are not repeated");
    assert_eq!(world.app.count("resources_notification_hubs").await, 0);
}
