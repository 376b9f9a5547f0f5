//! `SystemTopics_ListByResourceGroup`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World, in_subscription, names};

on_both_engines!(SLICES; they_are_listed, the_caller_sees_its_own_only, pages_follow_each_other, readers_may_look,
    wrong_places_are_refused);

const PATH: &str = "/resourceGroups/main/providers/Microsoft.EventGrid/systemTopics";

/// With `topic-1` of `dev` and `topic-3` of `third` in the group `Main`, and `topic-2` of `other` in `Second`.
async fn world(store: TestStore) -> World {
    let world = World::new(store).await;
    world.add_resource(3, "third");
    world.put_topic("topic-3", "Main", "third").await.expect(201);
    world.put_topic("topic-1", "Main", "dev").await.expect(201);
    world.put_topic("topic-2", "Second", "other").await.expect(201);
    world
}

async fn they_are_listed(store: TestStore) {
    let world = world(store).await;
    let answer = world.manage("reader", Call::get(in_subscription(PATH))).await.expect(200);
    assert_eq!(names(&answer), ["topic-1", "topic-3"]);
    assert_eq!(answer.body["value"][0]["type"], "Microsoft.EventGrid/systemTopics");
    world.topics.remove(1);
    let answer = world.manage("reader", Call::get(in_subscription(PATH))).await.expect(200);
    assert!(!names(&answer).contains(&"topic-1".to_owned()), "its resource is gone");
}

async fn the_caller_sees_its_own_only(store: TestStore) {
    let world = world(store).await;
    let seen =
        async |role: &str| names(&world.manage(role, Call::get(in_subscription(PATH))).await.expect(200));
    assert_eq!(seen("reader:1").await, ["topic-1"]);
    assert_eq!(seen("reader:9").await, Vec::<String>::new());
}

async fn pages_follow_each_other(store: TestStore) {
    let world = world(store).await;
    let first = Call::get(in_subscription(&format!("{PATH}?%24top=1&%24filter=contains(name,'topic')")));
    let first = world.manage("reader", first).await.expect(200);
    assert_eq!(names(&first), ["topic-1"]);
    let second = world.follow("reader", first.body["nextLink"].as_str().expect("a link")).await.expect(200);
    assert_eq!(names(&second), ["topic-3"]);
    for bad in ["%24top=0", "%24filter=x"] {
        let call = Call::get(in_subscription(&format!("{PATH}?{bad}")));
        world.manage("reader", call).await.expect_error(400, "InvalidRequest");
    }
}

async fn readers_may_look(store: TestStore) {
    let world = world(store).await;
    world.takes_managers_from("reader", false, &Call::get(in_subscription(PATH))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = world(store).await;
    world.refuses_wrong_places(&Call::get, &in_subscription(PATH)).await;
}
