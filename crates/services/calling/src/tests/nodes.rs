//! Further nodes over the same data.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::Secret;
use trunkline_kernel::limits::LimitSet;
use trunkline_media::MediaHandle;
use trunkline_tasks::Tasks;
use trunkline_testkit::realtime::listen;
use trunkline_testkit::{FixedOperators, FixedResources, TestApp, TestStore, app};

use super::harness::{FakeRelays, FakeRooms, FakeUsers, World};
use crate::{CallingService, Metrics, Parts, Settings};

/// Ending is a matter of milliseconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a service without media is made of.
pub(crate) fn parts(
    store: &TestStore,
    resources: &Arc<FixedResources>,
    tasks: &Tasks,
    media: MediaHandle,
) -> Parts {
    let users = Arc::new(FakeUsers::default());
    Parts {
        store: store.store().clone(),
        clock: Arc::clone(store.clock()) as _,
        entropy: Arc::clone(store.entropy()) as _,
        users: Arc::clone(&users) as _,
        rooms: Arc::new(FakeRooms),
        relay: Arc::new(FakeRelays),
        tokens: users as _,
        resources: Arc::clone(resources) as _,
        spend: None,
        media,
        tasks: tasks.clone(),
        node: "node-1".to_owned(),
        settings: Settings { node_url: app::ORIGIN.to_owned(), ..Settings::default() },
        secret: Secret::new(b"secret of tests".to_vec()),
        metrics: Metrics::default(),
    }
}

impl World {
    async fn service(
        &self,
        store: &TestStore,
        node: &str,
        metrics: Metrics,
        tasks: &Tasks,
    ) -> Arc<CallingService> {
        let parts = parts(store, &self.resources, tasks, MediaHandle::closed());
        let users = Arc::clone(&self.users);
        let (tokens, node) = (Arc::clone(&users) as _, node.to_owned());
        CallingService::open(Parts { users, tokens, node, metrics, ..parts })
            .await
            .expect("the data is of this program")
    }

    /// Another node, which no client reaches.
    pub(super) async fn node(&self, node: &str) -> Arc<CallingService> {
        self.service(&self.app.store, node, Metrics::default(), &self.tasks).await
    }

    /// The node ends, and the same one begins again.
    pub(super) async fn restart(self) -> Self {
        self.calling.move_clients(PATIENCE).await;
        assert!(self.tasks.stop(PATIENCE).await, "everything ends when it is asked to");
        let (tasks, metrics) = (Tasks::new(), Metrics::default());
        let calling = self.service(&self.app.store, "node-1", metrics.clone(), &tasks).await;
        tasks.spawn("calling", Arc::clone(&calling).run(tasks.shutdown()));
        let Self { app: old, users, resources, .. } = self;
        let store = Arc::into_inner(old).expect("nobody serves requests any more").store;
        let app = Arc::new(TestApp::new(
            store,
            calling.routes(),
            Arc::clone(&resources) as _,
            vec![Arc::clone(&users) as _, Arc::new(FixedOperators)],
            app::settings(LimitSet::Generous),
        ));
        let origin = listen(&app, &tasks).await;
        Self { app, calling, users, resources, metrics, origin, tasks }
    }
}
