//! Connections that come, go, move and misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_store::StoreError;
use trunkline_testkit::realtime::ChatClient;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::chat_server_erase_person::run_erasures;
use super::harness::{ADA, BOB, SLICES, World, at, raw_id};
use super::live::{DEADLINE, Live, expect_silence, next, texts};

on_both_engines!(SLICES;
    what_was_said_meanwhile_is_told_after,
    what_was_not_acknowledged_is_told_again,
    a_new_client_hears_nothing_of_the_past,
    a_wake_up_that_comes_late_tells_nobody_what_it_knows,
    a_new_client_hears_exactly_what_is_sent_after_it_connected,
    a_client_that_heard_nothing_yet_misses_nothing,
    edits_and_deletions_meanwhile_are_told_in_their_last_state,
    old_changes_and_too_many_are_left_out,
    the_end_of_a_thread_is_told_as_long_as_anything,
    two_sockets_of_one_client_are_told_once,
    a_client_that_does_not_answer_falls_behind_and_catches_up,
    revoked_users_are_disconnected_at_once,
    clients_are_asked_to_move,
    polling_clients_acknowledge_before_the_listeners_end,
    a_polling_client_catches_up_with_more_than_is_on_its_way_at_once,
    too_many_clients_of_one_user_end_the_oldest,
    clients_that_leave_at_once_are_all_let_go,
    broken_frames_end_a_connection,
    answers_to_nothing_end_a_connection,
);

async fn what_was_said_meanwhile_is_told_after(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "one").await;
    assert_eq!(texts(&mut bob, "one").await, ["one"]);
    bob.cut();
    let others = world.thread(ADA, &[BOB]).await;
    for text in ["two", "three"] {
        world.send(ADA, &thread, text).await;
    }
    world.send(ADA, &others, "elsewhere").await;
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    let mut told = texts(&mut bob, "elsewhere").await;
    told.retain(|text| text != "one");
    assert_eq!(told, ["two", "three", "elsewhere"]);
    live.until_live().await;
    world.send(ADA, &thread, "four").await;
    assert_eq!(texts(&mut bob, "four").await, ["four"]);
    expect_silence(&mut bob).await;
}

async fn what_was_not_acknowledged_is_told_again(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "one").await;
    assert_eq!(texts(&mut bob, "one").await, ["one"]);
    live.until(|live| live.world.chat.realtime.are_all_settled()).await;
    bob.set_answering(false);
    world.send(ADA, &thread, "two").await;
    let unanswered = next(&mut bob).await;
    assert_eq!(unanswered.body["messageBody"], json!("two"));
    bob.cut();
    bob.set_answering(true);
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    let again = next(&mut bob).await;
    assert_eq!(again.body, unanswered.body);
    expect_silence(&mut bob).await;
}

async fn a_new_client_hears_nothing_of_the_past(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let mut ada = live.connect(ADA, "ada-1").await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "past").await;
    assert_eq!(texts(&mut ada, "past").await, ["past"]);
    let mut bob = live.connect(BOB, "bob-1").await;
    expect_silence(&mut bob).await;
}

/// Wake-ups can be as late as a busy machine makes them: those of changes from before a client connected as well.
async fn a_wake_up_that_comes_late_tells_nobody_what_it_knows(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let known = world.send(ADA, &thread, "known").await;
    let mut bob = live.connect(BOB, "bob-1").await;
    let wakes = world.app.store.wakes();
    for change in ["1 3", "1 1", "1 2"] {
        wakes.publish("chat.changed", change);
    }
    expect_silence(&mut bob).await;
    let edit =
        Call::new("PATCH", at(&thread, &format!("/messages/{known}"))).json(&json!({ "content": "2" }));
    world.call(ADA, edit).await.expect(204);
    assert_eq!(next(&mut bob).await.event_id, 247);
    world.send(ADA, &thread, "new").await;
    assert_eq!(texts(&mut bob, "new").await, ["new"]);
    wakes.publish("chat.changed", "1 2");
    bob.cut();
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    wakes.publish("chat.changed", "1 5");
    expect_silence(&mut bob).await;
}

