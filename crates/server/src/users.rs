//! What services ask about users: whether they exist, and whether their tokens are still good.

use std::sync::Arc;

use trunkline_identity::Identity;
use trunkline_kernel::ResourceId;
use trunkline_resources::Directory;
use trunkline_web::ApiError;
use trunkline_web::ports::{FindResource as _, FindUsers, HeldToken, PortFuture};

/// The users of resources, as identity knows them, and the keys their tokens were made with.
pub(crate) struct Users {
    pub(crate) identity: Arc<Identity>,
    pub(crate) resources: Arc<Directory>,
}

impl FindUsers for Users {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(async move { self.identity.known_users(resource, raw_ids).await.map_err(ApiError::from) })
    }

    fn still_good(&self, resource: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(async move {
            let Some(resource) = self.resources.by_id(resource).await? else {
                return Ok(vec![false; tokens.len()]);
            };
            let of = |token: HeldToken| (token.raw_id, token.generation, token.access_key);
            let tokens = tokens.into_iter().map(of).collect();
            self.identity.still_good(&resource, tokens).await.map_err(ApiError::from)
        })
    }
}
