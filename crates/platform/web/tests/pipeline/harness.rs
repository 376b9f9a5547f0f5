//! A pipeline over a few operations made for these tests, without a database.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, StatusCode};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trunkline_kernel::limits::{LimitSet, NamedLimit, RequestRate};
use trunkline_kernel::{Clock as _, ManualClock, ResourceId, SeededEntropy, Timestamp};
use trunkline_testkit::{Answer, Call, FixedDirectory, FixedOperators, FixedResources, app};
use trunkline_web::app::Parts;
use trunkline_web::metrics::Metrics;
use trunkline_web::operation::schema_of;
use trunkline_web::ports::{GuardSpend, PortFuture, VerifyBearer};
use trunkline_web::{
    Allow, ApiError, App, Context, KeySlot, Method, Operation, Peer, Principal, Reply, RequestBody,
    ResourceView, Routes, Settings,
};

/// What the tests' operations answer.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct Thing {
    id: String,
    resource: String,
    body: Value,
    #[schemars(extend("x-since" = "2025-01-01"))]
    later: bool,
}

const fn operation(id: &'static str, method: Method, path: &'static str) -> Operation {
    Operation {
        service: "test",
        versions: &["2024-01-01", "2025-01-01"],
        reply: Some(schema_of::<Thing>),
        ..Operation::own(id, method, path, &[Allow::ResourceKey])
    }
}

static GET: Operation = operation("Things_Get", Method::Get, "/things/{id}");
static CREATE: Operation = Operation {
    body: RequestBody::Json(schema_of::<Value>),
    rate: NamedLimit { generous: None, acs: Some(RequestRate::per_seconds(2, 30)) },
    ..operation("Things_Create", Method::Post, "/things")
};
static UPDATE: Operation = Operation {
    body: RequestBody::MergePatch(schema_of::<Value>),
    ..operation("Things_Update", Method::Patch, "/things/{id}")
};
static DECODED: Operation =
    Operation { accepts_decoded_signature: true, ..operation("Rooms_Get", Method::Get, "/rooms/{id}") };
static PANIC: Operation = operation("Things_Panic", Method::Post, "/panic");
static OPEN: Operation =
    Operation { versions: &[], allow: &[Allow::Anyone], ..operation("Open_Get", Method::Get, "/open") };
static SCOPED: Operation = Operation {
    versions: &[],
    allow: &[Allow::User(&["chat"])],
    ..operation("Chat_Get", Method::Get, "/chat")
};
static OWNED: Operation = Operation {
    versions: &[],
    allow: &[Allow::Operator(trunkline_web::Role::Contributor)],
    ..operation("Owned_Get", Method::Get, "/owned")
};

static FORM: Operation = Operation {
    versions: &[],
    body: RequestBody::Form(schema_of::<Value>),
    ..operation("Form_Post", Method::Post, "/form")
};
static METERED: Operation = Operation {
    versions: &[],
    meter: Some("test.things"),
    ..operation("Metered_Post", Method::Post, "/metered")
};
static APPLICATION: Operation = Operation {
    versions: &[],
    allow: &[Allow::Application(trunkline_web::Role::Contributor)],
    ..operation("Application_Post", Method::Post, "/application")
};
static MANAGED: Operation = Operation {
    versions: &[],
    allow: &[Allow::Management(trunkline_web::Role::Contributor)],
    manages: Some("name"),
    is_case_insensitive: true,
    ..operation("Managed_Post", Method::Post, "/subscriptions/{name}/manage")
};

/// Stops the resource `other`.
struct StopOther;

