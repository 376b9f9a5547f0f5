//! Calls as operators see them.

use std::sync::Arc;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trunkline_calling_wire::Reason as WireReason;
use trunkline_calling_wire::operator::{CallDetails, CallView, LegView};
use trunkline_web::{ApiError, Context, Reply};

use crate::CallingService;
use crate::actor::notices;
use crate::error::CallingError;
use crate::rows::calls::CallRow;
use crate::rows::legs::LegRow;
use crate::rows::reports::{Report, View};
use crate::rows::{self, CallNumber};
use crate::rules::{Kind, Reason};

/// The most calls on a page.
const PAGE_MAX: u32 = 100;

/// Where a page starts: behind this call.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Before(i64);

pub(crate) async fn calls_list(service: Arc<CallingService>, context: Context) -> Result<Reply, ApiError> {
    let page_size = context.page_size_of(PAGE_MAX)?;
    let resource = context.resource_in_path("name").await?.id;
    let before: Option<Before> = context.continuation()?;
    let mut found: Vec<CallRow> = service
        .parts
        .store
        .read(move |tx| {
            let before = before.map(|Before(number)| CallNumber(number));
            Ok::<_, CallingError>(rows::calls::list(tx, resource, before, page_size.saturating_add(1))?)
        })
        .await?;
    let has_more = found.len() > page_size as usize;
    found.truncate(page_size as usize);
    let next = found.last().filter(|_| has_more).map(|last| Before(last.number.0));
    let page = context.page(found, next.as_ref()).map(|row| shown(&row));
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn calls_get(service: Arc<CallingService>, context: Context) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let id = context.path("callId").to_owned();
    let (call, legs, reports): (CallRow, Vec<LegRow>, Vec<Report>) = service
        .parts
        .store
        .read(move |tx| {
            let call = rows::calls::find_by_id(tx, resource, &id)?.ok_or(CallingError::UnknownCall)?;
            let legs = rows::legs::list(tx, call.number)?;
            let reports = rows::reports::list(tx, call.number)?;
            Ok::<_, CallingError>((call, legs, reports))
        })
        .await?;
    let details =
        CallDetails { call: shown(&call), legs: legs.iter().map(|leg| leg_shown(leg, &reports)).collect() };
    Ok(Reply::json(StatusCode::OK, &details))
}

fn shown(row: &CallRow) -> CallView {
    let locator = match &row.kind {
        Kind::Group { id } => id.as_deref(),
        Kind::Room { id } => Some(&**id),
        Kind::OneToOne | Kind::Echo => None,
    };
    CallView {
        id: row.id.to_string(),
        kind: notices::kind(&row.kind),
        locator: locator.map(str::to_owned),
        server_call_id: row.server_call_id.to_string(),
        correlation_id: row.correlation_id.to_string(),
        started_by: row.started_by_raw.to_string(),
        started_on: row.started_at,
        live_on: row.live_at,
        ended_on: row.ended.map(|ended| ended.at),
        reason: row.ended.map(|ended| reason(ended.reason)),
    }
}

fn leg_shown(row: &LegRow, reports: &[Report]) -> LegView {
    let kept = &row.kept;
    let of = |view| reports.iter().find(|report| report.p == kept.p && report.view == view);
    LegView {
        p: kept.p.0,
        user: kept.user.to_string(),
        name: kept.name.clone(),
        kind: kept.kind,
        agent: kept.agent.clone(),
        connected_on: kept.connected_at,
        over_on: row.over_at,
        reason: row.reason.map(reason),
        quality: of(View::Server).and_then(read),
        client_quality: of(View::Client).and_then(read),
        survey: of(View::Survey).and_then(read),
    }
}

/// What a report says; nothing for one that an older program wrote otherwise.
fn read<T: DeserializeOwned>(report: &Report) -> Option<T> {
    serde_json::from_str(&report.body).ok()
}

fn reason(reason: Reason) -> WireReason {
    WireReason::of(reason.code, reason.sub_code)
}
