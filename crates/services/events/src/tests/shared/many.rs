//! Lists of the subscriptions of many resources; `path` stands behind the subscription.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{Home, World, hook, in_subscription, names, versioned};

/// With `hook-1` on `dev`, `hook-2` on `third`, both in the group `Main`, and `hook-3` on `other` in `Second`;
/// what hangs on a system topic is of another type.
async fn world(store: TestStore) -> World {
    let world = World::at(store, Home::SystemTopic).await;
    world.add_resource(3, "third");
    world.put(Home::Resource, "hook-1", &hook("https://example.org/?code=hush")).await.expect(201);
    let third = Home::Resource.at("hook-2", "").replace("/dev/", "/third/");
    let other = Home::Resource.at("hook-3", "").replace("/Main/", "/Second/").replace("/dev/", "/other/");
    for target in [third, other] {
        let call = Call::new("PUT", target).json(&hook("https://example.org/"));
        world.manage("owner", call).await.expect(201);
    }
    world.put(Home::SystemTopic, "hook-4", &hook("https://example.org/")).await.expect(201);
    world
}

pub(crate) async fn they_are_listed(store: TestStore, path: &str) {
    let world = world(store).await;
    let answer = world.manage("reader", Call::get(in_subscription(path))).await.expect(200);
    let all = path.contains("resourceGroups");
    let expected: &[&str] = if all { &["hook-1", "hook-2"] } else { &["hook-1", "hook-3", "hook-2"] };
    assert_eq!(names(&answer), expected, "by the ids of the resources");
    assert!(answer.body["nextLink"].is_null());
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("hush"));
    let one = world.get(Home::Resource, "hook-1").await.expect(200);
    assert_eq!(answer.body["value"][0], one.body);
    world.topics.remove(3);
    let answer = world.manage("reader", Call::get(in_subscription(path))).await.expect(200);
    assert!(!names(&answer).contains(&"hook-2".to_owned()), "its resource is gone");
}

pub(crate) async fn the_caller_sees_its_own_only(store: TestStore, path: &str) {
    let world = world(store).await;
    let seen =
        async |role: &str| names(&world.manage(role, Call::get(in_subscription(path))).await.expect(200));
    assert_eq!(seen("reader:1").await, ["hook-1"]);
    assert_eq!(seen("owner:3").await, ["hook-2"]);
    assert_eq!(seen("reader:9").await, Vec::<String>::new());
}

pub(crate) async fn pages_follow_each_other(store: TestStore, path: &str) {
    let world = world(store).await;
    let first = Call::get(in_subscription(&format!("{path}?%24top=1&%24filter=name%20ne%20'hook-1'")));
    let first = world.manage("reader", first).await.expect(200);
    assert_eq!(first.body["value"].as_array().map(Vec::len), Some(1));
    let mut found = names(&first);
    let mut link = first.body["nextLink"].as_str().map(str::to_owned);
    while let Some(next) = link {
        let page = world.follow("reader", &next).await.expect(200);
        found.extend(names(&page));
        link = page.body["nextLink"].as_str().map(str::to_owned);
    }
    let expected: &[&str] = if path.contains("resourceGroups") { &["hook-2"] } else { &["hook-3", "hook-2"] };
    assert_eq!(found, expected);
    for bad in ["%24top=0", "%24top=101", "%24filter=x", "%24filter=location%20eq%20'a'"] {
        let call = Call::get(in_subscription(&format!("{path}?{bad}")));
        world.manage("reader", call).await.expect_error(400, "InvalidRequest");
    }
}

pub(crate) async fn readers_may_look(store: TestStore, path: &str) {
    let world = world(store).await;
    world.takes_managers_from("reader", false, &Call::get(in_subscription(path))).await;
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, path: &str) {
    let world = world(store).await;
    world.refuses_wrong_places(&Call::get, &in_subscription(path)).await;
}

pub(crate) async fn other_groups_are_left_out(store: TestStore, path: &str) {
    let world = world(store).await;
    for (group, expected) in [("second", vec!["hook-3"]), ("Nowhere", vec![])] {
        let target = in_subscription(&path.replace("/Main/", &format!("/{group}/")));
        assert_eq!(names(&world.manage("reader", Call::get(target)).await.expect(200)), expected);
    }
}

/// Where `part` of the path is another, there is nothing, but what else is asked is still checked.
async fn nothing_at(world: &World, path: &str, part: &str) {
    let target = path.replace(part, "elsewhere");
    let answer = world.manage("reader", Call::get(in_subscription(&target))).await.expect(200);
    assert_eq!(answer.body, json!({ "value": [] }));
    let bad = versioned(&in_subscription(&format!("{target}?%24top=0")));
    world.manage("reader", Call::get(bad)).await.expect_error(400, "InvalidRequest");
    let any_case = in_subscription(&path.replace(part, &part.to_uppercase()));
    let answer = world.manage("reader", Call::get(any_case)).await.expect(200);
    assert!(!names(&answer).is_empty());
}

pub(crate) async fn other_locations_have_none(store: TestStore, path: &str) {
    nothing_at(&world(store).await, path, "global").await;
}

pub(crate) async fn other_topic_types_have_none(store: TestStore, path: &str) {
    nothing_at(&world(store).await, path, "Microsoft.Communication.CommunicationServices").await;
}
