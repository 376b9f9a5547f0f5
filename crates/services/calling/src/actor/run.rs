//! The task of a call: one step at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_kernel::Timestamp;
use trunkline_tasks::Shutdown;
use trunkline_web::ResourceView;

use super::outside::{Heard, Outside};
use super::saving::{self, Unsaved};
use super::timers::Timers;
use super::{CallFacts, CallHandle, Mail};
use crate::error::CallingError;
use crate::registry::Registry;
use crate::rows::CallNumber;
use crate::rows::reports::{Report, View};
use crate::rules::{Call, Effect, Input, Kept, P, Refusal, Start};

/// A call without a timer is looked at this often all the same; there is none.
const WAIT_MAX: Duration = Duration::from_mins(10);
/// Media threads tell at once how a connection was; one that is lost tells nothing.
const RECORDS_WITHIN: Duration = Duration::from_secs(2);
/// After the store failed to take what had happened already.
const SAVE_AGAIN: Duration = Duration::from_secs(1);

/// How a call comes to run here.
pub(crate) enum Begin {
    /// The first mail begins it.
    New,
    /// It goes on after its node was away.
    Again {
        /// Its row.
        number: CallNumber,
        /// What its rows say.
        kept: Box<Kept>,
        /// How often it has been begun again because its task panicked.
        panics: u8,
    },
}

/// A running call. Only its own task has it.
pub(crate) struct Actor<O: Outside> {
    pub(super) registry: Arc<Registry>,
    pub(super) handle: CallHandle,
    pub(super) facts: CallFacts,
    pub(super) outside: O,
    /// `None` until somebody has begun it.
    pub(super) call: Option<Call>,
    mailbox: mpsc::Receiver<Mail>,
    number: Option<CallNumber>,
    pub(super) timers: Timers,
    /// What has happened and could not be saved yet.
    unsaved: Unsaved,
    /// What clients see of their media, as they said last.
    pub(super) reports: BTreeMap<P, String>,
    save_again: Option<Duration>,
    /// Whether the call runs elsewhere: its rows are another node's.
    is_elsewhere: bool,
    /// Whether a ring that reaches nobody may wait: clients have not come back yet.
    pub(super) is_patient: bool,
}

impl<O: Outside> Actor<O> {
    pub(crate) fn new(
        registry: Arc<Registry>,
        handle: CallHandle,
        mailbox: mpsc::Receiver<Mail>,
        facts: CallFacts,
        outside: O,
    ) -> Self {
        Self {
            registry,
            handle,
            facts,
            outside,
            call: None,
            mailbox,
            number: None,
            timers: Timers::default(),
            unsaved: Unsaved::default(),
            reports: BTreeMap::new(),
            save_again: None,
            is_elsewhere: false,
            is_patient: false,
        }
    }

