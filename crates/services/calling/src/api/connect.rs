//! The signalling socket.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use trunkline_kernel::ResourceId;
use trunkline_net::websocket::HandshakeError;
use trunkline_web::{ApiError, Context, Peer, Reply, ResourceView, sockets};

use crate::CallingService;
use crate::operations::RESOURCE;
use crate::signalling;

pub(crate) async fn calling_connect(
    service: Arc<CallingService>,
    mut context: Context,
) -> Result<Reply, ApiError> {
    if service.hub.is_leaving() {
        return Err(ApiError::unavailable("This node takes no new connections; try again."));
    }
    sockets::check_origin(&context)?;
    let address = match context.peer {
        Peer::Address(address) => Some(address),
        Peer::Local => None,
    };
    // Whoever upgrades is nobody yet, so their address has the limit.
    if !service.hub.take_socket(address) {
        return Err(ApiError::too_many_requests(1));
    }
    let resource = resource_of(&context).await?;
    let accepted = match sockets::accept(&context) {
        Ok(headers) => headers,
        Err(refused) => return Ok(sockets::refuse(refused)),
    };
    let Some(upgrade) = context.take_upgrade() else { return Ok(sockets::refuse(HandshakeError::NoUpgrade)) };
    let serving = Arc::clone(&service);
    service.parts.tasks.spawn_quiet(async move {
        // The client went away before it had its answer.
        let Ok(upgraded) = upgrade.await else { return };
        signalling::serve(serving, resource, address, TokioIo::new(upgraded)).await;
    });
    Ok(Reply::switching(accepted))
}

/// Whose calls it is about: the resource of the host, or the one that the query names, for whoever was sent here by
/// another node, whose host is the node's own. The token in the first message must be of that resource.
async fn resource_of(context: &Context) -> Result<Arc<ResourceView>, ApiError> {
    let Some(named) = context.query(RESOURCE.name) else {
        let resource = context.host_resource().map(Arc::clone);
        return resource.ok_or_else(|| ApiError::not_found("No resource answers under this host name."));
    };
    let id: ResourceId =
        named.parse().map_err(|_| ApiError::invalid(RESOURCE.name, "The id of a resource is a UUID."))?;
    context.find_resource(id).await?.ok_or_else(|| ApiError::not_found("There is no such resource."))
}
