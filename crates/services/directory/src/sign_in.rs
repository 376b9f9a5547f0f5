//! A person signs in with a password: the lock after too many wrong ones, and no hint whether a name exists.

use std::time::Duration;

use trunkline_kernel::{Secret, Timestamp};
use trunkline_store::{Key, StoreError};
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::rows::{self, users::UserRow};
use crate::{CHANGED_TOPIC, DirectoryService};

/// Wrong passwords in a row after which the user is locked, as Entra's smart lockout has it.
const FAILURES_MAX: i64 = 10;

/// How long one more try has to wait then; every further wrong password locks anew.
pub(crate) const LOCK_TIME: Duration = Duration::from_mins(1);

/// A person who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// The object id.
    pub(crate) object_id: Uuid,
    /// The user name, in lower case.
    pub(crate) user_name: String,
    /// The name for people.
    pub(crate) display_name: String,
    /// Another number after each change of the password.
    pub(crate) generation: i64,
}

/// Why nobody signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// There is no such user or the password is another; which of both is not said.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// Too many wrong passwords in a row. A person is not told: only names that exist are ever locked.
    #[error("the user is locked")]
    Locked,
    /// The password is right and the user is switched off.
    #[error("the user is disabled")]
    Disabled,
    /// It could not be found out.
    #[error(transparent)]
    Failed(#[from] DirectoryError),
}

/// How a try begins.
enum Attempt {
    Unknown,
    Locked,
    Counted(UserRow),
}

impl DirectoryService {
    /// Signs a person in.
    ///
    /// **Errors**: [`SignInError`]; each wrong password counts towards the lock.
    pub(crate) async fn sign_in(
        &self,
        user_name: &str,
        password: Secret<String>,
    ) -> Result<SignedIn, SignInError> {
        let now = self.clock.now();
        let user = match self.begin_attempt(user_name.to_owned(), now).await? {
            Attempt::Counted(user) => user,
            // The time these take must not tell whether somebody has the name.
            Attempt::Locked => {
                self.passwords.verify(Secret::default(), password).await?;
                return Err(SignInError::Locked);
            }
            Attempt::Unknown => {
                self.passwords.verify(Secret::default(), password).await?;
                return Err(SignInError::Wrong);
            }
        };
        if !self.passwords.verify(user.password_hash.clone(), password.clone()).await? {
            return Err(SignInError::Wrong);
        }
        let renewed = if self.passwords.is_outdated(&user.password_hash) {
            Some(self.passwords.hash(password).await?)
        } else {
            None
        };
        self.end_attempt(&user, renewed).await?;
        if !user.is_enabled {
            return Err(SignInError::Disabled);
        }
        Ok(SignedIn {
            object_id: user.object_id,
            user_name: user.user_name,
            display_name: user.display_name,
            generation: user.generation,
        })
    }

    /// Counts the try as failed before it is known, so that tries at the same time cannot outrun the count.
    async fn begin_attempt(&self, user_name: String, now: Timestamp) -> Result<Attempt, DirectoryError> {
        self.store
            .write(changes_key(), move |tx| -> Result<Attempt, DirectoryError> {
                let Some(mut user) = rows::users::find_by_name(tx, &user_name)? else {
                    return Ok(Attempt::Unknown);
                };
                if let Some(until) = user.locked_until
                    && now < until
                {
                    return Ok(Attempt::Locked);
                }
                user.failures += 1;
                user.locked_until = (user.failures >= FAILURES_MAX).then(|| now.plus(LOCK_TIME));
                rows::users::update(tx, &user)?;
                Ok(Attempt::Counted(user))
            })
            .await
    }

    async fn end_attempt(&self, user: &UserRow, renewed: Option<Secret<String>>) -> Result<(), StoreError> {
        let (object_id, generation) = (user.object_id, user.generation);
        self.store
            .write(changes_key(), move |tx| -> Result<(), StoreError> {
                let found = rows::users::find_by_object_id(tx, object_id)?;
                // Another password since then is not overwritten.
                let Some(mut user) = found.filter(|user| user.generation == generation) else {
                    return Ok(());
                };
                user.failures = 0;
                user.locked_until = None;
                if let Some(hash) = &renewed {
                    user.password_hash = hash.clone();
                }
                rows::users::update(tx, &user)
            })
            .await
    }

    /// Tells every node that something in the directory changed; this one at once.
    pub(crate) fn forget(&self) {
        self.principals.forget();
    }
}

impl From<StoreError> for SignInError {
    fn from(cause: StoreError) -> Self {
        Self::Failed(cause.into())
    }
}

/// Notes the wake-up that tells every node to forget what it knows of principals.
pub(crate) fn wake(tx: &mut trunkline_store::Tx<'_>) -> Result<(), StoreError> {
    tx.wake(CHANGED_TOPIC, "")
}

/// Changes of the directory happen one after another: they are rare and short, and touch each other's rows.
pub(crate) fn changes_key() -> Key {
    Key::system("directory")
}
