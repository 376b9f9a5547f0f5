//! A queued closure with its answer, without its types.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::transaction::Tx;

/// What the engine should do with the closure's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    Discard,
}

/// A closure that an engine runs, perhaps several times, and then answers once.
pub(crate) trait Work: Send {
    /// Runs the closure and remembers its outcome; a panic is an outcome.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;

    /// Sends the remembered outcome.
    fn answer(self: Box<Self>);

    /// Sends `failure` instead of any outcome.
    fn fail(self: Box<Self>, failure: StoreError);
}

struct Closure<T, E, F> {
    run: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

/// Packs `closure`; the receiver gets its outcome.
pub(crate) fn pack<T, E, F>(closure: F) -> (Box<dyn Work>, oneshot::Receiver<Result<T, E>>)
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + Sync + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    (Box::new(Closure { run: closure, outcome: None, answer }), receiver)
}

impl<T, E, F> Work for Closure<T, E, F>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        // Unwind safety: the transaction is rolled back and the closure cannot mutate its captures.
        let ended = catch_unwind(AssertUnwindSafe(|| (self.run)(tx)));
        let outcome = match ended {
            Ok(Ok(value)) => match tx.failure() {
                None => Ok(value),
                Some(failure) => Err(E::from(failure.clone())),
            },
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err(E::from(StoreError::Panicked)),
        };
        let verdict = if outcome.is_ok() { Verdict::Keep } else { Verdict::Discard };
        self.outcome = Some(outcome);
        verdict
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // The asker may have gone away; what it asked for stands.
            let _ = self.answer.send(outcome);
        }
    }

    fn fail(self: Box<Self>, failure: StoreError) {
        let _ = self.answer.send(Err(E::from(failure)));
    }
}
