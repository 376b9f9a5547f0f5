//! The running calls of this node: who finds which, and how they begin.
//!
//! ```text
//! start ─────────────► a new call
//! join (group, room) ► the one of that id, or a new one: two first joiners make one call
//! accept, rejoin, ask ► the call of that leg
//! ```

mod index;
mod news;
mod owners;
mod recovery;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc;
use trunkline_calling_wire::{CustomContext, Joined};
use trunkline_kernel::{Clock, Entropy, ResourceId};
use trunkline_media::MediaHandle;
use trunkline_store::Store;
use trunkline_tasks::Tasks;
use trunkline_web::ResourceView;
use trunkline_web::ports::FindResource;

use crate::actor::asks::{Answer, Caller, Doing, Done, JoinCall, Place, RejoinCall, StartCall, TakeCall};
use crate::actor::{Actor, Begin, CallFacts, CallHandle, Full, Live, Mail};
use crate::error::CallingError;
use crate::rows::owners::Lease;
use crate::rules::{LegId, Limits, Times};
use crate::signalling::Hub;
use crate::{Metrics, Parts, Settings};

pub(crate) use index::LegPlace;
use index::{Index, PlaceName};
use owners::Leases;
pub(crate) use owners::Owner;

/// People shown large in a call, as ACS has it.
const SPOTLIGHT_MAX: usize = 7;
/// A call that ends just when somebody joins it is begun anew; that one ends as well only when its joiner leaves.
const JOIN_ATTEMPTS: usize = 3;

/// The running calls of this node.
pub(crate) struct Registry {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Settings,
    metrics: Metrics,
    tasks: Tasks,
    media: MediaHandle,
    resources: Arc<dyn FindResource>,
    node: Arc<str>,
    hub: Arc<Hub>,
    leases: Leases,
    // Guards who finds which call. Held for a few look-ups; never over an await or while another lock is taken.
    index: Mutex<Index>,
}

