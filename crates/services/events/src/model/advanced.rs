//! One condition on a field of an event, in memory and as Azure writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A condition on one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "FilterDocument", into = "FilterDocument")]
#[schemars(with = "FilterDocument")]
pub struct AdvancedFilter {
    /// The field, such as `Subject` or `data.from`.
    pub key: String,
    /// What its value must be.
    pub test: Test,
}

/// Numbers from the first to the second, both included.
pub type Range = [f64; 2];

/// What the value of a field must be. All comparisons of texts ignore case.
///
/// **Units**: numbers are exact up to fifteen digits, as JSON is read here.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// One of these numbers.
    NumberIn(Vec<f64>),
    /// None of these numbers.
    NumberNotIn(Vec<f64>),
    /// Less.
    NumberLessThan(f64),
    /// Greater.
    NumberGreaterThan(f64),
    /// Less or the same.
    NumberLessThanOrEquals(f64),
    /// Greater or the same.
    NumberGreaterThanOrEquals(f64),
    /// In one of these ranges.
    NumberInRange(Vec<Range>),
    /// In none of these ranges.
    NumberNotInRange(Vec<Range>),
    /// This truth value.
    BoolEquals(bool),
    /// One of these texts.
    StringIn(Vec<String>),
    /// None of these texts.
    StringNotIn(Vec<String>),
    /// Begins with one of these.
    StringBeginsWith(Vec<String>),
    /// Begins with none of these.
    StringNotBeginsWith(Vec<String>),
    /// Ends with one of these.
    StringEndsWith(Vec<String>),
    /// Ends with none of these.
    StringNotEndsWith(Vec<String>),
    /// Contains one of these.
    StringContains(Vec<String>),
    /// Contains none of these.
    StringNotContains(Vec<String>),
    /// Absent or null.
    IsNullOrUndefined,
    /// Present and not null.
    IsNotNull,
}

/// The names of all operators, as Azure writes them.
pub const OPERATORS: [&str; 19] = [
    "NumberIn",
    "NumberNotIn",
    "NumberLessThan",
    "NumberGreaterThan",
    "NumberLessThanOrEquals",
    "NumberGreaterThanOrEquals",
    "NumberInRange",
    "NumberNotInRange",
    "BoolEquals",
    "StringIn",
    "StringNotIn",
    "StringBeginsWith",
    "StringNotBeginsWith",
    "StringEndsWith",
    "StringNotEndsWith",
    "StringContains",
    "StringNotContains",
    "IsNullOrUndefined",
    "IsNotNull",
];

/// A condition as it is written in JSON: `value` for one, `values` for several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilterDocument {
    /// One of [`OPERATORS`].
    pub operator_type: String,
    /// The field.
    #[serde(default)]
    pub key: String,
    /// The value of an operator that takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The values of an operator that takes several; ranges are arrays of two numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
}

/// Why a document is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFilter {
    /// An operator of another name.
    #[error("'{0}' is no operator of an advanced filter")]
    Operator(String),
    /// The value is missing or of another kind.
    #[error("the advanced filter {operator} on '{key}' needs {needs}")]
    Value {
        /// The operator.
        operator: String,
        /// The field.
        key: String,
        /// What it needs, such as `a number as value`.
        needs: &'static str,
    },
}

impl Test {
    /// The operator's name, one of [`OPERATORS`].
    pub const fn operator(&self) -> &'static str {
        match self {
            Self::NumberIn(_) => "NumberIn",
            Self::NumberNotIn(_) => "NumberNotIn",
            Self::NumberLessThan(_) => "NumberLessThan",
            Self::NumberGreaterThan(_) => "NumberGreaterThan",
            Self::NumberLessThanOrEquals(_) => "NumberLessThanOrEquals",
            Self::NumberGreaterThanOrEquals(_) => "NumberGreaterThanOrEquals",
            Self::NumberInRange(_) => "NumberInRange",
            Self::NumberNotInRange(_) => "NumberNotInRange",
            Self::BoolEquals(_) => "BoolEquals",
            Self::StringIn(_) => "StringIn",
            Self::StringNotIn(_) => "StringNotIn",
            Self::StringBeginsWith(_) => "StringBeginsWith",
            Self::StringNotBeginsWith(_) => "StringNotBeginsWith",
            Self::StringEndsWith(_) => "StringEndsWith",
            Self::StringNotEndsWith(_) => "StringNotEndsWith",
            Self::StringContains(_) => "StringContains",
            Self::StringNotContains(_) => "StringNotContains",
            Self::IsNullOrUndefined => "IsNullOrUndefined",
            Self::IsNotNull => "IsNotNull",
        }
    }

    /// How many values it compares with; an operator without any counts as none.
    pub fn value_count(&self) -> usize {
        match self {
            Self::NumberIn(values) | Self::NumberNotIn(values) => values.len(),
            Self::NumberInRange(ranges) | Self::NumberNotInRange(ranges) => ranges.len(),
            Self::IsNullOrUndefined | Self::IsNotNull => 0,
            Self::NumberLessThan(_)
            | Self::NumberGreaterThan(_)
            | Self::NumberLessThanOrEquals(_)
            | Self::NumberGreaterThanOrEquals(_)
            | Self::BoolEquals(_) => 1,
            _ => self.texts().len(),
        }
    }

    /// The texts it compares with; empty for other operators.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::StringIn(texts)
            | Self::StringNotIn(texts)
            | Self::StringBeginsWith(texts)
            | Self::StringNotBeginsWith(texts)
            | Self::StringEndsWith(texts)
            | Self::StringNotEndsWith(texts)
            | Self::StringContains(texts)
            | Self::StringNotContains(texts) => texts,
            _ => &[],
        }
    }
}

