//! The publisher against `nats-server`, as the distribution has it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::*;

/// How long a test waits for the server. Long: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program; `None` where it is not installed, which must not go unnoticed where everything is tested.
fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("nats-server"))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "nats-server is not installed: run `cargo xtask setup`");
        eprintln!("SKIPPED: nats-server is not installed; `cargo xtask setup` installs it");
    }
    found
}

struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// A server on a free port of loopback; `configuration` is in its own language.
    async fn start(configuration: &str) -> Option<Self> {
        Self::start_in(tempfile::tempdir().expect("a folder"), configuration).await
    }

    async fn start_in(folder: tempfile::TempDir, configuration: &str) -> Option<Self> {
        let file = folder.path().join("server.conf");
        std::fs::write(&file, configuration).expect("a writable folder");
        let child = Command::new(program()?)
            .args(["--addr", "127.0.0.1", "--port", "-1", "--config"])
            .arg(&file)
            .arg("--ports_file_dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program that runs");
        let ports = folder.path().join(format!("nats-server_{}.ports", child.id()));
        let mut server = Self { child, port: 0, folder };
        let waiting = async {
            loop {
                if let Some(port) = read_port(&ports) {
                    return port;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        server.port = tokio::time::timeout(DEADLINE, waiting).await.expect("the server listens");
        Some(server)
    }

    fn settings(&self) -> NatsSettings {
        settings(format!("nats://127.0.0.1:{}", self.port))
    }

    async fn subscriber(&self, credentials: &Value) -> Subscriber {
        Subscriber::start(self.port, credentials).await
    }
}

fn read_port(file: &Path) -> Option<u16> {
    let ports: Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    ports["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()
}

/// Somebody who listens to everything.
struct Subscriber {
    stream: BufReader<TcpStream>,
}

impl Subscriber {
    async fn start(port: u16, credentials: &Value) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
        let mut subscriber = Self { stream: BufReader::new(stream) };
        assert!(subscriber.line().await.starts_with("INFO "));
        let mut hello = json!({ "verbose": false, "headers": true, "no_responders": false });
        hello.as_object_mut().expect("an object").extend(credentials.as_object().expect("an object").clone());
        let words = format!("CONNECT {hello}\r\nSUB > 1\r\nPING\r\n");
        subscriber.stream.write_all(words.as_bytes()).await.expect("an open connection");
        assert_eq!(subscriber.line().await, "PONG");
        subscriber
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("text");
        line.trim_end().to_owned()
    }

    /// The next message: subject, headers, payload.
    async fn message(&mut self) -> (String, String, String) {
        let reading = async {
            let line = self.line().await;
            let words: Vec<&str> = line.split(' ').collect();
            let number = |word: &str| word.parse::<usize>().expect("a length");
            let (header_bytes, all_bytes) = match words[0] {
                "HMSG" => (number(words[3]), number(words[4])),
                "MSG" => (0, number(words[3])),
                other => panic!("{other} is no message"),
            };
            let mut content = vec![0; all_bytes + 2];
            self.stream.read_exact(&mut content).await.expect("the message");
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
            (words[1].to_owned(), text(&content[..header_bytes]), text(&content[header_bytes..all_bytes]))
        };
        tokio::time::timeout(DEADLINE, reading).await.expect("a message arrives")
    }
}

#[tokio::test]
async fn messages_arrive_in_order_with_their_headers() {
    let Some(server) = Server::start("").await else { return };
    let mut subscriber = server.subscriber(&json!({})).await;
    let (publisher, _tasks) = start(server.settings());
    let messages: Vec<NatsMessage> = (0..100).map(|number| message(&format!("{{\"n\":{number}}}"))).collect();
    publisher.publish("acs.events.chat", &messages).await.expect("a server that listens");
    publisher.publish("acs.events.sms", &[message("last")]).await.expect("a server that listens");
    for number in 0..100 {
        let (subject, headers, payload) = subscriber.message().await;
        assert_eq!((subject.as_str(), payload), ("acs.events.chat", format!("{{\"n\":{number}}}")));
        assert_eq!(headers, format!("NATS/1.0\r\nNats-Msg-Id: id of {{\"n\":{number}}}\r\n\r\n"));
    }
    assert_eq!(subscriber.message().await.2, "last");
}

#[tokio::test]
async fn users_and_tokens_are_checked() {
    let Some(server) = Server::start("authorization { user: ada, password: s3cret }").await else { return };
    let mut subscriber = server.subscriber(&json!({ "user": "ada", "pass": "s3cret" })).await;
    let with = |password: &str| NatsSettings {
        user: Some("ada".to_owned()),
        password: Some(Secret::new(password.to_owned())),
        ..server.settings()
    };
    let (publisher, _tasks) = start(with("s3cret"));
    publisher.publish("a", &[message("1")]).await.expect("the right password");
    assert_eq!(subscriber.message().await.2, "1");
    for settings in [with("wrong"), server.settings()] {
        let (publisher, _tasks) = start(settings);
        let refused = publisher.publish("a", &[message("2")]).await.expect_err("the wrong password");
        assert!(matches!(refused, OutboundError::Denied { .. }), "{refused:?}");
    }

    let server = Server::start("authorization { token: s3cret }").await.expect("it is installed");
    let token = Some(Secret::new("s3cret".to_owned()));
    let (publisher, _tasks) = start(NatsSettings { token, ..server.settings() });
    publisher.publish("a", &[message("1")]).await.expect("the right token");
}

#[tokio::test]
async fn a_forbidden_subject_fails_and_others_go_on() {
    let configuration =
        "authorization { users: [{ user: ada, password: s3cret, permissions: { publish: \"acs.>\" } }] }";
    let Some(server) = Server::start(configuration).await else { return };
    let (user, password) = (Some("ada".to_owned()), Some(Secret::new("s3cret".to_owned())));
    let (publisher, _tasks) = start(NatsSettings { user, password, ..server.settings() });
    let refused = publisher.publish("other", &[message("1")]).await.expect_err("forbidden");
    assert!(matches!(refused, OutboundError::Denied { .. }), "{refused:?}");
    publisher.publish("acs.events", &[message("2")]).await.expect("allowed");
}

#[tokio::test]
async fn messages_beyond_the_limit_of_the_server_are_refused_before_they_are_sent() {
    let Some(server) = Server::start("max_payload: 1024").await else { return };
    let (publisher, _tasks) = start(server.settings());
    let large = publisher.publish("a", &[message(&"x".repeat(1024))]).await;
    assert_eq!(large, Err(OutboundError::TooLarge));
    publisher.publish("a", &[message("small")]).await.expect("it fits");
}

#[tokio::test]
async fn a_server_that_was_started_again_is_found_again() {
    let Some(mut server) = Server::start("").await else { return };
    let (publisher, _tasks) = start(server.settings());
    publisher.publish("a", &[message("1")]).await.expect("a server that listens");
    drop(server.child.kill());
    drop(server.child.wait());
    publisher.publish("a", &[message("2")]).await.expect_err("the server is gone");
    server.child = Command::new(program().expect("it is installed"))
        .args(["--addr", "127.0.0.1", "--port", &server.port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a program that runs");
    let trying = async {
        while publisher.publish("a", &[message("3")]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, trying).await.expect("the server is back");
}

#[tokio::test]
async fn tls_is_begun_when_the_server_asks_and_its_certificate_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    std::fs::write(&certificate, made.cert.pem()).expect("a writable folder");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a writable folder");
    let configuration = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}");
    let Some(server) = Server::start_in(folder, &configuration).await else { return };
    assert!(server.folder.path().is_dir());
    let tasks = Tasks::new();
    for scheme in ["nats", "tls"] {
        let named = settings(format!("{scheme}://localhost:{}", server.port));
        let trusting = Securer::new(&[made.cert.der().clone()], &[]).expect("the crypto library works");
        let publisher = NatsPublisher::start(named.clone(), trusting, &tasks).expect("an address");
        publisher.publish("a", &[message("1")]).await.expect("a certificate that is trusted");
        let (publisher, _tasks) = start(named);
        let refused = publisher.publish("a", &[message("2")]).await.expect_err("a stranger's certificate");
        assert!(matches!(refused, OutboundError::Tls { .. }), "{refused:?}");
    }
    // The certificate is for another name.
    let other = settings(format!("nats://127.0.0.1:{}", server.port));
    let trusting = Securer::new(&[made.cert.der().clone()], &[]).expect("the crypto library works");
    let publisher = NatsPublisher::start(other, trusting, &tasks).expect("an address");
    let refused = publisher.publish("a", &[message("3")]).await.expect_err("another name");
    assert!(matches!(refused, OutboundError::Tls { .. }), "{refused:?}");
}

#[tokio::test]
async fn an_address_that_asks_for_tls_is_never_served_without() {
    let Some(server) = Server::start("").await else { return };
    let (publisher, _tasks) = start(settings(format!("tls://127.0.0.1:{}", server.port)));
    publisher.publish("a", &[message("1")]).await.expect_err("the server has no TLS");
}
