//! `hello`: a session opens, or the client is told why not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_kernel::limits::LimitSet;
use trunkline_media::MediaHandle;
use trunkline_net::websocket::Opcode;
use trunkline_testkit::{SignallingClient, SignallingSocket, TestApp, TestStore, app, on_both_engines};
use trunkline_web::Settings;
use trunkline_web::cors::Origins;

use super::harness::{ADA, BOB, SLICES, World, raw_id, raw_id_in, token};

on_both_engines!(SLICES;
    a_session_opens,
    tokens_that_are_not_good_are_refused,
    hellos_that_are_none_are_refused,
    a_message_that_is_too_large_is_refused,
    numbers_are_kept_in_both_directions,
    what_breaks_the_numbers_ends_the_socket,
    pings_are_answered,
    a_silent_socket_is_closed,
    sessions_of_a_user_are_bounded,
    a_node_that_ends_takes_nobody,
    a_plain_request_is_told_to_upgrade,
    pages_of_foreign_origins_are_refused,
    a_fresh_token_takes_the_place_of_the_old_one,
    a_token_that_ends_is_asked_for_and_ends_the_session,
    a_revoked_token_ends_the_session,
    a_deleted_user_or_resource_ends_sessions,
    unknown_and_malformed_requests_are_answered,
    a_flood_is_refused_and_then_cut_off,
);

async fn a_session_opens(store: TestStore) {
    let world = World::new(store).await;
    let client = world.connect(ADA).await;
    let welcome = &client.welcome;
    let now = world.app.clock();
    assert_eq!(welcome["v"], 1);
    assert_eq!(welcome["user"], raw_id(ADA));
    assert_eq!((&welcome["resumeFor_s"], &welcome["ping_s"]), (&json!(30), &json!(10)));
    assert_eq!(welcome["rejoinFor_s"], 120);
    assert_eq!(welcome["now"], trunkline_kernel::Clock::now(&**now).as_micros() / 1000);
    assert_eq!(welcome["tokenEnds"], i64::from(u32::MAX) * 1000);
    assert_eq!(welcome["iceServers"][0]["urls"], json!(["turn:relay.example:3478"]));
    assert_eq!(welcome["limits"], json!({ "participants": 350, "messageBytes": 131_072 }));
    assert_eq!(welcome["n"], json!(null));
    assert_eq!((world.metrics.sessions.get(), world.metrics.sockets.get()), (1, 1));
    client.leave().await;
    world.until(|world| world.metrics.sessions.get() == 0 && world.metrics.sockets.get() == 0).await;
}

async fn tokens_that_are_not_good_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let open = async |token: &str| {
        let opened = SignallingClient::connect(&world.origin, &world.tasks, token, json!({})).await;
        opened.map(drop).expect_err("no session opens")
    };
    for (token, code) in [
        ("", 4401),
        ("nonsense", 4401),
        (&token(&raw_id_in(2, ADA), "voip"), 4401),
        (&token(&raw_id(ADA), "chat"), 4403),
    ] {
        let bye = open(token).await;
        assert_eq!(
            (&bye["t"], &bye["code"], &bye["retry"]),
            (&json!("bye"), &json!(code), &json!(false)),
            "{token}"
        );
    }
    let token = token(&raw_id(ADA), "voip.join");
    assert!(SignallingClient::connect(&world.origin, &world.tasks, &token, json!({})).await.is_ok());
}

async fn hellos_that_are_none_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for hello in [
        json!({ "v": [2] }),
        json!({ "v": 1 }),
        json!({ "device": "" }),
        json!({ "device": "not an id" }),
        json!({ "displayName": "x".repeat(257) }),
        json!({ "client": { "version": "1" } }),
        json!({ "t": "call.start" }),
        json!({ "t": "nonsense" }),
    ] {
        let bye = world.connect_as(ADA, hello.clone()).await.map(drop).expect_err("no session opens");
        assert_eq!(bye["code"], 4400, "{hello}");
    }
    for text in ["", "[]", "{", "null", &"[".repeat(1000)] {
        let mut socket = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
        socket.send(text).await.expect("the server reads");
        assert_eq!(socket.close_code().await, Some(4400), "{text}");
    }
    let mut socket = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
    socket.send_frame(Opcode::Binary, b"bytes").await.expect("the server reads");
    assert_eq!(socket.close_code().await, Some(4400));
    assert_eq!(world.metrics.sessions.get(), 0);
}

