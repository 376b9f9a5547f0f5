//! Bugs of one client's transport or of one room end that one, not the thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The call panicked; what it worked on must not be used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Panicked;

/// Runs `call` and stops a panic here. The panic hook has logged it.
pub(super) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    // What was borrowed is thrown away by the caller, so that nobody sees it half changed.
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)
}

/// Drops a value whose destructor may panic as well.
pub(super) fn drop_guarded<T>(value: T) {
    let _ = guard(|| drop(value));
}
