//! Words of rules as the numbers that rows hold. A number stays what it is for ever.

use std::sync::Arc;

use trunkline_calling_wire::{ParticipantKind, Role};
use trunkline_store::StoreError;

use crate::rules::{Kind, LegState};

const PARTICIPANT_KINDS: [(ParticipantKind, i64); 6] = [
    (ParticipantKind::User, 0),
    (ParticipantKind::Phone, 1),
    (ParticipantKind::Bot, 2),
    (ParticipantKind::Recorder, 3),
    (ParticipantKind::Echo, 4),
    (ParticipantKind::Service, 5),
];
const ROLES: [(Role, i64); 5] = [
    (Role::Unknown, 0),
    (Role::Organizer, 1),
    (Role::Presenter, 2),
    (Role::Attendee, 3),
    (Role::Consumer, 4),
];
const STATES: [(LegState, i64); 6] = [
    (LegState::Invited, 0),
    (LegState::Joining, 1),
    (LegState::InLobby, 2),
    (LegState::Connected, 3),
    (LegState::Held, 4),
    (LegState::Over, 5),
];
/// The number of a leg that has ended, for statements.
pub(crate) const OVER: i64 = 5;

/// The kind's number and the id that people join with.
pub(super) fn kind_to_row(kind: &Kind) -> (i64, &str) {
    match kind {
        Kind::OneToOne => (0, ""),
        Kind::Group { id } => (1, id.as_deref().unwrap_or("")),
        Kind::Room { id } => (2, id),
        Kind::Echo => (3, ""),
    }
}

pub(super) fn kind_of_row(number: i64, locator: &str, column: usize) -> Result<Kind, StoreError> {
    match number {
        0 => Ok(Kind::OneToOne),
        1 => Ok(Kind::Group { id: (!locator.is_empty()).then(|| Arc::from(locator)) }),
        2 => Ok(Kind::Room { id: locator.into() }),
        3 => Ok(Kind::Echo),
        _ => Err(StoreError::Decode { column, expected: "the number of a kind of call" }),
    }
}

pub(super) fn participant_kind_to_row(kind: ParticipantKind) -> i64 {
    number_of(&PARTICIPANT_KINDS, kind)
}

pub(super) fn participant_kind_of_row(number: i64, column: usize) -> Result<ParticipantKind, StoreError> {
    word_of(&PARTICIPANT_KINDS, number, column, "the number of a kind of participant")
}

pub(super) fn role_to_row(role: Role) -> i64 {
    number_of(&ROLES, role)
}

pub(super) fn role_of_row(number: i64, column: usize) -> Result<Role, StoreError> {
    word_of(&ROLES, number, column, "the number of a role")
}

pub(super) fn state_to_row(state: LegState) -> i64 {
    number_of(&STATES, state)
}

pub(super) fn state_of_row(number: i64, column: usize) -> Result<LegState, StoreError> {
    word_of(&STATES, number, column, "the number of a leg's state")
}

fn number_of<W: Copy + PartialEq>(table: &[(W, i64)], word: W) -> i64 {
    let found = table.iter().find(|(known, _)| *known == word);
    found.map(|(_, number)| *number).expect("every word that is saved has its line in the table")
}

fn word_of<W: Copy>(
    table: &[(W, i64)],
    number: i64,
    column: usize,
    expected: &'static str,
) -> Result<W, StoreError> {
    let found = table.iter().find(|(_, known)| *known == number);
    found.map(|(word, _)| *word).ok_or(StoreError::Decode { column, expected })
}
