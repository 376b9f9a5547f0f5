//! Every event of chat as the published ones.

use std::collections::BTreeMap;

use serde_json::Value;
use trunkline_catalogue::{NAME_PREFIX, Publication, find};
use trunkline_kernel::Clock as _;
use trunkline_store::outbox::steps::KEPT_MAX;
use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{RESOURCE, SLICES, World, member, raw_id};
use crate::changes::{self, ThreadUpdate};
use crate::translate::KINDS;

on_both_engines!(SLICES;
    every_kind_is_published_to_the_thread_and_to_everybody_in_it,
    what_was_deleted_meanwhile_is_published_without_its_text,
    who_shares_no_history_hears_nothing_of_it,
    the_same_event_expands_the_same_way_again,
    everybody_keeps_their_place_when_others_go,
    events_of_others_are_left_alone,
    a_thread_that_deletes_itself_is_published_too,
);

/// Everything that chat's events stand for so far: names without the prefix and subjects without the thread.
async fn publish(world: &World) -> Vec<Publication> {
    let mut published = Vec::new();
    for event in world.events().await {
        published.extend(world.chat.expand(&event).await.expect("published events"));
    }
    published
}

fn names(published: &[Publication]) -> Vec<&str> {
    published.iter().filter_map(|one| one.event_type.strip_prefix(NAME_PREFIX)).collect()
}

/// What the payload of the type may hold, and nothing else; subjects as their template says.
fn check(published: &Publication) {
    let known = find(&published.event_type).expect("a published type");
    let data: Value = serde_json::from_str(&published.data).expect("JSON");
    (known.check)(&data).unwrap_or_else(|cause| panic!("{}: {cause}: {data}", known.name));
    let sample = known.sample_data();
    let sample = sample.as_object().expect("an object");
    for name in data.as_object().expect("an object").keys() {
        assert!(sample.contains_key(name), "{} has no {name}", known.name);
    }
    assert_eq!(
        published.subject.split('/').count(),
        known.subject.split('/').count(),
        "{}",
        published.subject
    );
    assert!(!published.subject.contains('{'), "{}", published.subject);
}

async fn every_kind_is_published_to_the_thread_and_to_everybody_in_it(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben"]).await;
    let message = world.send(&thread.id, "ada", "hello").await;
    let published = publish(&world).await;
    assert_eq!(
        names(&published),
        [
            "ChatThreadCreated",
            "ChatThreadCreatedWithUser",
            "ChatThreadCreatedWithUser",
            "ChatMessageReceivedInThread",
            "ChatMessageReceived",
            "ChatMessageReceived",
        ]
    );
    let data: Value = serde_json::from_str(&published[5].data).expect("JSON");
    assert_eq!(data["messageBody"], "hello");
    assert_eq!(data["messageId"], message.id.to_string());
    assert_eq!(data["recipientCommunicationIdentifier"]["rawId"], &*raw_id("ben"));
    assert_eq!(
        published[5].subject,
        format!("thread/{}/sender/{}/recipient/{}", thread.id, raw_id("ada"), raw_id("ben"))
    );
    world.tick();
    world.edit(&thread.id, "ada", message.id, "hi").await;
    world
        .update(&thread.id, "ada", ThreadUpdate { topic: Some("Tea".to_owned()), ..Default::default() })
        .await;
    world.add(&thread.id, "ada", &["cleo"]).await;
    world.remove(&thread.id, "ada", "cleo").await;
    let other = world.send(&thread.id, "ben", "bye").await;
    world.delete(&thread.id, "ben", other.id).await;
    let before = publish(&world).await;
    world.delete_thread(&thread.id, "ada").await;
    let after = publish(&world).await;
    let mut seen: Vec<&str> = names(&before);
    seen.extend(names(&after));
    for kind in [
        "ChatMessageEditedInThread",
        "ChatMessageEdited",
        "ChatMessageDeletedInThread",
        "ChatMessageDeleted",
        "ChatThreadPropertiesUpdated",
        "ChatThreadPropertiesUpdatedPerUser",
        "ChatThreadParticipantAdded",
        "ChatParticipantAddedToThreadWithUser",
        "ChatThreadParticipantRemoved",
        "ChatParticipantRemovedFromThreadWithUser",
        "ChatThreadDeleted",
        "ChatThreadWithUserDeleted",
    ] {
        assert!(seen.contains(&kind), "{kind}");
    }
    // Of somebody added or removed everybody hears, who it was included.
    let times = |name: &str| before.iter().filter(|one| one.event_type.ends_with(name)).count();
    assert_eq!(times("ChatParticipantAddedToThreadWithUser"), 3);
    assert_eq!(times("ChatParticipantRemovedFromThreadWithUser"), 3);
    for one in before.iter().chain(&after) {
        check(one);
    }
}

