//! Reads changes from the store as notifications: for clients that come back, and where a notification did not come.

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx};

use crate::changes::Committed;
use crate::notify::{self, Class, Notification, Properties, ThreadFacts};
use crate::rows::positions::RecipientRow;
use crate::rows::{self, ThreadNumber, members, threads};

/// A change as it is told.
pub(super) struct Told {
    pub(super) change: i64,
    pub(super) members_version: i64,
    pub(super) at: Timestamp,
    pub(super) notifications: Vec<Arc<Notification>>,
}

impl Told {
    /// What its notifications hold in memory.
    pub(super) fn size_bytes(&self) -> usize {
        self.notifications.iter().map(|notification| notification.size_bytes()).sum()
    }
}

/// Changes of a thread after `after`, at most `limit`, for somebody who knows those up to `known`.
pub(super) fn load_told(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    (after, known): (i64, i64),
    limit: u32,
) -> Result<Vec<Told>, StoreError> {
    let mut told = Vec::new();
    for committed in rows::changes_since(tx, thread, after, limit)? {
        let notifications = match load_facts(tx, &committed)? {
            Some(facts) => notify::encode(&committed, &facts, known),
            None => Vec::new(),
        };
        let (change, members_version, at) =
            (committed.change, committed.members_version, committed.what.at());
        told.push(Told { change, members_version, at, notifications });
    }
    Ok(told)
}

/// What the notifications of a change say of its thread; `None` when the thread is gone.
pub(super) fn load_facts(tx: &mut Tx<'_>, committed: &Committed) -> Result<Option<ThreadFacts>, StoreError> {
    let Some(row) = threads::find_thread(tx, committed.thread)? else { return Ok(None) };
    let members = if notify::needs_members(&committed.what) {
        members::list_members_at(tx, committed.thread, committed.change)?
    } else {
        Vec::new()
    };
    let view = threads::load_view_by_number(tx, committed.thread, rows::PersonNumber::NOBODY)?;
    Ok(Some(ThreadFacts {
        id: row.id.into(),
        properties: Some(Properties {
            topic: row.topic,
            metadata: row.metadata,
            retention_days: row.retention_days,
            created_at: row.created_at,
            created_by_raw: row.created_by_raw,
        }),
        members,
        member_count: view.map_or(0, |view| view.member_count),
    }))
}

/// Whether somebody with this place in a thread gets a notification.
pub(super) fn gets(recipient: &RecipientRow, notification: &Notification) -> bool {
    let was_there = if notification.class == Class::Fleeting {
        recipient.removed_change.is_none()
    } else {
        recipient.added_change <= notification.change
            && recipient.removed_change.is_none_or(|removed| removed >= notification.change)
    };
    was_there
        && notification.audience.includes(recipient.person)
        && notification.written_at.is_none_or(|written_at| written_at >= recipient.share_history_at)
}
