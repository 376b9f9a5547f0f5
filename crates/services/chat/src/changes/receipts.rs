//! Somebody has read up to a message.

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::Tx;

use super::{Change, Committed, committed, wake};
use crate::error::ChatError;
use crate::rows::threads::store_counters;
use crate::rows::{MessageRow, ReceiptRow, ThreadView, receipts};
use crate::rules::access::Caller;

/// Writes how far the caller has read; `None` when they had read as far before.
pub(crate) fn send_receipt(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    caller: &Caller,
    message: &MessageRow,
    now: Timestamp,
) -> Result<Option<Committed>, ChatError> {
    let receipt = ReceiptRow {
        person: caller.person,
        raw_id: Arc::clone(&caller.raw_id),
        message: message.id,
        message_sender: message.sender,
        read_at: now,
        change: view.last_change + 1,
    };
    if !receipts::advance(tx, view.number, &receipt)? {
        return Ok(None);
    }
    let change = view.next_change();
    store_counters(tx, view, false, now)?;
    wake(tx, view.number, change)?;
    Ok(Some(committed(view, change, Change::Receipt(Arc::new(receipt)))))
}
