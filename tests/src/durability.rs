//! The numbered transactions of the durability tests: how they look in the database, and how the writing
//! program reports them.
//!
//! A transaction with number N has [`places_of`]`(N)` rows and one event with N as its subject. The program
//! prints one [`Report`] a line.

use std::fmt;

use trunkline_store::{Migration, Slice};

/// The table of the transactions.
pub const SLICE: Slice = Slice {
    name: "durability",
    migrations: &[Migration {
        version: 1,
        name: "rows",
        sql: "CREATE TABLE durability_rows (\
                  number INTEGER NOT NULL, \
                  place INTEGER NOT NULL, \
                  body TEXT NOT NULL, \
                  PRIMARY KEY (number, place)\
              ) STRICT, WITHOUT ROWID",
    }],
};

/// The consumer that reports every event.
pub const CONSUMER: &str = "durability.witness";

/// The kind of the events.
pub const EVENT_KIND: &str = "durability.written";

/// How many rows the transaction has: 2 to 5.
pub const fn places_of(number: u64) -> u64 {
    2 + number % 4
}

/// What stands in a row; long enough that a transaction spans several pages now and then.
pub fn body_of(number: u64, place: u64) -> String {
    format!("{number}/{place} ").repeat(12)
}

/// One line of the writing program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The store is open and the writers are about to start.
    Ready,
    /// The transaction was acknowledged.
    Acknowledged(u64),
    /// The transaction was refused because the store is unavailable.
    Unavailable(u64),
    /// The transaction failed with another error, which is not expected.
    Failed(u64, String),
    /// The event with this sequence was handed to the consumer; it is of this transaction.
    Delivered(u64, u64),
    /// The store says that it is healthy, or that it is not.
    Healthy(bool),
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => formatter.write_str("ready"),
            Self::Acknowledged(number) => write!(formatter, "acknowledged {number}"),
            Self::Unavailable(number) => write!(formatter, "unavailable {number}"),
            Self::Failed(number, reason) => write!(formatter, "failed {number} {reason}"),
            Self::Delivered(sequence, number) => write!(formatter, "delivered {sequence} {number}"),
            Self::Healthy(is_healthy) => write!(formatter, "healthy {is_healthy}"),
        }
    }
}

impl Report {
    /// Reads a line; `None` when it is not one of ours.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "ready" => Self::Ready,
            "acknowledged" => Self::Acknowledged(rest.parse().ok()?),
            "unavailable" => Self::Unavailable(rest.parse().ok()?),
            "failed" => {
                let (number, reason) = rest.split_once(' ')?;
                Self::Failed(number.parse().ok()?, reason.to_owned())
            }
            "delivered" => {
                let (sequence, number) = rest.split_once(' ')?;
                Self::Delivered(sequence.parse().ok()?, number.parse().ok()?)
            }
            "healthy" => Self::Healthy(rest.parse().ok()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_they_were_written() {
        let reports = [
            Report::Ready,
            Report::Acknowledged(1),
            Report::Unavailable(2),
            Report::Failed(3, "a reason in words".to_owned()),
            Report::Delivered(4, 5),
            Report::Healthy(false),
        ];
        for report in reports {
            assert_eq!(Report::parse(&report.to_string()), Some(report));
        }
        for line in ["", "acknowledged", "delivered 4", "healthy maybe"] {
            assert_eq!(Report::parse(line), None, "{line}");
        }
    }
}
