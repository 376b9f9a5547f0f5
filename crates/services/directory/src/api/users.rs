//! Directory users: list, create, get, update, delete.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trunkline_kernel::{Entropy, Secret, Timestamp};
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use crate::DirectoryService;
use crate::error::DirectoryError;
use crate::passwords::{PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN};
use crate::rows::users::{self, UserRow};
use crate::sign_in::{changes_key, wake};

/// Users of one directory: far more than one installation has, few enough to page through.
pub(crate) const USERS_MAX: u64 = 100_000;

/// The longest user name, as in Entra.
const USER_NAME_CHARACTERS_MAX: usize = 113;
/// The longest name for people, as in Entra.
const DISPLAY_NAME_CHARACTERS_MAX: usize = 256;

/// A directory user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DirectoryUser {
    /// The immutable id; the `oid` of its tokens.
    object_id: Uuid,
    /// By which the user signs in, in lower case.
    user_name: String,
    /// The name for people.
    display_name: String,
    /// Whether the user may sign in, and use what it has.
    is_enabled: bool,
    /// When the user was created.
    created_on: Timestamp,
}

impl From<UserRow> for DirectoryUser {
    fn from(row: UserRow) -> Self {
        Self {
            object_id: row.object_id,
            user_name: row.user_name,
            display_name: row.display_name,
            is_enabled: row.is_enabled,
            created_on: row.created_at,
        }
    }
}

/// A new user; a generated password is shown only here.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DirectoryUserWithPassword {
    #[serde(flatten)]
    user: DirectoryUser,
    /// The password, when it was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// What a user is made of. No `Debug`: it may hold a password.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewDirectoryUser {
    /// 1 to 113 characters, such as `ada@contoso.example`; case does not matter.
    user_name: String,
    /// The name for people; the user name when left out.
    #[serde(default)]
    display_name: Option<String>,
    /// 8 to 256 characters; a good one is made when left out.
    #[serde(default)]
    password: Option<String>,
    /// The object id, to keep identities from before a move; a GUID.
    #[serde(default)]
    object_id: Option<Uuid>,
}

/// What of a user can be changed. No `Debug`: it may hold a password.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DirectoryUserPatch {
    /// Another name for people; `null` makes it the user name again.
    display_name: Option<String>,
    /// Another password; what the user signed in to ends, and the user is unlocked.
    password: Option<String>,
    /// Whether the user may sign in, and use what it has.
    is_enabled: Option<bool>,
}

/// Checks a user name and returns it in lower case.
///
/// **Errors**: 400.
pub(crate) fn check_user_name(user_name: &str) -> Result<String, ApiError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'.-_!#^~+@".contains(&byte);
    let is_shaped = !user_name.starts_with('@')
        && !user_name.ends_with('@')
        && user_name.bytes().filter(|byte| *byte == b'@').count() <= 1;
    let fits = (1..=USER_NAME_CHARACTERS_MAX).contains(&user_name.len());
    if !fits || !is_shaped || !user_name.bytes().all(is_allowed) || Uuid::try_parse(user_name).is_ok() {
        let message = format!(
            "A user name has 1 to {USER_NAME_CHARACTERS_MAX} characters of A-Z, a-z, 0-9 and '.-_!#^~+, at most one @ inside, and is no GUID."
        );
        return Err(ApiError::invalid("userName", message));
    }
    Ok(user_name.to_ascii_lowercase())
}

/// Checks a name for people.
///
/// **Errors**: 400.
pub(crate) fn check_display_name(display_name: &str) -> Result<(), ApiError> {
    let is_plain = !display_name.chars().any(char::is_control);
    if display_name.is_empty() || display_name.chars().count() > DISPLAY_NAME_CHARACTERS_MAX || !is_plain {
        let message = format!("A display name has 1 to {DISPLAY_NAME_CHARACTERS_MAX} characters.");
        return Err(ApiError::invalid("displayName", message));
    }
    Ok(())
}

/// Checks a given password.
///
/// **Errors**: 400, without the password.
pub(crate) fn check_password(password: &str) -> Result<Secret<String>, ApiError> {
    let length = password.chars().count();
    if !(PASSWORD_CHARACTERS_MIN..=PASSWORD_CHARACTERS_MAX).contains(&length) {
        let message =
            format!("A password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters.");
        return Err(ApiError::invalid("password", message));
    }
    Ok(Secret::new(password.to_owned()))
}

/// A number that was never a generation of this user before.
pub(crate) fn new_generation(entropy: &dyn Entropy) -> i64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    i64::from_be_bytes(bytes)
}

/// Inserts a new user.
///
/// **Errors**: when the name or the id is taken, also by an application, or there are too many.
pub(crate) fn insert(tx: &mut Tx<'_>, row: &UserRow) -> Result<(), DirectoryError> {
    if users::find_by_name(tx, &row.user_name)?.is_some() {
        return Err(DirectoryError::NameTaken(row.user_name.clone()));
    }
    if users::count(tx)? >= USERS_MAX {
        return Err(DirectoryError::TooMany { what: "directory users", max: USERS_MAX });
    }
    let named_alike = crate::rows::applications::find_named(tx, &row.object_id.to_string())?;
    if named_alike.is_some() || !users::insert(tx, row)? {
        return Err(DirectoryError::IdTaken(row.object_id.to_string()));
    }
    Ok(())
}

fn load_named(tx: &mut Tx<'_>, named: &str) -> Result<UserRow, DirectoryError> {
    users::find_named(tx, named)?.ok_or_else(|| DirectoryError::UserNotFound(named.to_owned()))
}