/// While somebody sends one message after the other, clients connect: each hears all that were sent after it was
/// connected, none that were there before it asked, and all in order.
async fn a_new_client_hears_exactly_what_is_sent_after_it_connected(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let (sent, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let send = async {
        while !is_over.load(Ordering::Acquire) {
            let number = sent.load(Ordering::Acquire);
            let body = json!({ "content": number.to_string() });
            world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
            sent.store(number + 1, Ordering::Release);
        }
    };
    let connect = async {
        let mut clients = Vec::new();
        for number in 0..12 {
            let before = sent.load(Ordering::Acquire);
            let options = live.options(BOB, &format!("bob-{number}"));
            let client = ChatClient::connect(options, &live.tasks).await.expect("a client connects");
            // One more may be on its way.
            clients.push((client, before, sent.load(Ordering::Acquire) + 1));
        }
        is_over.store(true, Ordering::Release);
        clients
    };
    let ((), clients) = tokio::join!(send, connect);
    world.send(ADA, &thread, "last").await;
    let all = sent.load(Ordering::Acquire);
    for (mut client, before, after) in clients {
        let mut told = texts(&mut client, "last").await;
        assert_eq!(told.pop().as_deref(), Some("last"));
        let told: Vec<usize> = told.iter().map(|text| text.parse().expect("a number")).collect();
        let first = told.first().copied().unwrap_or(all);
        assert!((before..=after).contains(&first), "{first} is not in {before}..={after}");
        assert_eq!(told, (first..all).collect::<Vec<_>>());
        expect_silence(&mut client).await;
    }
}

/// The client was there, and nothing was said; it left, something was said, it came back. The thread is an old one.
async fn a_client_that_heard_nothing_yet_misses_nothing(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let [young, old] = [world.thread(ADA, &[BOB]).await, world.thread(ADA, &[BOB]).await];
    world.send(ADA, &old, "past").await;
    world.advance_ms(20 * 60_000);
    world.send(ADA, &young, "past").await;
    let mut bob = live.connect(BOB, "bob-1").await;
    bob.cut();
    live.until(|live| live.world.chat.realtime.is_empty()).await;
    world.send(ADA, &old, "in the old one").await;
    world.send(ADA, &young, "in the young one").await;
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    assert_eq!(texts(&mut bob, "in the young one").await, ["in the old one", "in the young one"]);
    expect_silence(&mut bob).await;
}

async fn edits_and_deletions_meanwhile_are_told_in_their_last_state(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    let known = world.send(ADA, &thread, "known").await;
    texts(&mut bob, "known").await;
    bob.cut();
    let meanwhile = world.send(ADA, &thread, "meanwhile").await;
    let gone = world.send(ADA, &thread, "gone").await;
    let edit = |id: &str, text: &str| {
        Call::new("PATCH", at(&thread, &format!("/messages/{id}"))).json(&json!({ "content": text }))
    };
    world.call(ADA, edit(&known, "known 2")).await.expect(204);
    world.call(ADA, edit(&meanwhile, "meanwhile 2")).await.expect(204);
    world.call(ADA, Call::delete(at(&thread, &format!("/messages/{gone}")))).await.expect(204);
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    let mut told = Vec::new();
    for _ in 0..4 {
        let came = next(&mut bob).await;
        told.push((came.event_id, came.body["messageBody"].clone()));
    }
    let expected = [
        (247, json!("known 2")),
        (200, json!("meanwhile 2")),
        (247, json!("meanwhile 2")),
        (248, Value::Null),
    ];
    assert_eq!(told, expected);
    expect_silence(&mut bob).await;
}

async fn old_changes_and_too_many_are_left_out(store: TestStore) {
    let live = Live::with(store, |settings| settings.resume_changes_max = 3).await;
    let (world, mut bob) = (&live.world, live.connect(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "0").await;
    texts(&mut bob, "0").await;
    live.until(|live| live.world.chat.realtime.are_all_settled()).await;
    bob.cut();
    live.until(|live| live.world.chat.realtime.is_empty()).await;
    for number in 1..=5 {
        world.send(ADA, &thread, &number.to_string()).await;
    }
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    assert_eq!(texts(&mut bob, "5").await, ["3", "4", "5"]);
    live.until(|live| live.world.chat.realtime.are_all_settled()).await;
    bob.cut();
    live.until(|live| live.world.chat.realtime.is_empty()).await;
    world.send(ADA, &thread, "old").await;
    world.advance_ms(2 * 3_600_000);
    world.send(ADA, &thread, "young").await;
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    assert_eq!(texts(&mut bob, "young").await, ["young"]);
}

async fn the_end_of_a_thread_is_told_as_long_as_anything(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "0").await;
    texts(&mut bob, "0").await;
    live.until(|live| live.world.chat.realtime.are_all_settled()).await;
    bob.cut();
    live.until(|live| live.world.chat.realtime.is_empty()).await;
    let topic = Call::new("PATCH", at(&thread, "")).json(&json!({ "topic": "Tea" }));
    world.call(ADA, topic).await.expect(204);
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    world.advance_ms(30 * 60_000);
    run_erasures(world).await;
    world.chat.purge().await.expect("housekeeping");
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    let told = next(&mut bob).await;
    assert_eq!((told.event_id, &told.body["threadId"]), (259, &json!(thread)));
    expect_silence(&mut bob).await;
}

async fn two_sockets_of_one_client_are_told_once(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut old = live.connect(BOB, "bob-1").await;
    world.send(ADA, &thread, "one").await;
    assert_eq!(texts(&mut old, "one").await, ["one"]);
    let mut new = live.connect(BOB, "bob-1").await;
    live.until_live().await;
    world.send(ADA, &thread, "two").await;
    assert_eq!(texts(&mut new, "two").await, ["two"]);
    expect_silence(&mut new).await;
    expect_silence(&mut old).await;
}

async fn a_client_that_does_not_answer_falls_behind_and_catches_up(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut slow = live.connect(BOB, "bob-1").await;
    let mut quick = live.connect(BOB, "bob-2").await;
    slow.set_answering(false);
    let mut expected = Vec::new();
    for number in 0..400 {
        let text = number.to_string();
        let body = json!({ "content": text });
        world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
        expected.push(text);
    }
    assert_eq!(texts(&mut quick, "399").await, expected, "others are told in time");
    let waiting: usize = live.world.chat.realtime.waiting_max();
    assert!(waiting <= 256, "{waiting} wait for one client");
    slow.set_answering(true);
    slow.cut();
    slow.reconnect(DEADLINE).await.expect("the client comes back");
    let mut told = texts(&mut slow, "399").await;
    told.sort_by_key(|text| text.parse::<u32>().expect("a number"));
    told.dedup();
    assert_eq!(told, expected);
}

async fn revoked_users_are_disconnected_at_once(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    let _ada = live.connect(ADA, "ada-1").await;
    live.world.chat.disconnect_user(live.world.resources.view("dev").id, &raw_id(BOB));
    live.until(|live| live.world.chat.realtime.count() == 1).await;
    assert!(bob.receive(DEADLINE).await.is_ok());
}

async fn clients_are_asked_to_move(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "one").await;
    texts(&mut bob, "one").await;
    live.until(|live| live.world.chat.realtime.are_all_settled()).await;
    let chat = Arc::clone(&world.chat);
    chat.move_clients(Duration::from_millis(200)).await;
    let refused = ChatClient::connect(live.options(ADA, "ada-1"), &live.tasks).await;
    assert_eq!(refused.err().and_then(|cause| cause.status()), Some(503));
    let stored = positions(world).await;
    assert_eq!(stored.len(), 1, "{stored:?}");
}

