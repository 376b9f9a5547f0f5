//! Ends connections whose tokens ended early, on whatever node that happened: they were revoked, the user or the
//! resource was deleted, or an access key regenerated.

use std::pin::Pin;
use std::sync::Arc;

use trunkline_calling::CallingService;
use trunkline_chat::ChatService;
use trunkline_identity::REVOKED_TOPIC;
use trunkline_kernel::ResourceId;
use trunkline_store::{Store, Wake};
use trunkline_tasks::Shutdown;

/// Revocations that may wait: more than one deletion of a large resource makes at once.
const REVOCATIONS_MAX: usize = 65_536;

type Checked<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// A service with connections of users.
pub(crate) trait HoldTokens: Send + Sync + 'static {
    /// Has every token checked soon.
    fn check_tokens(&self);
    /// Checks those of one user now.
    fn check_user<'c>(&'c self, resource: ResourceId, raw_id: &'c str) -> Checked<'c>;
}

impl HoldTokens for ChatService {
    fn check_tokens(&self) {
        self.check_tokens();
    }

    fn check_user<'c>(&'c self, resource: ResourceId, raw_id: &'c str) -> Checked<'c> {
        Box::pin(self.check_user(resource, raw_id))
    }
}

impl HoldTokens for CallingService {
    fn check_tokens(&self) {
        self.check_tokens();
    }

    fn check_user<'c>(&'c self, resource: ResourceId, raw_id: &'c str) -> Checked<'c> {
        Box::pin(self.check_user(resource, raw_id))
    }
}

/// Tells `holder` of every revocation.
pub(crate) async fn follow(holder: Arc<dyn HoldTokens>, store: Store, shutdown: Shutdown) {
    let mut revocations = store.wakes().subscribe_deep(REVOKED_TOPIC, REVOCATIONS_MAX);
    let mut resources = store.wakes().subscribe(trunkline_resources::CHANGED_TOPIC);
    loop {
        let wake = tokio::select! {
            wake = revocations.next() => wake,
            Some(_) = resources.next() => {
                holder.check_tokens();
                continue;
            }
            () = shutdown.requested() => return,
        };
        let payload = match wake {
            Some(Wake::Payload(payload)) => payload,
            Some(Wake::Missed) => {
                holder.check_tokens();
                continue;
            }
            None => return,
        };
        let named = payload.split_once(' ');
        let user = named.and_then(|(id, raw_id)| Some((id.parse::<ResourceId>().ok()?, raw_id)));
        if let Some((resource, raw_id)) = user {
            holder.check_user(resource, raw_id).await;
        }
    }
}