impl TryFrom<FilterDocument> for AdvancedFilter {
    type Error = UnknownFilter;

    fn try_from(document: FilterDocument) -> Result<Self, UnknownFilter> {
        let values = Values(&document);
        let test = match document.operator_type.as_str() {
            "NumberIn" => Test::NumberIn(values.numbers()?),
            "NumberNotIn" => Test::NumberNotIn(values.numbers()?),
            "NumberLessThan" => Test::NumberLessThan(values.number()?),
            "NumberGreaterThan" => Test::NumberGreaterThan(values.number()?),
            "NumberLessThanOrEquals" => Test::NumberLessThanOrEquals(values.number()?),
            "NumberGreaterThanOrEquals" => Test::NumberGreaterThanOrEquals(values.number()?),
            "NumberInRange" => Test::NumberInRange(values.ranges()?),
            "NumberNotInRange" => Test::NumberNotInRange(values.ranges()?),
            "BoolEquals" => Test::BoolEquals(values.truth()?),
            "StringIn" => Test::StringIn(values.texts()?),
            "StringNotIn" => Test::StringNotIn(values.texts()?),
            "StringBeginsWith" => Test::StringBeginsWith(values.texts()?),
            "StringNotBeginsWith" => Test::StringNotBeginsWith(values.texts()?),
            "StringEndsWith" => Test::StringEndsWith(values.texts()?),
            "StringNotEndsWith" => Test::StringNotEndsWith(values.texts()?),
            "StringContains" => Test::StringContains(values.texts()?),
            "StringNotContains" => Test::StringNotContains(values.texts()?),
            "IsNullOrUndefined" => Test::IsNullOrUndefined,
            "IsNotNull" => Test::IsNotNull,
            other => return Err(UnknownFilter::Operator(other.to_owned())),
        };
        Ok(Self { key: document.key, test })
    }
}

impl From<AdvancedFilter> for FilterDocument {
    fn from(filter: AdvancedFilter) -> Self {
        let operator_type = filter.test.operator().to_owned();
        let (value, values) = match filter.test {
            Test::NumberIn(numbers) | Test::NumberNotIn(numbers) => {
                (None, Some(numbers.into_iter().map(written).collect()))
            }
            Test::NumberLessThan(number)
            | Test::NumberGreaterThan(number)
            | Test::NumberLessThanOrEquals(number)
            | Test::NumberGreaterThanOrEquals(number) => (Some(written(number)), None),
            Test::NumberInRange(ranges) | Test::NumberNotInRange(ranges) => {
                let range = |[from, to]: Range| Value::Array(vec![written(from), written(to)]);
                (None, Some(ranges.into_iter().map(range).collect()))
            }
            Test::BoolEquals(truth) => (Some(Value::Bool(truth)), None),
            Test::IsNullOrUndefined | Test::IsNotNull => (None, None),
            Test::StringIn(texts)
            | Test::StringNotIn(texts)
            | Test::StringBeginsWith(texts)
            | Test::StringNotBeginsWith(texts)
            | Test::StringEndsWith(texts)
            | Test::StringNotEndsWith(texts)
            | Test::StringContains(texts)
            | Test::StringNotContains(texts) => (None, Some(texts.into_iter().map(Value::String).collect())),
        };
        Self { operator_type, key: filter.key, value, values }
    }
}

/// A number in JSON: whole ones without a fraction, as clients of other languages expect them.
fn written(number: f64) -> Value {
    /// Below 2^53 every whole number has a double of its own.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53, as checked")]
        return Value::from(number as i64);
    }
    Value::from(number)
}

/// Reads the values of a document.
struct Values<'a>(&'a FilterDocument);

impl Values<'_> {
    fn number(&self) -> Result<f64, UnknownFilter> {
        self.0.value.as_ref().and_then(Value::as_f64).ok_or_else(|| self.refused("a number as value"))
    }

    fn truth(&self) -> Result<bool, UnknownFilter> {
        self.0.value.as_ref().and_then(Value::as_bool).ok_or_else(|| self.refused("true or false as value"))
    }

    fn numbers(&self) -> Result<Vec<f64>, UnknownFilter> {
        self.each("numbers as values", Value::as_f64)
    }

    fn texts(&self) -> Result<Vec<String>, UnknownFilter> {
        self.each("texts as values", |value| value.as_str().map(str::to_owned))
    }

    fn ranges(&self) -> Result<Vec<Range>, UnknownFilter> {
        self.each("pairs of numbers as values", |value| match value.as_array()?.as_slice() {
            [from, to] => Some([from.as_f64()?, to.as_f64()?]),
            _ => None,
        })
    }

    fn each<T>(
        &self,
        needs: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, UnknownFilter> {
        let values = self.0.values.as_deref().unwrap_or_default();
        let found: Option<Vec<T>> = values.iter().map(read).collect();
        found.filter(|found| !found.is_empty()).ok_or_else(|| self.refused(needs))
    }

    fn refused(&self, needs: &'static str) -> UnknownFilter {
        UnknownFilter::Value { operator: self.0.operator_type.clone(), key: self.0.key.clone(), needs }
    }
}
