//! `Usage_List`.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_web::usage::{self, Day, Filter, Line, Period, Position};
use trunkline_web::{ApiError, Context, Reply};

use super::{parsed, resource_of};
use crate::{Settings, UsageError, UsageService, csv};

/// Lines of one CSV file, at about 120 bytes each: the file is made in memory.
const CSV_LINES_MAX: u32 = 100_000;

/// What one resource used of one meter by one operation in one period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageLine {
    /// The day (`2026-11-21`) or month (`2026-11`), in UTC.
    pub period: String,
    /// The name the resource had then.
    pub resource: String,
    /// The resource's immutable id.
    pub resource_id: String,
    /// The operation id.
    pub operation: String,
    /// What was counted.
    pub meter: String,
    /// How many units.
    pub quantity: u64,
    /// What that costs, as a decimal text; absent without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// The currency of the cost; absent without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl UsageLine {
    fn new(line: &Line, settings: &Settings) -> Result<Self, UsageError> {
        let price = settings.prices.find(&line.meter);
        let cost = price.map(|price| price.cost(line.quantity)).transpose()?;
        Ok(Self {
            period: line.period.clone(),
            resource: line.resource_name.clone(),
            resource_id: line.resource_id.to_string(),
            operation: line.operation.clone(),
            meter: line.meter.clone(),
            quantity: line.quantity,
            cost: cost.map(|cost| cost.to_string()),
            currency: cost.map(|_| settings.currency.clone()),
        })
    }
}

pub(crate) async fn usage_list(service: Arc<UsageService>, context: Context) -> Result<Reply, ApiError> {
    let filter = filter_of(&context)?;
    let is_csv = wants_csv(&context)?;
    let limit = if is_csv { CSV_LINES_MAX + 1 } else { context.page_size()? };
    let after = if is_csv { None } else { context.continuation::<Position>()? };
    let (after, wanted) = (after.unwrap_or_default(), filter.clone());
    let found: Vec<Line> = service
        .store
        .read(move |tx| usage::list(tx, &wanted, &after, limit))
        .await
        .map_err(ApiError::from)?;
    let lines: Result<Vec<_>, UsageError> =
        found.iter().map(|line| UsageLine::new(line, &service.settings)).collect();
    if is_csv {
        return csv_reply(&filter, &lines?);
    }
    let next = found.last().filter(|_| found.len() == limit as usize).map(Line::position);
    Ok(Reply::json(StatusCode::OK, &context.page(lines?, next.as_ref())))
}

fn filter_of(context: &Context) -> Result<Filter, ApiError> {
    let to = parsed::<Day>(context, "to")?.unwrap_or_else(|| Day::of(context.now));
    let from = parsed::<Day>(context, "from")?.unwrap_or_else(|| to.month().first_day());
    if from > to {
        return Err(ApiError::invalid(
            "from",
            format!("The first day, {from}, is after the last one, {to}."),
        ));
    }
    let period = match context.query("groupBy") {
        None | Some("day") => Period::Day,
        Some("month") => Period::Month,
        Some(_) => return Err(ApiError::invalid("groupBy", "groupBy is 'day' or 'month'.")),
    };
    Ok(Filter { from, to, resource: resource_of(context)?, period })
}

/// `format` decides; without it an `Accept` that names CSV and not JSON.
fn wants_csv(context: &Context) -> Result<bool, ApiError> {
    match context.query("format") {
        Some("csv") => return Ok(true),
        Some("json") => return Ok(false),
        Some(_) => return Err(ApiError::invalid("format", "format is 'json' or 'csv'.")),
        None => {}
    }
    let accept = context.header(header::ACCEPT.as_str()).unwrap_or_default().to_ascii_lowercase();
    let types: Vec<_> =
        accept.split(',').map(|one| one.split(';').next().unwrap_or_default().trim()).collect();
    Ok(types.contains(&"text/csv") && !types.contains(&"application/json"))
}

fn csv_reply(filter: &Filter, lines: &[UsageLine]) -> Result<Reply, ApiError> {
    if lines.len() > CSV_LINES_MAX as usize {
        let message = format!(
            "That is more than {CSV_LINES_MAX} lines; ask for fewer days, for one resource, or with groupBy=month."
        );
        return Err(ApiError::invalid("from", message));
    }
    let name = format!("attachment; filename=\"usage-{}-{}.csv\"", filter.from, filter.to);
    let mut reply = Reply::empty(StatusCode::OK).with_header(header::CONTENT_DISPOSITION, &name);
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    reply.headers.insert(header::CONTENT_TYPE, kind);
    reply.body = csv::write(lines).into();
    Ok(reply)
}
