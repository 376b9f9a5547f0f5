//! The publisher against a scripted server, and against the real one.

mod real_server;
mod scripted_server;

use bytes::Bytes;

use super::*;

fn settings(url: String) -> NatsSettings {
    NatsSettings { url, user: None, password: None, token: None }
}

fn start(settings: NatsSettings) -> (Arc<NatsPublisher>, Tasks) {
    let (securer, tasks) = (Securer::new(&[], &[]).expect("the crypto library works"), Tasks::new());
    (NatsPublisher::start(settings, securer, &tasks).expect("an address"), tasks)
}

fn message(payload: &str) -> NatsMessage {
    NatsMessage {
        headers: vec![("Nats-Msg-Id", format!("id of {payload}"))],
        payload: Bytes::from(payload.to_owned()),
    }
}

#[test]
fn addresses_of_servers_are_read() {
    let server = |host: &str, port, is_secure| Ok(Server { host: host.to_owned(), port, is_secure });
    for (url, expected) in [
        ("nats://localhost", server("localhost", 4222, false)),
        ("nats://LOCALHOST:4333/", server("localhost", 4333, false)),
        ("tls://nats.example", server("nats.example", 4222, true)),
        ("nats://[::1]:4222", server("::1", 4222, false)),
        ("localhost:4222", Err(NatsUrlError::Invalid)),
        ("http://localhost:4222", Err(NatsUrlError::Invalid)),
        ("nats://", Err(NatsUrlError::Invalid)),
        ("nats://localhost:0", Err(NatsUrlError::Invalid)),
        ("nats://localhost:99999", Err(NatsUrlError::Invalid)),
        ("nats://localhost/subject", Err(NatsUrlError::Invalid)),
        ("nats://user:password@localhost", Err(NatsUrlError::Credentials)),
    ] {
        assert_eq!(Server::parse(url), expected, "{url}");
    }
}

#[test]
fn settings_do_not_show_what_they_hold() {
    let settings = NatsSettings {
        url: "nats://localhost".to_owned(),
        user: Some("ada".to_owned()),
        password: Some(Secret::new("s3cret".to_owned())),
        token: Some(Secret::new("s3cret".to_owned())),
    };
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[tokio::test]
async fn what_is_no_subject_never_gets_to_the_server() {
    let (publisher, _tasks) = start(settings("nats://127.0.0.1:1".to_owned()));
    for subject in ["", "a b", "a.>", "a\r\nPUB b 0\r\n"] {
        let refused = publisher.publish(subject, &[message("{}")]).await.expect_err(subject);
        assert!(matches!(refused, OutboundError::Denied { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn without_a_server_there_is_no_connection() {
    let (publisher, tasks) = start(settings("nats://127.0.0.1:1".to_owned()));
    for _ in 0..2 {
        let refused = publisher.publish("a", &[message("{}")]).await.expect_err("nobody listens there");
        assert!(matches!(refused, OutboundError::Connect { .. }), "{refused:?}");
    }
    assert!(tasks.stop(Duration::from_secs(10)).await);
    let stopped = publisher.publish("a", &[message("{}")]).await.expect_err("stopped");
    assert!(matches!(stopped, OutboundError::Closed { .. }), "{stopped:?}");
}
