//! `EventSubscriptions_ListByResource`.

use super::arm::Home;

at_home!(Home::Resource; list; they_are_listed_by_name, pages_follow_each_other, names_can_be_filtered, readers_may_look, wrong_places_are_refused);
