//! `Resources_List`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{OPERATORS, RESOURCES, SLICES, World};

on_both_engines!(SLICES;
    pages_neither_skip_nor_repeat_while_resources_come,
    readers_may_look,
    forged_continuations_are_refused,
);

fn names(answer: &Answer) -> Vec<String> {
    let name = |entry: &Value| entry["name"].as_str().expect("text").to_owned();
    answer.body["value"].as_array().expect("a list").iter().map(name).collect()
}

async fn pages_neither_skip_nor_repeat_while_resources_come(store: TestStore) {
    let world = World::empty(store);
    for number in 0..5 {
        world.create(&format!("r{number}"), &json!({})).await.expect(201);
    }
    let mut target = format!("{RESOURCES}?maxPageSize=2");
    let mut seen = Vec::new();
    for round in 0..3 {
        let answer = world.operate("reader", Call::get(target.clone())).await.expect(200);
        seen.extend(names(&answer));
        world.create(&format!("a{round}"), &json!({})).await.expect(201);
        let Some(link) = answer.body["nextLink"].as_str() else { break };
        target = link.strip_prefix(app::ORIGIN).expect("absolute").to_owned();
    }
    assert_eq!(seen, ["r0", "r1", "r2", "r3", "r4"]);
    let all = world.operate("reader", Call::get(RESOURCES)).await.expect(200);
    assert_eq!(names(&all).len(), 8);
    assert_eq!(all.body.get("nextLink"), None);
    let first = world.operate("reader", Call::get(format!("{RESOURCES}/a0"))).await.expect(200);
    assert_eq!(all.body["value"][0], first.body);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(RESOURCES)).await;
    assert_eq!(world.app.audit_log().await.len(), 2);
}

async fn forged_continuations_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let page = world.operate("owner", Call::get(format!("{RESOURCES}?maxPageSize=1"))).await.expect(200);
    let link = page.body["nextLink"].as_str().expect("a second page");
    let token = link.split("continuationToken=").nth(1).expect("a token");
    for (list, token) in [(RESOURCES, "x"), (RESOURCES, &token[1..]), (OPERATORS, token)] {
        let call = Call::get(format!("{list}?continuationToken={token}"));
        world.operate("owner", call).await.expect_invalid("continuationToken");
    }
    let call = Call::get(format!("{RESOURCES}?maxPageSize=0"));
    world.operate("owner", call).await.expect_invalid("maxPageSize");
}
