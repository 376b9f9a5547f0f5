//! `calling_legs`: who takes part in calls, and how that ended.

use std::sync::Arc;

use trunkline_calling_wire::{ParticipantKind, Role};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

use super::CallNumber;
use super::calls::read_reason;
use super::words::{
    OVER, participant_kind_of_row, participant_kind_to_row, role_of_row, role_to_row, state_of_row,
    state_to_row,
};
use crate::rules::{KeptLeg, Leg, LegState, P, Reason};

/// A leg as it was saved last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LegRow {
    pub(crate) kept: KeptLeg,
    pub(crate) over_at: Option<Timestamp>,
    pub(crate) reason: Option<Reason>,
}

/// Inserts the row of a leg, or writes how it now stands; who was erased meanwhile stays erased.
pub(crate) fn save(
    tx: &mut Tx<'_>,
    call: CallNumber,
    resource: ResourceId,
    p: P,
    leg: &Leg,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO calling_legs (call, p, id, resource_id, raw_id, name, agent, kind, state, role, token_hash,
             may_speak, may_show, waits_in_lobby, invited_by, ring_until, joined_at, connected_at, over_at,
             end_code, end_sub_code, previous_token_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
         ON CONFLICT (call, p) DO UPDATE SET
             name = CASE WHEN calling_legs.raw_id = '' THEN '' ELSE excluded.name END,
             agent = CASE WHEN calling_legs.raw_id = '' THEN '' ELSE excluded.agent END, state = excluded.state,
             role = excluded.role, token_hash = excluded.token_hash, may_speak = excluded.may_speak,
             may_show = excluded.may_show, waits_in_lobby = excluded.waits_in_lobby,
             ring_until = excluded.ring_until, joined_at = excluded.joined_at,
             connected_at = excluded.connected_at, over_at = excluded.over_at, end_code = excluded.end_code,
             end_sub_code = excluded.end_sub_code, previous_token_hash = excluded.previous_token_hash",
        params![
            call,
            p.0,
            &*leg.id,
            resource,
            &*leg.user,
            &leg.name,
            &leg.agent,
            participant_kind_to_row(leg.kind),
            state_to_row(leg.saved_state()),
            role_to_row(leg.role),
            leg.token.map(Vec::from),
            leg.may_speak,
            leg.may_show,
            leg.waits_in_lobby,
            leg.invited_by.map(|by| by.0),
            leg.ring_until,
            leg.joined_at,
            leg.connected_at,
            leg.over_at,
            leg.reason.map(|reason| reason.code),
            leg.reason.map(|reason| reason.sub_code),
            leg.previous_token.map(Vec::from)
        ],
    )?;
    Ok(())
}

const LEG: &str =
    "p, id, raw_id, name, agent, kind, state, role, token_hash, may_speak, may_show, waits_in_lobby,
     invited_by, ring_until, joined_at, connected_at, over_at, end_code, end_sub_code,
     previous_token_hash";

fn read(row: &Row) -> Result<LegRow, StoreError> {
    let kind: ParticipantKind = participant_kind_of_row(row.get(5)?, 5)?;
    let state: LegState = state_of_row(row.get(6)?, 6)?;
    let role: Role = role_of_row(row.get(7)?, 7)?;
    let hash = |column| Ok(row.get::<Option<Vec<u8>>>(column)?.and_then(|hash| hash.try_into().ok()));
    let kept = KeptLeg {
        p: P(row.get(0)?),
        id: Arc::from(row.get::<String>(1)?),
        user: Arc::from(row.get::<String>(2)?),
        name: row.get(3)?,
        agent: row.get(4)?,
        kind,
        state,
        role,
        token: hash(8)?,
        previous_token: hash(19)?,
        may_speak: row.get(9)?,
        may_show: row.get(10)?,
        waits_in_lobby: row.get(11)?,
        invited_by: row.get::<Option<u32>>(12)?.map(P),
        ring_until: row.get(13)?,
        joined_at: row.get(14)?,
        connected_at: row.get(15)?,
    };
    Ok(LegRow { kept, over_at: row.get(16)?, reason: read_reason(row, 17)? })
}

/// One leg of a call.
pub(crate) fn find(tx: &mut Tx<'_>, call: CallNumber, p: P) -> Result<Option<LegRow>, StoreError> {
    let sql = format!("SELECT {LEG} FROM calling_legs WHERE call = ?1 AND p = ?2");
    tx.query_opt(&sql, params![call, p.0])?.as_ref().map(read).transpose()
}

/// All legs of a call, in the order of their numbers.
pub(crate) fn list(tx: &mut Tx<'_>, call: CallNumber) -> Result<Vec<LegRow>, StoreError> {
    let sql = format!("SELECT {LEG} FROM calling_legs WHERE call = ?1 ORDER BY p");
    tx.query_all(&sql, params![call])?.iter().map(read).collect()
}

/// The legs of a call that have not ended.
pub(crate) fn list_alive(tx: &mut Tx<'_>, call: CallNumber) -> Result<Vec<KeptLeg>, StoreError> {
    let sql = format!("SELECT {LEG} FROM calling_legs WHERE call = ?1 AND state <> {OVER} ORDER BY p");
    let rows = tx.query_all(&sql, params![call])?;
    rows.iter().map(|row| read(row).map(|leg| leg.kept)).collect()
}
