//! A filter made ready to be asked for every event.

use super::View;
use super::fields::Field;
use super::operators::{self, Operator};
use crate::model::{Filter, Schema};

/// Why a filter cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    /// The envelope has no such field.
    #[error("'{key}' is no field of an event; the fields are {known}")]
    Key {
        /// The key as written.
        key: String,
        /// The fields there are.
        known: &'static str,
    },
}

/// A compiled filter.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    /// Event types as the catalogue spells them; `None` means all.
    types: Option<Box<[Box<str>]>>,
    begins_with: Box<str>,
    ends_with: Box<str>,
    is_case_sensitive: bool,
    looks_into_arrays: bool,
    /// Conditions on the envelope first: they need no parsing.
    conditions: Box<[(Field, Operator)]>,
}

impl Matcher {
    /// Makes `filter` ready.
    ///
    /// **Errors**: a key that the envelope of `schema` does not have.
    pub(crate) fn compile(filter: &Filter, schema: Schema) -> Result<Self, FilterError> {
        let mut conditions = Vec::with_capacity(filter.advanced.len());
        for condition in &filter.advanced {
            let field = Field::parse(&condition.key, schema).ok_or_else(|| FilterError::Key {
                key: condition.key.clone(),
                known: Field::names(schema),
            })?;
            conditions.push((field, Operator::new(&condition.test)));
        }
        conditions.sort_by_key(|(field, _)| field.is_in_data());
        let shape = |text: &str| {
            let kept = if filter.is_subject_case_sensitive { text.to_owned() } else { operators::fold(text) };
            kept.into_boxed_str()
        };
        let types = filter.included_event_types.as_ref();
        Ok(Self {
            types: types.map(|types| types.iter().map(|name| canonical(name).into()).collect()),
            begins_with: shape(&filter.subject_begins_with),
            ends_with: shape(&filter.subject_ends_with),
            is_case_sensitive: filter.is_subject_case_sensitive,
            looks_into_arrays: filter.enable_advanced_filtering_on_arrays,
            conditions: conditions.into(),
        })
    }

    /// Whether the event is wanted.
    pub(crate) fn matches(&self, event: &View<'_>) -> bool {
        self.matches_type(event.event_type)
            && self.matches_subject(event.subject)
            && self
                .conditions
                .iter()
                .all(|(field, operator)| operator.holds(field.find(event), self.looks_into_arrays))
    }

    fn matches_type(&self, event_type: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|wanted| **wanted == *event_type))
    }

    fn matches_subject(&self, subject: &str) -> bool {
        if self.is_case_sensitive {
            return subject.starts_with(&*self.begins_with) && subject.ends_with(&*self.ends_with);
        }
        (self.begins_with.is_empty() || operators::begins_with(subject, &self.begins_with))
            && (self.ends_with.is_empty() || operators::ends_with(subject, &self.ends_with))
    }
}

/// The type as it is published; a name the catalogue does not know stays as it is and matches nothing.
fn canonical(name: &str) -> &str {
    trunkline_catalogue::find_with_aliases(name).map_or(name, |found| found.name)
}
