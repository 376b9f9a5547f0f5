//! The service behind the whole pipeline, with two resources and a directory that exists only in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, ManualClock, Timestamp};
use trunkline_store::vault::Vault;
use trunkline_store::wakes::{Wake, WakeReceiver};
use trunkline_store::{Slice, StoreError, params};
use trunkline_testkit::{
    Answer, Call, FixedDirectory, FixedOperators, FixedResources, TestApp, TestStore, app,
};
use trunkline_web::ports::{DirectoryRefusal, PortFuture, VerifyBearer, VerifyDirectoryToken};
use trunkline_web::principal::DirectoryUser;
use trunkline_web::{ApiError, KeySlot, Principal, ResourceView};

use crate::{Identity, Parts, Settings};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

/// The immutable ids of the two resources.
pub(super) const DEV: &str = "00000000-0000-0000-0000-000000000001";
pub(super) const OTHER: &str = "00000000-0000-0000-0000-000000000002";

pub(super) const TENANT: &str = "11111111-0000-0000-0000-000000000000";
pub(super) const APPLICATION: &str = "22222222-0000-0000-0000-000000000000";
pub(super) const OBJECT: &str = "33333333-aaaa-0000-0000-000000000000";

/// The audiences of the two doors.
pub(super) const CLIENTS: &str = "https://communication.azure.com/clients";
pub(super) const TEAMS: &str = "https://auth.msft.communication.azure.com";

/// Directory users by token: `signed-in-NUMBER` as a bearer token, and in a body.
#[derive(Debug)]
pub(super) struct FakeDirectory {
    clock: Arc<ManualClock>,
    users: Mutex<BTreeMap<String, Result<DirectoryUser, DirectoryRefusal>>>,
}

impl FakeDirectory {
    /// A new token that says `what`.
    fn add(&self, what: Result<DirectoryUser, DirectoryRefusal>) -> String {
        let mut users = self.users.lock().unwrap();
        let token = format!("signed-in-{}", users.len());
        users.insert(token.clone(), what);
        token
    }

    fn find(&self, token: &str) -> Option<Result<DirectoryUser, DirectoryRefusal>> {
        let found = self.users.lock().unwrap().get(token).cloned()?;
        let is_over = |user: &DirectoryUser| user.expires <= self.clock.now();
        if found.as_ref().is_ok_and(is_over) {
            return Some(Err(DirectoryRefusal::Refused("it has expired")));
        }
        Some(found)
    }
}

impl VerifyDirectoryToken for FakeDirectory {
    fn verify_user<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<DirectoryUser, DirectoryRefusal>> {
        let unknown = Err(DirectoryRefusal::Refused("its issuer is not configured here"));
        let found = self.find(token).unwrap_or(unknown);
        Box::pin(async move { Ok(found) })
    }
}

impl VerifyBearer for FakeDirectory {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let principal = match self.find(token) {
            None | Some(Err(DirectoryRefusal::NotConfigured)) => Ok(None),
            Some(Ok(user)) => Ok(Some(Principal::DirectoryUser(Arc::new(user)))),
            Some(Err(DirectoryRefusal::Unreachable)) => Err(ApiError::unavailable("Its keys are away.")),
            Some(Err(DirectoryRefusal::Refused(why))) => Err(ApiError::denied("TokenInvalid", why)),
        };
        Box::pin(async move { principal })
    }
}

