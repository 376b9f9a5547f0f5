//! [`JobRunner`]: claims due jobs, runs their handlers, renews leases, settles outcomes.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use tokio::sync::Notify;
use trunkline_tasks::{Shutdown, Tasks};

use super::{Job, steps};
use crate::error::StoreError;
use crate::store::Store;
use crate::wakes::JOBS_TOPIC;

/// How often the table is looked at when nothing wakes the runner.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Four renewals fit into a lease, so that three may fail.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// What running jobs get to end by themselves when the runner is stopped.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);
/// Jobs that run at once: they mostly wait for the network, and each holds little.
const CONCURRENCY: u32 = 64;

/// How often and when a failed job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; then the job is set aside as failed.
    pub attempts_max: u32,
    /// The pause after the first failure; it doubles with each further one.
    pub pause_first: Duration,
    /// The longest pause.
    pub pause_last: Duration,
}

impl Default for RetryPolicy {
    /// Twelve attempts within about half an hour.
    fn default() -> Self {
        Self { attempts_max: 12, pause_first: Duration::from_secs(1), pause_last: Duration::from_mins(5) }
    }
}

/// Why a handler did not do its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobFailure {
    /// Another attempt may succeed.
    Retry {
        /// For operators.
        reason: String,
    },
    /// No attempt will succeed; the job is set aside now.
    Final {
        /// For operators.
        reason: String,
    },
}

impl<E: std::error::Error> From<E> for JobFailure {
    /// Any error is worth another attempt unless the handler says otherwise.
    fn from(error: E) -> Self {
        Self::Retry { reason: error.to_string() }
    }
}

type Handle = dyn Fn(Job) -> BoxFuture<'static, Result<(), JobFailure>> + Send + Sync;

#[derive(Clone)]
struct Handler {
    handle: Arc<Handle>,
    retry: RetryPolicy,
}

/// Runs the jobs of the kinds it has handlers for. One runner per node takes all kinds.
pub struct JobRunner {
    store: Store,
    handlers: HashMap<&'static str, Handler>,
    concurrency: u32,
    drain_patience: Duration,
}

/// By kind, key and token: all jobs of one claim have the same token.
type InHand = HashMap<(String, String, String), (Job, AbortHandle)>;

#[derive(Default)]
struct Running {
    // Guards the jobs in hand.
    jobs: Mutex<InHand>,
    freed: Notify,
}

impl JobRunner {
    /// A runner without handlers.
    pub fn new(store: Store) -> Self {
        Self { store, handlers: HashMap::new(), concurrency: CONCURRENCY, drain_patience: DRAIN_PATIENCE }
    }

    /// Runs at most `jobs` at once.
    pub fn concurrency(mut self, jobs: u32) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// What running jobs get to end by themselves when the runner is stopped.
    pub fn drain_patience(mut self, patience: Duration) -> Self {
        self.drain_patience = patience;
        self
    }

    /// Registers the handler of a kind.
    ///
    /// When it returns `Ok`, the job is deleted, unless the handler ended, replaced or removed it in a
    /// transaction of its own. It is dropped at its next `.await` when another worker takes the job over.
    pub fn handle<F, R>(mut self, kind: &'static str, retry: RetryPolicy, handler: F) -> Self
    where
        F: Fn(Job) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobFailure>> + Send + 'static,
    {
        let handle: Arc<Handle> = Arc::new(move |job| handler(job).boxed());
        self.handlers.insert(kind, Handler { handle, retry });
        self
    }

    /// Claims what is due now, runs it to its end and settles it; returns how many that were.
    ///
    /// For tests and for work that must be done before something else.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let jobs =
            steps::claim_due(&self.store, &self.kinds(), self.store.clock().now(), self.concurrency).await?;
        let count = jobs.len();
        let running = jobs.into_iter().filter_map(|job| {
            let handler = self.handlers.get(job.kind.as_str())?.clone();
            Some(work(self.store.clone(), handler, job))
        });
        for settled in futures_util::future::join_all(running).await {
            settled?;
        }
        Ok(count)
    }

    /// Runs until `shutdown` asks for the end; then waits a moment for what runs and gives back the rest.
    pub async fn run(self, shutdown: Shutdown) {
        let tasks = Tasks::new();
        let running = Arc::new(Running::default());
        let mut wakes = self.store.wakes().subscribe(JOBS_TOPIC);
        let mut renewals = tokio::time::interval(RENEW_INTERVAL);
        loop {
            // Wake-ups of jobs that this look finds anyway.
            wakes.forget_pending();
            let pause = self.start_due(&tasks, &running).await;
            tokio::select! {
                () = shutdown.requested() => break,
                woken = wakes.next() => if woken.is_none() { break },
                () = running.freed.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = renewals.tick() => self.renew(&running).await,
            }
        }
        tokio::join!(
            async {
                tasks.stop(self.drain_patience).await;
                running.freed.notify_one();
            },
            self.drain(&running, &mut renewals)
        );
    }

