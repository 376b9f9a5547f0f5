//! Users, threads and messages over REST, on connections that are kept.

use std::path::Path;

use serde_json::{Value, json};
use trunkline_tasks::Tasks;
use trunkline_testkit::realtime::{ClientError, Origin, Requests, headers};

use crate::support::client::Client;
use crate::support::server::run_json;

/// The version of the chat operations asked for.
const VERSION: &str = "api-version=2024-03-07";

/// A user with a token.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) token: String,
}

/// A message as `ListChatMessages` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: u64,
    pub(super) version: u64,
    pub(super) text: String,
    pub(super) is_deleted: bool,
}

/// The chat operations of one user.
pub(super) struct Api {
    requests: Requests,
    tasks: Tasks,
    token: String,
}

/// Makes a user with the key of the resource.
pub(super) fn make_user(client: &Client) -> User {
    let body = r#"{"createTokenWithScopes":["chat"]}"#;
    let reply = client.call("POST", "/identities?api-version=2023-10-01", body);
    assert_eq!(reply.status, 201, "{}", reply.head);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    User { id: text(&reply.body["identity"]["id"]), token: text(&reply.body["accessToken"]["token"]) }
}

/// Another token for a user, asked for in the data folder of a server: the test's clock may be far from ours.
pub(super) fn renew_token(data: &Path, user: &mut User) {
    let issued = run_json(data, &["token", "issue", &user.id, "--scope", "chat"]);
    issued["token"].as_str().expect("a token").clone_into(&mut user.token);
}

/// The path of a thread.
pub(super) fn path_of(thread: &str) -> String {
    format!("/chat/threads/{}", thread.replace(':', "%3A").replace('@', "%40"))
}

impl Api {
    pub(super) fn new(origin: Origin, user: &User) -> Self {
        let tasks = Tasks::new();
        Self { requests: Requests::new(origin, tasks.clone()), tasks, token: user.token.clone() }
    }

    /// Sends everything from now on to another server.
    pub(super) fn move_to(&mut self, origin: Origin) {
        self.requests = Requests::new(origin, self.tasks.clone());
    }

    /// **Errors**: any status but success, or no answer.
    pub(super) async fn call(
        &mut self,
        method: &str,
        target: &str,
        body: &Value,
    ) -> Result<Value, ClientError> {
        let (content_type, body) = match body {
            Value::Null => ("application/json", String::new()),
            body if method == "PATCH" => ("application/merge-patch+json", body.to_string()),
            body => ("application/json", body.to_string()),
        };
        let bearer = format!("Bearer {}", self.token);
        let sent = headers(&[("authorization", &bearer), ("content-type", content_type)]);
        let answer = self.requests.text(method, target, sent, body).await?;
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    /// Uploads an image; returns its id.
    pub(super) async fn upload(&mut self, thread: &str, bytes: Vec<u8>, name: &str) -> String {
        let bearer = format!("Bearer {}", self.token);
        let sent = headers(&[
            ("authorization", &bearer),
            ("content-type", "application/octet-stream"),
            ("image-filename", name),
        ]);
        let target = format!("{}/images?api-version=2024-06-05-preview", path_of(thread));
        let answer = self.requests.text("POST", &target, sent, bytes).await.expect("the image is taken");
        let answer: Value = serde_json::from_str(&answer).expect("a reply in JSON");
        answer["id"].as_str().expect("an id").to_owned()
    }

    /// Makes a thread of this user and `members`; returns its id.
    pub(super) async fn make_thread(&mut self, topic: &str, members: &[&User], name: &str) -> String {
        let participant = |user: &&User| {
            let identifier = json!({ "communicationUser": { "id": user.id } });
            json!({ "communicationIdentifier": identifier, "displayName": name })
        };
        let participants: Vec<Value> = members.iter().map(participant).collect();
        let body = json!({ "topic": topic, "participants": participants });
        let made = self.call("POST", &format!("/chat/threads?{VERSION}"), &body).await.expect("a thread");
        made["chatThread"]["id"].as_str().expect("an id").to_owned()
    }

    /// Sends a message; returns its id.
    pub(super) async fn send(&mut self, thread: &str, text: &str) -> Result<u64, ClientError> {
        self.send_as(thread, &json!({ "content": text, "type": "text" })).await
    }

    /// Sends a message with a body of the caller's; returns its id.
    pub(super) async fn send_as(&mut self, thread: &str, body: &Value) -> Result<u64, ClientError> {
        let sent = self.call("POST", &format!("{}/messages?{VERSION}", path_of(thread)), body).await?;
        Ok(number(&sent["id"]))
    }

    pub(super) async fn edit(&mut self, thread: &str, id: u64, text: &str) -> Result<(), ClientError> {
        let target = format!("{}/messages/{id}?{VERSION}", path_of(thread));
        self.call("PATCH", &target, &json!({ "content": text })).await.map(drop)
    }

    pub(super) async fn delete(&mut self, thread: &str, id: u64) -> Result<(), ClientError> {
        let target = format!("{}/messages/{id}?{VERSION}", path_of(thread));
        self.call("DELETE", &target, &Value::Null).await.map(drop)
    }

    pub(super) async fn delete_thread(&mut self, thread: &str) {
        let target = format!("{}?{VERSION}", path_of(thread));
        self.call("DELETE", &target, &Value::Null).await.expect("the thread is deleted");
    }

    /// Every message somebody wrote, newest first, page by page.
    pub(super) async fn list(&mut self, thread: &str) -> Vec<Listed> {
        let mut listed = Vec::new();
        let mut next = Some(format!("{}/messages?maxPageSize=200&{VERSION}", path_of(thread)));
        while let Some(target) = next {
            let page = self.call("GET", &target, &Value::Null).await.expect("a page of messages");
            let messages = page["value"].as_array().expect("a list").iter();
            listed.extend(messages.filter(|message| message["type"] == "text").map(|message| Listed {
                id: number(&message["id"]),
                version: number(&message["version"]),
                text: message["content"]["message"].as_str().unwrap_or_default().to_owned(),
                is_deleted: message["deletedOn"].is_string(),
            }));
            next = page["nextLink"].as_str().map(|link| {
                let path = link.find("/chat/").expect("the link stays in the service");
                link[path..].to_owned()
            });
        }
        listed
    }
}

/// A number that is written as text.
pub(super) fn number(value: &Value) -> u64 {
    let number = value.as_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("no number in a text: {value}"))
}
