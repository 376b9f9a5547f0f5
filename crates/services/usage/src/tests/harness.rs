//! The service behind the whole pipeline, with the resources `dev` and `other`.

use std::sync::Arc;

use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, Timestamp};
use trunkline_store::{Key, Slice, StoreError};
use trunkline_testkit::{Answer, Call, FixedOperators, FixedResources, TestApp, TestStore, app};
use trunkline_web::usage::{self, Usage};
use trunkline_web::{KeySlot, ResourceView};

use crate::{Price, Settings, SpendAction, UsageService, operations};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

/// The service and what surrounds it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) resources: Arc<FixedResources>,
}

/// Users cost half a cent each, and a minute of talk two cents.
pub(super) fn settings(spend_limit: Option<&str>, spend_action: SpendAction) -> Settings {
    let price = |(meter, price): (&str, &str)| (meter.to_owned(), price.parse::<Price>().expect("a price"));
    Settings {
        currency: "EUR".to_owned(),
        prices: [("users", "0.005"), ("talk.seconds", "0.02/60"), ("free", "0")]
            .map(price)
            .into_iter()
            .collect(),
        spend_limit: spend_limit.map(|limit| limit.parse().expect("an amount")),
        spend_action,
    }
}

impl World {
    pub(super) fn new(store: TestStore, settings: Settings) -> Self {
        let resources = Arc::new(FixedResources::default());
        let service = UsageService::new(store.store().clone(), Arc::clone(store.clock()) as _, settings);
        let routes = service.routes();
        let listed: Vec<_> = routes.operations().map(|operation| operation.id).collect();
        assert_eq!(listed, operations::ALL.iter().map(|operation| operation.id).collect::<Vec<_>>());
        let bearers: Vec<Arc<dyn trunkline_web::ports::VerifyBearer>> = vec![Arc::new(FixedOperators)];
        let found = Arc::clone(&resources) as _;
        let app = TestApp::new(store, routes, found, bearers, app::settings(LimitSet::Generous));
        Self { app, resources }
    }

    /// Another service over the same data, as after a restart with other settings.
    pub(super) fn service(&self, settings: Settings) -> Arc<UsageService> {
        UsageService::new(self.app.store.store().clone(), Arc::clone(self.app.clock()) as _, settings)
    }

    pub(super) fn view(&self, name: &str) -> Arc<ResourceView> {
        self.resources.view(name)
    }

    pub(super) fn at(&self, instant: &str) {
        self.app.clock().set(Timestamp::parse_rfc3339(instant).expect("a date"));
    }

    /// Counts as a handler does.
    pub(super) async fn count(&self, name: &str, meter: &'static str, quantity: u32) {
        let (resource, now) = (self.view(name), self.app.clock().now());
        let counted: Result<(), StoreError> = self
            .app
            .store
            .write(Key::new(&resource.name, meter), move |tx| {
                usage::record(tx, &Usage { resource: &resource, operation: "Op_Do", meter, quantity, now })
            })
            .await;
        counted.expect("counted");
    }

    pub(super) async fn read(&self, target: &str) -> Answer {
        self.app.call(Call::get(target).bearer("reader")).await
    }

    /// The operation takes every operator, and nobody else.
    pub(super) async fn takes_operators(&self, target: &str) {
        let call = Call::get(target);
        self.app.call(call.clone()).await.expect_denied("CredentialsMissing");
        self.app.call(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
        let own = self.resources.key("dev", KeySlot::Primary);
        self.app.call(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        let foreign = self.resources.key("other", KeySlot::Primary);
        self.app.call(call.clone().signed(&foreign)).await.expect_denied("SignatureMismatch");
        for role in ["reader", "contributor", "owner"] {
            self.app.call(call.clone().bearer(role)).await.expect(200);
        }
        assert_eq!(self.app.audit_log().await.len(), 0, "looking leaves no row");
    }
}
