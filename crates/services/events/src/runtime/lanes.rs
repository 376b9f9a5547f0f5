//! Lanes: each is a task with one connection to one subscription's endpoint, for one request at a time.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use tokio::sync::mpsc;
use trunkline_delivery::{ANSWER_MAX, Answer, AttemptId, Detail, LATE_ANSWER_MAX, Outcome, SubscriptionKey};
use trunkline_net::outbound::{OutboundError, Target};
use trunkline_tasks::Tasks;

use super::events::{Encoded, with_view};
use super::snapshot::{Active, Way};
use crate::EventsService;
use crate::envelope;
use crate::ports::{NatsMessage, WebhookConnection};

/// How long a lane waits for its next request before it closes its connection.
const IDLE_MAX: Duration = Duration::from_mins(1);

const DELIVERY_COUNT: HeaderName = HeaderName::from_static("aeg-delivery-count");
const EVENT_ID: HeaderName = HeaderName::from_static("aeg-output-event-id");

/// A request for a lane.
pub(super) struct Job {
    pub(super) attempt: AttemptId,
    pub(super) active: Arc<Active>,
    pub(super) events: Vec<Arc<Encoded>>,
    /// Earlier attempts of the first event.
    pub(super) tries: u32,
    /// Whether the request may stay open after its time-out.
    pub(super) may_be_late: bool,
}

/// How a request ended.
pub(super) struct Report {
    pub(super) attempt: AttemptId,
    pub(super) answer: Answer,
    /// The lane, when it takes another request.
    pub(super) lane: Option<Lane>,
}

/// The way to a lane. Dropping it ends the lane.
pub(super) struct Lane {
    subscription: SubscriptionKey,
    tickets: mpsc::Sender<Ticket>,
}

/// A request and the way back to the lane, which the lane hands over again with its report: so nobody has it
/// while the lane is busy.
struct Ticket {
    job: Job,
    lane: Lane,
}

/// The idle lanes by subscription.
pub(super) struct Lanes {
    service: Arc<EventsService>,
    tasks: Tasks,
    reports: mpsc::Sender<Report>,
    idle: HashMap<SubscriptionKey, Vec<Lane>>,
}

impl Lanes {
    /// Lanes that report to `reports`.
    pub(super) fn new(service: Arc<EventsService>, tasks: Tasks, reports: mpsc::Sender<Report>) -> Self {
        Self { service, tasks, reports, idle: HashMap::new() }
    }

    /// Hands `job` to an idle lane or to a new one.
    pub(super) fn start(&mut self, mut job: Job) {
        let subscription = job.active.key;
        if let Some(idle) = self.idle.get_mut(&subscription) {
            // The last one in is the warmest; those below it time out.
            while let Some(lane) = idle.pop() {
                let tickets = lane.tickets.clone();
                match tickets.try_send(Ticket { job, lane }) {
                    Ok(()) => return,
                    Err(refused) => job = refused.into_inner().job,
                }
            }
        }
        let (sender, tickets) = mpsc::channel(1);
        let lane = Lane { subscription, tickets: sender };
        let runner =
            Runner { service: Arc::clone(&self.service), reports: self.reports.clone(), connection: None };
        self.tasks.spawn("events: lane", runner.run(Ticket { job, lane }, tickets));
    }

    /// Takes a lane back.
    pub(super) fn put_back(&mut self, lane: Lane) {
        self.idle.entry(lane.subscription).or_default().push(lane);
    }

    /// Ends the idle lanes of a subscription.
    pub(super) fn remove(&mut self, subscription: SubscriptionKey) {
        self.idle.remove(&subscription);
    }

    /// Forgets lanes that ended by themselves.
    pub(super) fn sweep(&mut self) {
        self.idle.retain(|_, lanes| {
            lanes.retain(|lane| !lane.tickets.is_closed());
            !lanes.is_empty()
        });
    }
}

/// Reports that the request was cut off, unless something else was reported.
struct Guard<'a> {
    attempt: AttemptId,
    reports: &'a mpsc::Sender<Report>,
    is_open: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.is_open {
            let answer =
                Answer::without_status(Outcome::Aborted, Duration::ZERO, Detail("the request was cut off"));
            // The queue has a place for every request; when it is closed, nobody wants to know.
            let _ = self.reports.try_send(Report { attempt: self.attempt, answer, lane: None });
        }
    }
}

/// An open connection and the subscription's state it was opened for.
struct Open {
    connection: Box<dyn WebhookConnection>,
    generation: i64,
}

/// The task of a lane.
struct Runner {
    service: Arc<EventsService>,
    reports: mpsc::Sender<Report>,
    connection: Option<Open>,
}

impl Runner {
    async fn run(mut self, first: Ticket, mut tickets: mpsc::Receiver<Ticket>) {
        let mut next = Some(first);
        while let Some(ticket) = next.take() {
            if !self.carry_out(ticket).await {
                return;
            }
            next = tokio::time::timeout(IDLE_MAX, tickets.recv()).await.ok().flatten();
        }
    }

