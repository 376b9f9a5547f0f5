//! Where the channel is, and the parameters to connect with.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::realtime::{Allocation, ConnectParameters, RealtimeConfiguration};
use trunkline_web::{ApiError, Context, Principal, Reply};

use super::{check_epid, check_open, check_parameters};
use crate::ChatService;
use crate::notify::DOWNSTREAM_PATH;
use crate::realtime::PARAMETERS_FOR;
use crate::rows::threads::milliseconds;

/// Seconds after which a client renews its connection.
const CONNECTION_FOR_S: u32 = 3600;

pub(crate) async fn realtime_get_configuration(
    _service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let origin = context.origin();
    let configuration = RealtimeConfiguration {
        trouter_service_url: format!("{origin}/trouter"),
        registrar_service_url: format!("{origin}/registrar"),
        cloud_type: "public".to_owned(),
    };
    Ok(Reply::json(StatusCode::OK, &configuration))
}

pub(crate) async fn realtime_allocate(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    check_open(&service)?;
    let Principal::User { raw_id, .. } = &context.principal else {
        return Err(ApiError::forbidden("Only a user can do this."));
    };
    let epid = check_epid(context.query("epid"), "epid")?;
    check_parameters(&service, &context, raw_id, epid)?;
    let resource = context.resource().id;
    let until_ms = milliseconds(context.now.plus(PARAMETERS_FOR));
    let origin = context.origin();
    let downstream = format!("{origin}{DOWNSTREAM_PATH}");
    let id = service.realtime.entropy.uuid().to_string();
    let allocation = Allocation {
        socketio: format!("{origin}/"),
        surl: downstream.clone(),
        url: downstream,
        curlb: origin.to_owned(),
        ttl: CONNECTION_FOR_S.to_string(),
        ccid: id.clone(),
        id,
        connectparams: ConnectParameters {
            sr: resource.to_string(),
            issuer: "trunkline".to_owned(),
            sp: "connect".to_owned(),
            se: until_ms.to_string(),
            st: milliseconds(context.now).to_string(),
            sig: service.realtime.tokens.sign_parameters(resource, raw_id, epid, until_ms),
        },
    };
    Ok(Reply::json(StatusCode::OK, &allocation))
}
