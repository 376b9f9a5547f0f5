//! Who can take part: users of the resource, and nobody else.

use std::collections::HashMap;

use trunkline_chat_wire::{ChatParticipant, CommunicationError};
use trunkline_kernel::identifier::Identifier;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_web::ApiError;

use crate::rules::{metadata, names};

/// Participants in one request: the published batch.
pub(crate) const BATCH_PARTICIPANTS_MAX: usize = 200;

/// Somebody a request names, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The raw id.
    pub(crate) raw_id: String,
    /// The display name; `None` for none given.
    pub(crate) name: Option<String>,
    /// The metadata, as JSON; `None` for none given.
    pub(crate) metadata: Option<String>,
    /// From when on messages are seen; 1970 is all history.
    pub(crate) share_history_at: Timestamp,
    /// Whether such an identifier can be a user of the resource at all.
    is_possible: bool,
    /// Whether it is an identifier this resource makes: it is then missing rather than forbidden.
    is_of_resource: bool,
}

/// Whom a request names, each once, in its order.
///
/// **Errors**: 400 for more than [`BATCH_PARTICIPANTS_MAX`], an identifier that names nobody, long names and
/// metadata.
pub(crate) fn candidates(
    participants: Vec<ChatParticipant>,
    resource: ResourceId,
) -> Result<Vec<Candidate>, ApiError> {
    if participants.len() > BATCH_PARTICIPANTS_MAX {
        let message = format!("At most {BATCH_PARTICIPANTS_MAX} participants can be added at once.");
        return Err(ApiError::invalid("participants", message));
    }
    let mut found: Vec<Candidate> = Vec::with_capacity(participants.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(participants.len());
    for participant in participants {
        let candidate = candidate(participant, resource)?;
        if let Some(place) = places.get(&candidate.raw_id) {
            // Named twice: the later entry is what the caller wants, at the place of the first.
            found[*place] = candidate;
        } else {
            places.insert(candidate.raw_id.clone(), found.len());
            found.push(candidate);
        }
    }
    Ok(found)
}

fn candidate(participant: ChatParticipant, resource: ResourceId) -> Result<Candidate, ApiError> {
    let identifier = participant
        .communication_identifier
        .to_identifier()
        .map_err(|error| ApiError::invalid("communicationIdentifier", error.as_text()))?;
    let name = participant.display_name.map(|name| names::display_name(Some(name), "displayName"));
    if let Some(pairs) = &participant.metadata {
        metadata::check(pairs, metadata::METADATA_BYTES_MAX)?;
    }
    let is_possible = matches!(
        identifier,
        Identifier::CommunicationUser(_)
            | Identifier::MicrosoftTeamsUser { .. }
            | Identifier::TeamsExtensionUser { .. }
    );
    Ok(Candidate {
        name: name.transpose()?,
        metadata: participant.metadata.as_ref().map(metadata::write),
        share_history_at: participant.share_history_time.map_or(Timestamp::EPOCH, |date| date.0),
        is_possible,
        is_of_resource: identifier.as_acs_user().is_some_and(|(of, _)| of == resource),
        raw_id: identifier.raw_id(),
    })
}

impl Candidate {
    /// Whether the users of the resource have to be asked for this one.
    pub(crate) const fn is_possible(&self) -> bool {
        self.is_possible
    }

    /// Why this one, who is no user of the resource, cannot be added.
    pub(crate) fn refusal(&self) -> CommunicationError {
        refusal_of(&self.raw_id, self.is_of_resource)
    }
}

/// Why somebody who is no user of the resource cannot be in its threads.
pub(crate) fn not_here(raw_id: &str, resource: ResourceId) -> CommunicationError {
    refusal_of(raw_id, Identifier::parse(raw_id).as_acs_user().is_some_and(|(of, _)| of == resource))
}

fn refusal_of(raw_id: &str, is_of_resource: bool) -> CommunicationError {
    let (code, message) =
        if is_of_resource { ("404", "Not found") } else { ("403", "Permissions check failed") };
    CommunicationError { code: code.to_owned(), message: message.to_owned(), target: Some(raw_id.to_owned()) }
}

#[cfg(test)]
mod tests {
    use trunkline_chat_wire::{CommunicationIdentifierModel, Date, Metadata};
    use uuid::Uuid;

    use super::*;

    const RESOURCE: ResourceId = ResourceId(Uuid::from_u128(1));

    fn participant(raw_id: &str) -> ChatParticipant {
        ChatParticipant {
            communication_identifier: CommunicationIdentifierModel::of(raw_id),
            display_name: None,
            share_history_time: None,
            metadata: None,
        }
    }

    fn of_resource(resource: u128, user: u128) -> String {
        Identifier::acs_user(ResourceId(Uuid::from_u128(resource)), Uuid::from_u128(user)).raw_id()
    }

    #[test]
    fn everybody_is_named_once_with_the_last_entry() {
        let mut again = participant("8:orgid:a");
        again.display_name = Some("A".to_owned());
        again.share_history_time = Some(Date(Timestamp::from_seconds(7)));
        let people = vec![participant("8:orgid:a"), participant("8:orgid:b"), again];
        let found = candidates(people, RESOURCE).expect("well-formed");
        let ids: Vec<_> = found.iter().map(|candidate| &*candidate.raw_id).collect();
        assert_eq!(ids, ["8:orgid:a", "8:orgid:b"]);
        assert_eq!(found[0].name.as_deref(), Some("A"));
        assert_eq!(found[0].share_history_at, Timestamp::from_seconds(7));
        assert_eq!((found[1].name.as_deref(), found[1].share_history_at), (None, Timestamp::EPOCH));
    }

    #[test]
    fn missing_users_of_the_resource_are_not_found_and_others_are_forbidden() {
        let check = |raw_id: &str, is_possible: bool, code: &str| {
            let found = candidates(vec![participant(raw_id)], RESOURCE).expect("well-formed").remove(0);
            assert_eq!((found.is_possible(), &*found.refusal().code), (is_possible, code), "{raw_id}");
            assert_eq!(found.refusal().target.as_deref(), Some(raw_id));
        };
        check(&of_resource(1, 5), true, "404");
        check(&of_resource(2, 5), true, "403");
        check("8:spool:x", true, "403");
        check("8:orgid:x", true, "403");
        check("4:+14255550123", false, "403");
        check("28:orgid:x", false, "403");
        check("48:starred", false, "403");
    }

    #[test]
    fn malformed_participants_are_refused() {
        let refused = |participant: ChatParticipant| candidates(vec![participant], RESOURCE).is_err();
        let mut nobody = participant("8:orgid:a");
        nobody.communication_identifier = CommunicationIdentifierModel::default();
        assert!(refused(nobody));
        let mut long = participant("8:orgid:a");
        long.display_name = Some("x".repeat(257));
        assert!(refused(long));
        let mut large = participant("8:orgid:a");
        large.metadata = Some(Metadata::from([("a".to_owned(), "x".repeat(1024))]));
        assert!(refused(large));
        let many =
            |count: usize| (0..count).map(|number| participant(&format!("8:orgid:{number}"))).collect();
        assert!(candidates(many(200), RESOURCE).is_ok());
        assert!(candidates(many(201), RESOURCE).is_err());
    }
}
