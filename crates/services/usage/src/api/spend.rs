//! `Usage_GetSpend`.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_store::Tx;
use trunkline_web::usage::{self, Day, MeterSum, Month};
use trunkline_web::{ApiError, Context, Page, Reply};

use super::{parsed, resource_of};
use crate::{Amount, Settings, SpendAction, UsageError, UsageService};

/// What a month costs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpendReply {
    /// The month, such as `2026-11`, in UTC.
    month: String,
    /// The currency of all amounts.
    currency: String,
    /// What one resource may cost in a month, as a decimal text; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    spend_limit: Option<String>,
    /// What happens when a resource reaches the limit.
    spend_action: SpendAction,
    #[serde(flatten)]
    resources: Page<ResourceSpend>,
}

/// What one resource costs in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSpend {
    /// The name the resource had last.
    pub resource: String,
    /// Its immutable id.
    pub resource_id: String,
    /// What it costs, as a decimal text.
    pub cost: String,
    /// Whether that reaches the limit.
    pub is_limit_reached: bool,
    /// What it used.
    pub meters: Vec<MeterSpend>,
}

/// What one resource used of one meter in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterSpend {
    /// What was counted.
    pub meter: String,
    /// How many units.
    pub quantity: u64,
    /// The price, such as `0.0075` for one unit or `0.004/60` for sixty; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// What that costs, as a decimal text; absent without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
}

/// What the meters of one resource cost together.
pub(crate) fn cost_of(meters: &[MeterSum], settings: &Settings) -> Result<Amount, UsageError> {
    let mut sum = Amount::ZERO;
    for used in meters {
        if let Some(price) = settings.prices.find(&used.meter) {
            sum = sum.plus(price.cost(used.quantity)?)?;
        }
    }
    Ok(sum)
}

impl MeterSpend {
    fn new(used: MeterSum, settings: &Settings) -> Result<Self, UsageError> {
        let price = settings.prices.find(&used.meter);
        let cost = price.map(|price| price.cost(used.quantity)).transpose()?;
        Ok(Self {
            meter: used.meter,
            quantity: used.quantity,
            price: price.map(|price| price.to_string()),
            cost: cost.map(|cost| cost.to_string()),
        })
    }
}

pub(crate) async fn usage_get_spend(service: Arc<UsageService>, context: Context) -> Result<Reply, ApiError> {
    let month = parsed::<Month>(&context, "month")?.unwrap_or_else(|| Day::of(context.now).month());
    let resource = resource_of(&context)?;
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let reading = Arc::clone(&service);
    let found: Vec<ResourceSpend> = service
        .store
        .read(move |tx| read_page(tx, &reading.settings, month, &resource, after.as_deref(), limit))
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.resource_id.clone());
    let settings = &service.settings;
    let reply = SpendReply {
        month: month.to_string(),
        currency: settings.currency.clone(),
        spend_limit: settings.spend_limit.map(|limit| limit.to_string()),
        spend_action: settings.spend_action,
        resources: context.page(found, next.as_ref()),
    };
    Ok(Reply::json(StatusCode::OK, &reply))
}

fn read_page(
    tx: &mut Tx<'_>,
    settings: &Settings,
    month: Month,
    resource: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<ResourceSpend>, UsageError> {
    let mut page = Vec::new();
    for (id, name) in usage::resources_of(tx, month, resource, after.unwrap_or_default(), limit)? {
        let meters = usage::meters_of(tx, id, month)?;
        let cost = cost_of(&meters, settings)?;
        let shown: Result<_, _> = meters.into_iter().map(|used| MeterSpend::new(used, settings)).collect();
        page.push(ResourceSpend {
            resource: name,
            resource_id: id.to_string(),
            cost: cost.to_string(),
            is_limit_reached: settings.spend_limit.is_some_and(|limit| cost >= limit),
            meters: shown?,
        });
    }
    Ok(page)
}
