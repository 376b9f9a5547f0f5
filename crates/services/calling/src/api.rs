//! HTTP: one handler per operation.

mod calls;
mod connect;

use std::sync::Arc;

use trunkline_web::Routes;

use crate::CallingService;
use crate::operations as operation;

pub(crate) fn routes(service: &Arc<CallingService>) -> Routes {
    Routes::new()
        .add(&operation::CALLING_CONNECT, service, connect::calling_connect)
        .add(&operation::CALLS_LIST, service, calls::calls_list)
        .add(&operation::CALLS_GET, service, calls::calls_get)
}
