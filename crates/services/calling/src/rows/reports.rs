//! `calling_reports`: how media of legs was, and what people say of it.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{StoreError, Tx, params};

use super::CallNumber;
use crate::rules::P;

/// Whose report it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum View {
    /// What the server saw.
    Server,
    /// What the client saw.
    Client,
    /// What the person says.
    Survey,
}

impl View {
    const ALL: [Self; 3] = [Self::Server, Self::Client, Self::Survey];

    const fn number(self) -> i64 {
        match self {
            Self::Server => 0,
            Self::Client => 1,
            Self::Survey => 2,
        }
    }
}

/// A report about a leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    pub(crate) p: P,
    pub(crate) view: View,
    /// JSON.
    pub(crate) body: String,
}

/// Writes a report about a leg of a call that is kept, in the place of the one of the same view.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    call: CallNumber,
    report: &Report,
    now: Timestamp,
) -> Result<(), StoreError> {
    // The call may be gone with its resource.
    if tx.query_opt("SELECT 1 FROM calling_calls WHERE number = ?1", params![call])?.is_none() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO calling_reports (call, p, view, body, reported_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (call, p, view) DO UPDATE SET body = excluded.body, reported_at = excluded.reported_at",
        params![call, report.p.0, report.view.number(), &report.body, now],
    )?;
    Ok(())
}

/// The reports about a call's legs.
pub(crate) fn list(tx: &mut Tx<'_>, call: CallNumber) -> Result<Vec<Report>, StoreError> {
    let sql = "SELECT p, view, body FROM calling_reports WHERE call = ?1 ORDER BY p, view";
    let mut found = Vec::new();
    for row in tx.query_all(sql, params![call])? {
        let number: i64 = row.get(1)?;
        let view = View::ALL.into_iter().find(|view| view.number() == number);
        let view = view.ok_or(StoreError::Decode { column: 1, expected: "the number of a view" })?;
        found.push(Report { p: P(row.get(0)?), view, body: row.get(2)? });
    }
    Ok(found)
}

/// The newest leg of that id of a user, if it is in a call or was at `since`.
pub(crate) fn find_leg(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    user: &str,
    leg: &str,
    since: Timestamp,
) -> Result<Option<(CallNumber, P)>, StoreError> {
    let row = tx.query_opt(
        "SELECT call, p FROM calling_legs WHERE resource_id = ?1 AND id = ?2 AND raw_id = ?3
             AND joined_at IS NOT NULL AND (over_at IS NULL OR over_at >= ?4) ORDER BY call DESC LIMIT 1",
        params![resource, leg, user, since],
    )?;
    row.map(|row| Ok((row.get(0)?, P(row.get(1)?)))).transpose()
}
