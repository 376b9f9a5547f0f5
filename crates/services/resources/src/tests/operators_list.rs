//! `Operators_List`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::harness::{OPERATORS, SLICES, World};

on_both_engines!(SLICES; operators_are_listed_in_pages, owners_may_look);

async fn operators_are_listed_in_pages(store: TestStore) {
    let world = World::new(store).await;
    for name in ["c", "a", "b"] {
        let call = Call::post(OPERATORS).json(&json!({ "name": name, "role": "reader" }));
        world.operate("owner", call).await.expect(201);
    }
    let first = world.operate("owner", Call::get(format!("{OPERATORS}?maxPageSize=2"))).await.expect(200);
    let shown = |name: &str| json!({ "name": name, "role": "reader", "createdOn": world.now().to_rfc3339() });
    assert_eq!(first.body["value"], json!([shown("a"), shown("b")]));
    let link = first.body["nextLink"].as_str().expect("a second page").strip_prefix(app::ORIGIN);
    let second = world.operate("owner", Call::get(link.expect("absolute"))).await.expect(200);
    assert_eq!(second.body, json!({ "value": [shown("c")] }));
    let forged = Call::get(format!("{OPERATORS}?continuationToken=x"));
    world.operate("owner", forged).await.expect_invalid("continuationToken");
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn owners_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("owner", &Call::get(OPERATORS)).await;
}
