//! `SystemTopicEventSubscriptions_GetFullUrl`.

use super::arm::Home;

at_home!(Home::SystemTopic; full_url; contributors_see_it_with_its_query, unknown_ones_are_not_found, a_subject_of_nats_has_none, wrong_places_are_refused);
