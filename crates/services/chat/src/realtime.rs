//! Who is connected, and who is told what.
//!
//! | module | what |
//! |---|---|
//! | [`hub`], [`shard`], [`room`] | from a change to the connected clients, in order |
//! | [`connected`], [`endpoint`], [`window`] | a connected client: queue, requests on their way, acknowledgements |
//! | [`session`], [`polling`] | its socket, or its polls |
//! | [`ownership`], [`catch_up`], [`reading`] | a client that comes back, here or on another node |
//! | [`sweeper`], [`moving`] | what is due; the end of a node |
//! | [`revocation`], [`lost`] | tokens that end early; changes whose wake-up did not come |
//! | [`socketio`], [`tokens`] | the frames; what clients carry between requests |

mod catch_up;
mod connected;
mod endpoint;
mod hub;
mod lost;
mod moving;
mod ownership;
mod polling;
#[cfg(test)]
mod probe;
mod reading;
mod revocation;
mod room;
mod session;
mod shard;
pub(crate) mod socketio;
mod sweeper;
mod tokens;
mod window;

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::ResourceId;
use trunkline_store::Key;
use trunkline_tasks::Shutdown;

use crate::ChatService;
use crate::error::ChatError;
use crate::rows::endpoints;

#[cfg(test)]
pub(crate) use endpoint::{Closing, Endpoint, Frames};
pub(crate) use endpoint::{Identity, Transport};
pub(crate) use hub::{Hub, HubParts};
pub(crate) use polling::{PollRefused, PollSession};
pub(crate) use session::serve_socket;
pub(crate) use tokens::PARAMETERS_FOR;

/// How much longer than its missed changes a client is remembered.
const FORGET_AFTER: Duration = Duration::from_hours(1);
/// Clients forgotten in one transaction, with their positions.
const FORGET_AT_ONCE: u32 = 100;

impl ChatService {
    /// Tells connected clients what happens, until the end is asked for; then ends every connection and stores what
    /// they acknowledged.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) {
        self.tasks.spawn("chat-people", Arc::clone(&self).listen_people(shutdown.clone()));
        Arc::clone(&self.realtime).run(shutdown).await;
    }

    /// Lets polling clients acknowledge what they got, which takes two seconds at most. New ones are refused from now
    /// on. For the time before the listeners end.
    pub async fn settle_polls(&self) {
        self.realtime.settle_polls().await;
    }

    /// Asks every connected client to move to another node and waits until they have, at most `patience`. New ones
    /// are refused from now on. For the time between the end of the listeners and the end of the node.
    pub async fn move_clients(&self, patience: Duration) {
        self.realtime.move_clients(patience).await;
    }

    /// Ends those connections of a user on this node whose tokens are no longer good: some were revoked. Every node
    /// hears of that by itself.
    pub async fn check_user(&self, resource: ResourceId, raw_id: &str) {
        self.realtime.check_user(resource, raw_id).await;
    }

    /// Has the tokens of all connections on this node checked now: a key or a resource changed, or word of a revocation
    /// may have been lost.
    pub fn check_tokens(&self) {
        self.realtime.doubt_tokens();
    }

    /// Ends the connections of a user on every node, whatever their tokens: the user is gone.
    pub fn disconnect_user(&self, resource: ResourceId, raw_id: &str) {
        self.realtime.disconnect_user(resource, raw_id);
    }

    /// Ends the connections of every user of a resource on every node.
    pub fn disconnect_resource(&self, resource: ResourceId) {
        self.realtime.disconnect_resource(resource);
    }

    /// Deletes what is known of clients that will not come back: nothing they missed would be told any more.
    pub(crate) async fn forget_clients(&self) -> Result<(), ChatError> {
        let before = self.clock.now().minus(self.settings.resume_age + FORGET_AFTER);
        loop {
            let forgotten = self
                .store
                .write(Key::system("chat/clients"), move |tx| {
                    Ok::<_, ChatError>(endpoints::delete_unseen(tx, before, FORGET_AT_ONCE)?)
                })
                .await?;
            if forgotten < u64::from(FORGET_AT_ONCE) {
                return Ok(());
            }
        }
    }
}
