//! The usage ledger: how much of what each resource used on each day, counted in the transaction of the effect.
//!
//! ```text
//! handler's transaction ──> record: one row per resource, day, operation, meter and shard
//! list, meters_of, resources_of <── sums over the shards
//! ```
//!
//! Rows stay when their resource goes: they are what a bill is made of.

use std::fmt;
use std::str::FromStr;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Engine, Row, StoreError, Tx, params};

use crate::principal::ResourceView;

/// One thing that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a> {
    /// Whose usage it is.
    pub resource: &'a ResourceView,
    /// The operation id.
    pub operation: &'a str,
    /// What is counted, such as `identity.users`.
    pub meter: &'a str,
    /// How many units of the meter.
    pub quantity: u32,
    /// When; it counts for this instant's day.
    pub now: Timestamp,
}

/// On SQLite there is one writer, and one row does.
const UPSERT_SQLITE: &str = "INSERT INTO web_usage
     (resource_id, day, operation, meter, shard, resource_name, quantity)
     VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)
     ON CONFLICT (resource_id, day, operation, meter, shard) DO UPDATE
     SET quantity = web_usage.quantity + excluded.quantity, resource_name = excluded.resource_name";

/// On PostgreSQL a row stays locked until the commit. The shard follows from the connection and not from
/// a throw of dice: connections of a pool rarely meet, and a transaction that counts twice never waits in
/// another order than its neighbour.
const UPSERT_POSTGRES: &str = "INSERT INTO web_usage
     (resource_id, day, operation, meter, shard, resource_name, quantity)
     VALUES (?1, ?2, ?3, ?4, pg_backend_pid() % 16, ?5, ?6)
     ON CONFLICT (resource_id, day, operation, meter, shard) DO UPDATE
     SET quantity = web_usage.quantity + excluded.quantity, resource_name = excluded.resource_name";

/// Counts, in the transaction of what is counted. The last statement of a transaction is the best place:
/// the row is then locked for the shortest time.
///
/// **Errors**: [`StoreError::Statement`] when a day's sum passes 2^63: the sum never wraps.
pub fn record(tx: &mut Tx<'_>, usage: &Usage<'_>) -> Result<(), StoreError> {
    if usage.quantity == 0 {
        return Ok(());
    }
    let sql = match tx.engine() {
        Engine::Sqlite => UPSERT_SQLITE,
        Engine::Postgres => UPSERT_POSTGRES,
    };
    tx.execute(
        sql,
        params![
            usage.resource.id,
            Day::of(usage.now).0,
            usage.operation,
            usage.meter,
            usage.resource.name.as_str(),
            usage.quantity
        ],
    )?;
    Ok(())
}

/// A day in UTC.
///
/// **Shape**: `2026-11-21`; stored as the number 20261121, so that days compare as numbers do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(i64);

impl Day {
    /// The day of an instant.
    pub fn of(now: Timestamp) -> Self {
        let text = now.to_rfc3339();
        let digits = text.bytes().take(10).filter(u8::is_ascii_digit);
        Self(digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// The month it belongs to.
    pub fn month(self) -> Month {
        Month(self.0 / 100)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.0 / 10_000, self.0 / 100 % 100, self.0 % 100)
    }
}

/// Why a text is no [`Day`] or [`Month`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2026-11-21 and a month as 2026-11")]
pub struct DayError;

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let day = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).map(Self::of).ok_or(DayError)?;
        if day.to_string() == text { Ok(day) } else { Err(DayError) }
    }
}

/// A calendar month in UTC.
///
/// **Shape**: `2026-11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month(i64);

impl Month {
    /// The month's first day.
    pub fn first_day(self) -> Day {
        Day(self.0 * 100 + 1)
    }

    /// No day of the month is later; the month may well be shorter.
    pub fn last_day(self) -> Day {
        Day(self.0 * 100 + 31)
    }

    /// The month as a number that grows with time: 202611.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

impl FromStr for Month {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        format!("{text}-01").parse::<Day>().map(Day::month)
    }
}

/// Over what usage is summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Period {
    /// Each day by itself.
    Day,
    /// Whole months, as far as they are in the range.
    Month,
}

impl Period {
    /// Of one row, as SQL.
    const fn column(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "day / 100",
        }
    }

    fn text(self, number: i64) -> String {
        match self {
            Self::Day => Day(number).to_string(),
            Self::Month => Month(number).to_string(),
        }
    }
}

/// Which rows are wanted.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// The name a resource has or had, or its id; empty for all.
    pub resource: String,
    /// Over what to sum.
    pub period: Period,
}

