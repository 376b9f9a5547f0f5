//! Keeps resources within the spend limit: asked by the pipeline before every operation with a meter.
//!
//! ```text
//! no limit, or no price for the meter ──> goes on
//! spent this month (at most a second old) below the limit ──> goes on
//! reached ──> event and log line, once ──> warn: goes on; stop: 403
//! ```

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tracing::{error, warn};
use trunkline_kernel::ResourceId;
use trunkline_store::{Key, NewEvent, StoreError, params};
use trunkline_web::ports::{GuardSpend, PortFuture};
use trunkline_web::usage::{self, Day, Month};
use trunkline_web::{ApiError, Operation};

use crate::api::spend::cost_of;
use crate::{Amount, LIMIT_REACHED, SpendAction, UsageError, UsageService};

/// Resources whose spending is kept in memory, at about 100 bytes each.
pub(crate) const CACHED_MAX: usize = 10_000;

/// How old the known spending may be: summing it costs a read, and what a resource spends beyond its limit
/// in a second is small beside a month's limit.
pub(crate) const CACHE_AGE_MAX: Duration = Duration::from_secs(1);

impl GuardSpend for UsageService {
    fn check(&self, resource: ResourceId, operation: &'static Operation) -> PortFuture<'_, ()> {
        Box::pin(async move {
            let price = operation.meter.and_then(|meter| self.settings.prices.find(meter));
            match (price, self.settings.spend_limit) {
                (Some(_), Some(limit)) => self.check_limit(resource, limit).await,
                _ => Ok(()),
            }
        })
    }
}

impl UsageService {
    async fn check_limit(&self, resource: ResourceId, limit: Amount) -> Result<(), ApiError> {
        let month = Day::of(self.clock.now()).month();
        let spent = self.spent.get_or_load(&(resource, month), self.load_spent(resource, month)).await?;
        if spent < limit || self.settings.spend_action == SpendAction::Warn {
            return Ok(());
        }
        let currency = &self.settings.currency;
        let message = format!(
            "The resource has spent {spent} {currency} in {month}, and its monthly limit is {limit} {currency}. Wait for the next month (UTC), or raise 'usage.spend_limit' or set 'usage.spend_action' to 'warn' in the server's configuration."
        );
        Err(ApiError::new(StatusCode::FORBIDDEN, "SpendLimitReached", message))
    }

    /// What the resource has spent in the month. Says that the limit is reached when it is.
    pub(crate) async fn load_spent(&self, resource: ResourceId, month: Month) -> Result<Amount, UsageError> {
        let meters = self
            .store
            .read(move |tx| -> Result<_, StoreError> { usage::meters_of(tx, resource, month) })
            .await?;
        let spent = cost_of(&meters, &self.settings)?;
        if let Some(limit) = self.settings.spend_limit.filter(|limit| spent >= *limit)
            // A warning that cannot be written is written a second later; requests do not wait for that.
            && let Err(cause) = self.say_once(resource, month, spent, limit).await
        {
            error!(%cause, resource.id = %resource, "that a spend limit is reached could not be noted");
        }
        Ok(spent)
    }

    async fn say_once(
        &self,
        resource: ResourceId,
        month: Month,
        spent: Amount,
        limit: Amount,
    ) -> Result<(), StoreError> {
        let is_said = self
            .store
            .read(move |tx| -> Result<bool, StoreError> {
                let row = tx.query_opt(
                    "SELECT 1 FROM usage_limits_reached
                     WHERE resource_id = ?1 AND month = ?2 AND limit_micros >= ?3",
                    params![resource, month.number(), limit.to_column()],
                )?;
                Ok(row.is_some())
            })
            .await?;
        if is_said {
            return Ok(());
        }
        let (now, settings) = (self.clock.now(), &self.settings);
        let payload = json!({
            "month": month.to_string(),
            "cost": spent.to_string(),
            "limit": limit.to_string(),
            "currency": settings.currency,
            "action": settings.spend_action,
        })
        .to_string();
        let is_first = self
            .store
            .write(Key::new(resource, "usage/limit"), move |tx| -> Result<bool, StoreError> {
                let written = tx.execute(
                    "INSERT INTO usage_limits_reached (resource_id, month, limit_micros, reached_at)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (resource_id, month) DO UPDATE
                     SET limit_micros = excluded.limit_micros, reached_at = excluded.reached_at
                     WHERE usage_limits_reached.limit_micros < excluded.limit_micros",
                    params![resource, month.number(), limit.to_column(), now],
                )?;
                if written == 1 {
                    let id = resource.to_string();
                    let event =
                        NewEvent { resource: &id, kind: LIMIT_REACHED, subject: &id, payload: &payload, now };
                    tx.emit(&event)?;
                }
                Ok(written == 1)
            })
            .await?;
        if is_first {
            let (month, spent, limit) = (month.to_string(), spent.to_string(), limit.to_string());
            let action = settings.spend_action;
            warn!(resource.id = %resource, month, spent, limit, ?action, "a resource reached its spend limit");
        }
        Ok(())
    }

    /// Looks at every resource with usage this month, and says which have reached the limit: the request
    /// that reached it may have been the last. Cheap enough for every minute.
    pub async fn check_all(&self) -> Result<(), UsageError> {
        if self.settings.spend_limit.is_none() {
            return Ok(());
        }
        let month = Day::of(self.clock.now()).month();
        let mut after = String::new();
        loop {
            let position = after.clone();
            let found = self
                .store
                .read(move |tx| -> Result<_, StoreError> {
                    usage::resources_of(tx, month, "", &position, RESOURCES_AT_ONCE)
                })
                .await?;
            for (resource, _) in &found {
                self.load_spent(*resource, month).await?;
            }
            match found.last() {
                Some((last, _)) if found.len() == RESOURCES_AT_ONCE as usize => after = last.to_string(),
                _ => return Ok(()),
            }
        }
    }
}

/// Resources read at once: a read stays short.
const RESOURCES_AT_ONCE: u32 = 100;
