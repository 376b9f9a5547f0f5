//! `ChatUsers_AddReaction`, and how reactions are told.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_store::Wake;
use trunkline_testkit::realtime::Options;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, own, raw_id, text};
use super::live::{Live, expect_silence, next};
use crate::notify::Reaction;
use crate::rows::ThreadNumber;

on_both_engines!(SLICES;
    a_reaction_is_kept_and_told_once,
    clients_that_ask_for_more_are_told,
    there_are_twenty_kinds_at_most,
    only_what_people_wrote_takes_reactions,
    bad_requests_are_refused,
    strangers_react_to_nothing,
);

async fn reactions(world: &World, thread: &str, id: &str) -> Value {
    let call = Call::get(own(thread, &format!("/messages/{id}")));
    world.call(ADA, call).await.expect(200).body["reactions"].clone()
}

async fn a_reaction_is_kept_and_told_once(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let sent_ms = world.now_ms();
    let id = world.send(ADA, &thread, "x").await;
    let (events, messages) = (world.app.events().await, world.messages(ADA, &thread).await);
    let mut receiver = world.app.store.wakes().subscribe("chat.reaction");
    let at_ms = world.now_ms();
    for _ in 0..2 {
        world.react(BOB, &thread, &id, "👍").await;
    }
    world.react(BOB, &thread, &id, "+1").await;
    let told = |emoji: &str| Reaction {
        thread: ThreadNumber(1),
        raw_id: raw_id(BOB),
        message: id.parse().expect("a number"),
        message_at_ms: sent_ms,
        emoji: emoji.to_owned(),
        is_removed: false,
        at_ms,
    };
    for emoji in ["👍", "+1"] {
        let Ok(Some(Wake::Payload(payload))) =
            tokio::time::timeout(Duration::from_secs(10), receiver.next()).await
        else {
            panic!("nobody was told");
        };
        assert_eq!(serde_json::from_str::<Reaction>(&payload).expect("JSON"), told(emoji));
    }
    let summary = |emoji: &str| json!({ "emoji": emoji, "count": 1, "isOwn": false });
    assert_eq!(reactions(&world, &thread, &id).await, json!([summary("+1"), summary("👍")]));
    // A reaction is no change of the thread, and nothing that published operations show.
    assert_eq!(world.app.events().await, events);
    assert_eq!(world.messages(ADA, &thread).await, messages);
}

async fn clients_that_ask_for_more_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let old = world.send(ADA, &thread, "before Eve").await;
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    let id = world.send(ADA, &thread, "x").await;
    let more = |number: u32, epid: &str| Options {
        extra_query: "&trunkline=1".to_owned(),
        ..live.options(number, epid)
    };
    let mut ada = live.connect_with(more(ADA, "ada-more")).await;
    let mut plain = live.connect(ADA, "ada-plain").await;
    let mut eve = live.connect_with(more(EVE, "eve-more")).await;
    let at = date(world.now());
    world.react(BOB, &thread, &old, "🕰").await;
    world.react(BOB, &thread, &id, "👍").await;
    let emoji_path = own(&thread, &format!("/messages/{id}/reactions/{}", "%F0%9F%91%8D"));
    world.call(BOB, Call::delete(emoji_path)).await.expect(204);
    let told = |event: u32, to: u32, id: &str, emoji: &str| {
        json!({
            "eventId": event, "senderId": raw_id(BOB), "recipientMri": raw_id(to), "groupId": thread,
            "messageId": id, "emoji": emoji, "time": at,
        })
    };
    assert_eq!(next(&mut ada).await.body, told(1001, ADA, &old, "🕰"));
    for (client, number) in [(&mut ada, ADA), (&mut eve, EVE)] {
        assert_eq!(next(client).await.body, told(1001, number, &id, "👍"));
        assert_eq!(next(client).await.body, told(1002, number, &id, "👍"));
    }
    // The unmodified SDK is told of messages alone.
    world.send(BOB, &thread, "end").await;
    assert_eq!(next(&mut plain).await.event_id, 200);
    expect_silence(&mut plain).await;
}

async fn there_are_twenty_kinds_at_most(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    for number in 0..20 {
        world.react(ADA, &thread, &id, &format!("e{number}")).await;
    }
    let path = |emoji: &str| own(&thread, &format!("/messages/{id}/reactions/{emoji}"));
    let refused = world.call(BOB, Call::new("PUT", path("e20"))).await;
    assert_eq!(refused.expect_error(400, "TooManyReactions").body["error"]["target"], json!("emoji"));
    world.react(BOB, &thread, &id, "e7").await;
    world.call(ADA, Call::delete(path("e3"))).await.expect(204);
    world.react(BOB, &thread, &id, "e20").await;
    assert_eq!(reactions(&world, &thread, &id).await.as_array().map(Vec::len), Some(20));
}

async fn only_what_people_wrote_takes_reactions(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let system = text(&world.messages(ADA, &thread).await[0]["id"]);
    let deleted = world.send(ADA, &thread, "x").await;
    world.call(ADA, Call::delete(at(&thread, &format!("/messages/{deleted}")))).await.expect(204);
    for id in [system, deleted] {
        let call = Call::new("PUT", own(&thread, &format!("/messages/{id}/reactions/x")));
        world.call(BOB, call).await.expect_invalid("chatMessageId");
        assert_eq!(reactions(&world, &thread, &id).await, json!([]));
    }
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let put = async |id: &str, emoji: &str| {
        world.call(ADA, Call::new("PUT", own(&thread, &format!("/messages/{id}/reactions/{emoji}")))).await
    };
    for emoji in ["%20", "a%20b", "%00", "%0A", &"x".repeat(49)] {
        put(&id, emoji).await.expect_invalid("emoji");
    }
    for unknown in ["1", "abc"] {
        put(unknown, "x").await.expect_error(404, "NotFound");
    }
    assert_eq!(reactions(&world, &thread, &id).await, json!([]));
}

async fn strangers_react_to_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::new("PUT", own(&thread, &format!("/messages/{id}/reactions/x")));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call.clone()).await.expect_error(403, "Forbidden");
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    world.call(EVE, call).await.expect_error(404, "NotFound");
    assert_eq!(reactions(&world, &thread, &id).await, json!([]));
}