    /// One request, from connecting to draining the answer; returns whether the lane goes on.
    async fn carry_out(&mut self, Ticket { job, lane }: Ticket) -> bool {
        let (service, reports) = (Arc::clone(&self.service), self.reports.clone());
        let mut guard = Guard { attempt: job.attempt, reports: &reports, is_open: true };
        let started = service.clock.monotonic();
        let took = || service.clock.monotonic().saturating_sub(started);
        let (result, is_in_time) = {
            let mut work = pin!(self.perform(&job));
            if let Ok(result) = tokio::time::timeout(ANSWER_MAX, &mut work).await {
                (result, true)
            } else {
                guard.is_open = false;
                let answer = Answer::without_status(Outcome::TimedOut, took(), Detail("no answer in 30 s"));
                service.metrics.count_attempt(answer.outcome.name(), answer.took);
                let _ = reports.send(Report { attempt: job.attempt, answer, lane: None }).await;
                if !job.may_be_late {
                    return false;
                }
                let patience = LATE_ANSWER_MAX.saturating_sub(ANSWER_MAX);
                match tokio::time::timeout(patience, work).await {
                    Ok(result @ Ok(_)) => (result, false),
                    _ => return false,
                }
            }
        };
        let answer = answer_of(result, took());
        guard.is_open = false;
        count(&service, &job, &answer, is_in_time);
        // A lane that was late is no longer counted as one, so it takes no further request.
        let lane = Some(lane).filter(|_| is_in_time);
        let _ = reports.send(Report { attempt: job.attempt, answer, lane }).await;
        drop(job);
        if let Some(open) = &mut self.connection
            && !open.connection.drain().await
        {
            self.connection = None;
        }
        is_in_time
    }

    async fn perform(&mut self, job: &Job) -> Result<u16, OutboundError> {
        match &job.active.way {
            Way::Hook { target, .. } => self.post(job, target).await,
            Way::Nats { subject } => publish(&self.service, job, subject).await,
            Way::Broken => Err(OutboundError::Refused),
        }
    }

    async fn post(&mut self, job: &Job, target: &Target) -> Result<u16, OutboundError> {
        let request = request_of(job);
        let mut open = self.connect(job, target).await?;
        let mut answer = open.connection.exchange(request.clone()).await;
        if matches!(answer, Err(OutboundError::Closed { .. })) && !open.connection.is_fresh() {
            // The server closed a connection that was idle, just when the request was on its way.
            self.connection = None;
            open = self.connect(job, target).await?;
            answer = open.connection.exchange(request).await;
        }
        let status = answer?.status().as_u16();
        self.connection = Some(open);
        Ok(status)
    }

    /// Takes the lane's connection, or opens a new one. It comes back only after an answer.
    async fn connect(&mut self, job: &Job, target: &Target) -> Result<Open, OutboundError> {
        let generation = job.active.subscription.generation;
        match self.connection.take() {
            Some(open) if open.generation == generation && open.connection.is_reusable() => Ok(open),
            _ => Ok(Open { connection: self.service.webhooks.connect(target).await?, generation }),
        }
    }
}

async fn publish(service: &EventsService, job: &Job, subject: &str) -> Result<u16, OutboundError> {
    let Some(nats) = &service.nats else {
        return Err(OutboundError::Resolution { reason: "no NATS server is configured".to_owned() });
    };
    let schema = job.active.schema;
    let messages: Vec<_> = job
        .events
        .iter()
        .map(|event| {
            let payload = event.bytes(schema);
            let (_, content_type) = envelope::body(schema, false, std::slice::from_ref(&payload));
            NatsMessage {
                headers: vec![
                    ("Content-Type", content_type.to_owned()),
                    ("Nats-Msg-Id", event.published.id.to_string()),
                    ("aeg-event-type", "Notification".to_owned()),
                    ("aeg-subscription-name", job.active.subscription.name.to_uppercase()),
                    ("aeg-delivery-count", job.tries.to_string()),
                ],
                payload,
            }
        })
        .collect();
    nats.publish(subject, &messages).await.map(|()| 200)
}

fn request_of(job: &Job) -> Request<Bytes> {
    let Active { schema, is_batching, way, .. } = &*job.active;
    let encoded: Vec<Bytes> = job.events.iter().map(|event| event.bytes(*schema)).collect();
    let (body, content_type) = envelope::body(*schema, *is_batching, &encoded);
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    let Way::Hook { headers, common, .. } = way else { return request };
    let fields = request.headers_mut();
    fields.clone_from(common);
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(DELIVERY_COUNT, HeaderValue::from(job.tries));
    if let [event] = job.events.as_slice() {
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = event.published.id.hyphenated().encode_lower(&mut buffer);
        fields.insert(EVENT_ID, HeaderValue::from_str(id).expect("a UUID is hexadecimal digits and hyphens"));
    }
    match job.events.first() {
        Some(first) if headers.is_dynamic() => {
            with_view(&first.published, |view| headers.apply(Some(view), fields));
        }
        _ => headers.apply(None, fields),
    }
    request
}

fn answer_of(result: Result<u16, OutboundError>, took: Duration) -> Answer {
    match result {
        Ok(status) => Answer::of_status(status, took),
        Err(failure) => {
            let outcome = match &failure {
                OutboundError::Resolution { .. } | OutboundError::Refused => Outcome::ResolutionError,
                OutboundError::Denied { .. } => Outcome::GenericError,
                _ => Outcome::SocketError,
            };
            Answer::without_status(outcome, took, Detail(failure.word()))
        }
    }
}

fn count(service: &EventsService, job: &Job, answer: &Answer, is_in_time: bool) {
    if is_in_time {
        service.metrics.count_attempt(answer.outcome.name(), answer.took);
    }
    if answer.outcome == Outcome::Delivered {
        let now = service.clock.now();
        for event in &job.events {
            service.metrics.count_delivery(now.since(event.published.time));
        }
    }
}
