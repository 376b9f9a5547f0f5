//! The published operations on identities.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_kernel::identifier::Identifier;
use trunkline_store::Key;
use trunkline_web::{ApiError, Context, KeySlot, Principal, Reply, ResourceView};

use crate::claims::Grant;
use crate::error::IdentityError;
use crate::rows::{self, UserRow};
use crate::scope::Scope;
use crate::{Identity, changes};

/// Lifetimes a client may ask for, in minutes.
const LIFETIME_MINUTES: std::ops::RangeInclusive<i64> = 60..=1440;

/// An identity.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CommunicationIdentity {
    /// The raw id.
    pub(crate) id: String,
}

/// An access token.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationIdentityAccessToken {
    /// The token.
    pub(crate) token: String,
    /// When it ends.
    pub(crate) expires_on: Timestamp,
}

/// A new identity, with a token where one was asked for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationIdentityAccessTokenResult {
    /// The identity.
    pub(crate) identity: CommunicationIdentity,
    /// The token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access_token: Option<CommunicationIdentityAccessToken>,
}

/// What a new identity gets.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CommunicationIdentityCreateRequest {
    /// Scopes of a token to be issued at once; none without any.
    pub(crate) create_token_with_scopes: Option<Vec<Scope>>,
    /// The token's lifetime in minutes, 60 to 1440.
    #[schemars(range(min = 60, max = 1440))]
    pub(crate) expires_in_minutes: Option<i32>,
}

/// What a token is to allow.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommunicationIdentityAccessTokenRequest {
    /// The scopes.
    pub(crate) scopes: Vec<Scope>,
    /// The lifetime in minutes, 60 to 1440.
    #[serde(default)]
    #[schemars(range(min = 60, max = 1440))]
    pub(crate) expires_in_minutes: Option<i32>,
}

/// The lifetime asked for, or the configured one.
///
/// **Errors**: 400 outside of 60 to 1440 minutes.
pub(crate) fn lifetime(service: &Identity, minutes: Option<i32>) -> Result<Duration, ApiError> {
    let Some(minutes) = minutes else { return Ok(service.settings.lifetime_default) };
    let minutes = i64::from(minutes);
    if !LIFETIME_MINUTES.contains(&minutes) {
        let message = format!(
            "expiresInMinutes must be from {} to {}.",
            LIFETIME_MINUTES.start(),
            LIFETIME_MINUTES.end()
        );
        return Err(ApiError::invalid("expiresInMinutes", message));
    }
    Ok(Duration::from_mins(minutes.unsigned_abs()))
}

/// The scopes, each once, in the order they were asked for.
///
/// **Errors**: 400 when there is none.
pub(crate) fn distinct_scopes(target: &str, asked: &[Scope]) -> Result<Vec<Scope>, ApiError> {
    let mut scopes: Vec<Scope> = Vec::with_capacity(Scope::ALL.len());
    for scope in asked {
        if !scopes.contains(scope) {
            scopes.push(*scope);
        }
    }
    if scopes.is_empty() {
        return Err(ApiError::invalid(target, format!("{target} must name at least one scope.")));
    }
    Ok(scopes)
}

/// Which access key mints a token for this caller.
pub(crate) fn minting_key(principal: &Principal) -> Option<KeySlot> {
    match principal {
        Principal::ResourceKey { slot } => Some(*slot),
        _ => None,
    }
}

/// What is left to know about a token once its user is known.
pub(crate) struct TokenWish {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) lifetime: Duration,
}

impl TokenWish {
    /// Issues the token.
    pub(crate) fn grant(
        &self,
        service: &Identity,
        context: &Context,
        resource: &ResourceView,
        raw_id: &str,
        generation: i64,
    ) -> CommunicationIdentityAccessToken {
        // A token's times are whole seconds; what the client reads is what the token says.
        let expires = context.now.plus(self.lifetime).truncate_to_second();
        let grant = Grant {
            raw_id,
            generation,
            scopes: &self.scopes,
            key: minting_key(&context.principal),
            issued: context.now,
            expires,
        };
        let token = service.tokens.issue(resource, &grant);
        CommunicationIdentityAccessToken { token, expires_on: expires }
    }
}