    /// Keeps the leases while running jobs come to their end, and gives back what did not.
    async fn drain(&self, running: &Running, renewals: &mut tokio::time::Interval) {
        let patience = tokio::time::sleep(self.drain_patience);
        tokio::pin!(patience);
        while !running.jobs().is_empty() {
            tokio::select! {
                () = &mut patience => break,
                () = running.freed.notified() => {}
                _ = renewals.tick() => self.renew(running).await,
            }
        }
        let left: Vec<_> = running.jobs().drain().map(|(_, left)| left).collect();
        for (job, abort) in left {
            abort.abort();
            if let Err(failure) = steps::release(&self.store, &job, self.store.clock().now()).await {
                tracing::warn!(kind = job.kind, %failure, "a job could not be given back; its lease runs out");
            }
        }
    }

    /// Starts what is due and fits; returns how long to wait before the next look.
    async fn start_due(&self, tasks: &Tasks, running: &Arc<Running>) -> Duration {
        let in_hand = u32::try_from(running.jobs().len()).unwrap_or(u32::MAX);
        let room = self.concurrency.saturating_sub(in_hand);
        if room == 0 {
            return POLL_INTERVAL;
        }
        match self.claim(room).await {
            Ok((jobs, pause)) => {
                for job in jobs {
                    self.start(tasks, running, job);
                }
                pause
            }
            Err(failure) => {
                tracing::warn!(%failure, "due jobs could not be claimed; the next look comes soon");
                POLL_INTERVAL
            }
        }
    }

    async fn claim(&self, room: u32) -> Result<(Vec<Job>, Duration), StoreError> {
        let kinds = self.kinds();
        let now = self.store.clock().now();
        // A read first: a claim that finds nothing would still be a write.
        match steps::next_ready(&self.store, &kinds).await? {
            Some(ready_at) if ready_at <= now => {
                let jobs = steps::claim_due(&self.store, &kinds, now, room).await?;
                let pause = if jobs.is_empty() { POLL_INTERVAL } else { Duration::ZERO };
                Ok((jobs, pause))
            }
            Some(ready_at) => Ok((Vec::new(), ready_at.since(now).min(POLL_INTERVAL))),
            None => Ok((Vec::new(), POLL_INTERVAL)),
        }
    }

    fn start(&self, tasks: &Tasks, running: &Arc<Running>, job: Job) {
        let Some(handler) = self.handlers.get(job.kind.as_str()).cloned() else { return };
        let (abort, registration) = AbortHandle::new_pair();
        let name = (job.kind.clone(), job.key.clone(), job.token.clone());
        running.jobs().insert(name.clone(), (job.clone(), abort));
        let (store, running) = (self.store.clone(), Arc::clone(running));
        tasks.spawn("job", async move {
            let kind = job.kind.clone();
            match Abortable::new(work(store, handler, job), registration).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    tracing::warn!(kind, %failure, "a job's outcome could not be stored; it will run again");
                }
                Err(_) => tracing::warn!(kind, "a job was stopped: another worker holds it"),
            }
            running.jobs().remove(&name);
            running.freed.notify_one();
        });
    }

    async fn renew(&self, running: &Running) {
        let jobs: Vec<_> = running.jobs().values().cloned().collect();
        let now = self.store.clock().now();
        let renewals = jobs.iter().map(|(job, _)| steps::renew(&self.store, job, now));
        let renewed = futures_util::future::join_all(renewals).await;
        for ((job, abort), renewed) in jobs.iter().zip(renewed) {
            match renewed {
                Ok(true) => {}
                // Replaced, removed or taken over. A job that has just ended is gone as well, and its
                // task no longer notices.
                Ok(false) => abort.abort(),
                Err(failure) => tracing::warn!(kind = job.kind, %failure, "a lease could not be renewed"),
            }
        }
    }

    fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.handlers.keys().copied().collect();
        kinds.sort_unstable();
        kinds
    }
}

impl Running {
    fn jobs(&self) -> MutexGuard<'_, InHand> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one job and settles its outcome.
async fn work(store: Store, handler: Handler, job: Job) -> Result<(), StoreError> {
    let handled = AssertUnwindSafe((handler.handle)(job.clone())).catch_unwind().await;
    let outcome =
        handled.unwrap_or_else(|_| Err(JobFailure::Retry { reason: "the handler panicked".to_owned() }));
    // Whether the worker still held the job does not matter here: if not, another settles it.
    match outcome {
        Ok(()) => steps::finish(&store, &job).await.map(drop),
        Err(failure) => {
            let now = store.clock().now();
            steps::fail(&store, &job, &failure, &handler.retry, now).await.map(drop)
        }
    }
}
