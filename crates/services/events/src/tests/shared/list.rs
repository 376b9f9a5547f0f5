//! Lists of the subscriptions of one resource or system topic.

use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{Home, World, hook, names};

pub(crate) async fn they_are_listed_by_name(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    for name in ["hook-b", "Hook-C", "hook-a"] {
        world.put(home, name, &hook("https://example.org/?code=hush")).await.expect(201);
    }
    let other = if home == Home::Resource { Home::SystemTopic } else { Home::Resource };
    if other == Home::SystemTopic {
        world.put_topic("topic-1", "Main", "dev").await.expect(201);
    }
    world.put(other, "hook-other", &hook("https://example.org/")).await.expect(201);
    world.manage("owner", Call::delete(home.at("hook-b", ""))).await.expect(200);
    let answer = world.manage("reader:1", Call::get(home.list())).await.expect(200);
    assert_eq!(names(&answer), ["hook-a", "Hook-C"]);
    assert!(answer.body["nextLink"].is_null());
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("hush"));
    let one = world.get(home, "hook-a").await.expect(200);
    assert_eq!(answer.body["value"][0], one.body);
}

pub(crate) async fn pages_follow_each_other(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    for name in ["hook-a", "hook-b", "hook-c"] {
        world.put(home, name, &hook("https://example.org/")).await.expect(201);
    }
    let first = Call::get(format!("{}&%24top=2", home.list()));
    let first = world.manage("reader", first).await.expect(200);
    assert_eq!(names(&first), ["hook-a", "hook-b"]);
    let link = first.body["nextLink"].as_str().expect("a link");
    let second = world.follow("reader", link).await.expect(200);
    assert_eq!(names(&second), ["hook-c"]);
    assert!(second.body["nextLink"].is_null());
    let forged = format!("{}&continuationToken=x.y", home.list());
    world.manage("reader", Call::get(forged)).await.expect_error(400, "BadRequest");
    for top in ["0", "101", "-1", "x"] {
        let call = Call::get(format!("{}&%24top={top}", home.list()));
        world.manage("reader", call).await.expect_error(400, "InvalidRequest");
    }
}

pub(crate) async fn names_can_be_filtered(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    for name in ["hook-a", "hook-b", "nook-c"] {
        world.put(home, name, &hook("https://example.org/")).await.expect(201);
    }
    for (filter, expected) in [
        ("name%20eq%20'HOOK-B'", vec!["hook-b"]),
        ("contains(name,%20'hook')%20and%20name%20ne%20'hook-a'", vec!["hook-b"]),
        ("contains(name,'zzz')", vec![]),
        ("not%20contains(name,'hook')", vec!["nook-c"]),
    ] {
        let call = Call::get(format!("{}&%24filter={filter}", home.list()));
        assert_eq!(names(&world.manage("reader", call).await.expect(200)), expected, "{filter}");
    }
    let bad = Call::get(format!("{}&%24filter=location%20eq%20'x'", home.list()));
    world.manage("reader", bad).await.expect_error(400, "InvalidRequest");
}

pub(crate) async fn readers_may_look(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.takes_managers_from("reader", true, &Call::get(home.list())).await;
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.refuses_wrong_homes(home, &Call::get, &home.list()).await;
}
