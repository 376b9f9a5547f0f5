//! `CommunicationServices_CreateOrUpdate`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::KIND;
use super::harness::{RESOURCES, SLICES, TENANT, World, woken};

const DOMAIN: &str = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/resourceGroups/rg/providers/\
                      Microsoft.Communication/emailServices/mail/domains/contoso.com";

on_both_engines!(SLICES;
    a_resource_is_created_and_can_be_polled,
    a_second_put_changes_it,
    contributors_of_the_installation_may_create,
    a_role_on_one_resource_changes_it_and_makes_no_other,
    operators_create_as_owners_only,
    wrong_places_and_names_are_refused,
    wrong_fields_are_refused,
    data_stays_where_it_is,
    configured_data_locations_are_all_there_are,
    conditions_are_kept,
    older_clients_leave_alone_what_they_do_not_know,
    keys_that_are_switched_off_sign_nothing,
);

fn body() -> Value {
    json!({ "location": "global", "properties": { "dataLocation": "Europe" } })
}

async fn a_resource_is_created_and_can_be_polled(store: TestStore) {
    let world = World::new(store).await;
    world.put_group("RG-One").await.expect(201);
    let mut changes = world.changes();
    let mut asked = body();
    asked["tags"] = json!({ "env": "test" });
    asked["properties"]["linkedDomains"] = json!([DOMAIN]);
    asked["identity"] = json!({ "type": "SystemAssigned" });
    let answer = world.put("rg-one", "Contoso", &asked).await.expect(201);
    let subscription = world.resources.subscription_id().await.expect("an id");
    let (id, identity) = (&answer.body["properties"]["immutableResourceId"], &answer.body["identity"]);
    let (now, author) = (world.now().to_rfc3339(), "app:management:owner");
    let shown = json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/RG-One/providers/{KIND}/Contoso"),
        "name": "Contoso", "type": KIND, "location": "global", "tags": { "env": "test" },
        "systemData": {
            "createdBy": author, "createdByType": "Application", "createdAt": now,
            "lastModifiedBy": author, "lastModifiedByType": "Application", "lastModifiedAt": now,
        },
        "properties": {
            "provisioningState": "Succeeded", "hostName": "contoso.comm.example", "dataLocation": "Europe",
            "version": env!("CARGO_PKG_VERSION"), "immutableResourceId": id, "linkedDomains": [DOMAIN],
            "publicNetworkAccess": "Enabled", "disableLocalAuth": false,
        },
        "identity": { "type": "SystemAssigned", "tenantId": TENANT, "principalId": identity["principalId"] },
    });
    assert_eq!(answer.body, shown);
    assert!(identity["principalId"].is_string() && id.is_string());
    world.succeeded("owner", &answer).await;
    let upper = world.service_in("RG-ONE", "CONTOSO", "").await;
    let got = world.manage("reader", Call::get(upper)).await.expect(200);
    assert_eq!(got.body, shown);
    assert_eq!(world.rows().await, [3, 6, 0]);
    woken(&mut changes).await;
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    // The operator API shows the same resource.
    let own = world.operate("reader", Call::get(format!("{RESOURCES}/contoso"))).await.expect(200);
    assert_eq!(own.body["id"], *id);
    assert_eq!(own.body["resourceGroup"], "RG-One");
    let [key, _] = world.keys("contoso").await;
    world.who("contoso.comm.example", &key).await.expect(200);
    let newest = world.app.audit_log().await.swap_remove(0);
    assert_eq!(
        (newest.operation.as_str(), newest.target.as_str()),
        ("CommunicationServices_CreateOrUpdate", "contoso")
    );
    assert_eq!(newest.principal, "application:app:management:owner");
}

