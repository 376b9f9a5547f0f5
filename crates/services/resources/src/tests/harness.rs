//! The service behind the whole pipeline, with the resources `dev` and `other`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, Timestamp};
use trunkline_store::Slice;
use trunkline_store::vault::Vault;
use trunkline_store::wakes::WakeReceiver;
use trunkline_testkit::{Answer, Call, FixedDirectory, FixedOperators, TestApp, TestStore, app};
use trunkline_web::ports::{PortFuture, VerifyBearer};
use trunkline_web::{Allow, ApiError, Context, Method, Operation, Principal, Reply, ResourceView, Routes};

use uuid::Uuid;

use crate::{Naming, Parts, Resources, Settings};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

/// The number behind the id of the resource `dev`, and of `other`.
pub(super) const DEV: u128 = 1;
pub(super) const OTHER: u128 = 2;

/// The tenant of the installation.
pub(super) const TENANT: Uuid = Uuid::from_u128(0x7e_7a27);

pub(super) const RESOURCES: &str = "/trunkline/resources";
pub(super) const OPERATORS: &str = "/trunkline/operators";

/// What an access key can call: says which resource and key were found.
static WHO_AM_I: Operation = Operation::own("Test_WhoAmI", Method::Get, "/who", &[Allow::ResourceKey]);

async fn who_am_i(_: Arc<()>, context: Context) -> Result<Reply, ApiError> {
    let Principal::ResourceKey { slot } = context.principal else { return Err(ApiError::internal()) };
    let reply = json!({ "resource": context.resource().name, "key": slot });
    Ok(Reply::json(StatusCode::OK, &reply))
}

/// The token `user` is a user's.
struct OneUser;

impl VerifyBearer for OneUser {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let user = || Principal::User {
            raw_id: "8:acs:r_u".into(),
            scopes: ["chat".to_owned()].into(),
            expires: Timestamp::EPOCH,
            generation: 1,
            access_key: None,
        };
        let found = (token == "user").then(user);
        Box::pin(async move { Ok(found) })
    }
}

/// The service and what surrounds it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) resources: Arc<Resources>,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        let world = Self::empty(store);
        // The ids that tokens of the directory of tests name: `app:management:owner:1`.
        for (number, name) in [(DEV, "dev"), (OTHER, "other")] {
            world.create(name, &json!({ "id": Uuid::from_u128(number) })).await.expect(201);
        }
        world
    }

    pub(super) fn empty(store: TestStore) -> Self {
        Self::with_data_locations(store, &[])
    }

    /// With nothing in it, on a server that stores data in these places only.
    pub(super) fn with_data_locations(store: TestStore, places: &[&str]) -> Self {
        let naming = Naming {
            domain: app::DOMAIN.to_owned(),
            default_resource: Some("dev".parse().expect("a name")),
            public_origin: app::ORIGIN.to_owned(),
        };
        let data_locations = places.iter().map(|place| (*place).to_owned()).collect();
        let resources = Resources::new(Parts {
            store: store.store().clone(),
            vault: Vault::ephemeral(Arc::clone(store.entropy()) as _),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            naming,
            settings: Settings { tenant_id: TENANT, data_locations },
        });
        let routes = resources.routes().join(Routes::new().add(&WHO_AM_I, &Arc::new(()), who_am_i));
        let bearers: Vec<Arc<dyn VerifyBearer>> = vec![
            Arc::clone(resources.operator_tokens()) as _,
            Arc::new(FixedOperators),
            Arc::new(FixedDirectory),
            Arc::new(OneUser),
        ];
        let directory = Arc::clone(resources.directory()) as _;
        let app = TestApp::new(store, routes, directory, bearers, app::settings(LimitSet::Generous));
        Self { app, resources }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    /// Calls as the operator with that role.
    pub(super) async fn operate(&self, role: &str, call: Call) -> Answer {
        self.app.call(call.bearer(role)).await
    }

    /// Creates a resource.
    pub(super) async fn create(&self, name: &str, body: &Value) -> Answer {
        self.operate("owner", Call::new("PUT", format!("{RESOURCES}/{name}")).json(body)).await
    }

    /// The keys of a resource as shown: primary and secondary.
    pub(super) async fn keys(&self, name: &str) -> [Vec<u8>; 2] {
        let answer = self.operate("owner", Call::get(format!("{RESOURCES}/{name}/keys"))).await.expect(200);
        ["primaryKey", "secondaryKey"].map(|field| decode(&answer.body[field]))
    }

    /// Whose key that is, asked at `host`.
    pub(super) async fn who(&self, host: &str, key: &[u8]) -> Answer {
        self.app.call(Call::get("/who").host(host).signed(key)).await
    }

    /// Rows of resources, keys and operators.
    pub(super) async fn rows(&self) -> [i64; 3] {
        [
            self.app.count("resources_resources").await,
            self.app.count("resources_keys").await,
            self.app.count("resources_operators").await,
        ]
    }

    pub(super) fn changes(&self) -> WakeReceiver {
        self.app.store.wakes().subscribe(crate::CHANGED_TOPIC)
    }

    /// The operation takes an operator with at least the role `least`, and nobody else.
    pub(super) async fn takes_operators_from(&self, least: &str, call: &Call) {
        let (audited, rows) = (self.app.audit_log().await.len(), self.rows().await);
        let [own, _] = self.keys("dev").await;
        let [foreign, _] = self.keys("other").await;
        let refused = |call: Call| self.app.call(call);
        refused(call.clone()).await.expect_denied("CredentialsMissing");
        refused(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        refused(call.clone().bearer("tlop_nonsense")).await.expect_denied("OperatorTokenUnknown");
        refused(call.clone().bearer("user")).await.expect_error(403, "Forbidden");
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
}

pub(super) fn decode(key: &Value) -> Vec<u8> {
    STANDARD.decode(key.as_str().expect("text")).expect("base64")
}

/// Waits for the wake-up of a change.
pub(super) async fn woken(receiver: &mut WakeReceiver) {
    let wake = tokio::time::timeout(std::time::Duration::from_secs(10), receiver.next()).await;
    assert!(matches!(wake, Ok(Some(_))), "no wake-up came");
}
