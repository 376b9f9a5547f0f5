//! Whether a principal exists and what it may do, without asking the database at every request.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::Clock;
use trunkline_store::{Engine, Store};
use trunkline_web::cache::FreshCache;
use trunkline_web::principal::Grants;
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::rows;

/// Principals kept in memory, at well under 1 KiB each unless one has very many roles.
const CACHED_MAX: usize = 10_000;

/// How long another node's change can go unseen when its wake-up is lost: a deleted principal's tokens must end
/// within a second.
const CACHE_AGE_MAX: Duration = Duration::from_millis(500);

/// The longest object id that is looked for; real ones are GUIDs, those of foreign issuers may be any text.
const OBJECT_ID_BYTES_MAX: usize = 256;

/// What is known of an object id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// What it is in this directory; `None` for nothing, such as an object of a foreign issuer.
    pub(crate) kind: Option<PrincipalKind>,
    /// The roles assigned to it.
    pub(crate) grants: Arc<Grants>,
}

/// A principal of this directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalKind {
    /// An application.
    Application {
        /// Its client id.
        client_id: Uuid,
    },
    /// A user.
    User {
        /// Whether it may sign in and use what it has.
        is_enabled: bool,
        /// Another number after each change of the password.
        generation: i64,
    },
}

/// Looks principals up.
pub(crate) struct Principals {
    store: Store,
    cache: FreshCache<String, Known>,
}

impl std::fmt::Debug for Principals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Principals").finish_non_exhaustive()
    }
}

impl Principals {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Arc<Self> {
        // With SQLite this process makes every change, so nothing grows old unseen.
        let max_age = (store.engine() == Engine::Postgres).then_some(CACHE_AGE_MAX);
        Arc::new(Self { store, cache: FreshCache::new(CACHED_MAX, max_age, clock) })
    }

    /// What is known of `object_id`, in any case of letters; nothing is no error.
    pub(crate) async fn find(&self, object_id: &str) -> Result<Known, DirectoryError> {
        if object_id.len() > OBJECT_ID_BYTES_MAX {
            return Ok(Known { kind: None, grants: Arc::default() });
        }
        let key = object_id.to_ascii_lowercase();
        let wanted = key.clone();
        let load = self.store.read(move |tx| -> Result<Known, DirectoryError> {
            let Ok(id) = Uuid::try_parse(&wanted) else {
                return Ok(Known { kind: None, grants: Arc::default() });
            };
            let application = rows::applications::find_by_object_id(tx, id)?;
            let kind = match application {
                Some(application) => Some(PrincipalKind::Application { client_id: application.client_id }),
                None => rows::users::find_by_object_id(tx, id)?.map(|user| PrincipalKind::User {
                    is_enabled: user.is_enabled,
                    generation: user.generation,
                }),
            };
            let grants = rows::role_assignments::list_grants(tx, &id.to_string())?;
            Ok(Known { kind, grants: Arc::new(Grants(grants)) })
        });
        self.cache.get_or_load(&key, load).await
    }

    /// Forgets what is cached, after a change.
    pub(crate) fn forget(&self) {
        self.cache.invalidate_all();
    }
}