async fn a_second_put_changes_it(store: TestStore) {
    let world = World::new(store).await;
    let mut asked = body();
    asked["tags"] = json!({ "a": "1" });
    asked["properties"]["linkedDomains"] = json!([DOMAIN]);
    let first = world.put("default", "new", &asked).await.expect(201);
    let keys = world.keys("new").await;
    world.app.clock().advance(std::time::Duration::from_mins(1));
    let mut again = body();
    again["location"] = json!("Global");
    again["properties"]["dataLocation"] = json!("europe");
    again["properties"]["disableLocalAuth"] = json!(true);
    let second = world.put("default", "new", &again).await.expect(200);
    assert_eq!(second.body["id"], first.body["id"]);
    assert_eq!(second.body["tags"], json!({}));
    assert_eq!(second.body["properties"]["linkedDomains"], json!([]));
    assert_eq!(second.body["properties"]["dataLocation"], "Europe");
    assert_eq!(second.body["properties"]["disableLocalAuth"], true);
    assert_eq!(second.body["systemData"]["createdAt"], first.body["systemData"]["createdAt"]);
    assert_eq!(second.body["systemData"]["lastModifiedAt"], world.now().to_rfc3339());
    assert_eq!(second.header("azure-asyncoperation"), "");
    assert_eq!(world.keys("new").await, keys);
    assert_eq!(world.rows().await, [3, 6, 0]);
    let audited = world.newest_of("CommunicationServices_CreateOrUpdate", "owner", &second).await;
    let changed = json!(["tags", "linkedDomains", "disableLocalAuth"]);
    assert_eq!(audited, ("new".to_owned(), json!({ "changed": changed, "disableLocalAuth": true })));
    // Silence does not switch the keys on again.
    let third = world.put("default", "new", &body()).await.expect(200);
    assert_eq!(third.body["properties"]["disableLocalAuth"], true);
}

async fn contributors_of_the_installation_may_create(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PUT", world.service("dev", "").await);
    world.takes_managers_from("contributor", &call.json(&json!({ "location": "global" }))).await;
    let new = Call::new("PUT", world.service("new", "").await).json(&body());
    world.manage("reader", new.clone()).await.expect_error(403, "Forbidden");
    world.manage("contributor", new).await.expect(201);
}

async fn a_role_on_one_resource_changes_it_and_makes_no_other(store: TestStore) {
    let world = World::new(store).await;
    let put = |target: String| {
        Call::new("PUT", target).json(&json!({ "location": "global", "tags": { "a": "b" } }))
    };
    let answer = world.manage("contributor:1", put(world.service("dev", "").await)).await.expect(200);
    assert_eq!(answer.body["tags"], json!({ "a": "b" }));
    world.manage("owner:1", put(world.service("new", "").await)).await.expect_error(403, "Forbidden");
    world.manage("owner:1", put(world.service("other", "").await)).await.expect_error(403, "Forbidden");
    assert_eq!(world.rows().await, [2, 4, 0]);
}

async fn operators_create_as_owners_only(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PUT", world.service("new", "").await).json(&body());
    world.operate("contributor", call.clone()).await.expect_error(403, "Forbidden");
    let answer = world.operate("owner", call).await.expect(201);
    assert_eq!(answer.body["systemData"]["createdByType"], "User");
    world.app.newest_audit("CommunicationServices_CreateOrUpdate", "owner", &answer).await;
}

async fn wrong_places_and_names_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("PUT", "", &body()).await;
    // A name is taken for the whole installation, in whichever group and with whichever capitals.
    world.put_group("rg").await.expect(201);
    world.put("rg", "DEV", &body()).await.expect_error(409, "NameUnavailable");
    assert_eq!(world.rows().await, [2, 4, 0]);
}

async fn wrong_fields_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let with = |path: &[&str], value: Value| {
        let mut body = body();
        let place = path.iter().fold(&mut body, |place, name| &mut place[*name]);
        *place = value;
        body
    };
    let put = |body: Value| {
        let world = &world;
        async move { world.put("default", "new", &body).await }
    };
    put(with(&["location"], json!(null))).await.expect_error(400, "LocationRequired");
    put(with(&["location"], json!("westeurope")))
        .await
        .expect_error(400, "LocationNotAvailableForResourceType");
    put(json!({ "location": "global" })).await.expect_invalid("properties.dataLocation");
    put(with(&["properties", "dataLocation"], json!(""))).await.expect_invalid("dataLocation");
    put(with(&["properties", "linkedDomains"], json!(["x"])))
        .await
        .expect_invalid("properties.linkedDomains");
    for access in ["Disabled", "SecuredByPerimeter", ""] {
        let body = with(&["properties", "publicNetworkAccess"], json!(access));
        put(body).await.expect_invalid("properties.publicNetworkAccess");
    }
    put(with(&["identity"], json!({ "type": "UserAssigned" }))).await.expect_invalid("identity");
    for tags in
        [json!({ "": "x" }), json!({ "a/b": "x" }), json!({ "azure-x": "" }), json!({ "a": "", "A": "" })]
    {
        put(with(&["tags"], tags)).await.expect_invalid("tags");
    }
    for body in [
        with(&["tags"], json!([])),
        with(&["properties"], json!(1)),
        json!([]),
        with(&["identity"], json!({})),
    ] {
        put(body).await.expect_invalid("body");
    }
    let unsent = Call::new("PUT", world.service("new", "").await);
    world.manage("owner", unsent).await.expect_error(415, "UnsupportedMediaType");
    assert_eq!(world.rows().await, [2, 4, 0]);
}

