//! What a filter may say.

use super::{RuleError, refuse};
use crate::filters::Matcher;
use crate::model::{AdvancedFilter, Filter, Schema, Test};

/// Advanced filters of one subscription; published.
const FILTERS_MAX: usize = 25;
/// Values of all of them; published.
const VALUES_MAX: usize = 25;
/// Characters of one value, and of a subject filter; published.
const TEXT_LENGTH_MAX: usize = 512;
/// Characters of a key: the longest path of the catalogue has far fewer.
const KEY_LENGTH_MAX: usize = 256;
/// The word that stands for every type, from the first versions of the API.
const ALL: &str = "All";

/// The filter as it is stored: types spelt as published, each once.
pub(super) fn check(mut filter: Filter, schema: Schema) -> Result<Filter, RuleError> {
    filter.included_event_types = match filter.included_event_types {
        Some(types) => check_types(&types)?,
        None => None,
    };
    for (target, text) in
        [("subjectBeginsWith", &filter.subject_begins_with), ("subjectEndsWith", &filter.subject_ends_with)]
    {
        if text.chars().count() > TEXT_LENGTH_MAX {
            return refuse(target, format!("{target} has at most {TEXT_LENGTH_MAX} characters"));
        }
    }
    check_advanced(&filter.advanced)?;
    match Matcher::compile(&filter, schema) {
        Ok(_) => Ok(filter),
        Err(failure) => refuse("advancedFilters", failure.to_string()),
    }
}

/// The types without repetition; `None` when every type is meant.
fn check_types(types: &[String]) -> Result<Option<Vec<String>>, RuleError> {
    let mut found: Vec<String> = Vec::new();
    for name in types {
        if name.eq_ignore_ascii_case(ALL) {
            return Ok(None);
        }
        let Some(known) = trunkline_catalogue::spelling(name) else {
            return refuse(
                "includedEventTypes",
                format!("'{name}' is no event type of {}", trunkline_catalogue::TOPIC_TYPE),
            );
        };
        if !found.iter().any(|seen| seen == known) {
            found.push(known.to_owned());
        }
    }
    Ok((!found.is_empty()).then_some(found))
}

fn check_advanced(filters: &[AdvancedFilter]) -> Result<(), RuleError> {
    if filters.len() > FILTERS_MAX {
        return refuse(
            TARGET,
            format!("there are at most {FILTERS_MAX} advanced filters, not {}", filters.len()),
        );
    }
    let value_count: usize = filters.iter().map(|filter| filter.test.value_count()).sum();
    if value_count > VALUES_MAX {
        return refuse(
            TARGET,
            format!("all advanced filters together have at most {VALUES_MAX} values, not {value_count}"),
        );
    }
    filters.iter().try_for_each(check_one)
}

const TARGET: &str = "advancedFilters";

fn check_one(filter: &AdvancedFilter) -> Result<(), RuleError> {
    let key = &filter.key;
    if key.is_empty() || key.chars().count() > KEY_LENGTH_MAX {
        return refuse(TARGET, format!("the key of an advanced filter has 1 to {KEY_LENGTH_MAX} characters"));
    }
    if key.contains(['\\', '"', '\'']) || key.chars().any(char::is_control) {
        return refuse(TARGET, "the key of an advanced filter has no escapes, quotes or control characters");
    }
    if filter.test.texts().iter().any(|text| text.chars().count() > TEXT_LENGTH_MAX) {
        return refuse(
            TARGET,
            format!("a value of the advanced filter on '{key}' has at most {TEXT_LENGTH_MAX} characters"),
        );
    }
    match &filter.test {
        Test::NumberInRange(ranges) | Test::NumberNotInRange(ranges)
            if ranges.iter().any(|[from, to]| from > to) =>
        {
            refuse(TARGET, format!("a range of the advanced filter on '{key}' ends before it begins"))
        }
        _ => Ok(()),
    }
}
