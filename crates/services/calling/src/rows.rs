//! SQL over the tables of calling.

pub(crate) mod calls;
pub(crate) mod erasure;
pub(crate) mod legs;
pub(crate) mod owners;
pub(crate) mod reports;
mod words;

use trunkline_store::{FromValue, Value};

/// A call, within this installation. Invariant: at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallNumber(pub(crate) i64);

impl From<CallNumber> for Value {
    fn from(call: CallNumber) -> Self {
        Self::Int(call.0)
    }
}

impl FromValue for CallNumber {
    const EXPECTED: &'static str = "a call's number";

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}
