//! Finds the resource of a request, by host name or by name, without asking the database every time.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{Clock, ResourceId, ResourceName};
use trunkline_store::vault::Vault;
use trunkline_store::{Engine, Store};
use trunkline_web::cache::FreshCache;
use trunkline_web::ports::{FindResource, PortFuture};
use trunkline_web::principal::AccessKey;
use trunkline_web::{ApiError, KeySlot, ResourceView};

use crate::error::ResourcesError;
use crate::rows;

/// The topic on which nodes tell each other that a resource or key changed.
pub const CHANGED_TOPIC: &str = "resources.changed";

/// Resources kept in memory, at about 1 KiB each: 4 MiB however many there are. A server with more resources
/// in use at once does a read more for a request.
const CACHED_MAX: usize = 4096;

/// How long another node's change can go unseen when its wake-up is lost. Key changes must be seen within
/// a second.
const CACHE_AGE_MAX: Duration = Duration::from_millis(500);

/// What the names and addresses of resources look like.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Resources answer under `NAME.DOMAIN`.
    pub domain: String,
    /// The resource that answers under every other host; only in development.
    pub default_resource: Option<ResourceName>,
    /// The origin of the default resource and of the server itself, without a slash at the end.
    pub public_origin: String,
}

impl Naming {
    /// The public host name of a resource.
    pub fn host_name(&self, name: &ResourceName) -> String {
        if self.default_resource.as_ref() == Some(name) {
            let (_, authority) = self.split_origin();
            return trunkline_web::app::without_port(authority).to_owned();
        }
        format!("{name}.{}", self.domain)
    }

    /// The public origin of a resource: scheme and port of the server's, host name of its own.
    pub fn origin(&self, name: &ResourceName) -> String {
        if self.default_resource.as_ref() == Some(name) {
            return self.public_origin.clone();
        }
        let (scheme, authority) = self.split_origin();
        let port = &authority[trunkline_web::app::without_port(authority).len()..];
        format!("{scheme}://{}{port}", self.host_name(name))
    }

    fn split_origin(&self) -> (&str, &str) {
        self.public_origin.split_once("://").unwrap_or(("https", &self.public_origin))
    }

    /// The name a host stands for, if any resource may answer under it.
    fn name_of(&self, host: &str) -> Option<ResourceName> {
        let label = host.strip_suffix(&self.domain).and_then(|label| label.strip_suffix('.'));
        match label {
            Some(label) => label.parse().ok(),
            None => self.default_resource.clone(),
        }
    }
}

/// Finds resources.
pub struct Directory {
    store: Store,
    vault: Vault,
    naming: Naming,
    cache: FreshCache<ResourceName, Option<Arc<ResourceView>>>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Directory").finish_non_exhaustive()
    }
}

impl Directory {
    pub(crate) fn new(store: Store, vault: Vault, clock: Arc<dyn Clock>, naming: Naming) -> Self {
        // With SQLite this process makes every change, so nothing grows old unseen.
        let max_age = (store.engine() == Engine::Postgres).then_some(CACHE_AGE_MAX);
        Self { store, vault, naming, cache: FreshCache::new(CACHED_MAX, max_age, clock) }
    }

    /// What names and addresses look like.
    pub fn naming(&self) -> &Naming {
        &self.naming
    }

    /// Forgets what is cached: after a change on this node, and when [`CHANGED_TOPIC`] wakes.
    pub fn forget(&self) {
        self.cache.invalidate_all();
    }

    /// The resource of that name, if any.
    pub async fn find(&self, name: &ResourceName) -> Result<Option<Arc<ResourceView>>, ResourcesError> {
        self.cache.get_or_load(name, self.load(name.clone())).await
    }

    async fn load(&self, name: ResourceName) -> Result<Option<Arc<ResourceView>>, ResourcesError> {
        let (vault, origin) = (self.vault.clone(), self.naming.origin(&name));
        self.store
            .read(move |tx| -> Result<Option<Arc<ResourceView>>, ResourcesError> {
                let Some(row) = rows::find_resource(tx, name.as_str())? else { return Ok(None) };
                let mut keys = Vec::with_capacity(KeySlot::ALL.len());
                for slot in KeySlot::ALL {
                    let Some((sealed, generation)) = rows::find_key(tx, row.id, slot)? else {
                        return Ok(None);
                    };
                    let bytes = vault.open(&rows::key_purpose(row.id, slot), &sealed)?;
                    keys.push(AccessKey { bytes, generation });
                }
                let keys = <[AccessKey; 2]>::try_from(keys).expect("one key for each of the two slots");
                Ok(Some(Arc::new(ResourceView {
                    id: row.id,
                    name: name.clone(),
                    keys,
                    origin: origin.as_str().into(),
                    is_local_auth_disabled: row.is_local_auth_disabled,
                })))
            })
            .await
    }
}

impl FindResource for Directory {
    fn by_host<'a>(&'a self, host: &'a str) -> PortFuture<'a, Option<Arc<ResourceView>>> {
        Box::pin(async move {
            match self.naming.name_of(host) {
                Some(name) => self.find(&name).await.map_err(ApiError::from),
                None => Ok(None),
            }
        })
    }

    fn by_id(&self, id: ResourceId) -> PortFuture<'_, Option<Arc<ResourceView>>> {
        Box::pin(async move {
            let name = self.store.read(move |tx| rows::find_name(tx, id)).await.map_err(ApiError::from)?;
            match name.and_then(|name: String| name.parse().ok()) {
                Some(name) => self.find(&name).await.map_err(ApiError::from),
                None => Ok(None),
            }
        })
    }

    fn by_name<'a>(&'a self, name: &'a ResourceName) -> PortFuture<'a, Option<Arc<ResourceView>>> {
        Box::pin(async move { self.find(name).await.map_err(ApiError::from) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(default_resource: Option<&str>) -> Naming {
        Naming {
            domain: "comm.example".to_owned(),
            default_resource: default_resource.map(|name| name.parse().expect("a name")),
            public_origin: "https://api.comm.example:8443".to_owned(),
        }
    }

    #[test]
    fn a_host_names_its_resource() {
        let name_of = |host| naming(None).name_of(host).map(|name| name.to_string());
        assert_eq!(name_of("contoso.comm.example"), Some("contoso".to_owned()));
        assert_eq!(name_of("a.b.comm.example"), None);
        assert_eq!(name_of("comm.example"), None);
        assert_eq!(name_of("evilcomm.example"), None);
        assert_eq!(name_of("other.example"), None);
    }

    #[test]
    fn the_default_resource_answers_elsewhere_but_not_under_another_name() {
        let name_of = |host| naming(Some("dev")).name_of(host).map(|name| name.to_string());
        assert_eq!(name_of("localhost"), Some("dev".to_owned()));
        assert_eq!(name_of("127.0.0.1"), Some("dev".to_owned()));
        assert_eq!(name_of("contoso.comm.example"), Some("contoso".to_owned()));
        assert_eq!(name_of("not_a_name.comm.example"), None);
    }

    #[test]
    fn origins_keep_scheme_and_port() {
        let name = "contoso".parse().expect("a name");
        assert_eq!(naming(None).origin(&name), "https://contoso.comm.example:8443");
        assert_eq!(naming(Some("contoso")).origin(&name), "https://api.comm.example:8443");
        assert_eq!(naming(Some("contoso")).host_name(&name), "api.comm.example");
    }
}