async fn polling_clients_acknowledge_before_the_listeners_end(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect_polling(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "one").await;
    assert_eq!(texts(&mut bob, "one").await, ["one"]);
    world.chat.settle_polls().await;
    let stored = positions(world).await;
    assert_eq!(stored.len(), 1, "{stored:?}");
    world.send(ADA, &thread, "two").await;
    expect_silence(&mut bob).await;
}

async fn a_polling_client_catches_up_with_more_than_is_on_its_way_at_once(store: TestStore) {
    let live = Live::new(store).await;
    let (world, mut bob) = (&live.world, live.connect_polling(BOB, "bob-1").await);
    let thread = world.thread(ADA, &[BOB]).await;
    bob.cut();
    let mut expected = Vec::new();
    for number in 0..200 {
        let text = number.to_string();
        let body = json!({ "content": text });
        world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
        expected.push(text);
    }
    bob.reconnect(DEADLINE).await.expect("the client comes back");
    let told = tokio::time::timeout(DEADLINE, texts(&mut bob, "199")).await.expect("all come in time");
    assert_eq!(told, expected);
}

async fn too_many_clients_of_one_user_end_the_oldest(store: TestStore) {
    let live = Live::with(store, |settings| settings.connections_per_user = 2).await;
    let _first = live.connect(BOB, "bob-1").await;
    let _second = live.connect(BOB, "bob-2").await;
    let _third = live.connect(BOB, "bob-3").await;
    live.until(|live| live.world.chat.realtime.count() == 2).await;
}

/// As when the proxy in front of them goes: more of them than the store's queue takes.
async fn clients_that_leave_at_once_are_all_let_go(mut store: TestStore) {
    let mut config = store.config().clone();
    config.bounds.writes_queued_per_resource_max = 4;
    store.restart_with(config).await;
    let live = Live::new(store).await;
    let mut clients = Vec::new();
    for number in 0..16 {
        clients.push(live.connect(BOB, &format!("bob-{number}")).await);
    }
    drop(clients);
    let wait = async {
        loop {
            let released = live.world.chat.store.read(|tx| {
                let sql = "SELECT COUNT(*) FROM chat_endpoints WHERE is_released <> 0";
                tx.query_one(sql, &[])?.get::<i64>(0)
            });
            // Where reads wait in the same queue, it may be full.
            let released: Result<i64, StoreError> = released.await;
            if released.is_ok_and(|released| released == 16) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("every client is let go");
}

async fn broken_frames_end_a_connection(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    for frame in ["", "x", "3:::", "3:::{", "5:::[]", "9::", "5:x+::{}", "3:::{\"id\":-1}", "::::"] {
        bob.send_frame(frame).await.expect("the connection holds");
    }
    assert_eq!(live.world.chat.realtime.count(), 1);
    bob.send_frame("the tenth").await.expect("the connection holds");
    live.until(|live| live.world.chat.realtime.is_empty()).await;
}

async fn answers_to_nothing_end_a_connection(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    for _ in 0..100 {
        bob.send_frame("3:::{\"id\":77,\"status\":200}").await.expect("the connection holds");
    }
    live.until(|live| live.world.chat.realtime.is_empty()).await;
}

/// Thread and change of every stored position.
async fn positions(world: &World) -> Vec<(i64, i64)> {
    let read: Result<_, StoreError> = world
        .app
        .store
        .read(|tx| {
            let rows = tx.query_all("SELECT thread, change FROM chat_positions ORDER BY thread", &[])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
        })
        .await;
    read.expect("positions can be read")
}
