//! The exchange of a Teams user's directory token by a service (`/teamsUser`).

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::identifier::{Cloud, Identifier};
use trunkline_store::Key;
use trunkline_web::principal::DirectoryUser;
use trunkline_web::{ApiError, Context, Reply};

use crate::Identity;
use crate::error::IdentityError;
use crate::exchange::{self, Door};

/// What is exchanged.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamsUserExchangeTokenRequest {
    /// The directory token of the Teams user.
    pub(crate) token: String,
    /// The application it was given to.
    pub(crate) app_id: String,
    /// The user's object id.
    pub(crate) user_id: String,
}

/// **Errors**: [`IdentityError::ExchangeRefused`] that says which claim does not fit.
fn check(asked: &TeamsUserExchangeTokenRequest, user: &DirectoryUser) -> Result<(), IdentityError> {
    Door::Teams.check(user)?;
    // The claims of our tokens are ASCII without these three: see `claims`.
    let is_plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_graphic() && !b">?~".contains(&byte));
    let refusal = if !user.client_id.eq_ignore_ascii_case(&asked.app_id) {
        "it was not given to the application in appId"
    } else if !user.object_id.eq_ignore_ascii_case(&asked.user_id) {
        "it does not belong to the user in userId"
    } else if !is_plain(&user.object_id) {
        "its user has an id that no identity can have"
    } else {
        return Ok(());
    };
    Err(IdentityError::ExchangeRefused(refusal))
}

pub(crate) async fn communication_identity_exchange_teams_user_access_token(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: TeamsUserExchangeTokenRequest = context.json()?;
    let verified = service.directory.verify_user(&asked.token).await?;
    let directory_user = verified.map_err(IdentityError::from)?;
    check(&asked, &directory_user)?;
    let identifier = Identifier::MicrosoftTeamsUser {
        user_id: exchange::key_of(&directory_user)?.object_id.to_ascii_lowercase(),
        is_anonymous: false,
        cloud: Cloud::Public,
    };
    let (resource, raw_id) = (Arc::clone(context.resource()), identifier.raw_id());
    let user = exchange::new_user(raw_id.clone(), &*service.entropy, context.now);
    let (context, id) = (Arc::new(context), resource.id);
    let counting = Arc::clone(&context);
    let generation = service
        .store
        .write(Key::new(id, &raw_id), move |tx| -> Result<i64, IdentityError> {
            let generation = exchange::find_or_create(tx, id, &user)?;
            counting.count_usage(tx, 1)?;
            Ok(generation)
        })
        .await?;
    service.tokens.forget(id, &raw_id);
    let token = exchange::grant(&service, &context, &resource, (&raw_id, generation), &directory_user);
    Ok(Reply::json(StatusCode::OK, &token))
}
