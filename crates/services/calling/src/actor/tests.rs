//! The order in which a step is done, and steps that come to nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use trunkline_calling_wire::{Answer as MediaAnswer, Joined, Offer, Sources as WireSources, Want};
use trunkline_kernel::Timestamp;
use trunkline_media::MediaHandle;
use trunkline_store::{StoreError, params};
use trunkline_tasks::Tasks;
use trunkline_testkit::{FixedResources, TestStore, on_both_engines};

use super::asks::{Caller, Coming, Doing, JoinCall, Place};
use super::outside::{Heard, Outside};
use super::{Actor, Begin, CallFacts, CallHandle, Mail};
use crate::error::CallingError;
use crate::registry::{Owner, Registry};
use crate::rules::{Call, EndpointId, Input, Notice, P, Policy, Reason, Sources, To};
use crate::signalling::{Hub, Reached};
use crate::tests::parts;

const SLICES: &[trunkline_store::Slice] = &[trunkline_web::SLICE, crate::SLICE];
const WITHIN: Duration = Duration::from_secs(30);

on_both_engines!(SLICES;
    media_is_answered_before_the_reply_and_the_reply_before_all_notices,
    media_that_is_refused_leaves_no_call,
    rows_that_cannot_be_written_leave_no_leg,
    whoever_leaves_is_let_go_without_rows,
    a_node_that_lost_the_resource_writes_nothing_for_whoever_comes,
    a_node_that_lost_the_resource_writes_nothing_for_whoever_goes,
);

/// What was done, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// An outside that writes down what it is asked.
struct Recorder {
    log: Log,
    events: mpsc::UnboundedReceiver<Input>,
}

impl Outside for Recorder {
    type Event = Input;

    async fn join(&mut self, p: P, offer: Offer) -> Result<MediaAnswer, CallingError> {
        self.log.add(format!("media {}", p.0));
        if offer.sdp == "bad" {
            return Err(CallingError::BadMedia("bad".to_owned()));
        }
        Ok(MediaAnswer { sdp: "answer".to_owned(), epoch: 1 })
    }

    async fn renew(&mut self, p: P, offer: Offer) -> Result<MediaAnswer, CallingError> {
        self.join(p, offer).await
    }

    fn leave(&mut self, p: P) {
        self.log.add(format!("no media {}", p.0));
    }

    fn policy(&mut self, p: P, policy: Policy) {
        self.log.add(format!("policy {} {}", p.0, if policy.is_heard { "heard" } else { "silent" }));
    }

    fn sources(&mut self, _: P, _: Sources) {}
    fn wants(&mut self, _: P, _: Vec<Want>, _: u8) {}
    fn order(&mut self, _: &[P]) {}
    fn open_loop(&mut self, _: P) {}

    async fn next(&mut self) -> Input {
        match self.events.recv().await {
            Some(input) => input,
            None => std::future::pending().await,
        }
    }

    fn hear(&mut self, _: &CallFacts, _: &Call, event: Input) -> Vec<Heard> {
        vec![Heard::Input(event)]
    }

    fn awaits_records(&self) -> bool {
        false
    }

    fn ring(&mut self, _: &CallFacts, _: &Call, _: P, _: Timestamp) -> Reached {
        Reached { sessions: 1, is_known: true }
    }

    fn stop_ring(&mut self, _: &CallFacts, _: &Call, _: P, _: Reason, _: Option<EndpointId>) {}

    fn tell(&mut self, _: &CallFacts, call: &Call, to: To, notice: &Notice) {
        for p in call.audience(to) {
            let name = match notice {
                Notice::Leg => format!("{:?}", call.leg_shows(p)),
                Notice::LegOver { .. } => "over".to_owned(),
                other => format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned(),
            };
            self.log.add(format!("tell {} {name}", p.0));
        }
    }
}

/// One group call with a recorder around it.
struct Stage {
    store: TestStore,
    resources: Arc<FixedResources>,
    handle: CallHandle,
    log: Log,
    media: mpsc::UnboundedSender<Input>,
    _tasks: Tasks,
}

