//! A thread that reads with its own connection.

use super::connection::{Place, Session};
use super::setup;
use super::tx::SqliteTx;
use crate::error::StoreError;
use crate::meter::Shared;
use crate::queue::FairQueue;
use crate::transaction::{EngineTx, Tx};
use crate::work::Work;

pub(crate) fn run(place: &Place, queue: &FairQueue<Box<dyn Work>>, shared: &Shared) {
    let mut session: Option<Session> = None;
    while let Some((_, work)) = queue.pop() {
        let open = match session.take().map_or_else(|| place.open_reader(), Ok) {
            Ok(open) => open,
            Err(failure) => {
                work.fail(failure);
                continue;
            }
        };
        shared.meter.reads.add(1);
        // A connection that failed is not used again.
        session = serve(&open, work, shared).then_some(open);
    }
}

/// Runs one closure on one snapshot; returns whether the connection is still good.
fn serve(session: &Session, mut work: Box<dyn Work>, shared: &Shared) -> bool {
    if let Err(failure) = setup::run(session, "BEGIN") {
        work.fail(failure);
        return false;
    }
    session.deadline.start(shared.bounds.closure_duration_max);
    let mut tx = Tx::new(EngineTx::Sqlite(SqliteTx::new(session, 0)), true);
    work.run(&mut tx);
    let is_late = session.deadline.is_past();
    session.deadline.clear();
    let (_, _, failure) = tx.into_parts();
    let is_ended = session.connection.is_autocommit() || setup::run(session, "ROLLBACK").is_ok();
    if is_late {
        work.fail(StoreError::TooSlow);
    } else {
        work.answer();
    }
    is_ended && !matches!(failure, Some(StoreError::Unavailable { .. }))
}
