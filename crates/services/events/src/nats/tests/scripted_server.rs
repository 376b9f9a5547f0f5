//! What a server may do to a publisher.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const INFO: &str = r#"INFO {"server_id":"S","max_payload":100,"headers":true}"#;

struct Server {
    listener: TcpListener,
}

/// A connection of the publisher, as the server sees it.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Server {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port") }
    }

    fn publisher(&self) -> (Arc<NatsPublisher>, Tasks) {
        start(settings(format!("nats://{}", self.listener.local_addr().expect("an address"))))
    }

    /// The next connection, after the server's first words.
    async fn accept(&self, info: &str) -> Client {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        let mut client = Client { stream: BufReader::new(stream) };
        client.say(&format!("{info}\r\n")).await;
        client
    }

    /// The next connection, introduced.
    async fn welcome(&self, info: &str) -> Client {
        let mut client = self.accept(info).await;
        assert!(client.line().await.starts_with("CONNECT {"));
        assert_eq!(client.line().await, "PING");
        client.say("PONG\r\n").await;
        client
    }
}

impl Client {
    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("an open connection");
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("text");
        line.trim_end().to_owned()
    }

    /// The next message: subject and payload.
    async fn publication(&mut self) -> (String, String) {
        let line = self.line().await;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<usize>().expect("a length");
        let (header_bytes, all_bytes) =
            if words[0] == "HPUB" { (number(words[2]), number(words[3])) } else { (0, number(words[2])) };
        let mut content = vec![0; all_bytes + 2];
        self.stream.read_exact(&mut content).await.expect("the message");
        let payload = String::from_utf8(content[header_bytes..all_bytes].to_vec()).expect("text");
        (words[1].to_owned(), payload)
    }
}

/// Begins to publish; the messages are in the publisher's queue when this returns.
async fn publishing(
    publisher: &Arc<NatsPublisher>,
    subject: &'static str,
    payload: &'static str,
    tasks: &Tasks,
) -> oneshot::Receiver<Result<(), OutboundError>> {
    let (sender, receiver) = oneshot::channel();
    let publisher = Arc::clone(publisher);
    let begun = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&begun);
    drop(tasks.spawn("test: publish", async move {
        let messages = [message(payload)];
        let mut publish = publisher.publish(subject, &messages);
        let mut told = Some(told);
        let published = std::future::poll_fn(|context| {
            let polled = publish.as_mut().poll(context);
            if let Some(told) = told.take() {
                told.notify_one();
            }
            polled
        })
        .await;
        drop(sender.send(published));
    }));
    begun.notified().await;
    receiver
}

#[tokio::test]
async fn a_publication_counts_when_the_fence_behind_it_is_answered() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let mut published = publishing(&publisher, "acs.events", "{\"a\":1}", &tasks).await;
    let mut client = server.welcome(INFO).await;
    assert_eq!(client.publication().await, ("acs.events".to_owned(), "{\"a\":1}".to_owned()));
    assert_eq!(client.line().await, "PING");
    assert!(published.try_recv().is_err(), "nothing was acknowledged yet");
    client.say("PONG\r\n").await;
    assert_eq!(published.await, Ok(Ok(())));
}

#[tokio::test]
async fn what_waits_shares_a_fence_and_keeps_its_order() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let mut waiting = Vec::new();
    // The publisher connects, so all of them wait.
    for payload in ["1", "2", "3"] {
        waiting.push(publishing(&publisher, "a", payload, &tasks).await);
    }
    let mut client = server.welcome(INFO).await;
    for payload in ["1", "2", "3"] {
        assert_eq!(client.publication().await.1, payload);
    }
    assert_eq!(client.line().await, "PING");
    client.say("PONG\r\n").await;
    for published in waiting {
        assert_eq!(published.await, Ok(Ok(())));
    }
}