impl Stage {
    async fn new(store: TestStore) -> Self {
        let (resources, tasks) = (Arc::new(FixedResources::default()), Tasks::new());
        let parts = parts(&store, &resources, &tasks, MediaHandle::closed());
        let hub = Hub::new(Arc::clone(&parts.clock), parts.metrics.clone());
        let registry = Registry::new(&parts, &hub);
        let (handle, mails) = CallHandle::new("c-1".into());
        let owner = registry.own(resources.view("dev")).await.expect("the store takes the lease");
        assert_eq!(owner, Owner::Here);
        let facts = CallFacts {
            resource: resources.view("dev"),
            lease: registry.lease(resources.view("dev").id).expect("it was taken just now"),
            id: "c-1".into(),
            server_call_id: "s".into(),
            correlation_id: "k".into(),
            custom_context: None,
        };
        let (media, events) = mpsc::unbounded_channel();
        let log = Log::default();
        let outside = Recorder { log: log.clone(), events };
        let actor = Actor::new(registry, handle.clone(), mails, facts, outside);
        // The test's own mail comes first: a call that nobody begins ends at once.
        let stage = Self { store, resources, handle, log, media, _tasks: tasks.clone() };
        let (mail, first) = stage.joining(1, "first");
        stage.handle.send(mail).map_err(drop).expect("the mailbox is empty");
        drop(first);
        tasks.spawn_quiet(actor.run(Begin::New, tasks.shutdown()));
        stage
    }

    fn caller(&self, endpoint: u64) -> Caller {
        Caller {
            endpoint: EndpointId(endpoint),
            resource: self.resources.view("dev"),
            user: format!("8:acs:user{endpoint}").into(),
            agent: "test".into(),
        }
    }

    fn joining(&self, endpoint: u64, sdp: &str) -> (Mail, oneshot::Receiver<Result<Joined, CallingError>>) {
        let coming = Coming {
            leg: format!("leg-{endpoint}").into(),
            name: String::new(),
            is_muted: false,
            offer: Some(Offer { sdp: sdp.to_owned(), mids: None }),
            sources: WireSources::default(),
        };
        let (sender, answered) = oneshot::channel();
        let log = self.log.clone();
        let answer = Box::new(move |joined: Result<Joined, CallingError>| {
            log.add(if joined.is_ok() { "reply" } else { "refusal" });
            let _ = sender.send(joined);
        });
        let ask = JoinCall { coming, place: Place::Group("g".into()) };
        (Mail::Join { caller: self.caller(endpoint), ask, answer }, answered)
    }

    async fn join(&self, endpoint: u64, sdp: &str) -> Result<Joined, CallingError> {
        let (mail, answered) = self.joining(endpoint, sdp);
        self.handle.send(mail).map_err(drop).expect("the call runs");
        tokio::time::timeout(WITHIN, answered).await.expect("an answer in time").expect("an answer")
    }

    async fn ask(&self, endpoint: u64, doing: Doing) -> Result<(), CallingError> {
        let (sender, answered) = oneshot::channel();
        let answer = Box::new(move |done: Result<_, CallingError>| drop(sender.send(done.map(drop))));
        let (caller, leg) = (self.caller(endpoint), format!("leg-{endpoint}").into());
        self.handle.send(Mail::Ask { caller, leg, doing, answer }).map_err(drop).expect("the call runs");
        tokio::time::timeout(WITHIN, answered).await.expect("an answer in time").expect("an answer")
    }

    /// Waits until the log holds a line; gives all of it.
    async fn until(&self, line: &str) -> Vec<String> {
        let mut all = Vec::new();
        let wait = async {
            while !all.iter().any(|known| known == line) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                all.extend(self.log.take());
            }
        };
        let in_time = tokio::time::timeout(WITHIN, wait).await.is_ok();
        assert!(in_time, "{line} comes: {all:?}");
        all
    }

    async fn sql(&self, sql: String) -> Result<u64, StoreError> {
        self.store.write(trunkline_store::Key::system("test"), move |tx| tx.execute(&sql, params![])).await
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let counted: Result<i64, StoreError> =
            self.store.read(move |tx| tx.query_one(&sql, params![])?.get(0)).await;
        counted.expect("rows can be counted")
    }
}

async fn media_is_answered_before_the_reply_and_the_reply_before_all_notices(store: TestStore) {
    let stage = Stage::new(store).await;
    let first = ["media 1", "reply", "policy 1 silent", "tell 1 Connecting"];
    assert_eq!(stage.until("tell 1 Connecting").await, first);
    stage.media.send(Input::MediaUp { p: P(1) }).unwrap();
    let up = ["policy 1 heard", "tell 1 Connected", "tell 1 Everybody", "tell 1 Call"];
    assert_eq!(stage.until("tell 1 Call").await, up);

    let joined = stage.join(2, "good").await.unwrap();
    assert_eq!((joined.p, joined.answer.map(|answer| answer.sdp)), (2, Some("answer".to_owned())));
    let second = ["media 2", "reply", "policy 2 silent", "tell 2 Connecting", "tell 1 Participant"];
    assert_eq!(stage.until("tell 1 Participant").await, second);
}

