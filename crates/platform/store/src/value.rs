//! Values that go into statements and come out of rows, the same on both engines.

use trunkline_kernel::{ResourceId, Timestamp};
use uuid::Uuid;

use crate::error::StoreError;

/// One value of a statement's parameter or of a row's column.
///
/// There is no floating point and no date type: times are microseconds since the epoch, JSON is text,
/// truth is 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// SQL's NULL; its type follows from where it stands.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// UTF-8 text without U+0000.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Makes the parameters of a statement: `params![user_id, now, "text"]` is a `&[Value]`.
#[macro_export]
macro_rules! params {
    () => { &[] as &[$crate::Value] };
    ($($value:expr),+ $(,)?) => { &[$($crate::Value::from($value)),+] as &[$crate::Value] };
}

macro_rules! value_from {
    ($($type:ty, $value:ident => $made:expr;)+) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })+
    };
}

value_from! {
    i64, value => Self::Int(value);
    i32, value => Self::Int(value.into());
    u32, value => Self::Int(value.into());
    u16, value => Self::Int(value.into());
    u8, value => Self::Int(value.into());
    bool, value => Self::Int(value.into());
    &str, value => Self::Text(value.to_owned());
    String, value => Self::Text(value);
    &String, value => Self::Text(value.clone());
    Vec<u8>, value => Self::Blob(value);
    &Vec<u8>, value => Self::Blob(value.clone());
    &[u8], value => Self::Blob(value.to_vec());
    Timestamp, value => Self::Int(value.as_micros());
    &Timestamp, value => Self::Int(value.as_micros());
    Uuid, value => Self::Text(value.as_hyphenated().to_string());
    &Uuid, value => Self::Text(value.as_hyphenated().to_string());
    ResourceId, value => Self::Text(value.to_string());
    &ResourceId, value => Self::Text(value.to_string());
    &Value, value => value.clone();
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What [`Row::get`] can make of a [`Value`].
pub trait FromValue: Sized {
    /// What a reader of an error message should expect in the column.
    const EXPECTED: &'static str;

    /// Reads the value; `None` when it is of another kind or out of range.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty, $expected:literal, $pattern:pat => $made:expr;)+) => {
        $(impl FromValue for $type {
            const EXPECTED: &'static str = $expected;

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $pattern => $made,
                    _ => None,
                }
            }
        })+
    };
}

from_value! {
    i64, "an integer", Value::Int(number) => Some(*number);
    u64, "an integer of at least 0", Value::Int(number) => u64::try_from(*number).ok();
    u32, "an integer of 32 bits", Value::Int(number) => u32::try_from(*number).ok();
    bool, "0 or 1", Value::Int(number @ (0 | 1)) => Some(*number == 1);
    String, "text", Value::Text(text) => Some(text.clone());
    Vec<u8>, "bytes", Value::Blob(bytes) => Some(bytes.clone());
    Timestamp, "microseconds since the epoch", Value::Int(micros) => Some(Self::from_micros(*micros));
    Uuid, "the text of a UUID", Value::Text(text) => Self::try_parse(text).ok();
    ResourceId, "the text of a resource's id", Value::Text(text) => text.parse().ok();
}

impl<T: FromValue> FromValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// One row of a statement's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    pub(crate) const fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// The value of the column `index`, counted from 0.
    ///
    /// **Errors**: [`StoreError::Decode`] when there is no such column or it holds something else.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, StoreError> {
        self.values
            .get(index)
            .and_then(T::from_value)
            .ok_or(StoreError::Decode { column: index, expected: T::EXPECTED })
    }

    /// All values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in() {
        let id = Uuid::from_u128(7);
        let row = Row::new(
            params![5, true, "text", vec![1_u8], Timestamp::from_micros(9), id, ResourceId(id), None::<i64>]
                .to_vec(),
        );
        assert_eq!(row.get::<i64>(0), Ok(5));
        assert_eq!(row.get::<bool>(1), Ok(true));
        assert_eq!(row.get::<String>(2), Ok("text".to_owned()));
        assert_eq!(row.get::<Vec<u8>>(3), Ok(vec![1]));
        assert_eq!(row.get::<Timestamp>(4), Ok(Timestamp::from_micros(9)));
        assert_eq!(row.get::<Uuid>(5), Ok(id));
        assert_eq!(row.get::<ResourceId>(6), Ok(ResourceId(id)));
        assert_eq!(row.get::<Option<i64>>(7), Ok(None));
        assert_eq!(row.get::<Option<i64>>(0), Ok(Some(5)));
    }

    #[test]
    fn another_kind_or_range_is_an_error_and_never_a_guess() {
        let row = Row::new(params![-1, "x", 2].to_vec());
        assert_eq!(row.get::<u64>(0), Err(StoreError::Decode { column: 0, expected: u64::EXPECTED }));
        assert!(row.get::<u32>(0).is_err());
        assert!(row.get::<i64>(1).is_err());
        assert!(row.get::<Uuid>(1).is_err());
        assert!(row.get::<bool>(2).is_err());
        assert!(row.get::<i64>(3).is_err(), "there is no such column");
    }
}
