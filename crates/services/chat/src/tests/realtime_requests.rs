//! The requests around a connection: configuration, allocation, handshake, registration.

use serde_json::json;
use trunkline_testkit::app::ORIGIN;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, raw_id, token};
use super::live::Live;

on_both_engines!(SLICES;
    the_configuration_names_this_server,
    allocation_gives_parameters_that_come_back,
    parameters_of_others_are_refused,
    strange_and_giant_names_are_refused_or_ignored,
    a_new_poll_ends_the_one_that_waits,
    the_handshake_gives_a_session,
    only_users_of_chat_connect,
    registrations_are_taken_before_and_after_connecting,
    a_socket_needs_a_session,
    the_check_is_answered,
);

fn skype(call: Call, number: u32) -> Call {
    call.header("x-skypetoken", token(&raw_id(number), "chat"))
}

async fn the_configuration_names_this_server(store: TestStore) {
    let world = World::new(store).await;
    let path = "/chat/config/realTimeNotifications?api-version=2024-09-01";
    let answer = world.call(ADA, Call::get(path)).await.expect(200);
    let expected = json!({
        "trouterServiceUrl": format!("{ORIGIN}/trouter"),
        "registrarServiceUrl": format!("{ORIGIN}/registrar"), "cloudType": "public",
    });
    assert_eq!(answer.body, expected);
    world.app.call(Call::get(path)).await.expect_denied("CredentialsMissing");
}

async fn allocation_gives_parameters_that_come_back(store: TestStore) {
    let world = World::new(store).await;
    let first = Call::post("/trouter/v4/a?cor_id=c&con_num=1_1&epid=e-1");
    let answer = world.app.call(skype(first, ADA)).await.expect(200);
    assert_eq!(answer.body["socketio"], json!(format!("{ORIGIN}/")));
    assert_eq!(answer.body["surl"], json!(format!("{ORIGIN}/v4/f/trunkline/")));
    assert!(answer.header("content-type").starts_with("application/json;"));
    let parameters = &answer.body["connectparams"];
    let value = |name: &str| parameters[name].as_str().expect("a text").to_owned();
    for name in ["sr", "issuer", "sp", "se", "st", "sig"] {
        assert!(!value(name).contains(['=', '&', '%']), "{name}");
    }
    let query = format!("epid=e-1&se={}&sig={}&v=v4", value("se"), value("sig"));
    let again = Call::post(format!("/v4/a?{query}"));
    world.app.call(skype(again, ADA)).await.expect(200);
}

async fn parameters_of_others_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let first = Call::post("/trouter/v4/a?epid=e-1");
    let answer = world.app.call(skype(first, ADA)).await.expect(200);
    let value = |name: &str| answer.body["connectparams"][name].as_str().expect("a text").to_owned();
    let query = format!("se={}&sig={}", value("se"), value("sig"));
    let ask = |number, rest: String| world.app.call(skype(Call::post(format!("/v4/a?{rest}")), number));
    ask(BOB, format!("epid=e-1&{query}")).await.expect(400);
    ask(ADA, format!("epid=e-2&{query}")).await.expect(400);
    ask(ADA, "epid=e-1&se=1&sig=x".to_owned()).await.expect(400);
    ask(ADA, "epid=e%2F1".to_owned()).await.expect(400);
    ask(ADA, String::new()).await.expect(400);
}

async fn strange_and_giant_names_are_refused_or_ignored(store: TestStore) {
    let world = World::new(store).await;
    let (long, giant) = ("e".repeat(65), "c".repeat(6000));
    for epid in [&*long, &*giant, "%C3%A4", "%F0%9F%98%80", "%00", "a%20b", "%FF", "..%2Fx"] {
        for call in [
            Call::post(format!("/trouter/v4/a?epid={epid}")),
            Call::get(format!("/socket.io/1/?epid={epid}")),
            Call::delete(format!("/registrar/v3/registrations/{epid}")),
        ] {
            let answer = world.app.call(skype(call, ADA)).await;
            assert!(matches!(answer.status, 400 | 404 | 414), "{epid}: {}", answer.status);
        }
    }
    for rest in [&*format!("cor_id={giant}"), "cor_id=%F0%9F%98%80&con_num=%C3%A4", "ccid=%00&dom=%E2%82%AC"]
    {
        world.app.call(skype(Call::post(format!("/trouter/v4/a?epid=e-1&{rest}")), ADA)).await.expect(200);
        world.app.call(skype(Call::get(format!("/socket.io/1/?epid=e-1&{rest}")), ADA)).await.expect(200);
    }
    for rest in ["se=99999999999999999999&sig=AAAA", "se=&sig=", "se=%FF&sig=%C3%A4", "se=1&sig=%00"] {
        world.app.call(skype(Call::post(format!("/v4/a?epid=e-1&{rest}")), ADA)).await.expect(400);
    }
}