async fn media_that_is_refused_leaves_no_call(store: TestStore) {
    let stage = Stage::new(store).await;
    stage.until("tell 1 Connecting").await;
    let refused = stage.join(2, "bad").await;
    assert!(matches!(refused, Err(CallingError::BadMedia(_))));
    assert_eq!(stage.until("refusal").await, ["media 2", "refusal"]);
    assert_eq!(stage.count("calling_legs").await, 1);
    assert_eq!(stage.join(3, "good").await.unwrap().p, 2, "its number was never given");
}

async fn rows_that_cannot_be_written_leave_no_leg(store: TestStore) {
    let stage = Stage::new(store).await;
    stage.until("tell 1 Connecting").await;
    stage.store.store().close().await;
    assert!(matches!(stage.join(2, "good").await, Err(CallingError::Store(_))));
    assert_eq!(stage.until("refusal").await, ["media 2", "no media 2", "refusal"]);
}

async fn whoever_leaves_is_let_go_without_rows(store: TestStore) {
    let stage = Stage::new(store).await;
    stage.until("tell 1 Connecting").await;
    stage.media.send(Input::MediaUp { p: P(1) }).unwrap();
    stage.until("tell 1 Call").await;
    stage.store.clock().advance(Duration::from_secs(1));
    // The ledger is full, and takes no minute of this call.
    for shard in 0..16 {
        let full = format!(
            "INSERT INTO web_usage (resource_id, day, operation, meter, shard, resource_name, quantity)
             VALUES ('{}', 20261121, 'Calling_Start', 'calling.participant_minutes', {shard}, 'dev', {})",
            stage.resources.view("dev").id,
            i64::MAX
        );
        stage.sql(full).await.unwrap();
    }
    stage.ask(1, Doing::HangUp { for_everyone: false }).await.expect("nobody is kept in a call");
    stage.until("tell 1 over").await;
    assert_eq!(stage.count("calling_calls WHERE ended_at IS NOT NULL").await, 0);

    // It is written as soon as the store takes it.
    stage.sql("DELETE FROM web_usage".to_owned()).await.unwrap();
    stage.store.clock().advance(Duration::from_secs(2));
    stage.media.send(Input::SessionLost { endpoint: EndpointId(0) }).unwrap();
    let written = async {
        while stage.count("calling_calls WHERE ended_at IS NOT NULL").await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WITHIN, written).await.expect("the end is written");
    assert_eq!(stage.count("outbox WHERE kind = 'calling.call_ended'").await, 1);
    assert_eq!(stage.count("web_usage WHERE quantity = 1").await, 1);
}

/// A call of one, whose resource another node has taken.
async fn taken(store: TestStore) -> Stage {
    let stage = Stage::new(store).await;
    stage.until("tell 1 Connecting").await;
    stage.media.send(Input::MediaUp { p: P(1) }).unwrap();
    stage.until("tell 1 Call").await;
    let taken = "UPDATE calling_owners SET node = 'node-2', epoch = epoch + 1";
    stage.sql(taken.to_owned()).await.unwrap();
    stage
}

/// The task has ended and nothing was written since the resource was taken.
async fn has_stopped(stage: &Stage) {
    let stopped = async {
        while stage.handle.send(Mail::News(Input::SessionLost { endpoint: EndpointId(0) })).is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(WITHIN, stopped).await.expect("the task ends");
    assert_eq!((stage.count("calling_calls").await, stage.count("calling_legs").await), (1, 1));
    assert_eq!(stage.count("calling_calls WHERE ended_at IS NULL").await, 1);
    assert_eq!(stage.count("calling_legs WHERE over_at IS NULL").await, 1);
    let told = "outbox WHERE kind IN ('calling.participant_removed', 'calling.call_ended')";
    assert_eq!((stage.count(told).await, stage.count("web_usage").await), (0, 0));
}

async fn a_node_that_lost_the_resource_writes_nothing_for_whoever_comes(store: TestStore) {
    let stage = taken(store).await;
    assert!(matches!(stage.join(2, "good").await, Err(CallingError::Elsewhere)));
    assert_eq!(stage.until("refusal").await, ["media 2", "no media 2", "refusal"]);
    has_stopped(&stage).await;
}

async fn a_node_that_lost_the_resource_writes_nothing_for_whoever_goes(store: TestStore) {
    let stage = taken(store).await;
    let refused = stage.ask(1, Doing::HangUp { for_everyone: false }).await;
    assert!(matches!(refused, Err(CallingError::Elsewhere)));
    has_stopped(&stage).await;
    assert_eq!(stage.log.take(), Vec::<String>::new(), "nobody is told what did not happen");
}
