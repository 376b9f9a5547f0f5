//! Operators: list, create, delete.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_kernel::{ResourceName, Timestamp};
use trunkline_store::Key;
use trunkline_web::{ApiError, Context, Reply, Role};

use crate::directory::CHANGED_TOPIC;
use crate::error::ResourcesError;
use crate::rows::OperatorRow;
use crate::{Resources, operators, rows};

/// An operator.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operator {
    /// The name in the audit log.
    pub(crate) name: String,
    /// What the operator may do.
    pub(crate) role: Role,
    /// When it was created.
    pub(crate) created_on: Timestamp,
}

/// What an operator is made of.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NewOperator {
    /// 1 to 63 characters `a-z`, `0-9` and `-`.
    pub(crate) name: String,
    /// What the operator may do.
    pub(crate) role: Role,
}

/// A new operator with its token, which is shown only here.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperatorWithToken {
    #[serde(flatten)]
    operator: Operator,
    /// Send it as `Authorization: Bearer`.
    token: String,
}

impl From<OperatorRow> for Operator {
    fn from(row: OperatorRow) -> Self {
        Self { name: row.name, role: row.role, created_on: row.created_at }
    }
}

pub(crate) async fn operators_list(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let found: Vec<OperatorRow> = service
        .store
        .read(move |tx| rows::list_operators(tx, after.as_deref().unwrap_or_default(), limit))
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.name.clone());
    let page = context.page(found, next.as_ref()).map(Operator::from);
    Ok(Reply::json(StatusCode::OK, &page))
}

pub(crate) async fn operators_create(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let asked: NewOperator = context.json()?;
    let name: ResourceName = asked.name.parse().map_err(|_| {
        ApiError::invalid(
            "name",
            "An operator's name has 1 to 63 characters a-z, 0-9 and -, and neither begins nor ends with -.",
        )
    })?;
    if name.as_str() == "local" {
        return Err(ApiError::invalid(
            "name",
            "'local' is the operator at the socket in the data folder; choose another name.",
        ));
    }
    let token = operators::new_token(&*service.entropy);
    let hash = operators::hash(&token);
    let row = OperatorRow { name: name.to_string(), role: asked.role, created_at: context.now };
    let (context, inserted) = (Arc::new(context), row.clone());
    service
        .store
        .write(Key::system("resources/operators"), move |tx| -> Result<(), ResourcesError> {
            if !rows::insert_operator(tx, &inserted, &hash)? {
                return Err(ResourcesError::OperatorTaken(inserted.name.clone()));
            }
            context.audit(tx, &inserted.name, &json!({ "role": inserted.role }))?;
            Ok(tx.wake(CHANGED_TOPIC, "")?)
        })
        .await?;
    Ok(Reply::json(StatusCode::CREATED, &OperatorWithToken { operator: row.into(), token }))
}

pub(crate) async fn operators_delete(service: Arc<Resources>, context: Context) -> Result<Reply, ApiError> {
    let name = context.path("name").to_owned();
    service
        .store
        .write(Key::system("resources/operators"), move |tx| -> Result<(), ResourcesError> {
            if !rows::delete_operator(tx, &name)? {
                return Err(ResourcesError::OperatorNotFound(name.clone()));
            }
            context.audit(tx, &name, &json!({}))?;
            Ok(tx.wake(CHANGED_TOPIC, "")?)
        })
        .await?;
    service.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
