//! Chat's events as the published ones.
//!
//! An event in the outbox names a thread and a change. What is published is read from the rows when it is published:
//! what was erased meanwhile is published no more, and neither is the text of a message that was deleted meanwhile.

mod messages;
mod people;
mod threads;

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Deserialize;
use trunkline_catalogue::identifiers::{
    Cloud, CommunicationIdentifier, CommunicationUser, IdentifierKind, MicrosoftTeamsApp, MicrosoftTeamsUser,
    PhoneNumber,
};
use trunkline_catalogue::{Payload, Publication};
use trunkline_kernel::Timestamp;
use trunkline_kernel::identifier::{self, Identifier};
use trunkline_store::{Event, Tx};

use crate::ChatService;
use crate::changes::{
    MESSAGE_DELETED, MESSAGE_EDITED, MESSAGE_SENT, PARTICIPANTS_ADDED, PARTICIPANTS_REMOVED, THREAD_CREATED,
    THREAD_DELETED, THREAD_PROPERTIES_UPDATED,
};
use crate::error::ChatError;
use crate::rows::members::list_members_at;
use crate::rows::threads::find_thread;
use crate::rows::{MemberRow, ThreadNumber, ThreadRow};

/// The kinds of events that stand for published ones.
pub const KINDS: &[&str] = &[
    THREAD_CREATED,
    THREAD_PROPERTIES_UPDATED,
    THREAD_DELETED,
    PARTICIPANTS_ADDED,
    PARTICIPANTS_REMOVED,
    MESSAGE_SENT,
    MESSAGE_EDITED,
    MESSAGE_DELETED,
];

/// What is published of one thing: `whole` for the thread, and what `of` makes for each of `members`. The subject is
/// the thread and who did it, and for a member the member too.
fn for_all<'m, W: Payload, M: Payload>(
    whole: &W,
    subject: [&str; 2],
    time: Timestamp,
    members: impl IntoIterator<Item = &'m MemberRow>,
    of: impl Fn(&MemberRow) -> M,
) -> Vec<Publication> {
    let each = members.into_iter().map(|member| {
        let subject = [subject[0], subject[1], &*member.raw_id];
        Publication::new(ordinal_of(member), &of(member), &subject, time)
    });
    std::iter::once(Publication::new(0, whole, &subject, time)).chain(each).collect()
}

/// The payload of chat's events.
#[derive(Clone, Copy, Deserialize)]
struct Reference {
    thread: ThreadNumber,
    change: i64,
}

/// What every published event of a change has in common.
struct Scene {
    thread: ThreadRow,
    change: i64,
    /// Ties together everything that is published about one change.
    transaction_id: String,
    /// Who was in the thread at the change, by the order of adding.
    members: Vec<MemberRow>,
}

impl ChatService {
    /// What an event stands for: that of the thread first, then one per participant in the order of adding. Each keeps its
    /// place when another is gone. Nothing for an event of another service or of what was erased.
    pub async fn expand(&self, event: &Event) -> Result<Vec<Publication>, ChatError> {
        let Some(kind) = KINDS.iter().copied().find(|kind| *kind == event.kind) else {
            return Ok(Vec::new());
        };
        let Ok(reference) = serde_json::from_str::<Reference>(&event.payload) else { return Ok(Vec::new()) };
        self.store.read(move |tx| expand(tx, kind, reference)).await
    }
}

fn expand(tx: &mut Tx<'_>, kind: &str, reference: Reference) -> Result<Vec<Publication>, ChatError> {
    let Some(thread) = find_thread(tx, reference.thread)? else { return Ok(Vec::new()) };
    let members = list_members_at(tx, reference.thread, reference.change)?;
    let transaction_id = transaction_id(reference);
    let scene = Scene { thread, change: reference.change, transaction_id, members };
    match kind {
        MESSAGE_SENT => messages::sent(tx, &scene),
        MESSAGE_EDITED => messages::edited(tx, &scene),
        MESSAGE_DELETED => messages::deleted(tx, &scene),
        THREAD_CREATED => threads::created(tx, &scene),
        THREAD_PROPERTIES_UPDATED => threads::properties_updated(tx, &scene),
        THREAD_DELETED => threads::deleted(tx, &scene),
        PARTICIPANTS_ADDED => people::added(tx, &scene),
        PARTICIPANTS_REMOVED => people::removed(tx, &scene),
        _ => Ok(Vec::new()),
    }
}

/// The place of what a participant is told. Another expansion of the event gives it again, whoever left the thread or
/// was erased meanwhile; somebody added anew has another place and was not there at the change. Places above the
/// largest, after billions of additions, are one.
fn ordinal_of(member: &MemberRow) -> u32 {
    u32::try_from(member.ordinal).unwrap_or(u32::MAX)
}

/// The same for the same change, on every node and after every restart.
fn transaction_id(reference: Reference) -> String {
    let hash = digest(&SHA256, format!("{}/{}", reference.thread.0, reference.change).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Metadata as a map; empty for what is no object of texts.
fn metadata_of(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}

/// `None` for an empty name.
fn name_of(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

/// A raw id as events write it.
fn identifier(raw_id: &str) -> CommunicationIdentifier {
    let mut written = CommunicationIdentifier {
        kind: Some(IdentifierKind::Unknown),
        raw_id: raw_id.to_owned(),
        communication_user: None,
        phone_number: None,
        microsoft_teams_user: None,
        microsoft_teams_app: None,
    };
    match Identifier::parse(raw_id) {
        Identifier::CommunicationUser(_) | Identifier::TeamsExtensionUser { .. } => {
            written.kind = Some(IdentifierKind::CommunicationUser);
            written.communication_user = Some(CommunicationUser { id: raw_id.to_owned() });
        }
        Identifier::PhoneNumber(value) => {
            written.kind = Some(IdentifierKind::PhoneNumber);
            written.phone_number = Some(PhoneNumber { value });
        }
        Identifier::MicrosoftTeamsUser { user_id, is_anonymous, cloud } => {
            written.kind = Some(IdentifierKind::MicrosoftTeamsUser);
            written.microsoft_teams_user = Some(MicrosoftTeamsUser {
                user_id,
                is_anonymous: Some(is_anonymous),
                cloud: Some(cloud_of(cloud)),
            });
        }
        Identifier::MicrosoftTeamsApp { app_id, cloud } => {
            written.kind = Some(IdentifierKind::MicrosoftTeamsApp);
            written.microsoft_teams_app = Some(MicrosoftTeamsApp { app_id, cloud: Some(cloud_of(cloud)) });
        }
        Identifier::Unknown(_) => {}
    }
    written
}

const fn cloud_of(cloud: identifier::Cloud) -> Cloud {
    match cloud {
        identifier::Cloud::Public => Cloud::Public,
        identifier::Cloud::Dod => Cloud::Dod,
        identifier::Cloud::Gcch => Cloud::Gcch,
    }
}
