//! Tokens that end, and clients that want too much.

use std::sync::Arc;
use std::time::Duration;

use trunkline_testkit::realtime::{ChatClient, Driven, Lost, Options};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, raw_id, token};
use super::live::{DEADLINE, Live, texts};
use crate::realtime::{Identity, Transport};
use trunkline_web::ports::HeldToken;

on_both_engines!(SLICES;
    a_token_that_expires_ends_its_connection,
    a_revoked_token_ends_its_connections_and_no_others,
    a_revocation_that_nobody_told_of_ends_connections_too,
    a_replaced_access_key_ends_the_connections_of_its_tokens,
    a_token_revoked_after_the_handshake_does_not_connect,
    polls_of_a_revoked_token_end,
    a_flood_of_handshakes_is_refused_and_others_are_served,
    the_metrics_count_clients_that_are_served,
    a_flood_of_sockets_keeps_the_newest_and_leaves_others_alone,
);

/// Reads until the connection is lost.
async fn lost(client: &mut ChatClient) -> Lost {
    let reading = async {
        loop {
            if let Driven::Lost(lost) = client.receive(DEADLINE).await.expect("the server is there") {
                return lost;
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the connection ends in time")
}

fn unauthorized() -> Lost {
    Lost::Disconnected(Some("unauthorized".to_owned()))
}

async fn a_token_that_expires_ends_its_connection(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    *world.users.expires.lock().unwrap() = world.now().plus(Duration::from_hours(1));
    let mut bob = live.connect(BOB, "bob-1").await;
    *world.users.expires.lock().unwrap() = world.now().plus(Duration::from_hours(2));
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "before").await;
    assert_eq!(texts(&mut bob, "before").await, ["before"]);
    world.advance_ms(3_600_000);
    assert_eq!(lost(&mut bob).await, unauthorized());
    bob.reconnect(DEADLINE).await.expect("a client with a new token comes back");
    world.send(ADA, &thread, "after").await;
    assert_eq!(texts(&mut bob, "after").await, ["after"]);
}

async fn a_revoked_token_ends_its_connections_and_no_others(store: TestStore) {
    let live = Live::new(store).await;
    let (world, chat) = (&live.world, &live.world.chat);
    let (mut bob, mut ada) = (live.connect(BOB, "bob-1").await, live.connect(ADA, "ada-1").await);
    let resource = world.resources.view("dev").id;
    chat.check_user(resource, &raw_id(BOB)).await;
    assert_eq!(chat.realtime.open(), 2, "their tokens are good");
    world.users.revoke(&raw_id(BOB));
    chat.check_user(resource, &raw_id(BOB)).await;
    assert_eq!(lost(&mut bob).await, unauthorized());
    bob.reconnect(DEADLINE).await.expect("a client with a new token comes back");
    chat.check_user(resource, &raw_id(BOB)).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "x").await;
    assert_eq!(texts(&mut ada, "x").await, ["x"]);
    assert_eq!(texts(&mut bob, "x").await, ["x"]);
    assert_eq!((ada.connections(), bob.connections()), (1, 2));
}

async fn a_revocation_that_nobody_told_of_ends_connections_too(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    let _ada = live.connect(ADA, "ada-1").await;
    live.world.users.revoke(&raw_id(BOB));
    assert_eq!(lost(&mut bob).await, unauthorized());
    live.until(|live| live.world.chat.realtime.count() == 1).await;
}

async fn a_replaced_access_key_ends_the_connections_of_its_tokens(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    live.world.chat.check_tokens();
    live.world.users.replace_key();
    live.world.chat.check_tokens();
    assert_eq!(lost(&mut bob).await, unauthorized());
    bob.reconnect(DEADLINE).await.expect("a client with a token of the new key comes back");
}

async fn a_token_revoked_after_the_handshake_does_not_connect(store: TestStore) {
    let live = Live::new(store).await;
    let (world, hub) = (&live.world, &live.world.chat.realtime);
    let (resource, raw_id) = (world.resources.view("dev").id, Arc::<str>::from(raw_id(BOB)));
    let identity = Identity {
        resource,
        person: world.chat.person(resource, &raw_id).await.expect("the store answers"),
        token: HeldToken { raw_id: Arc::clone(&raw_id), generation: 1, access_key: None },
        epid: "bob-1".into(),
        expires: world.now().plus(Duration::from_hours(1)),
        wants_extensions: false,
    };
    world.users.revoke(&raw_id);
    let endpoint = hub.join(identity, Transport::Socket, &[]);
    live.until(|_| endpoint.closing().is_some()).await;
    assert!(!endpoint.is_greeted());
    live.until(|live| live.world.chat.realtime.is_empty()).await;
}

async fn polls_of_a_revoked_token_end(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect_polling(BOB, "bob-1").await;
    live.world.users.revoke(&raw_id(BOB));
    live.world.chat.check_tokens();
    live.until(|live| live.world.chat.realtime.is_empty()).await;
    bob.reconnect(DEADLINE).await.expect("a client with a new token comes back");
}

async fn a_flood_of_handshakes_is_refused_and_others_are_served(store: TestStore) {
    let world = World::new(store).await;
    let ask =
        |number, call: Call| world.app.call(call.header("x-skypetoken", token(&raw_id(number), "chat")));
    let allocate = || Call::post("/trouter/v4/a?epid=e-1");
    let handshake = || Call::get("/socket.io/1/?epid=e-1&v=v4&t=1");
    for _ in 0..60 {
        ask(ADA, allocate()).await.expect(200);
        ask(ADA, handshake()).await.expect(200);
    }
    for call in [allocate(), handshake()] {
        let refused = ask(ADA, call).await.expect(429);
        assert!(refused.header("retry-after").parse::<u32>().expect("seconds") > 0);
    }
    ask(BOB, allocate()).await.expect(200);
    ask(BOB, handshake()).await.expect(200);
}

async fn the_metrics_count_clients_that_are_served(store: TestStore) {
    let live = Live::new(store).await;
    let endpoints = || live.world.chat.realtime.metrics.endpoints.get();
    let bob = live.connect(BOB, "bob-1").await;
    let _again = live.connect(BOB, "bob-1").await;
    let ada = live.connect(ADA, "ada-1").await;
    live.until(|_| endpoints() == 2).await;
    drop((bob, ada));
    live.until(|_| endpoints() == 1).await;
}

async fn a_flood_of_sockets_keeps_the_newest_and_leaves_others_alone(store: TestStore) {
    let live = Live::with(store, |settings| settings.connections_per_user = 3).await;
    let world = &live.world;
    let mut ada = live.connect(ADA, "ada-1").await;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut flood = Vec::new();
    for number in 0..12 {
        let options = Options { registers: false, ..live.options(BOB, &format!("bob-{number}")) };
        flood.push(ChatClient::connect(options, &live.tasks).await.expect("a client connects"));
    }
    live.until(|live| live.world.chat.realtime.count() == 4).await;
    world.send(BOB, &thread, "x").await;
    assert_eq!(texts(&mut ada, "x").await, ["x"]);
    for newest in &mut flood[9..] {
        assert_eq!(texts(newest, "x").await, ["x"]);
    }
    assert_eq!(lost(&mut flood[0]).await, Lost::Disconnected(None));
}
