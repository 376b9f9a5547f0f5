//! `ResourceEventSubscriptions_List`.

use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::arm::{Home, SLICES, World, hook, names};
use super::operators::{DEV, web_hook};

on_both_engines!(SLICES;
    subscriptions_are_listed_in_pages_with_those_of_the_system_topic,
    readers_may_look,
);

fn target() -> String {
    format!("{DEV}/eventSubscriptions")
}

async fn subscriptions_are_listed_in_pages_with_those_of_the_system_topic(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    assert_eq!(world.look(target()).await.expect(200).body, serde_json::json!({ "value": [] }));
    for name in ["ccc", "aaa", "bbb"] {
        world.subscribe(name, &web_hook("https://app.example/")).await.expect(201);
    }
    world.put(Home::SystemTopic, "aaa", &hook("https://app.example/")).await.expect(201);
    let all = world.look(target()).await.expect(200);
    assert_eq!(names(&all), ["aaa", "bbb", "ccc", "aaa"]);
    assert_eq!(all.body["value"][3]["systemTopic"], "topic-1");
    assert_eq!(all.body["value"][0].get("status"), None, "lists ask for no states");
    let mut next = format!("{}?maxPageSize=3", target());
    let mut seen = Vec::new();
    while !next.is_empty() {
        let page = world.look(next).await.expect(200);
        seen.extend(names(&page));
        let link = page.body["nextLink"].as_str().and_then(|link| link.strip_prefix(app::ORIGIN));
        next = link.unwrap_or_default().to_owned();
    }
    assert_eq!(seen, ["aaa", "bbb", "ccc", "aaa"]);
    let other = world.look("/trunkline/resources/other/eventSubscriptions").await.expect(200);
    assert_eq!(names(&other), [""; 0]);
    world.look(format!("{}?maxPageSize=0", target())).await.expect_invalid("maxPageSize");
    world.refuses_unknown_resources(&|target| Call::get(target), &target()).await;
}

async fn readers_may_look(store: TestStore) {
    World::new(store).await.takes_operators_from("reader", &Call::get(target())).await;
}
