//! The control plane as ARM has it, for clients that point their endpoint here.
//!
//! A PUT or PATCH that needs the endpoint's consent answers 201 at once, with the address at which the handshake is
//! polled; every other change is done when it is answered.
//!
//! | module | what |
//! |---|---|
//! | `event_subscriptions` | subscriptions: look, create, change, delete |
//! | `attributes` | whole addresses and headers of subscriptions |
//! | `lists`, `name_filter` | lists of subscriptions |
//! | `system_topics` | system topics |
//! | `topic_types` | what can be subscribed to |
//! | `progress` | handshakes, polled |
//! | `place` | where a request points, and ARM's error codes |
//! | `types`, `wire` | what goes over the wire, and what it means |

mod attributes;
mod event_subscriptions;
mod lists;
mod name_filter;
mod place;
mod progress;
mod system_topics;
mod topic_types;
pub(crate) mod types;
mod wire;

use std::sync::Arc;

use trunkline_web::Routes;

use crate::EventsService;
use crate::operations::arm;

pub(crate) fn routes(service: &Arc<EventsService>) -> Routes {
    subscription_routes(service).join(list_routes(service)).join(topic_routes(service))
}

fn subscription_routes(service: &Arc<EventsService>) -> Routes {
    Routes::new()
        .add(&arm::EVENT_SUBSCRIPTIONS_GET, service, event_subscriptions::event_subscriptions_get)
        .add(
            &arm::EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE,
            service,
            event_subscriptions::event_subscriptions_create_or_update,
        )
        .add(&arm::EVENT_SUBSCRIPTIONS_UPDATE, service, event_subscriptions::event_subscriptions_update)
        .add(&arm::EVENT_SUBSCRIPTIONS_DELETE, service, event_subscriptions::event_subscriptions_delete)
        .add(&arm::EVENT_SUBSCRIPTIONS_GET_FULL_URL, service, attributes::event_subscriptions_get_full_url)
        .add(
            &arm::EVENT_SUBSCRIPTIONS_GET_DELIVERY_ATTRIBUTES,
            service,
            attributes::event_subscriptions_get_delivery_attributes,
        )
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET,
            service,
            event_subscriptions::system_topic_event_subscriptions_get,
        )
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_CREATE_OR_UPDATE,
            service,
            event_subscriptions::system_topic_event_subscriptions_create_or_update,
        )
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_UPDATE,
            service,
            event_subscriptions::system_topic_event_subscriptions_update,
        )
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_DELETE,
            service,
            event_subscriptions::system_topic_event_subscriptions_delete,
        )
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET_FULL_URL,
            service,
            attributes::system_topic_event_subscriptions_get_full_url,
        )
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_GET_DELIVERY_ATTRIBUTES,
            service,
            attributes::system_topic_event_subscriptions_get_delivery_attributes,
        )
}

fn list_routes(service: &Arc<EventsService>) -> Routes {
    Routes::new()
        .add(&arm::EVENT_SUBSCRIPTIONS_LIST_BY_RESOURCE, service, lists::event_subscriptions_list_by_resource)
        .add(
            &arm::SYSTEM_TOPIC_EVENT_SUBSCRIPTIONS_LIST_BY_SYSTEM_TOPIC,
            service,
            lists::system_topic_event_subscriptions_list_by_system_topic,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_SUBSCRIPTION,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_SUBSCRIPTION_FOR_TOPIC_TYPE,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_SUBSCRIPTION,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_SUBSCRIPTION_FOR_TOPIC_TYPE,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_RESOURCE_GROUP,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_GLOBAL_BY_RESOURCE_GROUP_FOR_TOPIC_TYPE,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_RESOURCE_GROUP,
            service,
            lists::event_subscriptions_list_of_many,
        )
        .add(
            &arm::EVENT_SUBSCRIPTIONS_LIST_REGIONAL_BY_RESOURCE_GROUP_FOR_TOPIC_TYPE,
            service,
            lists::event_subscriptions_list_of_many,
        )
}

fn topic_routes(service: &Arc<EventsService>) -> Routes {
    Routes::new()
        .add(&arm::SYSTEM_TOPICS_GET, service, system_topics::system_topics_get)
        .add(&arm::SYSTEM_TOPICS_CREATE_OR_UPDATE, service, system_topics::system_topics_create_or_update)
        .add(&arm::SYSTEM_TOPICS_UPDATE, service, system_topics::system_topics_update)
        .add(&arm::SYSTEM_TOPICS_DELETE, service, system_topics::system_topics_delete)
        .add(
            &arm::SYSTEM_TOPICS_LIST_BY_SUBSCRIPTION,
            service,
            system_topics::system_topics_list_by_subscription,
        )
        .add(
            &arm::SYSTEM_TOPICS_LIST_BY_RESOURCE_GROUP,
            service,
            system_topics::system_topics_list_by_resource_group,
        )
        .add(&arm::TOPIC_TYPES_LIST, service, topic_types::topic_types_list)
        .add(&arm::TOPIC_TYPES_GET, service, topic_types::topic_types_get)
        .add(&arm::TOPIC_TYPES_LIST_EVENT_TYPES, service, topic_types::topic_types_list_event_types)
        .add(&arm::OPERATIONS_LIST, service, topic_types::operations_list)
        .add(&arm::OPERATIONS_STATUS_GET, service, progress::operations_status_get)
}
