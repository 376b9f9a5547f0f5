//! `SystemTopicEventSubscriptions_Update`.

use super::arm::Home;

at_home!(Home::SystemTopic; update; what_is_left_out_stays, what_is_named_is_replaced_as_a_whole, an_address_that_is_left_out_stays, another_address_waits_for_its_endpoint, unknown_ones_are_not_found, contributors_may_change_one, wrong_places_are_refused);

at_home!(Home::SystemTopic; proposals; bad_ones_cannot_be_patched_in);
