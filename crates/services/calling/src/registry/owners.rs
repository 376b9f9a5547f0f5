//! Which node has the sessions and calls of a resource, and taking them over.
//!
//! ```text
//! hello ─► own(resource) ── lease here? ── yes ─► calls of the rows run on ─► welcome
//!                               └── no ──► redirect to the node that has it
//! ```
//!
//! A node that ends gives its leases up; one that dies loses them after [`LEASE`]. One that lost a lease without noticing
//! writes nothing of the resource's calls: each write looks whether the lease is still good.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trunkline_kernel::ResourceId;
use trunkline_store::Key;
use trunkline_tasks::Shutdown;
use trunkline_web::ResourceView;

use super::{PlaceName, Registry};
use crate::actor::{Begin, CallFacts, CallHandle};
use crate::error::CallingError;
use crate::rows::calls::{self, CallRow};
use crate::rows::legs;
use crate::rows::owners::{self, Lease, OwnerRow};
use crate::rules::{Kept, KeptLeg, Kind};

/// How long a lease holds without being renewed: three renewals may be lost.
pub(crate) const LEASE: Duration = Duration::from_secs(20);
/// How often leases are renewed. Tests set the clock that leases are dated by, and renew by themselves.
const RENEW_EVERY: Duration = Duration::from_secs(if cfg!(test) { 600 } else { 5 });
/// Every how many renewals it is looked for calls whose node is gone: once a minute.
const LOOK_EVERY: u32 = 12;
/// Resources taken over at one look.
const RESOURCES_AT_ONCE: u32 = 1_000;
/// A lease that was renewed less than this ago is sure: the other nodes wait longer.
const SURE_FOR: Duration = Duration::from_secs(13);

/// Who has a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// This node.
    Here,
    /// Another one, at that origin.
    There { url: String },
}

/// The leases of this node.
#[derive(Default)]
pub(super) struct Leases {
    // Guards what is held. Never held over an await.
    held: Mutex<HashMap<ResourceId, Held>>,
    // One taking at a time: calls must run before anybody is told that they are here.
    taking: tokio::sync::Mutex<()>,
}

/// A lease of this node, whose calls run here.
#[derive(Clone, Copy)]
struct Held {
    /// As the row had it when the calls were begun.
    epoch: i64,
    /// By the monotonic clock.
    sure_until: Duration,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashMap<ResourceId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_sure(&self, resource: ResourceId, now: Duration) -> bool {
        self.held().get(&resource).is_some_and(|held| held.sure_until > now)
    }

    /// Whether the calls of the resource run here already: nobody else had it since they were begun.
    fn runs(&self, resource: ResourceId, epoch: i64) -> bool {
        self.held().get(&resource).is_some_and(|held| held.epoch == epoch)
    }

    /// The epoch that the resource was taken with, while it is held.
    fn epoch(&self, resource: ResourceId) -> Option<i64> {
        self.held().get(&resource).map(|held| held.epoch)
    }

    /// Says whether it was held.
    fn forget(&self, resource: ResourceId) -> bool {
        self.held().remove(&resource).is_some()
    }

    /// The same, if it was taken with that epoch.
    fn forget_taken_with(&self, resource: ResourceId, epoch: i64) -> bool {
        let mut held = self.held();
        let is_that = held.get(&resource).is_some_and(|known| known.epoch == epoch);
        is_that && held.remove(&resource).is_some()
    }

    fn hold(&self, resource: ResourceId, held: Held) {
        self.held().insert(resource, held);
    }

    /// What is held no more.
    fn hold_only(&self, renewed: &HashSet<ResourceId>, sure_until: Duration) -> Vec<ResourceId> {
        let mut held = self.held();
        let lost: Vec<ResourceId> = held.keys().copied().filter(|known| !renewed.contains(known)).collect();
        held.retain(|resource, _| renewed.contains(resource));
        for lease in held.values_mut() {
            lease.sure_until = sure_until;
        }
        lost
    }
}

impl Registry {
    /// Which node has the resource: this one, if no other does. Its calls run when this returns.
    pub(crate) async fn own(self: &Arc<Self>, resource: Arc<ResourceView>) -> Result<Owner, CallingError> {
        if self.leases.is_sure(resource.id, self.clock.monotonic()) {
            return Ok(Owner::Here);
        }
        let _one = self.leases.taking.lock().await;
        let before = self.clock.monotonic();
        if self.leases.is_sure(resource.id, before) {
            return Ok(Owner::Here);
        }
        let lease = self.take_lease(resource.id).await?;
        let is_here = *lease.node == *self.node;
        // What runs here may be older than the rows: another node had the resource since, or has it.
        if !(is_here && self.leases.runs(resource.id, lease.epoch)) && self.leases.forget(resource.id) {
            self.let_go_of_lost(resource.id);
        }
        if !is_here {
            return Ok(Owner::There { url: lease.url });
        }
        if !self.leases.runs(resource.id, lease.epoch) {
            let lease = Lease { node: Arc::clone(&self.node), epoch: lease.epoch };
            self.run_calls_of(&resource, &lease).await?;
        }
        self.leases.hold(resource.id, Held { epoch: lease.epoch, sure_until: before + SURE_FOR });
        Ok(Owner::Here)
    }

    /// What this node has the resource by, if it does.
    pub(crate) fn lease(&self, resource: ResourceId) -> Option<Lease> {
        let epoch = self.leases.epoch(resource)?;
        Some(Lease { node: Arc::clone(&self.node), epoch })
    }

    /// A lease is no longer good: somebody found out by writing.
    pub(crate) fn lose(&self, resource: ResourceId, lease: &Lease) {
        if self.leases.forget_taken_with(resource, lease.epoch) {
            self.let_go_of_lost(resource);
        }
    }

