//! Who may do what in a thread, and what of its history they see.

use std::sync::Arc;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::Tx;

use crate::error::ChatError;
use crate::rows::{self, MessageRow, PersonNumber, ThreadView};

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// [`PersonNumber::NOBODY`] for somebody who never took part.
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: Arc<str>,
    /// Whether an application calls with the rights of the resource: it is in no thread and may do everything.
    pub(crate) is_server: bool,
}

/// What a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Read messages: somebody who was removed still sees those up to the removal.
    Read,
    /// Take part, which needs a present member: send, say what was read, see who is there and what the thread is.
    Write,
    /// Change the thread or who is in it.
    Manage,
}

/// The messages somebody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Only messages sent since.
    pub(crate) since: Timestamp,
    /// Only what changed up to here.
    pub(crate) until_change: i64,
}

impl Window {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self { since: Timestamp::from_micros(i64::MIN), until_change: i64::MAX }
    }

    /// Whether the message is in it.
    pub(crate) fn shows(&self, message: &MessageRow) -> bool {
        message.created_at >= self.since && message.change <= self.until_change
    }
}

/// Whether a caller may do what is wanted in the thread they found, and what they see there.
///
/// **Errors**: no such thread; not a participant (any more).
pub(crate) fn allow(view: Option<&ThreadView>, wanted: Wanted, is_server: bool) -> Result<Window, ChatError> {
    let view = view.filter(|view| !view.is_deleted).ok_or(ChatError::ThreadNotFound)?;
    if is_server {
        return Ok(Window::all());
    }
    if view.is_importing {
        return Err(ChatError::ThreadNotFound);
    }
    let member = view.member.as_ref().ok_or(ChatError::NotAParticipant)?;
    let since = member.share_history_at;
    match member.removed_change {
        None => Ok(Window { since, until_change: i64::MAX }),
        Some(until_change) if wanted == Wanted::Read => Ok(Window { since, until_change }),
        Some(_) => Err(ChatError::NotAParticipant),
    }
}

/// The thread with that id, if the caller may do there what is wanted.
///
/// **Errors**: as [`allow`]; the store's.
pub(crate) fn enter(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    thread: &str,
    caller: &Caller,
    wanted: Wanted,
) -> Result<(ThreadView, Window), ChatError> {
    let view = rows::load_view(tx, resource, thread, caller.person)?;
    let window = allow(view.as_ref(), wanted, caller.is_server)?;
    Ok((view.ok_or(ChatError::ThreadNotFound)?, window))
}

/// The message with that id, if the window shows it; a deleted one too.
///
/// **Errors**: no such message; the store's.
pub(crate) fn load_message(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    window: &Window,
    id: i64,
) -> Result<MessageRow, ChatError> {
    let found = rows::find_message(tx, view.number, id)?;
    found.filter(|message| window.shows(message)).ok_or(ChatError::MessageNotFound)
}

/// Whether a caller may edit or delete a message.
///
/// **Errors**: a message of the thread itself; a message of somebody else.
pub(crate) fn allow_change(message: &MessageRow, caller: &Caller) -> Result<(), ChatError> {
    if message.kind.is_system() {
        return Err(ChatError::SystemMessage);
    }
    if message.sender != caller.person && !caller.is_server {
        return Err(ChatError::NotTheSender);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use trunkline_kernel::ResourceId;
    use uuid::Uuid;

    use super::*;
    use crate::rows::ThreadNumber;
    use crate::rows::threads::MemberView;

    fn view(removed_change: Option<i64>) -> ThreadView {
        let member = MemberView {
            name: "Ada".to_owned(),
            share_history_at: Timestamp::from_seconds(5),
            added_change: 1,
            removed_change,
        };
        ThreadView {
            number: ThreadNumber(1),
            resource: ResourceId(Uuid::nil()),
            id: "19:t@thread.v2".into(),
            created_at: Timestamp::from_seconds(1),
            last_change: 9,
            last_sequence: 9,
            last_version_ms: 9,
            members_version: 1,
            member_count: 1,
            next_ordinal: 2,
            is_importing: false,
            is_deleted: false,
            member: Some(member),
        }
    }

    #[test]
    fn a_member_sees_what_was_shared() {
        let window = allow(Some(&view(None)), Wanted::Manage, false).expect("a member");
        assert_eq!(window, Window { since: Timestamp::from_seconds(5), until_change: i64::MAX });
    }

    #[test]
    fn a_removed_member_reads_up_to_the_removal_and_does_nothing_else() {
        let removed = view(Some(7));
        let window = allow(Some(&removed), Wanted::Read, false).expect("history");
        assert_eq!(window.until_change, 7);
        for wanted in [Wanted::Write, Wanted::Manage] {
            assert!(matches!(allow(Some(&removed), wanted, false), Err(ChatError::NotAParticipant)));
        }
    }

    #[test]
    fn strangers_are_refused_and_servers_are_not() {
        let stranger = ThreadView { member: None, ..view(None) };
        assert!(matches!(allow(Some(&stranger), Wanted::Read, false), Err(ChatError::NotAParticipant)));
        assert_eq!(allow(Some(&stranger), Wanted::Manage, true).expect("a server"), Window::all());
    }

    #[test]
    fn deleted_threads_are_gone_and_imported_ones_not_there_yet() {
        let deleted = ThreadView { is_deleted: true, ..view(None) };
        assert!(matches!(allow(Some(&deleted), Wanted::Read, true), Err(ChatError::ThreadNotFound)));
        assert!(matches!(allow(None, Wanted::Read, true), Err(ChatError::ThreadNotFound)));
        let importing = ThreadView { is_importing: true, ..view(None) };
        assert!(matches!(allow(Some(&importing), Wanted::Read, false), Err(ChatError::ThreadNotFound)));
        assert!(allow(Some(&importing), Wanted::Read, true).is_ok());
    }
}
