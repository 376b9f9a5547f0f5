//! What the tests of the operator API share: callers, published events, and what each operation must refuse.

use serde_json::{Value, json};
use trunkline_catalogue::{RawPublish, find, publish_raw};
use trunkline_store::{Key, Tx};
use trunkline_testkit::{Answer, Call, app};
use trunkline_web::KeySlot;

use super::arm::{Home, World, resource};
use crate::error::EventsError;

/// Where the operator API has the resource `dev`.
pub(super) const DEV: &str = "/trunkline/resources/dev";

/// A type to publish.
pub(super) const SMS: &str = "Microsoft.Communication.SMSReceived";
/// Another one.
pub(super) const CALL_ENDED: &str = "Microsoft.Communication.CallEnded";

/// The path of a subscription of `dev`, and what stands behind it.
pub(super) fn path_of(name: &str, tail: &str) -> String {
    format!("{DEV}/eventSubscriptions/{name}{tail}")
}

/// The body of a subscription with a web hook.
pub(super) fn web_hook(url: &str) -> Value {
    json!({ "destination": { "webHook": { "url": url } } })
}

impl World {
    /// Calls as the operator with that role.
    pub(super) async fn operate(&self, role: &str, call: Call) -> Answer {
        self.app.call(call.bearer(role)).await
    }

    /// Looks as a reader.
    pub(super) async fn look(&self, target: impl Into<String>) -> Answer {
        self.operate("reader", Call::get(target)).await
    }

    /// Puts a subscription as a contributor.
    pub(super) async fn subscribe(&self, name: &str, body: &Value) -> Answer {
        self.operate("contributor", Call::new("PUT", path_of(name, "")).json(body)).await
    }

    /// Publishes an event of the resource with that number, now.
    pub(super) async fn publish(&self, number: u128, name: &'static str, subject: &str) {
        let event_type = find(name).expect("a type of the catalogue");
        let (now, subject) = (self.now(), subject.to_owned());
        let publish = move |tx: &mut Tx<'_>| -> Result<(), EventsError> {
            let data = event_type.sample_data();
            let event =
                RawPublish { resource: resource(number), event_type, data: &data, subject: &subject, now };
            publish_raw(tx, &event).expect("a sample is small and the store works");
            Ok(())
        };
        self.app.store.write(Key::new(resource(number), "test"), publish).await.expect("written");
        self.service.reader.number_committed().await.expect("numbered");
    }

    /// The operation takes an operator with at least the role `least`, and nobody else.
    pub(super) async fn takes_operators_from(&self, least: &str, call: &Call) {
        let (audited, rows) = (self.app.audit_log().await.len(), self.rows().await);
        let ask = |call: Call| self.app.call(call);
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        ask(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        let own = self.resources.key("dev", KeySlot::Primary);
        ask(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        let foreign = self.resources.key("other", KeySlot::Primary);
        ask(call.clone().signed(&foreign)).await.expect_denied("SignatureMismatch");
        ask(call.clone().host(app::OTHER_HOST).signed(&foreign)).await.expect_error(403, "Forbidden");
        for token in ["app:data:owner", "app:management:owner"] {
            let refused = ask(call.clone().bearer(token)).await;
            assert!(matches!(refused.status, 401 | 403), "{token}: {}", refused.body);
        }
        for role in ["reader", "contributor"].into_iter().take_while(|role| *role != least) {
            self.operate(role, call.clone()).await.expect_error(403, "Forbidden");
        }
        assert_eq!(self.app.audit_log().await.len(), audited, "a refused call left a row");
        assert_eq!(self.rows().await, rows, "a refused call changed something");
        let allowed = self.operate(least, call.clone()).await;
        assert!(allowed.status < 300, "{}", allowed.body);
    }

    /// What is under a resource is not there for a resource that is not.
    pub(super) async fn refuses_unknown_resources(&self, call: &dyn Fn(String) -> Call, good: &str) {
        let ask = |target: String| self.operate("owner", call(target));
        ask(good.replace("/dev/", "/nobody/")).await.expect_error(404, "NotFound");
        ask(good.replace("/dev/", "/no_name/")).await.expect_invalid("name");
    }

    /// A subscription of `dev` whose endpoint has agreed, as an operator made it.
    pub(super) async fn subscribed(&self, name: &str, body: &Value) {
        self.subscribe(name, body).await.expect(201);
        self.confirm(Home::Resource, name).await;
    }
}
