//! Instants as events write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use trunkline_kernel::Timestamp;

/// An instant, written with `Z`: `2026-11-21T07:45:59.123456Z` (RFC 3339).
///
/// The rest of the service writes `+00:00`. Receivers of events cut and compare these texts, and Event Grid's end
/// in `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct UtcTime(pub Timestamp);

impl From<Timestamp> for UtcTime {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_rfc3339();
        formatter.write_str(text.strip_suffix("+00:00").unwrap_or(&text))?;
        formatter.write_str("Z")
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for UtcTime {
    fn schema_name() -> Cow<'static, str> {
        Timestamp::schema_name()
    }

    fn inline_schema() -> bool {
        Timestamp::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Timestamp::json_schema(generator)
    }
}
