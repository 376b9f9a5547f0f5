//! Which events a subscription gets: its filter, compiled once and asked for every event.
//!
//! ```text
//! types ─► subject ─► conditions on the envelope ─► conditions on the data
//!  no parsing up to here ───────────────────────┘   parsed once per event, whoever asks first
//! ```

mod compile;
mod fields;
mod operators;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use serde_json::Value;

pub(crate) use compile::Matcher;
pub(crate) use fields::Field;
pub(crate) use fields::Found;

/// An event as a filter sees it.
pub(crate) struct View<'a> {
    /// Its id, hyphenated.
    pub(crate) id: &'a str,
    /// The ARM id of the resource.
    pub(crate) topic: &'a str,
    /// To what it happened.
    pub(crate) subject: &'a str,
    /// What happened, as the catalogue spells it.
    pub(crate) event_type: &'a str,
    /// The parsed data: empty until somebody asks for it.
    pub(crate) data: &'a OnceCell<Value>,
    /// The data as JSON.
    pub(crate) raw_data: &'a str,
}

impl<'a> View<'a> {
    /// The data, parsed now if nobody asked before.
    ///
    /// **Shape**: null when the text is no JSON; the catalogue publishes nothing else, so only a damaged store
    /// gets here, and then conditions on data do not hold.
    pub(crate) fn data(&self) -> &'a Value {
        self.data.get_or_init(|| serde_json::from_str(self.raw_data).unwrap_or(Value::Null))
    }
}
