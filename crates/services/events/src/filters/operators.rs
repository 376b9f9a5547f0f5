//! The operators of advanced filters.
//!
//! | the field holds | operators that ask for something | `…NotIn`, `NumberNotInRange` | other `StringNot…` |
//! |---|---|---|---|
//! | nothing, null, another kind, an object | no | yes | no |
//! | an array, arrays off | no | no | no |
//! | an array, arrays on | some element does | no element is | no element does |
//! | an array with an object or an array in it | no | no | no |

use serde_json::Value;

use super::fields::Found;
use crate::model::{Range, Test};

/// A test made ready: texts folded to small letters, once.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    kind: Kind,
    /// Whether nothing may be equal, instead of something.
    is_negated: bool,
    /// What holds when there is nothing to compare with.
    when_absent: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    NumberIn(Box<[f64]>),
    LessThan(f64),
    GreaterThan(f64),
    LessThanOrEquals(f64),
    GreaterThanOrEquals(f64),
    InRange(Box<[Range]>),
    BoolEquals(bool),
    TextIn(Box<[Box<str>]>),
    BeginsWith(Box<[Box<str>]>),
    EndsWith(Box<[Box<str>]>),
    Contains(Box<[Box<str>]>),
    Null,
}

impl Operator {
    pub(super) fn new(test: &Test) -> Self {
        let plain = |kind| Self { kind, is_negated: false, when_absent: false };
        let unlike = |kind| Self { kind, is_negated: true, when_absent: false };
        let none_of = |kind| Self { kind, is_negated: true, when_absent: true };
        match test {
            Test::NumberIn(numbers) => plain(Kind::NumberIn(numbers.as_slice().into())),
            Test::NumberNotIn(numbers) => none_of(Kind::NumberIn(numbers.as_slice().into())),
            Test::NumberLessThan(number) => plain(Kind::LessThan(*number)),
            Test::NumberGreaterThan(number) => plain(Kind::GreaterThan(*number)),
            Test::NumberLessThanOrEquals(number) => plain(Kind::LessThanOrEquals(*number)),
            Test::NumberGreaterThanOrEquals(number) => plain(Kind::GreaterThanOrEquals(*number)),
            Test::NumberInRange(ranges) => plain(Kind::InRange(ranges.as_slice().into())),
            Test::NumberNotInRange(ranges) => none_of(Kind::InRange(ranges.as_slice().into())),
            Test::BoolEquals(truth) => plain(Kind::BoolEquals(*truth)),
            Test::StringIn(texts) => plain(Kind::TextIn(folded(texts))),
            Test::StringNotIn(texts) => none_of(Kind::TextIn(folded(texts))),
            Test::StringBeginsWith(texts) => plain(Kind::BeginsWith(folded(texts))),
            Test::StringNotBeginsWith(texts) => unlike(Kind::BeginsWith(folded(texts))),
            Test::StringEndsWith(texts) => plain(Kind::EndsWith(folded(texts))),
            Test::StringNotEndsWith(texts) => unlike(Kind::EndsWith(folded(texts))),
            Test::StringContains(texts) => plain(Kind::Contains(folded(texts))),
            Test::StringNotContains(texts) => unlike(Kind::Contains(folded(texts))),
            Test::IsNullOrUndefined => plain(Kind::Null),
            Test::IsNotNull => unlike(Kind::Null),
        }
    }

    /// Whether the operator holds for what the field holds.
    pub(super) fn holds(&self, found: Found<'_>, looks_into_arrays: bool) -> bool {
        if matches!(self.kind, Kind::Null) {
            return (found == Found::Nothing) != self.is_negated;
        }
        match found {
            Found::Array(elements) => looks_into_arrays && self.holds_for_elements(elements),
            scalar => {
                self.kind.compare(scalar).map_or(self.when_absent, |is_equal| is_equal != self.is_negated)
            }
        }
    }

    fn holds_for_elements(&self, elements: &[Value]) -> bool {
        if elements.iter().any(|element| element.is_object() || element.is_array()) {
            return false;
        }
        let has_equal = elements.iter().any(|element| self.kind.compare(Found::of(element)) == Some(true));
        has_equal != self.is_negated
    }
}

impl Kind {
    /// Whether the value is what the operator names; `None` when it is of another kind.
    fn compare(&self, found: Found<'_>) -> Option<bool> {
        match found {
            Found::Number(value) => self.compare_number(value.as_f64()?),
            Found::Text(value) => self.compare_text(value),
            Found::Truth(value) => match self {
                Self::BoolEquals(wanted) => Some(*wanted == value),
                _ => None,
            },
            Found::Nothing | Found::Array(_) | Found::Object => None,
        }
    }

    fn compare_number(&self, value: f64) -> Option<bool> {
        match self {
            // Written down, not computed: what a client typed is the very double that the event holds.
            Self::NumberIn(numbers) => Some(numbers.contains(&value)),
            Self::LessThan(bound) => Some(value < *bound),
            Self::GreaterThan(bound) => Some(value > *bound),
            Self::LessThanOrEquals(bound) => Some(value <= *bound),
            Self::GreaterThanOrEquals(bound) => Some(value >= *bound),
            Self::InRange(ranges) => Some(ranges.iter().any(|[from, to]| *from <= value && value <= *to)),
            _ => None,
        }
    }

    fn compare_text(&self, value: &str) -> Option<bool> {
        let any =
            |texts: &[Box<str>], is_it: fn(&str, &str) -> bool| texts.iter().any(|text| is_it(value, text));
        match self {
            Self::TextIn(texts) => Some(any(texts, is_same)),
            Self::BeginsWith(texts) => Some(any(texts, begins_with)),
            Self::EndsWith(texts) => Some(any(texts, ends_with)),
            Self::Contains(texts) => {
                // Folded once, then searched in linear time: a value may be as long as an event.
                let value = fold(value);
                Some(texts.iter().any(|text| value.contains(&**text)))
            }
            _ => None,
        }
    }
}

fn folded(texts: &[String]) -> Box<[Box<str>]> {
    texts.iter().map(|text| fold(text).into_boxed_str()).collect()
}

/// The text in small letters, each character for itself: a final sigma is folded like any other.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether `value` is `folded`, ignoring case.
pub(super) fn is_same(value: &str, folded: &str) -> bool {
    if value.is_ascii() { value.eq_ignore_ascii_case(folded) } else { fold(value) == folded }
}

/// Whether `value` begins with `folded`, ignoring case.
pub(super) fn begins_with(value: &str, folded: &str) -> bool {
    if !value.is_ascii() {
        return fold(value).starts_with(folded);
    }
    let head = value.as_bytes().get(..folded.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(folded.as_bytes()))
}

/// Whether `value` ends with `folded`, ignoring case.
pub(super) fn ends_with(value: &str, folded: &str) -> bool {
    if !value.is_ascii() {
        return fold(value).ends_with(folded);
    }
    let tail = value.len().checked_sub(folded.len()).and_then(|start| value.as_bytes().get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(folded.as_bytes()))
}