    /// Runs until the call is over, nobody has begun it, or the node ends: then it goes on where its rows are read.
    pub(crate) async fn run(mut self, begin: Begin, shutdown: Shutdown) {
        let panics = if let Begin::Again { panics, .. } = &begin { *panics } else { 0 };
        let (registry, resource) = (Arc::clone(&self.registry), Arc::clone(&self.facts.resource));
        let _leave = Leave { registry, resource, handle: self.handle.clone(), panics };
        if let Begin::Again { number, kept, .. } = begin {
            self.restore(number, *kept).await;
        }
        loop {
            self.do_due().await;
            if self.is_elsewhere {
                return;
            }
            if self.is_done() {
                break;
            }
            let wait = self.wait();
            tokio::select! {
                biased;
                () = shutdown.requested() => return,
                Some(mail) = self.mailbox.recv() => match mail {
                    Mail::Stop => return,
                    mail => self.open(mail).await,
                },
                event = self.outside.next() => self.hear(event).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.close();
        self.take_last_records().await;
    }

    fn is_done(&self) -> bool {
        match &self.call {
            Some(call) => call.is_over() && self.unsaved.is_empty(),
            None => self.mailbox.is_empty(),
        }
    }

    /// What waits is for another call: whoever joins by an id begins the next one.
    fn close(&mut self) {
        self.registry.forget_call(&self.handle);
        self.mailbox.close();
        while let Ok(mail) = self.mailbox.try_recv() {
            match mail {
                Mail::Join { caller, ask, answer } => self.registry.join(caller, ask, answer),
                other => other.refuse(CallingError::UnknownCall),
            }
        }
    }

    /// Records of the connections that ended with the call come a moment later.
    async fn take_last_records(&mut self) {
        let all = async {
            while self.outside.awaits_records() {
                let event = self.outside.next().await;
                self.hear(event).await;
            }
        };
        if tokio::time::timeout(RECORDS_WITHIN, all).await.is_err() {
            tracing::warn!(call.id = %self.facts.id, "some media of an ended call left no record");
        }
    }

    fn wait(&self) -> Duration {
        let now = self.registry.clock().monotonic();
        let again = self.save_again.map(|at| at.saturating_sub(now));
        let timer = self.timers.wait(now);
        [again, timer].into_iter().flatten().min().unwrap_or(WAIT_MAX)
    }

    async fn do_due(&mut self) {
        let now = self.registry.clock().monotonic();
        if self.save_again.is_some_and(|at| at <= now) {
            self.save_what_is_left().await;
        }
        while let Some(timer) = self.timers.take_due(now) {
            self.happen(Input::Timer { timer }).await;
        }
    }

    async fn restore(&mut self, number: CallNumber, kept: Kept) {
        let (times, limits) = self.registry.times_and_limits();
        let (call, effects) = Call::restore(kept, times, limits, self.now());
        (self.call, self.number, self.is_patient) = (Some(call), Some(number), true);
        let follows = self.perform(&effects);
        self.is_patient = false;
        self.go_on(follows).await;
    }

    async fn hear(&mut self, event: O::Event) {
        let Some(call) = &self.call else { return };
        for heard in self.outside.hear(&self.facts, call, event) {
            match heard {
                Heard::Input(input) => self.happen(input).await,
                Heard::Record(p, record) => {
                    let body = serde_json::to_string(&record).expect("numbers and names");
                    self.unsaved.add_report(Report { p, view: View::Server, body });
                    self.save_what_is_left().await;
                }
            }
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.registry.clock().now()
    }

    /// Something has happened, whether the store takes it now or not.
    pub(super) async fn happen(&mut self, input: Input) {
        self.go_on(vec![input]).await;
    }

    /// Does what follows from a step, until nothing more does.
    pub(super) async fn go_on(&mut self, inputs: Vec<Input>) {
        let mut queue = VecDeque::from(inputs);
        while let Some(input) = queue.pop_front() {
            // Over, about somebody who has left meanwhile, or elsewhere.
            let Ok(effects) = self.take_step(input).await else { continue };
            queue.extend(self.perform(&effects));
        }
    }

    /// Takes a step and writes it, if not now then later.
    ///
    /// **Errors**: the rules', and [`CallingError::Elsewhere`].
    pub(super) async fn take_step(&mut self, input: Input) -> Result<Vec<Effect>, CallingError> {
        let now = self.now();
        let call = self.call.as_mut().ok_or(Refusal::Over)?;
        let effects = call.handle(input, now)?;
        self.unsaved.add(call, &effects);
        self.unsaved.add_last_reports(&self.reports);
        self.save_what_is_left().await;
        if self.is_elsewhere {
            return Err(CallingError::Elsewhere);
        }
        self.index_legs(&effects);
        Ok(effects)
    }

    async fn save_what_is_left(&mut self) {
        self.save_again = None;
        let Some(call) = &self.call else { return };
        if self.unsaved.is_empty() {
            return;
        }
        let (store, now) = (self.registry.store(), self.now());
        match saving::save(store, &self.facts, call, self.number, self.unsaved.clone(), now).await {
            Ok(number) => {
                self.number = Some(number);
                self.unsaved = Unsaved::default();
            }
            Err(CallingError::Elsewhere) => self.stop_for_another_node(),
            Err(cause) => {
                tracing::error!(%cause, call.id = %self.facts.id, "a call cannot be saved; it is tried again");
                self.save_again = Some(self.registry.clock().monotonic() + SAVE_AGAIN);
            }
        }
    }

    /// What this node knows of the call is no longer true, and nothing of it is written: its rows are another node's.
    fn stop_for_another_node(&mut self) {
        (self.unsaved, self.is_elsewhere) = (Unsaved::default(), true);
        self.registry.lose(self.facts.resource.id, &self.facts.lease);
    }

    /// Tries a request on a copy of the call. Nothing has changed until [`Actor::commit`].
    pub(super) fn attempt(&self, request: Request, now: Timestamp) -> Result<(Call, Vec<Effect>), Refusal> {
        match (&self.call, request) {
            (None, Request::Start(start)) => Ok(Call::start(*start, now)),
            (Some(call), Request::Input(input)) => {
                let mut call = call.clone();
                let effects = call.handle(input, now)?;
                Ok((call, effects))
            }
            (None, Request::Input(_)) | (Some(_), Request::Start(_)) => Err(Refusal::NotNow),
        }
    }

    /// Writes what a request did, and makes it so.
    ///
    /// **Errors**: the store's, and [`CallingError::Elsewhere`]; nothing has changed.
    pub(super) async fn commit(&mut self, call: Call, effects: &[Effect]) -> Result<(), CallingError> {
        let mut unsaved = self.unsaved.clone();
        unsaved.add(&call, effects);
        unsaved.add_last_reports(&self.reports);
        if !unsaved.is_empty() {
            let (store, now) = (self.registry.store(), self.now());
            let saved = saving::save(store, &self.facts, &call, self.number, unsaved, now).await;
            if matches!(saved, Err(CallingError::Elsewhere)) {
                self.stop_for_another_node();
            }
            self.number = Some(saved?);
            (self.unsaved, self.save_again) = (Unsaved::default(), None);
        }
        self.call = Some(call);
        self.index_legs(effects);
        Ok(())
    }
}

/// What a request wants of the rules.
pub(super) enum Request {
    Start(Box<Start>),
    Input(Input),
}

/// Takes a call out of the registry when its task ends, also by a panic: nobody finds the way to a call that does not
/// run.
struct Leave {
    registry: Arc<Registry>,
    resource: Arc<ResourceView>,
    handle: CallHandle,
    panics: u8,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.registry.recover(&self.resource, &self.handle, self.panics);
        } else {
            self.registry.forget_call(&self.handle);
        }
    }
}
