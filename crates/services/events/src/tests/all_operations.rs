//! What holds for every operation of ARM.

use std::collections::BTreeSet;

use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::{Method, Operation};

use super::arm::{SLICES, SUBSCRIPTION, VERSION, World};
use crate::operations::arm::ALL;

on_both_engines!(SLICES; strangers_are_refused_everywhere);

#[test]
fn ids_and_places_are_unique() {
    let ids: BTreeSet<&str> = ALL.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), ALL.len());
    let places: BTreeSet<(&str, &str)> =
        ALL.iter().map(|operation| (operation.method.as_str(), operation.path)).collect();
    assert_eq!(places.len(), ALL.len());
}

#[test]
fn every_operation_is_published_and_described() {
    for operation in ALL {
        assert_eq!(operation.service, "event-grid", "{}", operation.id);
        assert_eq!(operation.versions.last(), Some(&VERSION), "{}", operation.id);
        assert!(operation.is_case_insensitive, "{}", operation.id);
        assert!(operation.summary.ends_with('.'), "{}", operation.id);
    }
}

#[test]
fn every_operation_has_its_handler() {
    let described: BTreeSet<&str> = ALL.iter().map(|operation| operation.id).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let world = World::new(TestStore::ephemeral(SLICES).await).await;
        let routes = world.service.routes();
        let routed: BTreeSet<&str> = routes
            .operations()
            .filter(|operation| operation.service == "event-grid")
            .map(|operation| operation.id)
            .collect();
        assert_eq!(routed, described);
    });
}

fn target(operation: &Operation) -> String {
    let mut path = operation.path.to_owned();
    for name in operation.path_parameters() {
        let value = match name {
            "subscriptionId" => SUBSCRIPTION.to_string(),
            "resourceGroupName" => "Main".to_owned(),
            "communicationServiceName" => "dev".to_owned(),
            "topicTypeName" => "Microsoft.Communication.CommunicationServices".to_owned(),
            "location" => "global".to_owned(),
            _ => "name-1".to_owned(),
        };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    format!("{path}?api-version={VERSION}")
}

async fn strangers_are_refused_everywhere(store: TestStore) {
    let world = World::new(store).await;
    for operation in ALL {
        let mut call = Call::new(operation.method.as_str(), target(operation));
        if matches!(operation.method, Method::Put | Method::Patch) {
            call = call.json(&serde_json::json!({}));
        }
        let status = async |call: Call| world.app.call(call).await.status;
        assert_eq!(status(call.clone()).await, 401, "{}", operation.id);
        assert_eq!(status(call.clone().bearer("nonsense")).await, 401, "{}", operation.id);
        assert_eq!(status(call.clone().bearer("app:management:none")).await, 403, "{}", operation.id);
        assert_eq!(status(call.clone().bearer("app:data:owner")).await, 401, "{}", operation.id);
        if operation.is_change() {
            assert_eq!(status(call.clone().bearer("reader")).await, 403, "{}", operation.id);
        }
    }
    assert_eq!(world.app.audit_log().await.len(), 0);
    assert_eq!(world.rows().await, [0; 5]);
}
