//! The control plane as ARM has it, for clients that point their endpoint here.
//!
//! One subscription and one tenant stand for the installation. A resource is there, with keys and host name,
//! when its creation is answered; the operation behind `Azure-AsyncOperation` has then succeeded already.
//!
//! | module | what |
//! |---|---|
//! | `services` | resources: look, create, change, delete |
//! | `keys` | access keys, notification hubs, free names |
//! | `groups` | resource groups |
//! | `group_deletion` | the durable job that empties a group |
//! | `progress` | long-running operations, polled |
//! | `plumbing` | tenants, subscriptions, providers |
//! | `place` | where a request points, and ARM's error codes |
//! | `types` | what goes over the wire |

mod group_deletion;
mod groups;
mod keys;
mod place;
mod plumbing;
mod progress;
mod services;
pub(crate) mod types;

use std::sync::Arc;

use trunkline_web::Routes;

use crate::Resources;
use crate::operations::{arm, resource_manager as manager};

pub use group_deletion::GROUP_DELETION_JOB;
pub(crate) use group_deletion::run as run_group_deletion;
pub use plumbing::EVENT_GRID_VERSIONS;
pub(crate) use services::resource_id;

pub(crate) fn routes(service: &Arc<Resources>) -> Routes {
    Routes::new()
        .add(&arm::OPERATIONS_LIST, service, plumbing::operations_list)
        .add(
            &arm::COMMUNICATION_SERVICES_CHECK_NAME_AVAILABILITY,
            service,
            keys::communication_services_check_name_availability,
        )
        .add(
            &arm::COMMUNICATION_SERVICES_LIST_BY_SUBSCRIPTION,
            service,
            services::communication_services_list_by_subscription,
        )
        .add(
            &arm::COMMUNICATION_SERVICES_LIST_BY_RESOURCE_GROUP,
            service,
            services::communication_services_list_by_resource_group,
        )
        .add(&arm::COMMUNICATION_SERVICES_GET, service, services::communication_services_get)
        .add(
            &arm::COMMUNICATION_SERVICES_CREATE_OR_UPDATE,
            service,
            services::communication_services_create_or_update,
        )
        .add(&arm::COMMUNICATION_SERVICES_UPDATE, service, services::communication_services_update)
        .add(&arm::COMMUNICATION_SERVICES_DELETE, service, services::communication_services_delete)
        .add(
            &arm::COMMUNICATION_SERVICES_LINK_NOTIFICATION_HUB,
            service,
            keys::communication_services_link_notification_hub,
        )
        .add(&arm::COMMUNICATION_SERVICES_LIST_KEYS, service, keys::communication_services_list_keys)
        .add(
            &arm::COMMUNICATION_SERVICES_REGENERATE_KEY,
            service,
            keys::communication_services_regenerate_key,
        )
        .join(manager_routes(service))
}

fn manager_routes(service: &Arc<Resources>) -> Routes {
    Routes::new()
        .add(&manager::TENANTS_LIST, service, plumbing::tenants_list)
        .add(&manager::SUBSCRIPTIONS_LIST, service, plumbing::subscriptions_list)
        .add(&manager::SUBSCRIPTIONS_GET, service, plumbing::subscriptions_get)
        .add(&manager::SUBSCRIPTIONS_LIST_LOCATIONS, service, plumbing::subscriptions_list_locations)
        .add(&manager::PROVIDERS_LIST, service, plumbing::providers_list)
        .add(&manager::PROVIDERS_GET, service, plumbing::providers_get)
        .add(&manager::PROVIDERS_REGISTER, service, plumbing::providers_register)
        .add(&manager::RESOURCE_GROUPS_LIST, service, groups::resource_groups_list)
        .add(&manager::RESOURCE_GROUPS_GET, service, groups::resource_groups_get)
        .add(&manager::RESOURCE_GROUPS_CHECK_EXISTENCE, service, groups::resource_groups_check_existence)
        .add(&manager::RESOURCE_GROUPS_CREATE_OR_UPDATE, service, groups::resource_groups_create_or_update)
        .add(&manager::RESOURCE_GROUPS_UPDATE, service, groups::resource_groups_update)
        .add(&manager::RESOURCE_GROUPS_DELETE, service, groups::resource_groups_delete)
        .add(&manager::OPERATION_STATUSES_GET, service, progress::operation_statuses_get)
        .add(&manager::OPERATION_RESULTS_GET, service, progress::operation_results_get)
        .add(
            &manager::OPERATION_RESULTS_GET_IN_SUBSCRIPTION,
            service,
            progress::operation_results_get_in_subscription,
        )
}