async fn a_message_that_is_too_large_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let bye = world.connect_as(ADA, json!({ "more": "x".repeat(128 * 1024) })).await.map(drop);
    assert_eq!(bye.expect_err("no session opens")["code"], 4413);
    let mut client = world.connect(ADA).await;
    client.say("call.text", json!({ "leg": "x", "text": "x".repeat(128 * 1024) })).await;
    assert_eq!(client.socket().close_code().await, Some(4413));
}

async fn numbers_are_kept_in_both_directions(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    for number in 1..=3 {
        let reply = client.ask("call.hold", json!({ "leg": "none" })).await;
        assert_eq!(
            (&reply["n"], &reply["a"], &reply["name"]),
            (&json!(number), &json!(number), &json!("unknownCall"))
        );
    }
    // Nothing is to be said, so the acknowledgement goes alone.
    client.say("ring.seen", json!({ "leg": "none" })).await;
    let alone = client.socket().next().await.expect("an acknowledgement");
    assert_eq!(alone, json!({ "a": 4 }));
}

async fn what_breaks_the_numbers_ends_the_socket(store: TestStore) {
    let world = World::new(store).await;
    for message in [
        json!({ "n": 2, "t": "call.hold", "leg": "x" }),
        json!({ "a": 1 }),
        json!({ "n": 1 }),
        json!({ "n": 1, "t": "ping" }),
        json!({ "t": "call.hold", "leg": "x" }),
        json!({ "n": 1, "t": "call.hold", "leg": "x", "id": "not an id" }),
    ] {
        let mut client = world.connect(ADA).await;
        client.socket().send(&message.to_string()).await.expect("the server reads");
        assert_eq!(client.socket().close_code().await, Some(4400), "{message}");
    }
}