pub(crate) async fn directory_users_list(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let after: Option<String> = context.continuation()?;
    let found: Vec<UserRow> = service
        .store
        .read(move |tx| users::list(tx, after.as_deref().unwrap_or_default(), limit))
        .await
        .map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.user_name.clone());
    Ok(Reply::json(StatusCode::OK, &context.page(found, next.as_ref()).map(DirectoryUser::from)))
}

pub(crate) async fn directory_users_create(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let asked: NewDirectoryUser = context.json()?;
    let user_name = check_user_name(&asked.user_name)?;
    let display_name = asked.display_name.unwrap_or_else(|| user_name.clone());
    check_display_name(&display_name)?;
    let given = asked.password.as_deref().map(check_password).transpose()?;
    let generated = given.is_none().then(|| service.passwords.generate());
    let password = given.or_else(|| generated.clone()).expect("it is given or generated");
    let row = UserRow {
        object_id: asked.object_id.unwrap_or_else(|| service.entropy.uuid()),
        user_name,
        display_name,
        password_hash: service.passwords.hash(password).await?,
        is_enabled: true,
        failures: 0,
        locked_until: None,
        generation: new_generation(&*service.entropy),
        created_at: context.now,
    };
    let user = service
        .store
        .write(changes_key(), move |tx| -> Result<UserRow, DirectoryError> {
            insert(tx, &row)?;
            let detail = json!({ "userName": row.user_name, "displayName": row.display_name });
            context.audit(tx, &row.object_id.to_string(), &detail)?;
            wake(tx)?;
            Ok(row.clone())
        })
        .await?;
    service.forget();
    let password = generated.map(|password| password.expose().clone());
    Ok(Reply::json(StatusCode::CREATED, &DirectoryUserWithPassword { user: user.into(), password }))
}

pub(crate) async fn directory_users_get(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("user").to_owned();
    let user = service.store.read(move |tx| load_named(tx, &named)).await?;
    Ok(Reply::json(StatusCode::OK, &DirectoryUser::from(user)))
}

/// What a patch does to the name for people.
enum DisplayName {
    Keep,
    Set(String),
    UserName,
}

/// A patch, checked, with the password hashed.
struct Change {
    display_name: DisplayName,
    password_hash: Option<Secret<String>>,
    is_enabled: Option<bool>,
    generation: i64,
}

impl Change {
    async fn read(service: &DirectoryService, context: &Context) -> Result<Self, ApiError> {
        let patch = context.merge_patch()?;
        for name in ["password", "isEnabled"] {
            if patch.get(name).is_some_and(Value::is_null) {
                return Err(ApiError::invalid(name, format!("{name} cannot be removed.")));
            }
        }
        let is_named = patch.contains_key("displayName");
        let patch: DirectoryUserPatch = serde_json::from_value(Value::Object(patch))
            // The parser's text could quote the password.
            .map_err(|_| {
                ApiError::invalid(
                    "body",
                    "The patch has displayName and password, texts, and isEnabled, a boolean.",
                )
            })?;
        patch.display_name.as_deref().map(check_display_name).transpose()?;
        let password = patch.password.as_deref().map(check_password).transpose()?;
        let password_hash = match password {
            Some(password) => Some(service.passwords.hash(password).await?),
            None => None,
        };
        Ok(Self {
            display_name: match patch.display_name {
                Some(name) => DisplayName::Set(name),
                None if is_named => DisplayName::UserName,
                None => DisplayName::Keep,
            },
            password_hash,
            is_enabled: patch.is_enabled,
            generation: new_generation(&*service.entropy),
        })
    }

    fn apply(&self, tx: &mut Tx<'_>, user: &mut UserRow) -> Result<(), DirectoryError> {
        match &self.display_name {
            DisplayName::Keep => {}
            DisplayName::Set(name) => user.display_name.clone_from(name),
            DisplayName::UserName => user.display_name.clone_from(&user.user_name),
        }
        if let Some(hash) = &self.password_hash {
            set_password(user, hash, self.generation);
        }
        user.is_enabled = self.is_enabled.unwrap_or(user.is_enabled);
        if self.password_hash.is_some() || !user.is_enabled {
            users::end_sessions(tx, user.object_id)?;
        }
        Ok(users::update(tx, user)?)
    }
}

/// Gives a user another password, which also unlocks.
pub(crate) fn set_password(user: &mut UserRow, hash: &Secret<String>, generation: i64) {
    user.password_hash = hash.clone();
    user.generation = generation;
    user.failures = 0;
    user.locked_until = None;
}

pub(crate) async fn directory_users_update(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("user").to_owned();
    let change = Change::read(&service, &context).await?;
    let user = service
        .store
        .write(changes_key(), move |tx| -> Result<UserRow, DirectoryError> {
            let mut user = load_named(tx, &named)?;
            change.apply(tx, &mut user)?;
            let detail = json!({
                "userName": user.user_name,
                "displayName": user.display_name,
                "isEnabled": user.is_enabled,
                "isPasswordChanged": change.password_hash.is_some(),
            });
            context.audit(tx, &user.object_id.to_string(), &detail)?;
            wake(tx)?;
            Ok(user)
        })
        .await?;
    service.forget();
    Ok(Reply::json(StatusCode::OK, &DirectoryUser::from(user)))
}

pub(crate) async fn directory_users_delete(
    service: Arc<DirectoryService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let named = context.path("user").to_owned();
    service
        .store
        .write(changes_key(), move |tx| -> Result<(), DirectoryError> {
            let user = load_named(tx, &named)?;
            users::delete(tx, user.object_id)?;
            context.audit(tx, &user.object_id.to_string(), &json!({ "userName": user.user_name }))?;
            Ok(wake(tx)?)
        })
        .await?;
    service.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
