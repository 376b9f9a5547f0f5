//! What calls tell other systems.
//!
//! An event in the outbox names a call and a participant and holds no text. What is published is read from the rows
//! when it is published: whoever was erased meanwhile is named no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_calling_wire::{CustomContext as WireContext, Role};
use trunkline_catalogue::Publication;
use trunkline_catalogue::calling::{
    CallEndReason, CallEnded, CallEndedBy, CallEndedByKind, CallGroup, CallParticipant, CallParticipantAdded,
    CallParticipantRemoved, CallRole, CallRoom, CallStarted, CustomContext, IncomingCall,
};
use trunkline_catalogue::identifiers::{CommunicationIdentifier, CommunicationUser, IdentifierKind};
use trunkline_kernel::Timestamp;
use trunkline_kernel::identifier::Identifier;
use trunkline_store::{Event, NewEvent, StoreError, Tx};

use crate::CallingService;
use crate::actor::CallFacts;
use crate::contexts::Contexts;
use crate::error::CallingError;
use crate::rows::CallNumber;
use crate::rows::calls::{self, CallRow};
use crate::rows::legs::{self, LegRow};
use crate::rules::{Fact, Kind, P};

/// A call began.
pub const CALL_STARTED: &str = "calling.call_started";
/// A call ended.
pub const CALL_ENDED: &str = "calling.call_ended";
/// Somebody is called.
pub const INCOMING_CALL: &str = "calling.incoming_call";
/// Somebody is in a call.
pub const PARTICIPANT_ADDED: &str = "calling.participant_added";
/// Somebody has left a call.
pub const PARTICIPANT_REMOVED: &str = "calling.participant_removed";

/// The kinds of events that stand for published ones.
pub const KINDS: &[&str] = &[CALL_STARTED, CALL_ENDED, INCOMING_CALL, PARTICIPANT_ADDED, PARTICIPANT_REMOVED];

/// The payload of the events in the outbox.
#[derive(Serialize, Deserialize)]
struct Reference {
    call: i64,
    /// The participant it is about; 0 for none.
    p: u32,
    /// Whether the call was one of two then: it may have become a group since.
    is_two_party: bool,
}

/// Writes an event, in the transaction of what it tells.
pub(crate) fn emit(
    tx: &mut Tx<'_>,
    facts: &CallFacts,
    number: CallNumber,
    kind: &Kind,
    fact: Fact,
    now: Timestamp,
) -> Result<(), StoreError> {
    // The echo test is nobody's call.
    if *kind == Kind::Echo {
        return Ok(());
    }
    let (event, p) = match fact {
        Fact::CallStarted => (CALL_STARTED, 0),
        Fact::CallEnded => (CALL_ENDED, 0),
        Fact::IncomingCall(p) => (INCOMING_CALL, p.0),
        Fact::ParticipantAdded(p) => (PARTICIPANT_ADDED, p.0),
        Fact::ParticipantRemoved(p) => (PARTICIPANT_REMOVED, p.0),
    };
    let reference = Reference { call: number.0, p, is_two_party: *kind == Kind::OneToOne };
    let payload = serde_json::to_string(&reference).expect("numbers and a truth");
    let resource = facts.resource.id.to_string();
    tx.emit(&NewEvent { resource: &resource, kind: event, subject: &facts.id, payload: &payload, now })
}

impl CallingService {
    /// What an event stands for; nothing for one of another service, or of a call of which nothing is left.
    pub async fn expand(&self, event: &Event) -> Result<Vec<Publication>, CallingError> {
        let Some(kind) = KINDS.iter().copied().find(|kind| *kind == event.kind) else {
            return Ok(Vec::new());
        };
        let Ok(reference) = serde_json::from_str::<Reference>(&event.payload) else { return Ok(Vec::new()) };
        let (contexts, time) = (Arc::clone(&self.contexts), event.created_at);
        self.parts
            .store
            .read(move |tx| Ok(translate(tx, &contexts, kind, &reference, time)?.into_iter().collect()))
            .await
    }
}

