//! [`Phone`]: a user with a client and a leg, as the SDK would behave.

use serde_json::{Value, json};
use trunkline_tasks::Tasks;
use trunkline_testkit::SignallingClient;
use trunkline_testkit::realtime::Origin;

use super::line::Line;
use crate::support::server::until;

/// Packets that prove that somebody is heard: a second of speech.
const HEARD: u64 = 50;

/// Somebody who calls.
pub(super) struct Phone {
    pub(super) raw_id: String,
    pub(super) token: String,
    tasks: Tasks,
    client: Option<SignallingClient>,
    line: Option<Line>,
    leg: String,
    /// What the server said when the leg came into the call last.
    pub(super) joined: Value,
}

impl Phone {
    pub(super) fn new(raw_id: String, token: String, leg: &str) -> Self {
        let (tasks, leg) = (Tasks::new(), leg.to_owned());
        Self { raw_id, token, tasks, client: None, line: None, leg, joined: Value::Null }
    }

    /// What a node says to a hello, when that is no welcome.
    pub(super) async fn refused_by(&self, node: &Origin) -> Value {
        let opened = SignallingClient::connect(node, &self.tasks, &self.token, json!({})).await;
        opened.map(drop).expect_err("the node opens no session")
    }

    /// Connects to the node that has the calls: asks one after the other, and goes where it is sent.
    pub(super) async fn connect(&mut self, nodes: &[Origin]) {
        self.client = Some(until("a node to take the client", || self.look_around(nodes)).await);
    }

    async fn look_around(&self, nodes: &[Origin]) -> Option<SignallingClient> {
        for node in nodes {
            let said = match SignallingClient::connect(node, &self.tasks, &self.token, json!({})).await {
                Ok(client) => return Some(client),
                Err(said) => said,
            };
            let Some((authority, target)) = redirect(&said) else { continue };
            // A node that is dead is in no list of theirs.
            let Some(node) = nodes.iter().find(|node| node.host == authority) else { continue };
            let moved =
                SignallingClient::connect_at(node, &target, &self.tasks, &self.token, json!({})).await;
            if let Ok(client) = moved {
                return Some(client);
            }
        }
        None
    }

    pub(super) fn client(&mut self) -> &mut SignallingClient {
        self.client.as_mut().expect("the phone is connected")
    }

    /// Calls somebody.
    pub(super) async fn call(&mut self, whom: &str) {
        self.come("call.start", json!({ "to": [whom] })).await;
    }

    /// Takes the call that rings.
    pub(super) async fn take(&mut self) {
        let ring = self.client().next_of("ring").await;
        ring["leg"].as_str().expect("a leg").clone_into(&mut self.leg);
        self.come("call.accept", json!({})).await;
    }

    /// Comes back into the call with new media.
    pub(super) async fn rejoin(&mut self) {
        let token = self.joined["legToken"].clone();
        self.come("call.rejoin", json!({ "legToken": token })).await;
    }

    async fn come(&mut self, kind: &str, body: Value) {
        let line = Line::open();
        let mut body = body;
        (body["leg"], body["offer"]) = (json!(self.leg), json!({ "sdp": line.offer }));
        self.joined = self.client().ok(kind, body).await;
        line.answer(self.joined["answer"]["sdp"].as_str().expect("an answer"));
        self.line = Some(line);
    }

    /// Waits until the leg is in the call and the other one is heard.
    pub(super) async fn hears(&mut self) {
        self.client().until(|message| message["t"] == "leg" && message["state"] == "connected").await;
        self.listen(HEARD).await;
    }

    /// Waits until so many packets more were heard, one each 20 ms from each who speaks.
    pub(super) async fn listen(&self, packets: u64) {
        let line = self.line.as_ref().expect("the phone is in a call");
        let enough = line.heard() + packets;
        until("the other one to be heard", || async { (line.heard() >= enough).then_some(()) }).await;
    }

    /// Does something in the call.
    pub(super) async fn does(&mut self, kind: &str, body: Value) -> Value {
        let mut body = body;
        body["leg"] = json!(self.leg);
        self.client().ok(kind, body).await
    }

    pub(super) async fn hang_up(&mut self) {
        self.does("call.hangUp", json!({})).await;
    }
}

/// The authority and the rest of the address that a node sends to.
fn redirect(said: &Value) -> Option<(String, String)> {
    let url = said["url"].as_str().filter(|_| said["t"] == "redirect")?;
    let (authority, target) = url.strip_prefix("wss://")?.split_once('/')?;
    Some((authority.to_owned(), format!("/{target}")))
}