/// The sum of one period, resource, operation and meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The day or the month, as text.
    pub period: String,
    /// The name the resource had then.
    pub resource_name: String,
    /// The immutable id of the resource.
    pub resource_id: ResourceId,
    /// The operation id.
    pub operation: String,
    /// What was counted.
    pub meter: String,
    /// How many units.
    pub quantity: u64,
    number: i64,
}

/// Where a page of lines starts: behind this one.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Position(i64, String, String, String, String);

impl Line {
    /// The position behind this line.
    pub fn position(&self) -> Position {
        let (name, id) = (self.resource_name.clone(), self.resource_id.to_string());
        Position(self.number, name, id, self.operation.clone(), self.meter.clone())
    }
}

/// At most `limit` lines by period, resource, operation and meter, starting behind `after`.
///
/// **Errors**: [`StoreError::Statement`] when a sum passes 2^63: the sum never wraps.
pub fn list(tx: &mut Tx<'_>, filter: &Filter, after: &Position, limit: u32) -> Result<Vec<Line>, StoreError> {
    let keys = format!("{}, resource_name, resource_id, operation, meter", filter.period.column());
    let sql = format!(
        "SELECT {keys}, CAST(SUM(quantity) AS BIGINT) FROM web_usage
         WHERE day BETWEEN ?1 AND ?2 AND (?3 = '' OR resource_id = ?3 OR resource_name = ?3)
         AND ({keys}) > (?4, ?5, ?6, ?7, ?8)
         GROUP BY {keys} ORDER BY {keys} LIMIT ?9"
    );
    let Position(number, name, id, operation, meter) = after;
    let resource = filter.resource.as_str();
    let rows = tx.query_all(
        &sql,
        params![filter.from.0, filter.to.0, resource, *number, name, id, operation, meter, limit],
    )?;
    let line = |row: &Row| {
        let number = row.get(0)?;
        Ok(Line {
            period: filter.period.text(number),
            resource_name: row.get(1)?,
            resource_id: row.get(2)?,
            operation: row.get(3)?,
            meter: row.get(4)?,
            quantity: row.get(5)?,
            number,
        })
    };
    rows.iter().map(line).collect()
}

/// What one resource used of one meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterSum {
    /// What was counted.
    pub meter: String,
    /// How many units.
    pub quantity: u64,
}

/// What a resource used in a month, by meter.
///
/// **Errors**: as [`list`].
pub fn meters_of(tx: &mut Tx<'_>, resource: ResourceId, month: Month) -> Result<Vec<MeterSum>, StoreError> {
    let rows = tx.query_all(
        "SELECT meter, CAST(SUM(quantity) AS BIGINT) FROM web_usage
         WHERE resource_id = ?1 AND day BETWEEN ?2 AND ?3 GROUP BY meter ORDER BY meter",
        params![resource, month.first_day().0, month.last_day().0],
    )?;
    rows.iter().map(|row| Ok(MeterSum { meter: row.get(0)?, quantity: row.get(1)? })).collect()
}

/// At most `limit` resources with usage in a month, by id, starting behind the id `after`: id and name.
pub fn resources_of(
    tx: &mut Tx<'_>,
    month: Month,
    resource: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<(ResourceId, String)>, StoreError> {
    let rows = tx.query_all(
        "SELECT resource_id, MAX(resource_name) FROM web_usage
         WHERE day BETWEEN ?1 AND ?2 AND (?3 = '' OR resource_id = ?3 OR resource_name = ?3)
         AND resource_id > ?4 GROUP BY resource_id ORDER BY resource_id LIMIT ?5",
        params![month.first_day().0, month.last_day().0, resource, after, limit],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_and_months_are_those_of_utc() {
        let at = |text: &str| Day::of(Timestamp::parse_rfc3339(text).expect("a date"));
        assert_eq!(at("2026-11-21T23:59:59.999999Z").to_string(), "2026-11-21");
        assert_eq!(at("2026-11-30T23:30:00-02:00").to_string(), "2026-12-01");
        assert_eq!(at("2026-11-21T00:00:00Z").month().to_string(), "2026-11");
        assert_eq!("2026-11".parse::<Month>().map(Month::number), Ok(202_611));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in
            ["", "2026-2-1", "2026-02-30", "20261121", "2026-11-21 ", "2026-11-21T00:00:00Z", "+026-11-21"]
        {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
        }
        for text in ["", "2026", "2026-13", "2026-11-", "2026-11-01"] {
            assert_eq!(text.parse::<Month>(), Err(DayError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_day_round_trips(micros in any::<i64>()) {
            let day = Day::of(Timestamp::from_micros(micros));
            prop_assert_eq!(day.to_string().parse(), Ok(day));
            prop_assert_eq!(day.month().to_string().parse(), Ok(day.month()));
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            let _ = text.parse::<Day>();
            let _ = text.parse::<Month>();
        }
    }
}
