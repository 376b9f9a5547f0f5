//! What services ask about users: whether they exist, and whether their tokens are still good.

use std::sync::Arc;

use trunkline_identity::Identity;
use trunkline_kernel::ResourceId;
use trunkline_resources::Directory;
use trunkline_web::ApiError;
use trunkline_web::ports::{FindResource as _, PortFuture};

/// A user's raw id, generation, and the access key that the token was made with.
type Held = (Arc<str>, i64, Option<Arc<str>>);

/// The users of resources, as identity knows them, and the keys their tokens were made with.
#[derive(Clone)]
pub(crate) struct Users {
    pub(crate) identity: Arc<Identity>,
    pub(crate) resources: Arc<Directory>,
}

impl Users {
    async fn known_users(&self, resource: ResourceId, raw_ids: Vec<String>) -> Result<Vec<bool>, ApiError> {
        self.identity.known_users(resource, raw_ids).await.map_err(ApiError::from)
    }

    async fn good_tokens(&self, resource: ResourceId, tokens: Vec<Held>) -> Result<Vec<bool>, ApiError> {
        let Some(resource) = self.resources.by_id(resource).await? else {
            return Ok(vec![false; tokens.len()]);
        };
        self.identity.still_good(&resource, tokens).await.map_err(ApiError::from)
    }
}

impl trunkline_chat::FindUsers for Users {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(self.known_users(resource, raw_ids))
    }

    fn still_good(
        &self,
        resource: ResourceId,
        tokens: Vec<trunkline_chat::HeldToken>,
    ) -> PortFuture<'_, Vec<bool>> {
        let of = |token: trunkline_chat::HeldToken| (token.raw_id, token.generation, token.access_key);
        Box::pin(self.good_tokens(resource, tokens.into_iter().map(of).collect()))
    }
}

impl trunkline_calling::FindUsers for Users {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(self.known_users(resource, raw_ids))
    }

    fn still_good(
        &self,
        resource: ResourceId,
        tokens: Vec<trunkline_calling::HeldToken>,
    ) -> PortFuture<'_, Vec<bool>> {
        let of = |token: trunkline_calling::HeldToken| (token.raw_id, token.generation, token.access_key);
        Box::pin(self.good_tokens(resource, tokens.into_iter().map(of).collect()))
    }
}

impl trunkline_traversal::FindUsers for Users {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(self.known_users(resource, raw_ids))
    }
}
