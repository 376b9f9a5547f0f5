//! Instants as chat writes them: milliseconds, because message ids and versions are milliseconds too.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trunkline_kernel::Timestamp;

/// The end of the milliseconds in `2026-11-21T07:45:59.123456+00:00`.
const MILLISECONDS_END: usize = "2026-11-21T07:45:59.123".len();

/// An instant, written `2026-11-21T07:45:59.123Z`; read with any offset and fraction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Date(pub Timestamp);

impl Date {
    /// The text on the wire.
    pub fn to_text(self) -> String {
        let mut text = self.0.to_rfc3339();
        text.truncate(MILLISECONDS_END);
        text.push('Z');
        text
    }
}

impl From<Timestamp> for Date {
    fn from(instant: Timestamp) -> Self {
        Self(instant)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self)
    }
}

impl schemars::JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        Timestamp::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Timestamp::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_and_any_fraction_is_read() {
        let read: Date = serde_json::from_str(r#""2020-06-06T07:55:41.6461239+02:00""#).expect("a date");
        assert_eq!(read.to_text(), "2020-06-06T05:55:41.646Z");
        assert_eq!(Date(Timestamp::EPOCH).to_text(), "1970-01-01T00:00:00.000Z");
        assert!(serde_json::from_str::<Date>(r#""yesterday""#).is_err());
    }
}