pub(crate) async fn communication_identity_create(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: CommunicationIdentityCreateRequest = context.json_or_default()?;
    let wish = match asked.create_token_with_scopes.as_deref() {
        None | Some([]) => None,
        Some(scopes) => Some(TokenWish {
            scopes: distinct_scopes("createTokenWithScopes", scopes)?,
            lifetime: lifetime(&service, asked.expires_in_minutes)?,
        }),
    };
    let resource = Arc::clone(context.resource());
    let raw_id = Identifier::acs_user(resource.id, service.entropy.uuid()).raw_id();
    let user = UserRow {
        generation: changes::new_generation(&*service.entropy),
        created_at: context.now,
        labels: BTreeMap::new(),
        raw_id,
    };
    let (repeatability, id) = (context.repeatability()?, resource.id);
    let context = Arc::new(context);
    let counting = Arc::clone(&context);
    let key = match &repeatability {
        Some(repeatability) => repeatability.store_key(),
        None => Key::new(id, &user.raw_id),
    };
    let (raw_id, generation) = service
        .store
        .write(key, move |tx| -> Result<(String, i64), IdentityError> {
            if let Some(repeatability) = &repeatability
                && let Some(raw_id) = repeatability.find(tx)?
            {
                let generation =
                    rows::find_generation(tx, id, &raw_id)?.ok_or(IdentityError::UserNotFound)?;
                return Ok((raw_id, generation));
            }
            changes::create(tx, id, &user)?;
            if let Some(repeatability) = &repeatability {
                repeatability.record(tx, &user.raw_id)?;
            }
            counting.count_usage(tx, 1)?;
            Ok((user.raw_id.clone(), user.generation))
        })
        .await?;
    service.tokens.forget(id, &raw_id);
    let access_token = wish.map(|wish| wish.grant(&service, &context, &resource, &raw_id, generation));
    let reply = CommunicationIdentityAccessTokenResult {
        identity: CommunicationIdentity { id: raw_id },
        access_token,
    };
    Ok(Reply::json(StatusCode::CREATED, &reply))
}

pub(crate) async fn communication_identity_delete(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let (resource, raw_id, now) = (context.resource().id, context.path("id").to_owned(), context.now);
    let written = raw_id.clone();
    service
        .store
        .write(Key::new(resource, &raw_id), move |tx| changes::delete(tx, resource, &written, now))
        .await?;
    service.tokens.forget(resource, &raw_id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn communication_identity_revoke_access_tokens(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let (resource, raw_id, now) = (context.resource().id, context.path("id").to_owned(), context.now);
    let (written, generation) = (raw_id.clone(), changes::new_generation(&*service.entropy));
    service
        .store
        .write(Key::new(resource, &raw_id), move |tx| {
            changes::revoke(tx, resource, &written, generation, now)
        })
        .await?;
    service.tokens.forget(resource, &raw_id);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn communication_identity_issue_access_token(
    service: Arc<Identity>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = Arc::clone(context.resource());
    issue_token(&service, &context, &resource).await
}

/// Issues a token for the user in the path: for the published operation and for operators.
pub(crate) async fn issue_token(
    service: &Identity,
    context: &Context,
    resource: &ResourceView,
) -> Result<Reply, ApiError> {
    let asked: CommunicationIdentityAccessTokenRequest = context.json()?;
    let wish = TokenWish {
        scopes: distinct_scopes("scopes", &asked.scopes)?,
        lifetime: lifetime(service, asked.expires_in_minutes)?,
    };
    let raw_id = context.path("id");
    let generation = service.tokens.current_generation(resource.id, raw_id).await?;
    let generation = generation.ok_or(IdentityError::UserNotFound)?;
    Ok(Reply::json(StatusCode::OK, &wish.grant(service, context, resource, raw_id, generation)))
}