#[tokio::test]
async fn a_forbidden_subject_fails_alone() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let allowed = publishing(&publisher, "good", "1", &tasks).await;
    let forbidden = publishing(&publisher, "bad", "2", &tasks).await;
    let mut client = server.welcome(INFO).await;
    client.say("-ERR 'Permissions Violation for Publish to \"bad\"'\r\nPONG\r\n").await;
    assert_eq!(allowed.await, Ok(Ok(())));
    let refused = forbidden.await.expect("an answer").expect_err("forbidden");
    assert!(matches!(refused, OutboundError::Denied { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_fence_fails_what_waits_and_is_made_again() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let lost = publishing(&publisher, "a", "1", &tasks).await;
    let mut client = server.welcome(INFO).await;
    client.publication().await;
    drop(client);
    let lost = lost.await.expect("an answer").expect_err("lost");
    assert!(matches!(lost, OutboundError::Closed { .. }), "{lost:?}");

    let published = publishing(&publisher, "a", "2", &tasks).await;
    let mut client = server.welcome(INFO).await;
    assert_eq!(client.publication().await.1, "2");
    client.say("PONG\r\n").await;
    assert_eq!(published.await, Ok(Ok(())));
}

#[tokio::test]
async fn refused_credentials_are_told_apart() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let published = publishing(&publisher, "a", "1", &tasks).await;
    let mut client = server.accept(INFO).await;
    client.say("-ERR 'Authorization Violation'\r\n").await;
    let reason = "Authorization Violation".to_owned();
    assert_eq!(published.await, Ok(Err(OutboundError::Denied { reason })));
}

#[tokio::test]
async fn messages_beyond_the_servers_limit_are_not_sent() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    // With its header it has more than the 100 bytes of the server.
    let large =
        publishing(&publisher, "a", "12345678901234567890123456789012345678901234567890", &tasks).await;
    let small = publishing(&publisher, "a", "1", &tasks).await;
    let mut client = server.welcome(INFO).await;
    assert_eq!(client.publication().await.1, "1");
    client.say("PONG\r\n").await;
    assert_eq!(large.await, Ok(Err(OutboundError::TooLarge)));
    assert_eq!(small.await, Ok(Ok(())));
}

#[tokio::test]
async fn a_server_without_headers_gets_none() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let published = publishing(&publisher, "a", "1", &tasks).await;
    let mut client = server.welcome("INFO {}").await;
    assert_eq!(client.line().await, "PUB a 1");
    assert_eq!(client.line().await, "1");
    client.say("PING\r\nPONG\r\n").await;
    assert_eq!(client.line().await, "PING");
    assert_eq!(client.line().await, "PONG");
    assert_eq!(published.await, Ok(Ok(())));
}

#[tokio::test]
async fn words_before_tls_are_not_taken_for_words_inside() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let published = publishing(&publisher, "a", "1", &tasks).await;
    let _client = server.accept("INFO {\"tls_required\":true}\r\nINFO {}\r\nPONG").await;
    let refused = published.await.expect("an answer").expect_err("a trick");
    assert!(matches!(refused, OutboundError::Protocol { .. }), "{refused:?}");
}

#[tokio::test]
async fn who_is_no_nats_server_is_told_apart() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let published = publishing(&publisher, "a", "1", &tasks).await;
    let _client = server.accept("HTTP/1.1 400 Bad Request").await;
    let refused = published.await.expect("an answer").expect_err("no NATS");
    assert!(matches!(refused, OutboundError::Protocol { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let published = publishing(&publisher, "a", "1", &tasks).await;
    let mut client = server.welcome(INFO).await;
    client.publication().await;
    assert_eq!(client.line().await, "PING");
    // Nothing else can happen now, so the clock of the runtime runs ahead.
    tokio::time::pause();
    let silent = published.await.expect("an answer").expect_err("silence");
    assert!(matches!(silent, OutboundError::Closed { .. }), "{silent:?}");
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_is_left_when_nothing_is_on_its_way() {
    let server = Server::start().await;
    let (publisher, tasks) = server.publisher();
    let published = publishing(&publisher, "a", "1", &tasks).await;
    let mut client = server.welcome(INFO).await;
    client.publication().await;
    assert_eq!(client.line().await, "PING");
    client.say("INFO {\"ldm\":true,\"headers\":true}\r\nPONG\r\n").await;
    assert_eq!(published.await, Ok(Ok(())));
    assert_eq!(client.line().await, "", "the publisher has closed the connection");
    let published = publishing(&publisher, "a", "2", &tasks).await;
    let mut client = server.welcome(INFO).await;
    assert_eq!(client.publication().await.1, "2");
    client.say("PONG\r\n").await;
    assert_eq!(published.await, Ok(Ok(())));
}
