//! `SystemTopicEventSubscriptions_Get`.

use super::arm::Home;

at_home!(Home::SystemTopic; get; it_is_shown_without_its_secrets, letters_of_the_path_may_be_in_any_case, unknown_ones_are_not_found, readers_may_look, wrong_places_are_refused);
