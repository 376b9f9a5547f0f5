//! `SystemTopicEventSubscriptions_GetDeliveryAttributes`.

use super::arm::Home;

at_home!(Home::SystemTopic; attributes; contributors_see_them_without_secret_values, unknown_ones_are_not_found, wrong_places_are_refused);
