//! Calls with the rights of the resource, and what all of them have in common.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, app};
use trunkline_web::KeySlot;
use trunkline_web::context::encode;

use super::harness::{ADA, World, raw_id, token};

/// Any thread, for applications.
pub(super) const THREADS: &str = "/trunkline/chat/server/threads";

/// What is behind the address of a thread, for applications.
pub(super) fn server_at(thread: &str, rest: &str) -> String {
    format!("{THREADS}/{}{rest}", encode(thread))
}

/// The address under which a thread is imported.
pub(super) fn import_at(thread: &str, rest: &str) -> String {
    format!("/trunkline/chat/server/import/threads/{}{rest}", encode(thread))
}

impl World {
    /// Calls with an access key of `dev`.
    pub(super) async fn serve(&self, call: Call) -> Answer {
        self.app.call(call.signed(&self.resources.key("dev", KeySlot::Primary))).await
    }

    /// The audit log, oldest first: operation, target, detail. Every row must be of the access key.
    pub(super) async fn audited(&self) -> Vec<(String, String, Value)> {
        let mut log = self.app.audit_log().await;
        log.reverse();
        assert!(log.iter().all(|row| row.principal == "key"));
        log.into_iter().map(|row| (row.operation, row.target, row.detail)).collect()
    }

    /// Nobody but the resource's own keys and applications with the role get anywhere with `call`, which leaves no
    /// trace when it is refused. `is_change` says whether readers are refused as well.
    pub(super) async fn refuses_other_credentials(&self, call: &Call, is_change: bool) {
        let trace = async || (self.app.events().await, self.app.audit_log().await.len());
        let before = trace().await;
        let ask = |call: Call| self.app.call(call);
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        for scopes in ["chat", "chat,chat.join,chat.join.limited,voip"] {
            let user = ask(call.clone().bearer(&token(&raw_id(ADA), scopes))).await;
            user.expect_error(403, "Forbidden");
        }
        for operator in ["owner", "contributor", "reader"] {
            ask(call.clone().bearer(operator)).await.expect_error(403, "Forbidden");
        }
        let mut refused = vec!["app:data:none", "app:data:owner:2"];
        if is_change {
            refused.push("app:data:reader");
        }
        for application in refused {
            ask(call.clone().bearer(application)).await.expect_error(403, "Forbidden");
        }
        ask(call.clone().bearer("app:management:owner")).await.expect_denied("AudienceInvalid");
        let foreign_key = self.resources.key("other", KeySlot::Primary);
        ask(call.clone().signed(&foreign_key)).await.expect_denied("SignatureMismatch");
        assert_eq!(trace().await, before);
    }

    /// The same, and the thread that `call` is about is not there for another resource.
    pub(super) async fn refuses_other_resources(&self, call: &Call, is_change: bool) {
        self.refuses_other_credentials(call, is_change).await;
        let events = self.app.events().await;
        let foreign_key = self.resources.key("other", KeySlot::Primary);
        let foreign = call.clone().host(app::OTHER_HOST).signed(&foreign_key);
        self.app.call(foreign).await.expect_error(404, "NotFound");
        assert_eq!(self.app.events().await, events);
    }
}

/// The error that a thread is being imported.
#[track_caller]
pub(super) fn expect_conflict(answer: Answer, inner_code: &str) {
    let answer = answer.expect_error(409, "Conflict");
    assert_eq!(answer.body["error"]["innererror"]["code"], json!(inner_code));
}

/// A thread that comes from elsewhere, made by [`ADA`] on a day long ago.
pub(super) fn thread_from_elsewhere(participants: &[Value]) -> Value {
    json!({
        "topic": "Old times", "createdOn": "2024-05-01T10:00:00.000Z",
        "createdByCommunicationIdentifier": super::harness::identifier(ADA),
        "participants": participants,
    })
}

/// A text that comes from elsewhere.
pub(super) fn message_from_elsewhere(sequence: u32, sender: u32, text: &str) -> Value {
    let id = 1_714_557_600_000_i64 + i64::from(sequence) * 1000;
    let created = trunkline_kernel::Timestamp::from_micros(id * 1000);
    json!({
        "id": id.to_string(), "type": "text", "sequenceId": sequence.to_string(), "version": id.to_string(),
        "content": { "message": text }, "createdOn": super::harness::date(created),
        "senderDisplayName": "Somebody", "senderCommunicationIdentifier": super::harness::identifier(sender),
    })
}
