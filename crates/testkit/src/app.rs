//! [`TestApp`]: the request pipeline over a [`TestStore`], with resources and operators of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock, ManualClock, ResourceId, ResourceName, Secret, Timestamp};
use trunkline_store::{StoreError, params};
use trunkline_web::app::Parts;
use trunkline_web::audit::{self, AuditEntry};
use trunkline_web::cors::Origins;
use trunkline_web::metrics::Metrics;
use trunkline_web::ports::{FindResource, PortFuture, VerifyBearer};
use trunkline_web::principal::{AccessKey, ApplicationRole, DirectoryUser, Grant, GrantScope, Grants, Plane};
use trunkline_web::{App, KeySlot, Peer, Principal, ResourceView, Role, Routes, Settings};
use uuid::Uuid;

use crate::calls::{Answer, Call};
use crate::database::TestStore;

/// The origin of the server and of its default resource.
pub const ORIGIN: &str = "https://localhost:8443";
/// Resources answer under `NAME.DOMAIN`.
pub const DOMAIN: &str = "comm.example";
/// The host of the resource `other`.
pub const OTHER_HOST: &str = "other.comm.example:8443";
/// The most entries on a page, small so that tests see several pages.
pub const PAGE_SIZE_MAX: u32 = 100;

/// Resources without a database: `dev`, which answers everywhere, and `other`.
#[derive(Debug)]
pub struct FixedResources {
    // Guards the resources: read and replaced as a whole.
    by_name: Mutex<BTreeMap<String, Arc<ResourceView>>>,
}

impl Default for FixedResources {
    fn default() -> Self {
        let resources = Self { by_name: Mutex::default() };
        resources.add("dev", 1, ORIGIN);
        resources.add("other", 2, &format!("https://{OTHER_HOST}"));
        resources
    }
}

impl FixedResources {
    /// Adds a resource whose id and keys follow from `number`.
    pub fn add(&self, name: &str, number: u8, origin: &str) {
        let key = |slot: u8| AccessKey { bytes: Secret::new(vec![number * 10 + slot; 64]), generation: 1 };
        let view = ResourceView {
            id: ResourceId(Uuid::from_u128(u128::from(number))),
            name: name.parse().expect("tests use valid names"),
            keys: [key(1), key(2)],
            origin: origin.into(),
            is_local_auth_disabled: false,
        };
        self.lock().insert(name.to_owned(), Arc::new(view));
    }

    /// The resource called `name`.
    pub fn view(&self, name: &str) -> Arc<ResourceView> {
        Arc::clone(&self.lock()[name])
    }

    /// The bytes of a key.
    pub fn key(&self, name: &str, slot: KeySlot) -> Vec<u8> {
        self.view(name).key(slot).bytes.expose().clone()
    }

    /// Replaces a key.
    pub fn regenerate(&self, name: &str, slot: KeySlot) {
        let mut view = (*self.view(name)).clone();
        let index = usize::from(slot == KeySlot::Secondary);
        let old = &view.keys[index];
        let bytes = old.bytes.expose().iter().map(|byte| byte.wrapping_add(100)).collect();
        view.keys[index] = AccessKey { bytes: Secret::new(bytes), generation: old.generation + 1 };
        self.lock().insert(name.to_owned(), Arc::new(view));
    }

    /// Switches access keys off.
    pub fn disable_local_auth(&self, name: &str) {
        let mut view = (*self.view(name)).clone();
        view.is_local_auth_disabled = true;
        self.lock().insert(name.to_owned(), Arc::new(view));
    }

    /// Deletes a resource.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<ResourceView>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, name: &str) -> Option<Arc<ResourceView>> {
        self.lock().get(name).cloned()
    }
}

impl FindResource for FixedResources {
    fn by_host<'a>(&'a self, host: &'a str) -> PortFuture<'a, Option<Arc<ResourceView>>> {
        let found = match host.strip_suffix(DOMAIN).and_then(|label| label.strip_suffix('.')) {
            Some(name) => self.find(name),
            None if host.ends_with("foreign.example") => None,
            None => self.find("dev"),
        };
        Box::pin(async move { Ok(found) })
    }

    fn by_name<'a>(&'a self, name: &'a ResourceName) -> PortFuture<'a, Option<Arc<ResourceView>>> {
        let found = self.find(name.as_str());
        Box::pin(async move { Ok(found) })
    }

    fn by_id(&self, id: ResourceId) -> PortFuture<'_, Option<Arc<ResourceView>>> {
        let found = self.lock().values().find(|view| view.id == id).cloned();
        Box::pin(async move { Ok(found) })
    }
}

/// Operators without a database: the tokens `reader`, `contributor` and `owner`.
#[derive(Debug)]
pub struct FixedOperators;

impl VerifyBearer for FixedOperators {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let principal = Role::from_name(token).map(|role| Principal::Operator { name: token.into(), role });
        Box::pin(async move { Ok(principal) })
    }
}

/// A directory without a database.
///
/// `app:PLANE:ROLE` is an application with that role on the installation (`app:data:contributor`),
/// `app:PLANE:ROLE:NUMBER` one with it on the resource whose id follows from `NUMBER`, `app:PLANE:none` one
/// without a role; `user:TENANT:OBJECT:CLIENT` is a directory user with a token for exchanges.
#[derive(Debug)]
pub struct FixedDirectory;

