//! Values on PostgreSQL's wire.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::error::StoreError;
use crate::value::{Row, Value};

/// The types a statement is prepared with; NULL takes the type of where it stands.
pub(crate) fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

/// One letter per parameter: tells apart the variants of a prepared statement.
pub(crate) fn signature(params: &[Value]) -> Vec<u8> {
    let letter = |value: &Value| match value {
        Value::Null => b'n',
        Value::Int(_) => b'i',
        Value::Text(_) => b't',
        Value::Blob(_) => b'b',
    };
    params.iter().map(letter).collect()
}

impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(number) => out.put_i64(*number),
            Self::Text(text) => out.put_slice(text.as_bytes()),
            Self::Blob(bytes) => out.put_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

pub(crate) fn read_row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for column in 0..row.len() {
        let decoded: Decoded = row
            .try_get(column)
            .map_err(|_| StoreError::Decode { column, expected: "an integer, text or bytes" })?;
        values.push(decoded.0);
    }
    Ok(Row::new(values))
}

struct Decoded(Value);

impl<'a> FromSql<'a> for Decoded {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let value = match *kind {
            Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Value::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Type::INT2 => Value::Int(i16::from_be_bytes(raw.try_into()?).into()),
            Type::BOOL => Value::Int(i64::from(raw != [0])),
            Type::NUMERIC => Value::Int(whole_number(raw).ok_or("not a whole number of 64 bits")?),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN => {
                Value::Text(std::str::from_utf8(raw)?.to_owned())
            }
            Type::BYTEA => Value::Blob(raw.to_vec()),
            _ => return Err(format!("no value for the type {kind}").into()),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Reads a NUMERIC, which is what `sum` makes of integers: digits to the base 10,000 after a header of
/// four 16-bit numbers (count of digits, weight of the first, sign, scale).
fn whole_number(raw: &[u8]) -> Option<i64> {
    let part = |index: usize| {
        let bytes = raw.get(index * 2..index * 2 + 2)?;
        Some(i16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let (count, weight, sign) = (part(0)?, part(1)?, part(2)?);
    let is_negative = match sign {
        0 => false,
        0x4000 => true,
        _ => return None,
    };
    let mut number: i128 = 0;
    for place in 0..=i32::from(weight).min(6) {
        let digit = if place < i32::from(count) { part(usize::try_from(place).ok()? + 4)? } else { 0 };
        number = number * 10_000 + i128::from(digit);
    }
    // More digits than whole places are a fraction; a higher weight does not fit into 64 bits.
    if i32::from(count) > i32::from(weight) + 1 || weight > 4 {
        return None;
    }
    i64::try_from(if is_negative { -number } else { number }).ok()
}

#[cfg(test)]
mod tests {
    use super::whole_number;

    fn numeric(parts: &[i16]) -> Vec<u8> {
        parts.iter().flat_map(|part| part.to_be_bytes()).collect()
    }

    #[test]
    fn numerics_of_sums_are_read() {
        let check =
            |parts: &[i16], expected| assert_eq!(whole_number(&numeric(parts)), expected, "{parts:?}");
        check(&[0, 0, 0, 0], Some(0));
        check(&[1, 0, 0, 0, 5], Some(5));
        check(&[1, 1, 0, 0, 5], Some(50_000));
        check(&[2, 1, 0x4000, 0, 1, 2], Some(-10_002));
        check(&[5, 4, 0, 0, 922, 3372, 368, 5477, 5807], Some(i64::MAX));
        check(&[5, 4, 0, 0, 922, 3372, 368, 5477, 5808], None);
        check(&[2, 0, 0, 2, 1, 5000], None);
        check(&[0, 0, -16384, 0], None);
        check(&[1, 9, 0, 0, 1], None);
        check(&[1], None);
    }
}