    /// This node has nothing to do with a deleted resource any more.
    pub(super) fn forget_lease(&self, resource: ResourceId) {
        self.leases.forget(resource);
    }

    fn let_go_of_lost(&self, resource: ResourceId) {
        tracing::warn!(%resource, "the lease of a resource was lost; its calls go on elsewhere");
        self.let_go(resource);
    }

    async fn take_lease(&self, resource: ResourceId) -> Result<OwnerRow, CallingError> {
        let (node, url, now) = (Arc::clone(&self.node), self.settings.node_url.clone(), self.clock.now());
        let until = now.plus(LEASE);
        self.store
            .write(Key::new(resource, "calling/owner"), move |tx| {
                Ok::<_, CallingError>(owners::take(tx, resource, &node, &url, now, until)?)
            })
            .await
    }

    /// Goes on with the calls of the resource that do not run here yet.
    async fn run_calls_of(
        self: &Arc<Self>,
        resource: &Arc<ResourceView>,
        lease: &Lease,
    ) -> Result<(), CallingError> {
        let id = resource.id;
        let found: Vec<(CallRow, Vec<KeptLeg>)> = self
            .store
            .read(move |tx| {
                let mut found = Vec::new();
                for call in calls::list_running(tx, id)? {
                    let alive = legs::list_alive(tx, call.number)?;
                    found.push((call, alive));
                }
                Ok::<_, CallingError>(found)
            })
            .await?;
        for call in found {
            self.run_again(resource, lease, call, 0);
        }
        Ok(())
    }

    /// Goes on with a call as its rows have it; `panics` as [`Begin::Again`] has it.
    pub(super) fn run_again(
        self: &Arc<Self>,
        resource: &Arc<ResourceView>,
        lease: &Lease,
        (call, alive): (CallRow, Vec<KeptLeg>),
        panics: u8,
    ) {
        let (handle, mails) = CallHandle::new(Arc::clone(&call.id));
        {
            let mut index = self.index();
            if index.has_call(&call.id) {
                return;
            }
            let place = match &call.kind {
                Kind::Group { id: Some(id) } => Some(PlaceName::Group(Arc::clone(id))),
                Kind::Room { id } => Some(PlaceName::Room(Arc::clone(id))),
                Kind::Group { id: None } | Kind::OneToOne | Kind::Echo => None,
            };
            self.add(&mut index, resource.id, &handle, place.as_ref());
        }
        for leg in &alive {
            let (user, endpoint) = (Arc::clone(&leg.user), None);
            let place = super::LegPlace { handle: handle.clone(), user, endpoint };
            self.enter(resource.id, &leg.id, place);
        }
        let facts = CallFacts {
            resource: Arc::clone(resource),
            lease: lease.clone(),
            id: call.id,
            server_call_id: call.server_call_id,
            correlation_id: call.correlation_id,
            custom_context: call.custom_context,
        };
        let kept = Kept {
            kind: call.kind,
            started_by: call.started_by,
            started_at: call.started_at,
            live_at: call.live_at,
            next_p: call.next_p,
            legs: alive,
        };
        let begin = Begin::Again { number: call.number, kept: Box::new(kept), panics };
        self.run_as(&handle, mails, facts, begin);
    }

    /// Holds the leases of this node and goes on with calls whose node is gone, this one's before it ended too, until the
    /// end is asked for; then gives the leases up.
    pub(crate) async fn keep_leases(self: Arc<Self>, shutdown: Shutdown) {
        let mut turns = (0..LOOK_EVERY).cycle();
        loop {
            let is_time_to_look = turns.next() == Some(0);
            if let Err(cause) = self.renew(is_time_to_look).await {
                tracing::warn!(%cause, "the leases of resources with calls cannot be renewed");
            }
            tokio::select! {
                () = shutdown.requested() => break,
                () = tokio::time::sleep(RENEW_EVERY) => {}
            }
        }
        if let Err(cause) = self.give_up().await {
            tracing::warn!(%cause, "the leases of resources with calls could not be given up");
        }
    }

    /// Renews the leases, and takes those of nodes that are gone and had calls.
    pub(crate) async fn renew(self: &Arc<Self>, is_time_to_look: bool) -> Result<(), CallingError> {
        // A lease that is taken meanwhile is not in the list of those that were renewed.
        let one = self.leases.taking.lock().await;
        let (node, before, now) = (Arc::clone(&self.node), self.clock.monotonic(), self.clock.now());
        let held: Vec<ResourceId> = self
            .store
            .write(Key::system("calling/owners"), move |tx| {
                Ok::<_, CallingError>(owners::renew(tx, &node, now, now.plus(LEASE))?)
            })
            .await?;
        for lost in self.leases.hold_only(&held.into_iter().collect(), before + SURE_FOR) {
            self.let_go_of_lost(lost);
        }
        drop(one);
        if !is_time_to_look {
            return Ok(());
        }
        let node = Arc::clone(&self.node);
        let to_run: Vec<ResourceId> = self
            .store
            .read(move |tx| {
                Ok::<_, CallingError>(calls::list_resources_to_run(tx, &node, now, RESOURCES_AT_ONCE)?)
            })
            .await?;
        for id in to_run {
            // Calls of a deleted resource go with it.
            if let Some(resource) = self.resources.by_id(id).await? {
                self.own(resource).await?;
            }
        }
        Ok(())
    }

    async fn give_up(&self) -> Result<(), CallingError> {
        let node = Arc::clone(&self.node);
        self.store
            .write(Key::system("calling/owners"), move |tx| {
                Ok::<_, CallingError>(owners::release(tx, &node)?)
            })
            .await
    }
}