impl Registry {
    pub(crate) fn new(parts: &Parts, hub: &Arc<Hub>) -> Arc<Self> {
        Arc::new(Self {
            store: parts.store.clone(),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            settings: parts.settings.clone(),
            metrics: parts.metrics.clone(),
            tasks: parts.tasks.clone(),
            media: parts.media.clone(),
            resources: Arc::clone(&parts.resources),
            node: Arc::from(&*parts.node),
            hub: Arc::clone(hub),
            leases: Leases::default(),
            index: Mutex::default(),
        })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// How long calls wait for what, and how much they hold.
    pub(crate) fn times_and_limits(&self) -> (Times, Limits) {
        let preset = Times::default();
        let times = Times {
            ring: self.settings.ring,
            // As much longer as ACS has it.
            ring_promoted: self.settings.ring + preset.ring_promoted.saturating_sub(preset.ring),
            away: self.settings.rejoin,
            ..preset
        };
        (times, Limits { participants: self.settings.participants_max, spotlight: SPOTLIGHT_MAX })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places a call.
    pub(crate) fn start(self: &Arc<Self>, caller: Caller, ask: StartCall, answer: Answer<Joined>) {
        let Some(lease) = self.lease(caller.resource.id) else { return answer(Err(CallingError::Elsewhere)) };
        let (handle, mails) = self.new_handle();
        let leg = Arc::clone(&ask.coming.leg);
        if let Err(why) = self.claim(&caller, &leg, &handle) {
            return answer(Err(why));
        }
        self.add(&mut self.index(), caller.resource.id, &handle, None);
        let answer = self.claimed(&caller, leg, &handle, answer);
        let (resource, context) = (Arc::clone(&caller.resource), ask.custom_context.clone());
        self.send(&handle, Mail::Start { caller, ask, answer });
        // Not before its first mail is there: a call that nobody has begun ends when nothing waits for it.
        self.run(&handle, mails, (&resource, lease), context);
    }

    /// Joins a call by the id of a group or room.
    pub(crate) fn join(self: &Arc<Self>, caller: Caller, ask: JoinCall, answer: Answer<Joined>) {
        let Some(lease) = self.lease(caller.resource.id) else { return answer(Err(CallingError::Elsewhere)) };
        let place = PlaceName::of(&ask.place);
        let (resource, leg) = (Arc::clone(&caller.resource), Arc::clone(&ask.coming.leg));
        let mut mail = Mail::Join { caller, ask, answer };
        for _ in 0..JOIN_ATTEMPTS {
            let (handle, mails) = self.handle_at(resource.id, &place);
            let sent = self.send_join(&handle, mail);
            if let Some(mails) = mails {
                self.run(&handle, mails, (&resource, lease.clone()), None);
            }
            let Err(refused) = sent else { return };
            self.leave(resource.id, &leg, &handle);
            self.forget_call(&handle);
            mail = *refused;
        }
        mail.refuse(CallingError::Unavailable);
    }

    /// **Errors**: the mail again, when the call is over.
    fn send_join(self: &Arc<Self>, handle: &CallHandle, mail: Mail) -> Result<(), Box<Mail>> {
        let Mail::Join { caller, ask, answer } = mail else { return Ok(()) };
        let leg = Arc::clone(&ask.coming.leg);
        if let Err(why) = self.claim(&caller, &leg, handle) {
            answer(Err(why));
            return Ok(());
        }
        let answer = self.claimed(&caller, leg, handle, answer);
        match handle.send(Mail::Join { caller, ask, answer }) {
            Ok(()) => Ok(()),
            Err((refused, Full::Over)) => Err(refused),
            Err((refused, Full::ForNow)) => {
                refused.refuse(CallingError::Unavailable);
                Ok(())
            }
        }
    }

    /// Takes a call that rings.
    pub(crate) fn accept(&self, caller: Caller, ask: TakeCall, answer: Answer<Joined>) {
        let leg = Arc::clone(&ask.coming.leg);
        match self.find(caller.resource.id, &leg) {
            Some(handle) => self.send(&handle, Mail::Take { caller, leg, ask, answer }),
            None => answer(Err(CallingError::UnknownCall)),
        }
    }

    /// Comes back into a call.
    pub(crate) fn rejoin(&self, caller: Caller, ask: RejoinCall, answer: Answer<Joined>) {
        let leg = Arc::clone(&ask.coming.leg);
        match self.find(caller.resource.id, &leg) {
            Some(handle) => self.send(&handle, Mail::Rejoin { caller, leg, ask, answer }),
            None => answer(Err(CallingError::UnknownCall)),
        }
    }

    /// Does something in a call.
    pub(crate) fn ask(&self, caller: Caller, leg: &LegId, doing: Doing, answer: Answer<Done>) {
        match self.find(caller.resource.id, leg) {
            Some(handle) => self.send(&handle, Mail::Ask { caller, leg: Arc::clone(leg), doing, answer }),
            None => answer(Err(CallingError::UnknownCall)),
        }
    }

    /// Whether a leg of that id is in a call.
    pub(crate) fn has_leg(&self, resource: ResourceId, leg: &LegId) -> bool {
        self.find(resource, leg).is_some()
    }

    fn find(&self, resource: ResourceId, leg: &LegId) -> Option<CallHandle> {
        self.index().leg(resource, leg)
    }

    #[expect(clippy::unused_self, reason = "reads as what it is: the registry sends")]
    fn send(&self, handle: &CallHandle, mail: Mail) {
        if let Err((mail, why)) = handle.send(mail) {
            mail.refuse(match why {
                Full::ForNow => CallingError::Unavailable,
                Full::Over => CallingError::UnknownCall,
            });
        }
    }

    /// Keeps an id of a leg for whoever comes into a call with it.
    fn claim(&self, caller: &Caller, leg: &LegId, handle: &CallHandle) -> Result<(), CallingError> {
        let place = LegPlace {
            handle: handle.clone(),
            user: Arc::clone(&caller.user),
            endpoint: Some(caller.endpoint),
        };
        self.index().claim(caller.resource.id, leg, place, self.settings.calls_per_user)
    }

    /// Gives the id of the leg back when the call does not take it.
    fn claimed(
        self: &Arc<Self>,
        caller: &Caller,
        leg: LegId,
        handle: &CallHandle,
        answer: Answer<Joined>,
    ) -> Answer<Joined> {
        let (registry, resource, handle) = (Arc::clone(self), caller.resource.id, handle.clone());
        Box::new(move |joined| {
            if joined.is_err() {
                registry.leave(resource, &leg, &handle);
            }
            answer(joined);
        })
    }

    /// A leg is in a call, or belongs to another session than before.
    pub(crate) fn enter(&self, resource: ResourceId, leg: &LegId, place: LegPlace) {
        self.index().enter(resource, leg, place);
    }

    /// A leg has ended.
    pub(crate) fn leave(&self, resource: ResourceId, leg: &LegId, handle: &CallHandle) {
        self.index().leave(resource, leg, handle);
    }

    /// Nobody finds the way to a call any more.
    pub(crate) fn forget_call(&self, handle: &CallHandle) {
        if self.index().forget(handle) {
            self.metrics.calls.dec();
        }
    }

    /// The call that people join with an id. One that nobody is in yet is made, and runs once its mailbox is given to
    /// [`Registry::run`].
    fn handle_at(
        &self,
        resource: ResourceId,
        place: &PlaceName,
    ) -> (CallHandle, Option<mpsc::Receiver<Mail>>) {
        let mut index = self.index();
        if let Some(handle) = index.at(resource, place) {
            return (handle, None);
        }
        let (handle, mails) = self.new_handle();
        self.add(&mut index, resource, &handle, Some(place));
        (handle, Some(mails))
    }

    fn add(&self, index: &mut Index, resource: ResourceId, handle: &CallHandle, place: Option<&PlaceName>) {
        index.insert(resource, handle, place);
        self.metrics.calls.inc();
    }

    fn new_handle(&self) -> (CallHandle, mpsc::Receiver<Mail>) {
        CallHandle::new(format!("c-{}", self.entropy.uuid().simple()).into())
    }

    /// Runs a new call.
    fn run(
        self: &Arc<Self>,
        handle: &CallHandle,
        mails: mpsc::Receiver<Mail>,
        (resource, lease): (&Arc<ResourceView>, Lease),
        custom_context: Option<CustomContext>,
    ) {
        let server_call_id = URL_SAFE_NO_PAD.encode(format!("{}/calling/{}", resource.origin, handle.id));
        let facts = CallFacts {
            resource: Arc::clone(resource),
            lease,
            id: Arc::clone(&handle.id),
            server_call_id: server_call_id.into(),
            correlation_id: self.entropy.uuid().to_string().into(),
            custom_context,
        };
        self.run_as(handle, mails, facts, Begin::New);
    }

    fn run_as(
        self: &Arc<Self>,
        handle: &CallHandle,
        mails: mpsc::Receiver<Mail>,
        facts: CallFacts,
        begin: Begin,
    ) {
        let live = Live::new(Arc::clone(&self.hub), self.media.clone(), &handle.id);
        let actor = Actor::new(Arc::clone(self), handle.clone(), mails, facts, live);
        self.tasks.spawn_quiet(actor.run(begin, self.tasks.shutdown()));
    }
}

impl PlaceName {
    fn of(place: &Place) -> Self {
        match place {
            Place::Group(id) => Self::Group(Arc::clone(id)),
            Place::Room { id, .. } => Self::Room(Arc::clone(id)),
        }
    }
}