impl GuardSpend for StopOther {
    fn check(&self, resource: ResourceId, operation: &'static Operation) -> PortFuture<'_, ()> {
        let is_stopped = resource.0.as_u128() == 2 && operation.meter == Some("test.things");
        Box::pin(async move {
            if is_stopped { Err(ApiError::forbidden("The spend limit is reached.")) } else { Ok(()) }
        })
    }
}

/// Tokens `user:SCOPES` are a user's.
struct Users;

impl VerifyBearer for Users {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let scopes = token.strip_prefix("user:");
        let found = scopes.map(|scopes| Principal::User {
            raw_id: "8:acs:r_u".into(),
            scopes: scopes.split(',').map(str::to_owned).collect(),
            expires: Timestamp::EPOCH,
            generation: 1,
            access_key: None,
        });
        Box::pin(async move { Ok(found) })
    }
}

async fn answer(acted: Arc<AtomicUsize>, context: Context) -> Result<Reply, ApiError> {
    let body = match context.operation.body {
        RequestBody::Json(_) => context.json()?,
        RequestBody::MergePatch(_) => Value::Object(context.merge_patch()?),
        RequestBody::Form(_) => context.form()?,
        _ => json!(context.body().len()),
    };
    let id = context.operation.path_parameters().next().map_or("", |name| context.path(name)).to_owned();
    assert!(id != "panic" && context.operation.id != "Things_Panic", "asked to panic");
    acted.fetch_add(1, Ordering::Relaxed);
    let resource =
        if context.operation.needs_resource() { context.resource().name.to_string() } else { String::new() };
    Ok(Reply::json(StatusCode::OK, &Thing { id, resource, body, later: true }))
}

/// The pipeline and what it is made of.
pub(crate) struct Web {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) resources: Arc<FixedResources>,
    acted: Arc<AtomicUsize>,
}

impl Web {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A pipeline with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = app::settings(LimitSet::Generous);
        change(&mut settings);
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_262_400)));
        let acted = Arc::new(AtomicUsize::new(0));
        let mut routes = Routes::new();
        for operation in [
            &GET,
            &CREATE,
            &UPDATE,
            &DECODED,
            &PANIC,
            &OPEN,
            &SCOPED,
            &OWNED,
            &FORM,
            &METERED,
            &APPLICATION,
            &MANAGED,
        ] {
            routes = routes.add(operation, &acted, answer);
        }
        let resources = Arc::new(FixedResources::default());
        let app = App::new(Parts {
            routes,
            resources: Arc::clone(&resources) as _,
            bearers: vec![Arc::new(Users), Arc::new(FixedDirectory), Arc::new(FixedOperators)],
            spend: Some(Arc::new(StopOther)),
            settings,
            continuation_secret: vec![7; 32],
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SeededEntropy::new(1)),
            metrics: Metrics::register(&mut Registry::default()),
        });
        Self { app, clock, resources, acted }
    }

    /// How many requests reached a handler that acted.
    pub(crate) fn acted(&self) -> usize {
        self.acted.load(Ordering::Relaxed)
    }

    /// The primary key of `dev`.
    pub(crate) fn key(&self) -> Vec<u8> {
        self.key_of("dev", KeySlot::Primary)
    }

    pub(crate) fn key_of(&self, resource: &str, slot: KeySlot) -> Vec<u8> {
        self.resources.key(resource, slot)
    }

    pub(crate) async fn call(&self, call: Call) -> Answer {
        self.send(call.into_request(self.clock.now()), app::peer()).await
    }

    /// Calls with the primary key of `dev`.
    pub(crate) async fn signed(&self, call: Call) -> Answer {
        let key = self.key();
        self.call(call.signed(&key)).await
    }

    pub(crate) async fn send<B>(&self, request: Request<B>, peer: Peer) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Answer::read(self.app.handle(request, peer).await).await
    }
}

/// A peer at that address.
pub(crate) fn at(address: &str) -> Peer {
    Peer::Address(address.parse::<IpAddr>().expect("an address"))
}

/// A call that succeeds when it is signed with a key of `dev`.
pub(crate) fn create() -> Call {
    Call::post("/things?api-version=2025-01-01").json(&json!({ "a": 1 }))
}

pub(crate) const THING: &str = "/things/7?api-version=2025-01-01";
