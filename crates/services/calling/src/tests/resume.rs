//! `resume`: a session goes on over another socket.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{SignallingSocket, TestStore, on_both_engines};

use super::harness::{ADA, SLICES, World};

on_both_engines!(SLICES;
    what_was_said_meanwhile_comes_after,
    requests_are_done_once,
    the_old_socket_is_closed,
    a_resume_that_comes_late_takes_nothing_over,
    a_session_without_a_socket_ends,
    a_session_that_was_left_is_gone,
    asking_for_a_session_that_is_gone_is_no_guess,
    wrong_secrets_are_counted,
);

async fn what_was_said_meanwhile_comes_after(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let id = client.request("call.hold", json!({ "leg": "none" })).await;
    client.cut();
    let resumed = client.resume().await.expect("it goes on");
    assert_eq!(resumed["resumeFor_s"], 30);
    assert_eq!(resumed["iceServers"][0]["credential"], "secret");
    assert_eq!(client.reply_of(&id).await["name"], "unknownCall");
    assert_eq!(world.metrics.resumed.get(), 1);
}

async fn requests_are_done_once(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let first = client.ask("call.hold", json!({ "leg": "none" })).await;
    client.cut();
    // Said while there is no socket.
    let id = client.request("call.hold", json!({ "leg": "none" })).await;
    client.resume().await.expect("it goes on");
    let second = client.reply_of(&id).await;
    assert_eq!((&first["n"], &second["n"], &second["a"]), (&json!(1), &json!(2), &json!(2)));
    client.cut();
    let resumed = client.resume().await.expect("it goes on");
    assert_eq!(resumed["a"], 2);
    assert_eq!(client.ask("call.hold", json!({ "leg": "none" })).await["n"], 3);
}

async fn the_old_socket_is_closed(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let mut other = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
    let resume = json!({
        "t": "resume", "session": client.welcome["session"], "resume": client.welcome["resume"], "a": 0,
    });
    other.send(&resume.to_string()).await.expect("the server reads");
    assert_eq!(other.next().await.expect("an answer")["t"], "resumed");
    assert_eq!(client.socket().close_code().await, Some(4409));
    // That the old one says goodbye changes nothing.
    client.leave().await;
    world.until(|world| world.metrics.sockets.get() == 1).await;
    assert_eq!(world.metrics.sessions.get(), 1);
    other.send(r#"{"t":"ping","at":1}"#).await.expect("the server reads");
    assert_eq!(other.next().await.expect("a pong")["t"], "pong");
}

/// A client gave a socket up before its `resume` was through, which arrives when the session goes on elsewhere.
async fn a_resume_that_comes_late_takes_nothing_over(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let late = json!({
        "t": "resume", "session": client.welcome["session"], "resume": client.welcome["resume"], "a": 0,
    });
    client.cut();
    client.resume().await.expect("it goes on");
    let ping = r#"{"t":"ping","at":1}"#;
    client.socket().send(ping).await.expect("the server reads");
    assert_eq!(client.socket().next().await.expect("a pong")["t"], "pong");
    let mut socket = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
    socket.send(&late.to_string()).await.expect("the server reads");
    assert_eq!(socket.close_code().await, Some(4410));
    client.socket().send(ping).await.expect("the server reads");
    assert_eq!(client.socket().next().await.expect("a pong")["t"], "pong");
}

async fn a_session_without_a_socket_ends(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    client.cut();
    world.until(|world| world.metrics.sockets.get() == 0).await;
    world.advance(Duration::from_secs(29));
    assert_eq!(world.metrics.sessions.get(), 1);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.metrics.sessions.get(), 0);
    let bye = client.resume().await.expect_err("it is gone");
    assert_eq!((&bye["code"], &bye["retry"]), (&json!(4410), &json!(true)));
}

async fn a_session_that_was_left_is_gone(store: TestStore) {
    let world = World::new(store).await;
    let client = world.connect(ADA).await;
    let (session, secret) = (client.welcome["session"].clone(), client.welcome["resume"].clone());
    client.leave().await;
    let mut socket = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
    let resume = json!({ "t": "resume", "session": session, "resume": secret, "a": 0 });
    socket.send(&resume.to_string()).await.expect("the server reads");
    assert_eq!(socket.close_code().await, Some(4410));
}

/// After a restart a whole office, behind one address, asks for sessions that went with the server.
async fn asking_for_a_session_that_is_gone_is_no_guess(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    client.cut();
    let gone =
        json!({ "t": "resume", "session": "00000000-0000-4000-8000-000000000000", "resume": "mine", "a": 0 });
    for _ in 0..20 {
        let mut socket = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
        socket.send(&gone.to_string()).await.expect("the server reads");
        assert_eq!(socket.close_code().await, Some(4410));
    }
    client.resume().await.expect("whoever is known goes on");
}

async fn wrong_secrets_are_counted(store: TestStore) {
    let world = World::new(store).await;
    let mut client = world.connect(ADA).await;
    let resume = async |secret: &str, a: u64| {
        let mut socket = SignallingSocket::open(&world.origin, &world.tasks).await.expect("a socket");
        let message =
            json!({ "t": "resume", "session": client.welcome["session"], "resume": secret, "a": a });
        socket.send(&message.to_string()).await.expect("the server reads");
        socket.close_code().await
    };
    for _ in 0..5 {
        assert_eq!(resume("wrong", 0).await, Some(4410));
    }
    assert_eq!(resume("wrong", 0).await, Some(4429));
    let secret = client.welcome["resume"].as_str().expect("a secret").to_owned();
    assert_eq!(resume(&secret, 0).await, Some(4429));
    world.advance(Duration::from_secs(13));
    // Claims to have received what was never said.
    assert_eq!(resume(&secret, 1).await, Some(4410));
    world.advance(Duration::from_secs(13));
    client.cut();
    client.resume().await.expect("with the right secret it goes on");
}
