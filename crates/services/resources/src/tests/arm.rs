//! What the tests of ARM's operations share: callers, addresses, and what each operation must refuse.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, app};

use super::harness::World;

/// The newest api-version of resources.
pub(super) const VERSION: &str = "2025-09-01";

/// The type as ARM writes it.
pub(super) const KIND: &str = "Microsoft.Communication/CommunicationServices";

impl World {
    /// `/subscriptions/ID` and `tail`, with an api-version.
    pub(super) async fn arm(&self, tail: &str) -> String {
        let id = self.resources.subscription_id().await.expect("an id");
        let mark = if tail.contains('?') { '&' } else { '?' };
        format!("/subscriptions/{id}{tail}{mark}api-version={VERSION}")
    }

    /// The address of a resource in the group `default`, and what stands behind it.
    pub(super) async fn service(&self, name: &str, tail: &str) -> String {
        self.service_in("default", name, tail).await
    }

    /// The address of a resource in a group.
    pub(super) async fn service_in(&self, group: &str, name: &str, tail: &str) -> String {
        let path = format!(
            "/resourceGroups/{group}/providers/Microsoft.Communication/communicationServices/{name}{tail}"
        );
        self.arm(&path).await
    }

    /// Calls as an application with that role: `owner`, or `owner:1` on one resource.
    pub(super) async fn manage(&self, role: &str, call: Call) -> Answer {
        self.app.call(call.bearer(&format!("app:management:{role}"))).await
    }

    /// Creates or changes a resource in a group as the owner of the installation.
    pub(super) async fn put(&self, group: &str, name: &str, body: &Value) -> Answer {
        let target = self.service_in(group, name, "").await;
        self.manage("owner", Call::new("PUT", target).json(body)).await
    }

    /// Creates or changes a resource group.
    pub(super) async fn put_group(&self, name: &str) -> Answer {
        let target = self.arm(&format!("/resourcegroups/{name}")).await;
        self.manage("owner", Call::new("PUT", target).json(&json!({ "location": "West Europe" }))).await
    }

    /// The newest row of the audit log: of this operation, of an application with that role.
    pub(super) async fn newest_of(&self, operation: &str, role: &str, answer: &Answer) -> (String, Value) {
        let newest = self.app.audit_log().await.into_iter().next().expect("the audit log has a row");
        assert_eq!(newest.operation, operation);
        assert_eq!(newest.principal, format!("application:app:management:{role}"));
        assert_eq!(newest.request_id, answer.header("x-ms-request-id"));
        (newest.target, newest.detail)
    }

    /// Follows an absolute address of ours.
    pub(super) async fn follow(&self, role: &str, address: &str) -> Answer {
        let target = address.strip_prefix(app::ORIGIN).unwrap_or_else(|| panic!("not ours: '{address}'"));
        self.manage(role, Call::get(target)).await
    }

    /// Polls the operation behind `Azure-AsyncOperation`, which must have succeeded.
    pub(super) async fn succeeded(&self, role: &str, answer: &Answer) {
        assert_eq!(answer.header("retry-after"), "1");
        let status = self.follow(role, answer.header("azure-asyncoperation")).await.expect(200);
        assert_eq!(status.body["status"], "Succeeded");
    }

    /// What is refused without an effect on an operation for whoever has the role `least`; `call` is about the
    /// resource `dev`, or about no resource. With `least` it works.
    pub(super) async fn takes_managers_from(&self, least: &str, call: &Call) {
        let names_dev = call.target().contains("/dev");
        let (audited, rows) = (self.app.audit_log().await.len(), self.rows().await);
        let [own, _] = self.keys("dev").await;
        let ask = |call: Call| self.app.call(call);
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        ask(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        ask(call.clone().bearer("user")).await.expect_error(403, "Forbidden");
        for role in ["owner", "owner:1", "sms-sender"] {
            let call = call.clone().bearer(&format!("app:data:{role}"));
            ask(call).await.expect_denied("AudienceInvalid");
        }
        for role in ["none", "sms-sender"] {
            self.manage(role, call.clone()).await.expect_error(403, "Forbidden");
        }
        if names_dev {
            self.manage("owner:2", call.clone()).await.expect_error(403, "Forbidden");
        }
        for role in ["reader", "contributor"].into_iter().take_while(|role| *role != least) {
            self.manage(role, call.clone()).await.expect_error(403, "Forbidden");
            self.manage(&format!("{role}:1"), call.clone()).await.expect_error(403, "Forbidden");
        }
        assert_eq!(self.app.audit_log().await.len(), audited, "a refused call left a row");
        assert_eq!(self.rows().await, rows, "a refused call changed something");
        let role = if names_dev { format!("{least}:1") } else { least.to_owned() };
        let allowed = self.manage(&role, call.clone()).await;
        assert!(allowed.status < 300, "{}", allowed.body);
    }

    /// Other subscriptions, groups and names are refused with the codes of ARM; `tail` follows the name.
    pub(super) async fn refuses_wrong_places(&self, method: &str, tail: &str, body: &Value) {
        let ask = |target: String| self.manage("owner", Call::new(method, target).json(body));
        let good = self.service("dev", tail).await;
        let own = self.resources.subscription_id().await.expect("an id").to_string();
        let elsewhere = good.replace(&own, "2dee53b4-368b-45b4-ab52-8493fb117652");
        ask(elsewhere).await.expect_error(404, "SubscriptionNotFound");
        ask(good.replace(&own, "x")).await.expect_error(400, "InvalidSubscriptionId");
        ask(self.service_in("nowhere", "dev", tail).await).await.expect_error(404, "ResourceGroupNotFound");
        for name in ["-a", "a-", "a_b", "a.b", "%C3%A9", "a%2Fb", "%00", &"x".repeat(64)] {
            ask(self.service(name, tail).await).await.expect_error(400, "InvalidResourceName");
        }
        let old = good.replace(VERSION, "2020-08-20");
        ask(old).await.expect_error(400, "UnsupportedApiVersionValue");
        let none = good.replace(&format!("api-version={VERSION}"), "");
        ask(none).await.expect_error(400, "MissingApiVersionParameter");
    }
}