async fn what_was_deleted_meanwhile_is_published_without_its_text(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let edited = world.send(&thread.id, "ada", "first").await;
    let deleted = world.send(&thread.id, "ada", "secret").await;
    world.edit(&thread.id, "ada", edited.id, "second").await;
    world.delete(&thread.id, "ada", deleted.id).await;
    let published = publish(&world).await;
    assert_eq!(
        names(&published)[2..],
        [
            "ChatMessageReceivedInThread",
            "ChatMessageReceived",
            "ChatMessageEditedInThread",
            "ChatMessageEdited",
            "ChatMessageDeletedInThread",
            "ChatMessageDeleted",
        ]
    );
    for one in &published {
        assert!(!one.data.contains("secret") && !one.data.contains("first"), "{}", one.data);
    }
    world.delete_thread(&thread.id, "ada").await;
    world.run_jobs().await;
    let published = publish(&world).await;
    assert_eq!(names(&published), ["ChatThreadDeleted", "ChatThreadWithUserDeleted"]);
    // An event that is delivered late or replayed is the same, as long as the outbox can have it.
    world.test.clock().advance(KEPT_MAX);
    world.run_jobs().await;
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(publish(&world).await, published);
    world.tick();
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(publish(&world).await, []);
}

async fn who_shares_no_history_hears_nothing_of_it(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada"]).await;
    let old = world.send(&thread.id, "ada", "old").await;
    world.tick();
    let mut ben = member("ben");
    ben.share_history_at = world.test.clock().now();
    world
        .act(&thread.id, "ada", move |tx, view, caller, now| {
            changes::add_participants(tx, view, caller, &[ben.clone()], 1000, now)
        })
        .await
        .expect("added");
    world.edit(&thread.id, "ada", old.id, "old, edited").await;
    world.send(&thread.id, "ada", "new").await;
    let published = publish(&world).await;
    let to_ben: Vec<_> = published
        .iter()
        .filter(|one| {
            one.event_type.ends_with("ChatMessageReceived") || one.event_type.ends_with("ChatMessageEdited")
        })
        .filter(|one| one.subject.ends_with("_ben"))
        .collect();
    assert_eq!(to_ben.len(), 1);
    assert!(to_ben[0].data.contains("\"new\""), "{}", to_ben[0].data);
}

async fn the_same_event_expands_the_same_way_again(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben", "cleo"]).await;
    world.send(&thread.id, "ada", "hello").await;
    let first = publish(&world).await;
    world.test.clock().advance(std::time::Duration::from_hours(1));
    world.add(&thread.id, "ada", &["dora"]).await;
    assert_eq!(publish(&world).await[..first.len()], first);
    let ids: std::collections::BTreeSet<String> = first
        .iter()
        .map(|one| serde_json::from_str::<Value>(&one.data).expect("JSON")["transactionId"].to_string())
        .collect();
    assert_eq!(ids.len(), 2, "one for each change");
}

async fn everybody_keeps_their_place_when_others_go(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Lunch", &["ada", "ben", "cleo", "dora"]).await;
    world.send(&thread.id, "ada", "hello").await;
    world.add(&thread.id, "ada", &["eve", "finn"]).await;
    let first = places(&world).await;
    let of_dora = |(_, subject): &&(String, String)| subject.ends_with("_dora");
    // Of the making, of the message, of each who was added.
    assert_eq!(first.values().filter(of_dora).count(), 4);
    world.remove(&thread.id, "ada", "ben").await;
    world.add(&thread.id, "ada", &["ben"]).await;
    world.chat.forget_person(RESOURCE, &raw_id("cleo"), world.now()).await.expect("asked");
    world.run_jobs().await;
    let mut second = places(&world).await;
    second.retain(|(sequence, _), _| first.contains_key(&(*sequence, 0)));
    assert_eq!(second.values().filter(of_dora).count(), 4);
    for (place, event) in &second {
        assert_eq!(first.get(place), Some(event), "{place:?}");
    }
    // Ben was not there from the beginning any more, and nobody shows Cleo a message.
    assert!(second.len() < first.len());
}

/// What is published at which place: its type and subject. No place may be there twice.
async fn places(world: &World) -> BTreeMap<(u64, u32), (String, String)> {
    let mut places = BTreeMap::new();
    for event in world.events().await {
        for one in world.chat.expand(&event).await.expect("published events") {
            let place = (event.sequence, one.ordinal);
            assert_eq!(places.insert(place, (one.event_type.into_owned(), one.subject)), None, "{place:?}");
        }
    }
    places
}

async fn events_of_others_are_left_alone(test: TestStore) {
    let world = World::open(test).await;
    world.thread("Lunch", &["ada"]).await;
    let mut event = world.events().await.remove(0);
    assert!(KINDS.contains(&event.kind.as_str()));
    event.payload = "{}".to_owned();
    assert_eq!(world.chat.expand(&event).await.expect("nothing"), []);
    event.payload = r#"{"thread":99,"change":1}"#.to_owned();
    assert_eq!(world.chat.expand(&event).await.expect("nothing"), []);
    event.kind = "identity.user_deleted".to_owned();
    assert_eq!(world.chat.expand(&event).await.expect("nothing"), []);
}

async fn a_thread_that_deletes_itself_is_published_too(test: TestStore) {
    let world = World::open(test).await;
    world.thread_kept_for("Lunch", &["ada"], Some(1)).await;
    world.test.clock().advance(std::time::Duration::from_hours(24));
    world.run_jobs().await;
    let published = publish(&world).await;
    assert_eq!(names(&published), ["ChatThreadDeleted", "ChatThreadWithUserDeleted"]);
    published.iter().for_each(check);
}
