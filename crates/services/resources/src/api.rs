//! HTTP: wire types and one handler per operation.

pub(crate) mod operators;
pub(crate) mod resources;

use std::sync::Arc;

use trunkline_web::Routes;

use crate::{Resources, operations};

pub(crate) fn routes(service: &Arc<Resources>) -> Routes {
    Routes::new()
        .add(&operations::RESOURCES_LIST, service, resources::resources_list)
        .add(&operations::RESOURCES_CREATE, service, resources::resources_create)
        .add(&operations::RESOURCES_GET, service, resources::resources_get)
        .add(&operations::RESOURCES_DELETE, service, resources::resources_delete)
        .add(&operations::RESOURCES_LIST_KEYS, service, resources::resources_list_keys)
        .add(&operations::RESOURCES_REGENERATE_KEY, service, resources::resources_regenerate_key)
        .add(&operations::OPERATORS_LIST, service, operators::operators_list)
        .add(&operations::OPERATORS_CREATE, service, operators::operators_create)
        .add(&operations::OPERATORS_DELETE, service, operators::operators_delete)
}
