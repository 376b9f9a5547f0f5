//! The examples of `docs/signalling.md`, and messages that are none.

mod document;
mod reading;
