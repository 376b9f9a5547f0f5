//! The exchanges a directory user makes with a token of its own, sent as the bearer token.
//!
//! Refused tokens are 401 like any other bearer token, so that SDKs give up at once; 403 is for a user who
//! has no assignment; 503 with `Retry-After`, which SDKs try again, for an issuer that cannot be reached.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::ResourceId;
use trunkline_kernel::identifier::Identifier;
use trunkline_store::{Key, Tx};
use trunkline_web::principal::DirectoryUser;
use trunkline_web::{ApiError, Context, Principal, Reply};

use crate::Identity;
use crate::api::assignments::{self, TeamsExtensionAssignmentResponse};
use crate::api::identities::{CommunicationIdentity, CommunicationIdentityAccessTokenResult};
use crate::error::IdentityError;
use crate::exchange::{self, Door};
use crate::rows::directory_users::{self, DirectoryKey};
use crate::rows::{self, UserRow};

/// The body of an exchange: an object without fields, or nothing.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TeamsExtensionExchangeTokenRequest {}

fn directory_user(context: &Context) -> Arc<DirectoryUser> {
    match &context.principal {
        Principal::DirectoryUser(user) => Arc::clone(user),
        other => unreachable!("the pipeline lets only directory users in, not {other:?}"),
    }
}

pub(crate) async fn entra_token_exchange(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let TeamsExtensionExchangeTokenRequest {} = context.json_or_default()?;
    let directory_user = directory_user(&context);
    Door::Clients.check(&directory_user)?;
    let key = exchange::key_of(&directory_user)?;
    let id = context.resource().id;
    let raw_id = Identifier::acs_user(id, service.entropy.uuid()).raw_id();
    let fresh = exchange::new_user(raw_id, &*service.entropy, context.now);
    // Two exchanges of one user at once wait for each other, and make one identity.
    let aggregate = format!("directory/{}/{}", key.tenant_id, key.object_id);
    let context = Arc::new(context);
    let counting = Arc::clone(&context);
    let user = service
        .store
        .write(Key::new(id, aggregate), move |tx| -> Result<(String, i64), IdentityError> {
            let user = identity_of(tx, id, &key, &fresh)?;
            counting.count_usage(tx, 1)?;
            Ok(user)
        })
        .await?;
    Ok(reply(&service, &context, user, &directory_user))
}

/// The identity of a directory user and its generation; `fresh` where it has none, or it was deleted.
fn identity_of(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    key: &DirectoryKey,
    fresh: &UserRow,
) -> Result<(String, i64), IdentityError> {
    if let Some(raw_id) = directory_users::find(tx, resource, key)?
        && let Some(generation) = rows::find_generation(tx, resource, &raw_id)?
    {
        return Ok((raw_id, generation));
    }
    rows::insert_user(tx, resource, fresh)?;
    directory_users::put(tx, resource, key, &fresh.raw_id)?;
    Ok((fresh.raw_id.clone(), fresh.generation))
}

pub(crate) async fn teams_extension_token_exchange(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let TeamsExtensionExchangeTokenRequest {} = context.json_or_default()?;
    let directory_user = directory_user(&context);
    Door::Teams.check(&directory_user)?;
    let key = exchange::key_of(&directory_user)?;
    let id = context.resource().id;
    let raw_id = assignments::raw_id_of(id, &key.tenant_id, &key.object_id);
    let user = exchange::new_user(raw_id.clone(), &*service.entropy, context.now);
    let client_id = directory_user.client_id.clone();
    let context = Arc::new(context);
    let counting = Arc::clone(&context);
    let generation = service
        .store
        .write(Key::new(id, &raw_id), move |tx| -> Result<i64, IdentityError> {
            let found = rows::assignments::find(tx, id, &key.tenant_id, &key.object_id)?;
            let assignment = TeamsExtensionAssignmentResponse::from(found.ok_or(IdentityError::NotAssigned)?);
            if !assignment.allows(&client_id) {
                return Err(IdentityError::NotAssigned);
            }
            let generation = exchange::find_or_create(tx, id, &user)?;
            counting.count_usage(tx, 1)?;
            Ok(generation)
        })
        .await?;
    Ok(reply(&service, &context, (raw_id, generation), &directory_user))
}

fn reply(
    service: &Identity,
    context: &Context,
    (raw_id, generation): (String, i64),
    directory_user: &DirectoryUser,
) -> Reply {
    let resource = context.resource();
    service.tokens.forget(resource.id, &raw_id);
    let token = exchange::grant(service, context, resource, (&raw_id, generation), directory_user);
    let result = CommunicationIdentityAccessTokenResult {
        identity: CommunicationIdentity { id: raw_id },
        access_token: Some(token),
    };
    Reply::json(StatusCode::OK, &result)
}
