//! The exchange of a Teams user's directory token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::identifier::{Cloud, Identifier};
use trunkline_store::Key;
use trunkline_web::{ApiError, Context, Reply};

use crate::api::identities::{CommunicationIdentityAccessToken, minting_key};
use crate::claims::Grant;
use crate::error::IdentityError;
use crate::rows::{self, UserRow};
use crate::scope::Scope;
use crate::{Identity, changes};

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

/// The longest lifetime of any user token, which signing keys are kept for.
const LIFETIME_MAX: Duration = Duration::from_hours(24);

/// What a Teams user's token allows.
const SCOPES: &[Scope] = &[Scope::Chat, Scope::Voip];

pub(crate) async fn communication_identity_exchange_teams_user_access_token(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: TeamsUserExchangeTokenRequest = context.json()?;
    let directory_user = service.exchange.verify(&asked.token, &asked.app_id, &asked.user_id).await?;
    let identifier = Identifier::MicrosoftTeamsUser {
        user_id: directory_user.object_id,
        is_anonymous: false,
        cloud: Cloud::Public,
    };
    let (resource, raw_id) = (Arc::clone(context.resource()), identifier.raw_id());
    let user = UserRow {
        raw_id: raw_id.clone(),
        generation: changes::new_generation(&*service.entropy),
        created_at: context.now,
        labels: BTreeMap::new(),
    };
    let id = resource.id;
    let generation = service
        .store
        .write(Key::new(id, &raw_id), move |tx| -> Result<i64, IdentityError> {
            // The first exchange makes the user, so that its tokens can be revoked like any other's.
            rows::insert_user(tx, id, &user)?;
            rows::find_generation(tx, id, &user.raw_id)?.ok_or(IdentityError::UserNotFound)
        })
        .await?;
    service.tokens.forget(id, &raw_id);
    // A longer one could outlive the key that signs it.
    let expires = directory_user.expires.min(context.now.plus(LIFETIME_MAX)).truncate_to_second();
    let grant = Grant {
        raw_id: &raw_id,
        generation,
        scopes: SCOPES,
        key: minting_key(&context.principal),
        issued: context.now,
        expires,
    };
    let token = service.tokens.issue(&resource, &grant);
    Ok(Reply::json(StatusCode::OK, &CommunicationIdentityAccessToken { token, expires_on: expires }))
}