/// What every event of a call has in common.
struct Scene {
    call: CallRow,
    started_by: CallParticipant,
    is_two_party: bool,
    time: Timestamp,
}

fn translate(
    tx: &mut Tx<'_>,
    contexts: &Contexts,
    kind: &str,
    reference: &Reference,
    time: Timestamp,
) -> Result<Option<Publication>, StoreError> {
    let Some(call) = calls::find(tx, CallNumber(reference.call))? else { return Ok(None) };
    let starter = legs::find(tx, call.number, call.started_by)?;
    let leg = if reference.p == 0 { None } else { legs::find(tx, call.number, P(reference.p))? };
    let role = starter.as_ref().map_or(Role::Unknown, |starter| starter.kept.role);
    let started_by = participant(&call.started_by_raw, role);
    let scene = Scene { started_by, is_two_party: reference.is_two_party, time, call };
    Ok(match (kind, leg) {
        (CALL_STARTED, _) => Some(scene.started()),
        (CALL_ENDED, _) => Some(scene.ended(ended_by(tx, &scene.call)?)),
        (INCOMING_CALL, Some(leg)) => {
            let by = leg.kept.invited_by.unwrap_or(scene.call.started_by);
            Some(scene.incoming(contexts, &leg, legs::find(tx, scene.call.number, by)?.as_ref()))
        }
        (PARTICIPANT_ADDED, Some(leg)) => Some(scene.added(&leg)),
        (PARTICIPANT_REMOVED, Some(leg)) => Some(scene.removed(&leg)),
        _ => None,
    })
}

/// Who ended the call.
fn ended_by(tx: &mut Tx<'_>, call: &CallRow) -> Result<Option<LegRow>, StoreError> {
    let Some(by) = call.ended.and_then(|ended| ended.by) else { return Ok(None) };
    legs::find(tx, call.number, by)
}

impl Scene {
    fn group(&self) -> Option<CallGroup> {
        match &self.call.kind {
            Kind::Group { id: Some(id) } => Some(CallGroup { id: id.to_string() }),
            _ => None,
        }
    }

    fn room(&self) -> Option<CallRoom> {
        match &self.call.kind {
            Kind::Room { id } => Some(CallRoom { id: id.to_string() }),
            _ => None,
        }
    }

    const fn is_room(&self) -> bool {
        matches!(self.call.kind, Kind::Room { .. })
    }

    fn started(&self) -> Publication {
        let data = CallStarted {
            started_by: Some(self.started_by.clone()),
            server_call_id: self.call.server_call_id.to_string(),
            group: self.group(),
            room: self.room(),
            is_two_party: Some(self.is_two_party),
            correlation_id: self.call.correlation_id.to_string(),
            is_rooms_call: Some(self.is_room()),
        };
        Publication::new(0, &data, &[&self.call.server_call_id, &self.call.started_by_raw], self.time)
    }

    fn ended(&self, by: Option<LegRow>) -> Publication {
        let ended_by = match by {
            Some(leg) => CallEndedBy {
                communication_identifier: Some(identifier(&leg.kept.user)),
                r#type: CallEndedByKind::Participant,
                name: leg.kept.name,
            },
            None => CallEndedBy {
                communication_identifier: None,
                r#type: CallEndedByKind::MicrosoftInternal,
                name: String::new(),
            },
        };
        let reason = self.call.ended.map(|ended| {
            let words = trunkline_calling_wire::Reason::of(ended.reason.code, ended.reason.sub_code);
            CallEndReason {
                code: ended.reason.code.into(),
                sub_code: i32::try_from(ended.reason.sub_code).unwrap_or(i32::MAX),
                phrase: words.message,
            }
        });
        let ended_at = self.call.ended.map_or(self.time, |ended| ended.at);
        let data = CallEnded {
            started_by: Some(self.started_by.clone()),
            server_call_id: self.call.server_call_id.to_string(),
            group: self.group(),
            room: self.room(),
            is_two_party: Some(self.is_two_party),
            correlation_id: self.call.correlation_id.to_string(),
            is_rooms_call: Some(self.is_room()),
            ended_by: Some(ended_by),
            reason,
            call_duration_in_seconds: self
                .call
                .live_at
                .map_or(0.0, |live| ended_at.since(live).as_secs_f64()),
        };
        Publication::new(0, &data, &[&self.call.server_call_id], self.time)
    }

