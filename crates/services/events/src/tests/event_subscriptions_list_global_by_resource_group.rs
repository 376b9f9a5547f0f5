//! `EventSubscriptions_ListGlobalByResourceGroup`.

const PATH: &str = "/resourceGroups/Main/providers/Microsoft.EventGrid/eventSubscriptions";

with_path!(PATH; they_are_listed, the_caller_sees_its_own_only, pages_follow_each_other, readers_may_look, wrong_places_are_refused, other_groups_are_left_out);
