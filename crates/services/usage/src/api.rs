//! HTTP: wire types and one handler per operation.

pub(crate) mod list;
pub(crate) mod spend;

use std::sync::Arc;

use trunkline_web::{ApiError, Context, Routes};

use crate::{UsageService, operations};

pub(crate) fn routes(service: &Arc<UsageService>) -> Routes {
    Routes::new().add(&operations::USAGE_LIST, service, list::usage_list).add(
        &operations::USAGE_GET_SPEND,
        service,
        spend::usage_get_spend,
    )
}

/// A query parameter that may be left out.
pub(crate) fn parsed<T>(context: &Context, name: &str) -> Result<Option<T>, ApiError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let Some(text) = context.query(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|cause| ApiError::invalid(name, format!("{name}: {cause}.")))
}

/// The resource whose usage is wanted, as its name or id in the form they are stored; empty for all.
pub(crate) fn resource_of(context: &Context) -> Result<String, ApiError> {
    let resource = context.query("resource").unwrap_or_default().to_ascii_lowercase();
    if resource.contains('\0') {
        return Err(ApiError::invalid("resource", "A resource's name has no character U+0000."));
    }
    Ok(resource)
}