async fn data_stays_where_it_is(store: TestStore) {
    let world = World::new(store).await;
    world.put("default", "new", &body()).await.expect(201);
    let moved = json!({ "location": "global", "properties": { "dataLocation": "Mars" } });
    let refused = world.put("default", "new", &moved).await.expect_error(400, "PropertyChangeNotAllowed");
    assert_eq!(refused.body["error"]["target"], "properties.dataLocation");
    let shown = world.manage("reader", Call::get(world.service("new", "").await)).await.expect(200);
    assert_eq!(shown.body["properties"]["dataLocation"], "Europe");
}

async fn configured_data_locations_are_all_there_are(store: TestStore) {
    let world = World::with_data_locations(store, &["Switzerland", "Europe"]);
    let at = |place: &str| json!({ "location": "global", "properties": { "dataLocation": place } });
    world.put("default", "new", &at("Mars")).await.expect_invalid("dataLocation");
    let created = world.put("default", "new", &at("EUROPE")).await.expect(201);
    assert_eq!(created.body["properties"]["dataLocation"], "Europe");
    world.create("own", &json!({ "dataLocation": "Mars" })).await.expect_invalid("dataLocation");
    let own = world.create("own", &json!({})).await.expect(201);
    assert_eq!(own.body["dataLocation"], "Switzerland");
}

async fn conditions_are_kept(store: TestStore) {
    let world = World::new(store).await;
    let target = world.service("new", "").await;
    let put = || Call::new("PUT", target.clone()).json(&body());
    world.manage("owner", put().header("if-match", "*")).await.expect_error(412, "PreconditionFailed");
    let first = world.manage("owner", put().header("if-none-match", "*")).await.expect(201);
    world.manage("owner", put().header("if-none-match", "*")).await.expect_error(412, "PreconditionFailed");
    let tag = first.header("etag").to_owned();
    world.app.clock().advance(std::time::Duration::from_secs(1));
    world.manage("owner", put().header("if-match", tag.clone())).await.expect(200);
    world.manage("owner", put().header("if-match", tag)).await.expect_error(412, "PreconditionFailed");
}

async fn older_clients_leave_alone_what_they_do_not_know(store: TestStore) {
    let world = World::new(store).await;
    let off =
        json!({ "location": "global", "properties": { "dataLocation": "Local", "disableLocalAuth": true } });
    world.put("default", "dev", &off).await.expect(200);
    let target = world.service("dev", "").await.replace(super::arm::VERSION, "2023-04-01");
    let plain = json!({ "location": "global", "properties": { "dataLocation": "Local" } });
    let answer = world.manage("owner", Call::new("PUT", target).json(&plain)).await.expect(200);
    assert_eq!(answer.body["properties"].get("disableLocalAuth"), None);
    assert_eq!(answer.body["properties"].get("publicNetworkAccess"), None);
    let shown = world.manage("reader", Call::get(world.service("dev", "").await)).await.expect(200);
    assert_eq!(shown.body["properties"]["disableLocalAuth"], true);
}

async fn keys_that_are_switched_off_sign_nothing(store: TestStore) {
    let world = World::new(store).await;
    let [key, _] = world.keys("dev").await;
    world.who("localhost:8443", &key).await.expect(200);
    let switch = |is_off: bool| json!({ "location": "global", "properties": { "disableLocalAuth": is_off } });
    world.put("default", "dev", &switch(true)).await.expect(200);
    world.who("localhost:8443", &key).await.expect_denied("LocalAuthDisabled");
    world.put("default", "dev", &switch(false)).await.expect(200);
    world.who("localhost:8443", &key).await.expect(200);
}