/// The service and what surrounds it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) identity: Arc<Identity>,
    pub(super) resources: Arc<FixedResources>,
    pub(super) directory: Arc<FakeDirectory>,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with(store, LimitSet::Generous).await
    }

    pub(super) async fn with(store: TestStore, limits: LimitSet) -> Self {
        let clock = Arc::clone(store.clock());
        let directory = Arc::new(FakeDirectory { clock, users: Mutex::default() });
        let identity = Identity::open(Parts {
            store: store.store().clone(),
            vault: Vault::ephemeral(Arc::clone(store.entropy()) as _),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            directory: Arc::clone(&directory) as _,
            settings: Settings {
                lifetime_default: Duration::from_hours(24),
                key_rotation: Duration::from_hours(24 * 30),
            },
        })
        .await
        .expect("a new database takes the service");
        let resources = Arc::new(FixedResources::default());
        let app = TestApp::new(
            store,
            identity.routes(),
            Arc::clone(&resources) as _,
            vec![
                Arc::clone(identity.tokens()) as _,
                Arc::new(FixedOperators),
                Arc::clone(&directory) as _,
                Arc::new(FixedDirectory),
            ],
            app::settings(limits),
        );
        Self { app, identity, resources, directory }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    pub(super) fn advance(&self, by: Duration) {
        self.app.clock().advance(by);
    }

    /// Calls with the primary key of `dev`.
    pub(super) async fn call(&self, call: Call) -> Answer {
        self.app.call(call.signed(&self.resources.key("dev", KeySlot::Primary))).await
    }

    /// Calls as the operator with that role.
    pub(super) async fn operate(&self, role: &str, call: Call) -> Answer {
        self.app.call(call.bearer(role)).await
    }

    /// A token of the directory user [`OBJECT`] for [`APPLICATION`] that lasts 4000 seconds, for the exchanges
    /// behind `audience`, with what `change` makes of it.
    pub(super) fn sign_in(&self, audience: &str, change: impl FnOnce(&mut DirectoryUser)) -> String {
        let mut user = DirectoryUser {
            issuer: "https://issuer.example".to_owned(),
            tenant_id: TENANT.to_owned(),
            object_id: OBJECT.to_owned(),
            client_id: APPLICATION.to_owned(),
            audience: audience.to_owned(),
            expires: self.now().plus(Duration::from_secs(4000)).truncate_to_second(),
            name: None,
        };
        change(&mut user);
        self.directory.add(Ok(user))
    }

    /// A token that is refused.
    pub(super) fn refused_token(&self, refusal: DirectoryRefusal) -> String {
        self.directory.add(Err(refusal))
    }

    /// What the ledger counted: operation, meter, quantity.
    pub(super) async fn usage(&self) -> Vec<(String, String, i64)> {
        let sql = "SELECT operation, meter, CAST(SUM(quantity) AS INTEGER) FROM web_usage
             GROUP BY operation, meter ORDER BY operation, meter";
        let read: Result<_, StoreError> = self
            .app
            .store
            .read(move |tx| {
                tx.query_all(sql, params![])?
                    .iter()
                    .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .collect()
            })
            .await;
        read.expect("usage can be read")
    }

    /// Creates an identity in `dev`; returns its raw id.
    pub(super) async fn create(&self) -> String {
        let answer = self.call(Call::post(CREATE)).await.expect(201);
        answer.body["identity"]["id"].as_str().expect("a raw id").to_owned()
    }

    /// Issues a token with the primary key.
    pub(super) async fn token(&self, raw_id: &str, scopes: &[&str]) -> String {
        let call = Call::post(issue_path(raw_id)).json(&json!({ "scopes": scopes }));
        text(&self.call(call).await.expect(200).body["token"])
    }

    /// Who stands behind `token` in `dev`; the finer error code when nobody does.
    pub(super) async fn verify(&self, token: &str) -> Result<(String, Vec<String>), &'static str> {
        self.verify_in("dev", token).await
    }

    pub(super) async fn verify_in(
        &self,
        resource: &str,
        token: &str,
    ) -> Result<(String, Vec<String>), &'static str> {
        let view = self.resources.view(resource);
        match self.identity.tokens().verify(token, Some(&view)).await {
            Ok(Some(Principal::User { raw_id, scopes, .. })) => Ok((raw_id.to_string(), scopes.to_vec())),
            Ok(Some(other)) => panic!("a token of a user is no {other:?}"),
            Ok(None) => Err("TokenUnknown"),
            Err(refusal) => Err(refusal.inner_code.expect("refusals have a finer code")),
        }
    }

    /// The rows of users: resource, raw id and when created, in order.
    pub(super) async fn users(&self) -> Vec<(String, String, Timestamp)> {
        let sql = "SELECT resource_id, raw_id, created_at FROM identity_users ORDER BY resource_id, raw_id";
        let read: Result<_, StoreError> = self
            .app
            .store
            .read(move |tx| {
                tx.query_all(sql, params![])?
                    .iter()
                    .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .collect()
            })
            .await;
        read.expect("users can be read")
    }

    pub(super) fn revocations(&self) -> WakeReceiver {
        self.app.store.wakes().subscribe(crate::REVOKED_TOPIC)
    }

    /// No caller but an access key of the same resource gets anywhere with `call`.
    pub(super) async fn refuses_strangers(&self, call: &Call) {
        let user = self.create().await;
        let token = self.token(&user, &["chat", "voip"]).await;
        let users = self.users().await;
        let foreign_key = self.resources.key("other", KeySlot::Primary);
        let refused = |call: Call| self.app.call(call);
        refused(call.clone()).await.expect_denied("CredentialsMissing");
        refused(call.clone().signed(&[1; 64])).await.expect_denied("SignatureMismatch");
        refused(call.clone().signed(&foreign_key)).await.expect_denied("SignatureMismatch");
        refused(call.clone().bearer(&token)).await.expect_error(403, "Forbidden");
        refused(call.clone().bearer("owner")).await.expect_error(403, "Forbidden");
        let foreign = call.clone().host(app::OTHER_HOST).bearer(&token);
        refused(foreign).await.expect_denied("TokenOfAnotherResource");
        refused(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        for (application, status, code) in [
            ("app:data:none", 403, "Forbidden"),
            ("app:data:owner:2", 403, "Forbidden"),
            ("app:data:sms-sender", 403, "Forbidden"),
            ("app:management:owner", 401, "Denied"),
        ] {
            refused(call.clone().bearer(application)).await.expect_error(status, code);
        }
        for audience in [CLIENTS, TEAMS] {
            let directory_user = self.sign_in(audience, |_| {});
            refused(call.clone().bearer(&directory_user)).await.expect_denied("AudienceInvalid");
        }
        assert_eq!(self.users().await, users, "a refused call changed something");
    }

    /// Only a directory user's token for the exchanges behind `audience` gets anywhere with `call`.
    pub(super) async fn takes_directory_users_only(&self, audience: &str, call: &Call) {
        let user = self.create().await;
        let token = self.token(&user, &["chat", "voip"]).await;
        let (users, usage) = (self.users().await, self.usage().await);
        let refused = |call: Call| self.app.call(call);
        refused(call.clone()).await.expect_denied("CredentialsMissing");
        self.call(call.clone()).await.expect_error(403, "Forbidden");
        refused(call.clone().signed(&[1; 64])).await.expect_denied("SignatureMismatch");
        refused(call.clone().bearer(&token)).await.expect_error(403, "Forbidden");
        refused(call.clone().bearer("owner")).await.expect_error(403, "Forbidden");
        refused(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        for application in ["app:data:owner", "app:management:owner"] {
            refused(call.clone().bearer(application)).await.expect_denied("AudienceInvalid");
        }
        let other_door = self.sign_in(if audience == TEAMS { CLIENTS } else { TEAMS }, |_| {});
        refused(call.clone().bearer(&other_door)).await.expect_denied("AudienceInvalid");
        let forged = self.refused_token(DirectoryRefusal::Refused("its signature does not fit"));
        refused(call.clone().bearer(&forged)).await.expect_denied("TokenInvalid");
        let now = self.now();
        let expired = self.sign_in(audience, |user| user.expires = now);
        refused(call.clone().bearer(&expired)).await.expect_denied("TokenInvalid");
        let nameless = self.sign_in(audience, |user| user.object_id.clear());
        refused(call.clone().bearer(&nameless)).await.expect_denied("DirectoryTokenRefused");
        let unreachable = self.refused_token(DirectoryRefusal::Unreachable);
        let answer = refused(call.clone().bearer(&unreachable)).await;
        assert_eq!(answer.expect_error(503, "ServiceUnavailable").header("retry-after"), "1");
        assert_eq!((self.users().await, self.usage().await), (users, usage), "a refused call left something");
    }

    /// The operation takes an operator with at least the role `least`, and nobody else.
    pub(super) async fn takes_operators_from(&self, least: &str, call: &Call) {
        let user = self.create().await;
        let token = self.token(&user, &["chat"]).await;
        let audited = self.app.audit_log().await.len();
        let refused = |call: Call| self.app.call(call);
        refused(call.clone()).await.expect_denied("CredentialsMissing");
        refused(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        refused(call.clone().bearer(&token)).await.expect_error(403, "Forbidden");
        self.call(call.clone()).await.expect_error(403, "Forbidden");
        if least != "reader" {
            self.operate("reader", call.clone()).await.expect_error(403, "Forbidden");
        }
        assert_eq!(self.app.audit_log().await.len(), audited, "a refused call left a row");
        let allowed = self.operate(least, call.clone()).await;
        assert!(!matches!(allowed.status, 401 | 403), "{}", allowed.body);
    }

    /// Missing and old api-versions are refused; odd and newer ones are understood.
    pub(super) async fn checks_versions(&self, path: &str, make: impl Fn(String) -> Call, success: u16) {
        self.call(make(path.to_owned())).await.expect_error(400, "MissingApiVersionParameter");
        for old in ["2020-07-20-preview2", "2019-01-01", "banana", ""] {
            let answer = self.call(make(format!("{path}?api-version={old}"))).await;
            answer.expect_error(400, "UnsupportedApiVersionValue");
        }
        for known in ["2022-10-01", "2023-10-01", "ApiVersion.V2023_10_01", "2099-12-31"] {
            let answer = self.call(make(format!("{path}?api-version={known}"))).await;
            let versions = answer.expect(success).header("api-supported-versions").to_owned();
            assert!(versions.contains("2022-10-01, 2023-10-01"), "{versions}");
        }
    }
}

pub(super) const CREATE: &str = "/identities?api-version=2023-10-01";
pub(super) const EXCHANGE: &str = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";
pub(super) const ENTRA: &str = "/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview";
pub(super) const EXTENSION: &str = "/access/teamsExtension/:exchangeAccessToken?api-version=2025-06-30";
pub(super) const USERS: &str = "/trunkline/resources/dev/users";

pub(super) fn identity_path(raw_id: &str) -> String {
    format!("/identities/{raw_id}?api-version=2023-10-01")
}

pub(super) fn issue_path(raw_id: &str) -> String {
    format!("/identities/{raw_id}/:issueAccessToken?api-version=2023-10-01")
}

pub(super) fn revoke_path(raw_id: &str) -> String {
    format!("/identities/{raw_id}/:revokeAccessTokens?api-version=2023-10-01")
}

pub(super) fn user_path(raw_id: &str) -> String {
    format!("{USERS}/{raw_id}")
}

pub(super) fn assignment_path(tenant: &str, object: &str) -> String {
    format!("/access/teamsExtension/tenants/{tenant}/assignments/{object}?api-version=2025-06-30")
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A user of `dev` with that number.
pub(super) fn raw_id(number: u32) -> String {
    format!("8:acs:{DEV}_00000000-0000-4000-8000-{number:012}")
}

/// The claims of a token, nobody's signature checked.
pub(super) fn claims(token: &str) -> Value {
    trunkline_kernel::jws::Unverified::parse(token).and_then(|token| token.peek()).expect("a token")
}

/// The next wake-up that says whose tokens ended.
pub(super) async fn woken(receiver: &mut WakeReceiver) -> String {
    match tokio::time::timeout(Duration::from_secs(10), receiver.next()).await {
        Ok(Some(Wake::Payload(payload))) => payload.to_string(),
        other => panic!("no wake-up came: {other:?}"),
    }
}
