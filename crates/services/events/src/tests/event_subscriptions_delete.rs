//! `EventSubscriptions_Delete`.

use super::arm::Home;

at_home!(Home::Resource; delete; it_is_gone_at_once, its_name_is_free_again, none_is_no_error, contributors_may_delete_one, wrong_places_are_refused);