async fn a_new_poll_ends_the_one_that_waits(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let handshake =
        world.app.call(skype(Call::get("/socket.io/1/?epid=e-1&v=v4&t=1"), BOB)).await.expect(200);
    let answer = String::from_utf8(handshake.bytes.to_vec()).expect("text");
    let session = answer.split(':').next().expect("a session id");
    let poll = || async {
        let call = Call::get(format!("/socket.io/1/xhr-polling/{session}"));
        let answer = world.app.call(skype(call, BOB)).await.expect(200);
        String::from_utf8(answer.bytes.to_vec()).expect("text")
    };
    assert_eq!(poll().await, "1::");
    assert!(poll().await.contains("trouter.connected"));
    let second = async {
        let frames = poll().await;
        assert!(frames.starts_with("3:::{\"id\":1,"), "{frames}");
    };
    let message = async {
        // The first poll is over because of the second, and not of the message.
        live.until(|live| live.world.chat.realtime.polls_waiting() == 1).await;
        world.send(ADA, &thread, "x").await;
    };
    let first = async {
        let noop = poll().await;
        message.await;
        noop
    };
    let (noop, ()) = tokio::join!(first, second);
    assert_eq!(noop, "8::");
}

async fn the_handshake_gives_a_session(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::get("/socket.io/1/?epid=e-1&v=v4&t=1");
    let answer = world.app.call(skype(call, ADA)).await.expect(200);
    let text = String::from_utf8(answer.bytes.to_vec()).expect("text");
    let parts: Vec<&str> = text.split(':').collect();
    assert_eq!(parts[1..], ["60", "65", "websocket,xhr-polling"]);
    let call = Call::get(format!("/socket.io/1/xhr-polling/{}", parts[0]));
    let poll = world.app.call(skype(call.clone(), BOB)).await;
    poll.expect_error(403, "Forbidden");
}

async fn only_users_of_chat_connect(store: TestStore) {
    let world = World::new(store).await;
    for path in ["/trouter/v4/a?epid=e-1", "/v4/a?epid=e-1"] {
        world.app.call(Call::post(path)).await.expect_denied("CredentialsMissing");
        let voip = Call::post(path).header("x-skypetoken", token(&raw_id(ADA), "voip"));
        world.app.call(voip).await.expect_error(403, "Forbidden");
    }
    world.app.call(Call::get("/socket.io/1/?epid=e-1")).await.expect_denied("CredentialsMissing");
}

async fn registrations_are_taken_before_and_after_connecting(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({
        "clientDescription": { "appId": "AcsWeb", "aesKey": "", "languageId": "en-US", "platform": "SPOOL",
            "templateKey": "AcsWeb_Chat_2.1", "platformUIVersion": "0.0.0" },
        "registrationId": "e-1", "nodeId": "",
        "transports": { "TROUTER": [{ "context": "", "path": format!("{ORIGIN}/v4/f/trunkline/"), "ttl": 3600 }] },
    });
    let register = Call::post("/registrar/v3/registrations").json(&body);
    world.app.call(skype(register, ADA)).await.expect(202);
    let unregister = Call::delete("/registrar/v3/registrations/e-1");
    world.app.call(skype(unregister, ADA)).await.expect(200);
}

async fn a_socket_needs_a_session(store: TestStore) {
    let world = World::new(store).await;
    let plain = Call::get("/socket.io/1/websocket/x.y");
    world.app.call(plain.clone()).await.expect(426);
    let upgrade = plain
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    world.app.call(upgrade).await.expect(403);
}

async fn the_check_is_answered(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.app.call(Call::get("/?check=1")).await.expect(200);
    assert_eq!(String::from_utf8(answer.bytes.to_vec()).expect("text"), "Trouter");
    world.app.call(Call::get("/")).await.expect(404);
}