impl FixedDirectory {
    fn find(token: &str) -> Option<Principal> {
        let parts: Vec<&str> = token.split(':').collect();
        match parts.as_slice() {
            ["app", plane, role, on @ ..] => {
                let plane = if *plane == "data" { Plane::Data } else { Plane::Management };
                let scope = on.first().and_then(|number| number.parse::<u128>().ok());
                let scope = scope.map_or(GrantScope::Installation, |number| {
                    GrantScope::Resource(ResourceId(Uuid::from_u128(number)))
                });
                let grants = ApplicationRole::from_name(role).map(|role| Grant { scope, role });
                let grants = Arc::new(Grants(grants.into_iter().collect()));
                let (id, client_id) = (token.into(), "client".into());
                Some(Principal::Application { id, client_id, plane, grants })
            }
            ["user", tenant, object, client] => Some(Principal::DirectoryUser(Arc::new(DirectoryUser {
                issuer: "https://issuer.example".to_owned(),
                tenant_id: (*tenant).to_owned(),
                object_id: (*object).to_owned(),
                client_id: (*client).to_owned(),
                audience: "https://communication.azure.com/clients".to_owned(),
                expires: Timestamp::from_seconds(i64::from(u32::MAX)),
                name: None,
            }))),
            _ => None,
        }
    }
}

impl VerifyBearer for FixedDirectory {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        Box::pin(async move { Ok(Self::find(token)) })
    }
}

/// Settings of development; `limits` says which set applies.
pub fn settings(limits: LimitSet) -> Settings {
    Settings {
        public_origin: ORIGIN.to_owned(),
        clock_skew: Duration::from_mins(15),
        body_bytes_max: 64 * 1024,
        body_timeout: Duration::from_secs(30),
        page_size_max: PAGE_SIZE_MAX,
        origins: Origins::Any,
        limits,
        rates: HashMap::new(),
        trusted_proxies: Vec::new(),
    }
}

/// The address tests call from.
pub fn peer() -> Peer {
    Peer::Address(std::net::Ipv4Addr::LOCALHOST.into())
}

/// The pipeline over a store.
pub struct TestApp {
    /// The pipeline itself.
    pub app: App,
    /// Its store.
    pub store: TestStore,
}

impl TestApp {
    /// Composes the pipeline.
    pub fn new(
        store: TestStore,
        routes: Routes,
        resources: Arc<dyn FindResource>,
        bearers: Vec<Arc<dyn VerifyBearer>>,
        settings: Settings,
    ) -> Self {
        let app = App::new(Parts {
            routes,
            resources,
            bearers,
            spend: None,
            settings,
            continuation_secret: vec![7; 32],
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            metrics: Metrics::register(&mut Registry::default()),
        });
        Self { app, store }
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<ManualClock> {
        self.store.clock()
    }

    /// Makes a call from a network address.
    pub async fn call(&self, call: Call) -> Answer {
        self.call_from(call, peer()).await
    }

    /// Makes a call from `peer`.
    pub async fn call_from(&self, call: Call, peer: Peer) -> Answer {
        let request = call.into_request(self.clock().now());
        Answer::read(self.app.handle(request, peer).await).await
    }

    /// What was emitted, oldest first: `{"resource","kind","subject","payload"}`.
    pub async fn events(&self) -> Vec<Value> {
        let rows = self
            .store
            .read(|tx| {
                tx.query_all("SELECT resource, kind, subject, payload FROM outbox ORDER BY id", params![])
            })
            .await
            .expect("the outbox can be read");
        let text = |row: &trunkline_store::Row, column| row.get::<String>(column).expect("text");
        rows.iter()
            .map(|row| {
                let payload: Value = serde_json::from_str(&text(row, 3)).expect("payloads are JSON");
                let [resource, kind, subject] = [0, 1, 2].map(|column| text(row, column));
                json!({ "resource": resource, "kind": kind, "subject": subject, "payload": payload })
            })
            .collect()
    }

    /// The audit log, newest first.
    pub async fn audit_log(&self) -> Vec<AuditEntry> {
        let read = |tx: &mut trunkline_store::Tx<'_>| audit::list(tx, None, 1000);
        let entries: Result<Vec<AuditEntry>, StoreError> = self.store.read(read).await;
        entries.expect("the audit log can be read")
    }

    /// The newest row of the audit log, which must be of `operation` and of the request `answer` answers.
    ///
    /// Returns its target and detail.
    pub async fn newest_audit(&self, operation: &str, principal: &str, answer: &Answer) -> (String, Value) {
        let newest = self.audit_log().await.into_iter().next().expect("the audit log has a row");
        assert_eq!(newest.operation, operation);
        assert_eq!(newest.principal, format!("operator:{principal}"));
        assert_eq!(newest.request_id, answer.header("x-ms-request-id"));
        assert_eq!(newest.occurred_on, self.clock().now());
        (newest.target, newest.detail)
    }

    /// How many rows `table` has.
    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let counted: Result<i64, StoreError> =
            self.store.read(move |tx| tx.query_one(&sql, params![])?.get(0)).await;
        counted.expect("rows can be counted")
    }
}
