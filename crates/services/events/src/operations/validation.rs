//! The address at which somebody agrees to a subscription by hand, as data.

use trunkline_web::operation::QueryParameter;
use trunkline_web::{Allow, Method, Operation};

/// The code is the permission.
const ANYONE: &[Allow] = &[Allow::Anyone];

const PATH: &str = "/eventsubscriptions/{id}/validate";

const QUERY: &[QueryParameter] = &[QueryParameter {
    name: "id",
    kind: "string",
    description: "The code of the handshake, as the validation address has it.",
}];

/// `EventSubscriptionValidation_Confirm`.
pub static EVENT_SUBSCRIPTION_VALIDATION_CONFIRM: Operation = Operation {
    query: QUERY,
    summary: "Agrees to an event subscription whose endpoint did not answer the handshake itself.",
    ..Operation::own("EventSubscriptionValidation_Confirm", Method::Get, PATH, ANYONE)
};

/// `EventSubscriptionValidation_ConfirmByPost`.
pub static EVENT_SUBSCRIPTION_VALIDATION_CONFIRM_BY_POST: Operation = Operation {
    query: QUERY,
    summary: "The same by POST: the callback of CloudEvents' abuse protection.",
    ..Operation::own("EventSubscriptionValidation_ConfirmByPost", Method::Post, PATH, ANYONE)
};

/// Both.
pub static ALL: &[&Operation] =
    &[&EVENT_SUBSCRIPTION_VALIDATION_CONFIRM, &EVENT_SUBSCRIPTION_VALIDATION_CONFIRM_BY_POST];
