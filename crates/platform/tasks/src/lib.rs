//! Background tasks that hang on a handle and end with it.
//!
//! Every long-lived task of the program is spawned on a [`Tasks`] group. Stopping the group asks each
//! task to end ([`Shutdown`]), waits for a stated time and then cuts off what is left. `clippy.toml`
//! refuses a bare `tokio::spawn`, so that no task outlives the server unseen.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, warn};

/// A group of tasks with one end. Clones are handles to the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    cutoff: CancellationToken,
}

/// Tells a task when it should end. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Waits until the owner asks the task to end; returns at once when it already has.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether the owner has asked.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Tasks {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// The signal that [`Tasks::stop`] gives.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.shutdown.clone())
    }

    /// Starts `future` as part of the group. `name` appears in the logs.
    ///
    /// A panic inside is logged and ends only this task. Dropping the returned handle leaves the task
    /// running: the group owns it.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns tasks")]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let cutoff = self.cutoff.clone();
        let span = tracing::info_span!("task", name);
        let guarded = async move {
            let inner = tokio::spawn(future.in_current_span());
            let abort = inner.abort_handle();
            tokio::select! {
                ended = inner => if let Err(failure) = ended && failure.is_panic() {
                    error!(task = name, "a background task panicked; it is not restarted");
                },
                () = cutoff.cancelled() => abort.abort(),
            }
        };
        self.tracker.spawn(guarded.instrument(span))
    }

    /// Starts `future` as part of the group at the least cost: one allocation, no span, no handle. For
    /// thousands of tasks that mostly wait, such as one for each socket.
    ///
    /// A panic inside is logged and ends only this task.
    pub fn spawn_quiet<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let cutoff = self.cutoff.clone();
        self.tracker.spawn(async move {
            let _report = ReportPanic;
            cutoff.run_until_cancelled_owned(future).await;
        });
    }

    /// Asks every task to end, waits at most `patience`, then cuts off the rest.
    ///
    /// Returns whether all ended by themselves.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.shutdown.cancel();
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_ok() {
            return true;
        }
        warn!(tasks = self.tracker.len(), "background tasks did not end in time and are cut off");
        self.cutoff.cancel();
        self.tracker.wait().await;
        false
    }
}

/// Says so when a quiet task ends by a panic.
struct ReportPanic;

impl Drop for ReportPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            error!("a quiet background task panicked; it is not restarted");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_end_when_asked() {
        let tasks = Tasks::new();
        let ended = Arc::new(AtomicBool::new(false));
        let (shutdown, flag) = (tasks.shutdown(), Arc::clone(&ended));
        tasks.spawn("polite", async move {
            shutdown.requested().await;
            flag.store(true, Ordering::SeqCst);
        });
        assert!(tasks.stop(Duration::from_secs(1)).await);
        assert!(ended.load(Ordering::SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn stubborn_tasks_are_cut_off() {
        let tasks = Tasks::new();
        tasks.spawn("stubborn", std::future::pending());
        assert!(!tasks.stop(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_tasks_end_with_the_group_too() {
        let tasks = Tasks::new();
        let ended = Arc::new(AtomicBool::new(false));
        let (shutdown, flag) = (tasks.shutdown(), Arc::clone(&ended));
        tasks.spawn_quiet(async move {
            shutdown.requested().await;
            flag.store(true, Ordering::SeqCst);
        });
        tasks.spawn_quiet(async { panic!("expected in this test") });
        tasks.spawn_quiet(std::future::pending());
        assert!(!tasks.stop(Duration::from_secs(1)).await);
        assert!(ended.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let tasks = Tasks::new();
        let shutdown = tasks.shutdown();
        tasks.spawn("panics", async { panic!("expected in this test") });
        tasks.spawn("lives", async move { shutdown.requested().await });
        assert!(tasks.stop(Duration::from_secs(5)).await);
    }
}
