//! [`Town`]: a server with people and threads in it.

use std::path::Path;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_kernel::{Clock as _, SystemClock};

use super::http::{Http, Place};
use crate::server::Server;

/// Connections over which people are made.
const MAKERS: usize = 32;
/// People whom one request adds to a thread.
const ADDED_AT_ONCE: usize = 200;
const IDENTITY_VERSION: &str = "2023-10-01";
const CHAT_VERSION: &str = "2024-03-07";

/// A user with a token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// A running server.
pub(crate) struct Town {
    pub(crate) server: Server,
    pub(crate) place: Place,
    _home: TempDir,
}

/// How a server is to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// It ends TLS itself.
    Tls,
    /// As behind a proxy that ends TLS.
    Plain,
}

impl Town {
    /// Starts a server; `settings` are further `KEY=VALUE`.
    pub(crate) fn found(wrapping: Wrapping, settings: &[String]) -> Result<Self> {
        let home = TempDir::new()?;
        let mut arguments = Vec::new();
        let plain = (wrapping == Wrapping::Plain).then(|| "tls.terminated_by_proxy=true".to_owned());
        for setting in settings.iter().cloned().chain(plain) {
            arguments.extend(["--set".to_owned(), setting]);
        }
        let server = Server::start_with(&home.path().join("data"), &arguments)?;
        let authority = server.field("caFile").ok().map(Path::new);
        let place = Place::find(server.field("endpoint")?, authority)?;
        Ok(Self { server, place, _home: home })
    }

    /// Makes so many users with tokens for chat.
    pub(crate) async fn people(&self, count: usize) -> Result<Vec<Person>> {
        let request = self.new_person()?;
        let request = &request;
        let makers = (0..MAKERS).map(|maker| async move {
            let own = (maker..count).step_by(MAKERS).count();
            let mut made = Vec::with_capacity(own);
            if own > 0 {
                let mut http = self.place.open().await?;
                for _ in 0..own {
                    let answer: Value = serde_json::from_slice(http.expect(request, 201).await?)?;
                    let text = |value: &Value| value.as_str().map(str::to_owned);
                    made.push(Person {
                        id: text(&answer["identity"]["id"]).context("an identity has an id")?,
                        token: text(&answer["accessToken"]["token"]).context("and a token")?,
                    });
                }
            }
            Ok::<_, anyhow::Error>(made)
        });
        Ok(try_join_all(makers).await?.into_iter().flatten().collect())
    }

    fn new_person(&self) -> Result<Vec<u8>> {
        const BODY: &str = r#"{"createTokenWithScopes":["chat"]}"#;
        self.as_application(&format!("/identities?api-version={IDENTITY_VERSION}"), BODY)
    }

    /// A request signed with the access key. A signature holds for many requests: nothing remembers them.
    pub(crate) fn as_application(&self, target: &str, body: &str) -> Result<Vec<u8>> {
        let connection = self.server.field("connectionString")?;
        let (_, key) = connection.split_once("accesskey=").context("the connection string has a key")?;
        let key = STANDARD.decode(key.trim_end_matches(';'))?;
        let (host, date) = (&self.place.host, SystemClock.now().to_http_date());
        let hash = STANDARD.encode(digest(&SHA256, body.as_bytes()));
        let text = format!("POST\n{target}\n{date};{host};{hash}");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
        let signature = STANDARD.encode(signature);
        let headers = format!(
            "x-ms-date: {date}\r\nx-ms-content-sha256: {hash}\r\nauthorization: HMAC-SHA256 \
             SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}\r\n"
        );
        Ok(self.place.request("POST", target, &headers, body))
    }

    /// Makes a thread of these people; returns its path.
    pub(crate) async fn thread(&self, people: &[Person]) -> Result<String> {
        let first = people.first().context("a thread has members")?;
        let mut http = self.place.open().await?;
        let listed = |people: &[Person]| -> Vec<Value> {
            let person = |person: &Person| {
                let id = &person.id;
                json!({ "communicationIdentifier": { "rawId": id, "communicationUser": { "id": id } } })
            };
            people.iter().map(person).collect()
        };
        let (now, later) = people.split_at(people.len().min(ADDED_AT_ONCE));
        let body = json!({ "topic": "bench", "participants": listed(now) }).to_string();
        let request = self.as_user(first, "POST", "/chat/threads", &body);
        let answer: Value = serde_json::from_slice(http.expect(&request, 201).await?)?;
        let id = answer["chatThread"]["id"].as_str().context("a thread has an id")?;
        let path = format!("/chat/threads/{}", id.replace(':', "%3A").replace('@', "%40"));
        for some in later.chunks(ADDED_AT_ONCE) {
            let body = json!({ "participants": listed(some) }).to_string();
            let request = self.as_user(first, "POST", &format!("{path}/participants/:add"), &body);
            http.expect(&request, 201).await?;
        }
        Ok(path)
    }

    /// The request by which somebody says `text` in a thread.
    pub(crate) fn message(&self, person: &Person, thread: &str, text: &str) -> Vec<u8> {
        let body = json!({ "content": text, "type": "text", "senderDisplayName": "Ada" }).to_string();
        self.as_user(person, "POST", &format!("{thread}/messages"), &body)
    }

    fn as_user(&self, person: &Person, method: &str, path: &str, body: &str) -> Vec<u8> {
        let headers = format!("authorization: Bearer {}\r\n", person.token);
        self.place.request(method, &format!("{path}?api-version={CHAT_VERSION}"), &headers, body)
    }

    /// A connection for requests.
    pub(crate) async fn open(&self) -> Result<Http> {
        self.place.open().await
    }
}