async fn pings_are_answered(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    client.socket().send(r#"{"t":"ping","at":7}"#).await.expect("the server reads");
    let pong = client.socket().next().await.expect("a pong");
    assert_eq!((&pong["t"], &pong["at"], pong["now"].is_i64()), (&json!("pong"), &json!(7), true));
}

async fn a_silent_socket_is_closed(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    world.advance(Duration::from_secs(29));
    client.socket().send(r#"{"t":"ping"}"#).await.expect("the server reads");
    client.socket().next().await.expect("a pong");
    world.advance(Duration::from_secs(29));
    client.socket().send(r#"{"t":"ping"}"#).await.expect("the server reads");
    client.socket().next().await.expect("a pong");
    world.advance(Duration::from_secs(30));
    assert_eq!(client.socket().close_code().await, Some(4408));
    // The session is still there.
    client.resume().await.expect("it goes on");
}

async fn sessions_of_a_user_are_bounded(store: TestStore) {
    let world = World::with(store, MediaHandle::closed(), |settings| settings.sessions_per_user = 2).await;
    let mut first = world.connect(ADA).await;
    let _second = world.connect(ADA).await;
    let bye = world.connect_as(ADA, json!({})).await.map(drop).expect_err("no third session");
    assert_eq!(
        (&bye["code"], &bye["retry"], &bye["retryAfter_ms"]),
        (&json!(4429), &json!(true), &json!(5000))
    );
    let _other = world.connect(BOB).await;
    first.cut();
    world.until(|world| world.metrics.sockets.get() == 2).await;
    let _third = world.connect(ADA).await;
    // The one without a socket had to go.
    assert_eq!(first.resume().await.expect_err("it is gone")["code"], 4410);
    assert_eq!(world.metrics.sessions.get(), 3);
}

async fn a_node_that_ends_takes_nobody(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let moving = world.calling.move_clients(Duration::from_secs(30));
    let ((), code) = tokio::join!(moving, client.socket().close_code());
    assert_eq!(code, Some(1012));
    let refused = world.connect_as(ADA, json!({})).await.map(drop).expect_err("no new session");
    assert!(refused["unreachable"].as_str().is_some_and(|text| text.contains("503")), "{refused}");
}

async fn a_plain_request_is_told_to_upgrade(store: TestStore) {
    let world = World::new(store).await;
    let call = trunkline_testkit::Call::get("/calling/signalling");
    world.app.call(call).await.expect_error(426, "BadRequest");
    let elsewhere = trunkline_testkit::Call::get("/calling/signalling").host("x.foreign.example");
    world.app.call(elsewhere).await.expect_error(404, "NotFound");
}

async fn pages_of_foreign_origins_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let listed = Origins::Listed(vec!["https://app.example".to_owned()]);
    let app = TestApp::new(
        TestStore::ephemeral(&[trunkline_web::SLICE]).await,
        world.calling.routes(),
        Arc::clone(&world.resources) as _,
        Vec::new(),
        Settings { origins: listed, ..app::settings(LimitSet::Generous) },
    );
    let from = |origin: &str| trunkline_testkit::Call::get("/calling/signalling").header("origin", origin);
    app.call(from("https://evil.example")).await.expect_error(403, "Forbidden");
    app.call(from("https://app.example")).await.expect_error(426, "BadRequest");
}

async fn a_fresh_token_takes_the_place_of_the_old_one(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let later = trunkline_kernel::Timestamp::from_seconds(4_000_000_000);
    *world.users.expires.lock().unwrap() = later;
    let reply = client.ok("token", json!({ "token": token(&raw_id(ADA), "voip") })).await;
    assert_eq!(reply["tokenEnds"], 4_000_000_000_000_i64);
    for bad in [token(&raw_id(BOB), "voip"), token(&raw_id(ADA), "chat"), "nonsense".to_owned()] {
        assert_eq!(client.refused("token", json!({ "token": bad })).await, "notAllowed");
    }
}

async fn a_token_that_ends_is_asked_for_and_ends_the_session(store: TestStore) {
    let world = World::new(store).await;
    let now = trunkline_kernel::Clock::now(&**world.app.clock());
    *world.users.expires.lock().unwrap() = now.plus(Duration::from_secs(80));
    let mut client = world.connect(ADA).await;
    world.advance(Duration::from_secs(20));
    assert_eq!(client.next_of("token.needed").await["n"], 1);
    for _ in 0..5 {
        client.socket().send(r#"{"t":"ping"}"#).await.expect("the server reads");
        let next = client.socket().next().await.expect("a pong, and no second request for a token");
        assert_eq!(next["t"], "pong");
        world.advance(Duration::from_secs(10));
    }
    world.advance(Duration::from_secs(10));
    assert_eq!(client.socket().close_code().await, Some(4401));
    assert_eq!(world.metrics.sessions.get(), 0);
}

async fn a_revoked_token_ends_the_session(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    world.users.revoke(&raw_id(ADA));
    let resource = world.resources.view("dev").id;
    world.calling.check_user(resource, &raw_id(ADA)).await;
    assert_eq!(ada.socket().close_code().await, Some(4401));
    world.users.revoke(&raw_id(BOB));
    world.calling.check_tokens();
    assert_eq!(bob.socket().close_code().await, Some(4401));
}

async fn a_deleted_user_or_resource_ends_sessions(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let resource = world.resources.view("dev").id;
    world.calling.end_user(resource, &raw_id(ADA));
    assert_eq!(ada.socket().close_code().await, Some(4401));
    world.calling.end_resource(resource).await;
    assert_eq!(bob.socket().close_code().await, Some(4401));
    assert_eq!(world.metrics.sessions.get(), 0);
}

async fn unknown_and_malformed_requests_are_answered(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    assert_eq!(client.refused("call.dance", json!({})).await, "unknownType");
    assert_eq!(client.refused("call.hold", json!({})).await, "malformed");
    assert_eq!(client.refused("call.hold", json!({ "leg": "no id" })).await, "malformed");
    let reply = client.ask("call.hold", json!({ "leg": "none" })).await;
    assert_eq!((&reply["t"], &reply["code"], &reply["subCode"]), (&json!("error"), &json!(404), &json!(0)));
    assert_eq!(reply["message"], "There is no such call.");
    // Without an id there is no reply, and the next one is that of the request behind it.
    client.say("call.dance", json!({})).await;
    assert_eq!(client.refused("call.hold", json!({ "leg": "none" })).await, "unknownCall");
}

async fn a_flood_is_refused_and_then_cut_off(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let mut ids = Vec::new();
    for _ in 0..280 {
        ids.push(client.request("call.dance", json!({})).await);
    }
    let mut names = Vec::new();
    for id in &ids {
        names.push(client.reply_of(id).await["name"].clone());
    }
    assert!(names[..80].iter().all(|name| name == "unknownType"));
    assert!(names[80..].iter().all(|name| name == "rateLimited"));
    client.acknowledge().await;
    client.request("call.dance", json!({})).await;
    assert_eq!(client.socket().close_code().await, Some(4429));
    // A second later it may go on.
    world.advance(Duration::from_secs(1));
    client.resume().await.expect("the session is still there");
    assert_eq!(client.refused("call.dance", json!({})).await, "unknownType");
}