    fn incoming(&self, contexts: &Contexts, leg: &LegRow, caller: Option<&LegRow>) -> Publication {
        let from = caller.map_or("", |caller| &caller.kept.user);
        let data = IncomingCall {
            to: identifier(&leg.kept.user),
            from: identifier(from),
            server_call_id: self.call.server_call_id.to_string(),
            caller_display_name: caller.map_or_else(String::new, |caller| caller.kept.name.clone()),
            custom_context: self.call.custom_context.as_ref().map(context),
            incoming_call_context: contexts.seal(self.call.resource, &self.call.id, leg.kept.p),
            on_behalf_of_callee: None,
            correlation_id: self.call.correlation_id.to_string(),
        };
        Publication::new(0, &data, &[from, &leg.kept.user], self.time)
    }

    fn added(&self, leg: &LegRow) -> Publication {
        let data = CallParticipantAdded {
            started_by: Some(self.started_by.clone()),
            server_call_id: self.call.server_call_id.to_string(),
            group: self.group(),
            room: self.room(),
            is_two_party: Some(self.is_two_party),
            correlation_id: self.call.correlation_id.to_string(),
            is_rooms_call: Some(self.is_room()),
            user: participant(&leg.kept.user, leg.kept.role),
            display_name: leg.kept.name.clone(),
            participant_id: leg.kept.id.to_string(),
            user_agent: leg.kept.agent.clone(),
        };
        Publication::new(0, &data, &[&self.call.server_call_id, &leg.kept.user], self.time)
    }

    fn removed(&self, leg: &LegRow) -> Publication {
        let data = CallParticipantRemoved {
            started_by: Some(self.started_by.clone()),
            server_call_id: self.call.server_call_id.to_string(),
            group: self.group(),
            room: self.room(),
            is_two_party: Some(self.is_two_party),
            correlation_id: self.call.correlation_id.to_string(),
            is_rooms_call: Some(self.is_room()),
            user: participant(&leg.kept.user, leg.kept.role),
            display_name: leg.kept.name.clone(),
            participant_id: leg.kept.id.to_string(),
            user_agent: leg.kept.agent.clone(),
        };
        Publication::new(0, &data, &[&self.call.server_call_id, &leg.kept.user], self.time)
    }
}

fn participant(raw_id: &str, role: Role) -> CallParticipant {
    // A call without roles has organisers and attendees of its own in the published events: everybody is an attendee.
    let role = match role {
        Role::Unknown | Role::Attendee => CallRole::Attendee,
        Role::Organizer => CallRole::Organizer,
        Role::Presenter => CallRole::Presenter,
        Role::Consumer => CallRole::Consumer,
    };
    CallParticipant { communication_identifier: Some(identifier(raw_id)), role }
}

/// Headers that the application gave along.
fn context(context: &WireContext) -> CustomContext {
    let headers = context.x_headers.iter().map(|header| (header.key.clone(), header.value.clone()));
    let mut voip_headers: BTreeMap<String, String> = headers.collect();
    if let Some(text) = &context.user_to_user {
        voip_headers.insert("User-To-User".to_owned(), text.clone());
    }
    CustomContext { sip_headers: BTreeMap::new(), voip_headers }
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
    if let Identifier::CommunicationUser(_) | Identifier::TeamsExtensionUser { .. } =
        Identifier::parse(raw_id)
    {
        written.kind = Some(IdentifierKind::CommunicationUser);
        written.communication_user = Some(CommunicationUser { id: raw_id.to_owned() });
    }
    written
}
