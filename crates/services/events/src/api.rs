//! HTTP: wire types and one handler per operation of our own.

pub(crate) mod dead_letters;
pub(crate) mod deliveries;
pub(crate) mod event_types;
pub(crate) mod history;
pub(crate) mod listen;
pub(crate) mod replay;
pub(crate) mod send_test;
pub(crate) mod subscriptions;
pub(crate) mod validation;

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::Timestamp;
use trunkline_web::{ApiError, Context, Routes};

use crate::operations::validation as confirm;
use crate::{EventsService, operations};

pub(crate) fn routes(service: &Arc<EventsService>) -> Routes {
    Routes::new()
        .add(
            &operations::RESOURCE_EVENT_SUBSCRIPTIONS_LIST,
            service,
            subscriptions::resource_event_subscriptions_list,
        )
        .add(
            &operations::RESOURCE_EVENT_SUBSCRIPTIONS_GET,
            service,
            subscriptions::resource_event_subscriptions_get,
        )
        .add(
            &operations::RESOURCE_EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE,
            service,
            subscriptions::resource_event_subscriptions_create_or_update,
        )
        .add(
            &operations::RESOURCE_EVENT_SUBSCRIPTIONS_DELETE,
            service,
            subscriptions::resource_event_subscriptions_delete,
        )
        .add(
            &operations::RESOURCE_EVENT_SUBSCRIPTIONS_REVEAL,
            service,
            subscriptions::resource_event_subscriptions_reveal,
        )
        .add(
            &operations::RESOURCE_EVENT_SUBSCRIPTIONS_REPLAY,
            service,
            replay::resource_event_subscriptions_replay,
        )
        .add(&operations::DELIVERIES_LIST, service, deliveries::deliveries_list)
        .add(&operations::EVENTS_LIST, service, history::events_list)
        .add(&operations::EVENTS_LISTEN, service, listen::events_listen)
        .add(&operations::EVENTS_SEND_TEST, service, send_test::events_send_test)
        .add(&operations::EVENT_TYPES_LIST, service, event_types::event_types_list)
        .add(&operations::EVENT_TYPES_GET, service, event_types::event_types_get)
        .add(&operations::DEAD_LETTERS_LIST, service, dead_letters::dead_letters_list)
        .add(&operations::DEAD_LETTERS_GET, service, dead_letters::dead_letters_get)
        .add(
            &confirm::EVENT_SUBSCRIPTION_VALIDATION_CONFIRM,
            service,
            validation::event_subscription_validation_confirm,
        )
        .add(
            &confirm::EVENT_SUBSCRIPTION_VALIDATION_CONFIRM_BY_POST,
            service,
            validation::event_subscription_validation_confirm,
        )
}

/// Reads a time, or how long before `now`: `90s`, `10m`, `2h`, `1d`.
fn parse_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        return Some(time);
    }
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let count: u32 = count.parse().ok()?;
    Some(now.minus(Duration::from_secs(u64::from(count) * unit_s)))
}

/// A time from the body or the query.
fn time_of(text: &str, target: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    parse_time(text, now).ok_or_else(|| {
        let message = format!(
            "{target} is a time such as 2026-11-21T12:00:00Z, or how long ago such as 90s, 10m, 2h or 1d."
        );
        ApiError::invalid(target, message)
    })
}

/// A time in the query; `None` when it was left out.
fn time_in_query(context: &Context, name: &str) -> Result<Option<Timestamp>, ApiError> {
    context.query(name).map(|text| time_of(text, name, context.now)).transpose()
}

/// A whole number in the query; `None` when it was left out.
fn number_in_query(context: &Context, name: &str) -> Result<Option<u64>, ApiError> {
    let parse = |text: &str| {
        // Sequences and ids are signed where they are stored.
        let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
        number.ok_or_else(|| ApiError::invalid(name, format!("{name} is a whole number.")))
    };
    context.query(name).map(parse).transpose()
}

/// The types in the query as they are published; empty means all.
fn types_in_query(context: &Context) -> Result<Vec<&'static str>, ApiError> {
    let named = context.query_pairs().iter().filter(|(name, _)| name == "type");
    named.map(|(_, name)| known_type(name).map(|known| known.name)).collect()
}

/// The event type of that name.
fn known_type(name: &str) -> Result<&'static trunkline_catalogue::EventType, ApiError> {
    trunkline_catalogue::find(name).ok_or_else(|| {
        let message = format!("There is no event type '{name}'; see trunkline events types.");
        ApiError::invalid("type", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_ages() {
        let now = Timestamp::from_seconds(1_000_000);
        let check = |text: &str| parse_time(text, now).map(Timestamp::as_seconds);
        assert_eq!(check("1970-01-02T00:00:00Z"), Some(86_400));
        assert_eq!(check("90s"), Some(999_910));
        assert_eq!(check("10m"), Some(999_400));
        assert_eq!(check("2h"), Some(992_800));
        assert_eq!(check("1d"), Some(913_600));
        for wrong in ["", "s", "5", "-1h", "1w", "1.5h", "tomorrow", "1é", "99999999999d"] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }
}
