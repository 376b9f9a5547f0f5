//! The service behind the whole pipeline, with the resources `dev` and `other`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, Secret, Timestamp};
use trunkline_store::Slice;
use trunkline_store::vault::Vault;
use trunkline_store::wakes::WakeReceiver;
use trunkline_testkit::app::FixedResources;
use trunkline_testkit::{Answer, Call, FixedOperators, TestApp, TestStore, app};
use trunkline_web::KeySlot;

use crate::{DirectoryService, FetchJson, Issuer, Parts, Settings};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

pub(super) const DIRECTORY: &str = "/trunkline/directory";
pub(super) const APPLICATIONS: &str = "/trunkline/directory/applications";
pub(super) const USERS: &str = "/trunkline/directory/users";
pub(super) const ROLES: &str = "/trunkline/directory/roleAssignments";

/// No issuer can be reached.
pub(super) struct NoNetwork;

impl FetchJson for NoNetwork {
    fn fetch<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>> {
        Box::pin(async { None })
    }
}

/// The service and what surrounds it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) resources: Arc<FixedResources>,
    pub(super) directory: Arc<DirectoryService>,
    vault: Vault,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        let vault = Vault::ephemeral(Arc::clone(store.entropy()) as _);
        Self::with(store, vault, Vec::new(), settings()).await
    }

    /// The same data under another configuration, as after a restart.
    pub(super) async fn restarted(self, issuers: Vec<Issuer>, settings: Settings) -> Self {
        Self::with(self.app.store, self.vault, issuers, settings).await
    }

    async fn with(store: TestStore, vault: Vault, issuers: Vec<Issuer>, settings: Settings) -> Self {
        let resources = Arc::new(FixedResources::default());
        let directory = DirectoryService::open(Parts {
            store: store.store().clone(),
            vault: vault.clone(),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            fetcher: Arc::new(NoNetwork),
            resources: Arc::clone(&resources) as _,
            issuers,
            settings,
        })
        .await
        .expect("a new database can be used");
        let app = TestApp::new(
            store,
            directory.routes(),
            Arc::clone(&resources) as _,
            vec![Arc::new(FixedOperators)],
            app::settings(LimitSet::Generous),
        );
        Self { app, resources, directory, vault }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    /// Calls as the operator with that role.
    pub(super) async fn operate(&self, role: &str, call: Call) -> Answer {
        self.app.call(call.bearer(role)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.operate("owner", Call::post(path).json(body)).await
    }

    pub(super) async fn get(&self, path: impl Into<String>) -> Answer {
        self.operate("reader", Call::get(path)).await
    }

    pub(super) async fn patch(&self, path: impl Into<String>, body: &Value) -> Answer {
        self.operate("owner", Call::new("PATCH", path).json(body)).await
    }

    pub(super) async fn delete(&self, path: impl Into<String>) -> Answer {
        self.operate("owner", Call::delete(path)).await
    }

    /// Creates an application and returns it as shown.
    pub(super) async fn application(&self, name: &str) -> Value {
        self.post(APPLICATIONS, &json!({ "name": name })).await.expect(201).body
    }

    /// Creates a user with the password `correct horse` and returns it as shown.
    pub(super) async fn user(&self, user_name: &str) -> Value {
        let new = json!({ "userName": user_name, "password": "correct horse" });
        self.post(USERS, &new).await.expect(201).body
    }

    /// Gives a role, on a resource or everywhere, and returns the assignment as shown.
    pub(super) async fn role(&self, principal: &Value, role: &str, resource: Option<&str>) -> Value {
        let new = json!({ "principal": principal, "role": role, "resource": resource });
        self.post(ROLES, &new).await.expect(201).body
    }

    /// The roles that the verifier would see: `role` or `role@RESOURCE_ID`.
    pub(super) async fn grants(&self, object_id: &Value) -> Vec<String> {
        let known = self.directory.principals.find(&text(object_id)).await.expect("readable");
        let scope = |grant: &trunkline_web::principal::Grant| match grant.scope {
            trunkline_web::principal::GrantScope::Installation => grant.role.name(),
            trunkline_web::principal::GrantScope::Resource(id) => format!("{}@{id}", grant.role.name()),
        };
        known.grants.0.iter().map(scope).collect()
    }

    /// Whether there is such a principal.
    pub(super) async fn is_known(&self, object_id: &Value) -> bool {
        let known = self.directory.principals.find(&text(object_id)).await;
        known.expect("readable").kind.is_some()
    }

    /// Signs in; `wrong`, `locked`, `disabled` or the user name.
    pub(super) async fn sign_in(&self, user_name: &str, password: &str) -> String {
        use crate::sign_in::SignInError;
        match self.directory.sign_in(user_name, Secret::new(password.to_owned())).await {
            Ok(user) => user.user_name,
            Err(SignInError::Wrong) => "wrong".to_owned(),
            Err(SignInError::Locked) => "locked".to_owned(),
            Err(SignInError::Disabled) => "disabled".to_owned(),
            Err(SignInError::Failed(cause)) => panic!("{cause}"),
        }
    }

    /// Rows of applications, credentials, users and role assignments.
    pub(super) async fn rows(&self) -> [i64; 4] {
        [
            self.app.count("directory_applications").await,
            self.app.count("directory_credentials").await,
            self.app.count("directory_users").await,
            self.app.count("directory_role_assignments").await,
        ]
    }

    pub(super) fn changes(&self) -> WakeReceiver {
        self.app.store.wakes().subscribe(crate::CHANGED_TOPIC)
    }

    /// The operation takes an operator with at least the role `least`, and nobody else.
    pub(super) async fn takes_operators_from(&self, least: &str, call: &Call) {
        let (audited, rows) = (self.app.audit_log().await.len(), self.rows().await);
        let own = self.resources.key("dev", KeySlot::Primary);
        let foreign = self.resources.key("other", KeySlot::Primary);
        let refused = |call: Call| self.app.call(call);
        refused(call.clone()).await.expect_denied("CredentialsMissing");
        refused(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        refused(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        refused(call.clone().signed(&foreign)).await.expect_denied("SignatureMismatch");
        let at_home = call.clone().host(app::OTHER_HOST).signed(&foreign);
        refused(at_home).await.expect_error(403, "Forbidden");
        for role in ["reader", "contributor"].into_iter().take_while(|role| *role != least) {
            self.operate(role, call.clone()).await.expect_error(403, "Forbidden");
        }
        assert_eq!(self.app.audit_log().await.len(), audited, "a refused call left a row");
        assert_eq!(self.rows().await, rows, "a refused call changed something");
        let allowed = self.operate(least, call.clone()).await;
        assert!(allowed.status < 300, "{}", allowed.body);
    }

    /// Nothing was created and nothing audited since `rows` and `audited` were counted.
    pub(super) async fn nothing_changed(&self, rows: [i64; 4], audited: usize) {
        assert_eq!(self.rows().await, rows);
        assert_eq!(self.app.audit_log().await.len(), audited);
    }

    /// Walks a list in pages of two and returns a field of every entry.
    pub(super) async fn walk(&self, path: &str, field: &str) -> Vec<String> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut link = format!("{path}{separator}maxPageSize=2");
        let mut found = Vec::new();
        loop {
            let answer = self.get(link.clone()).await.expect(200);
            let entries = answer.body["value"].as_array().expect("entries").clone();
            assert!(entries.len() <= 2);
            found.extend(entries.iter().map(|entry| text(&entry[field])));
            let Some(next) = answer.body["nextLink"].as_str() else { return found };
            link = next.strip_prefix(app::ORIGIN).expect("the public origin").to_owned();
        }
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        public_origin: app::ORIGIN.to_owned(),
        is_enabled: true,
        is_metadata_enabled: true,
        key_rotation: Duration::from_hours(24 * 30),
        // Tests are about the rules, not about the cost of guessing.
        password_iterations: 10,
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Waits for the wake-up of a change.
pub(super) async fn woken(receiver: &mut WakeReceiver) {
    let wake = tokio::time::timeout(Duration::from_secs(10), receiver.next()).await;
    assert!(matches!(wake, Ok(Some(_))), "no wake-up came");
}
