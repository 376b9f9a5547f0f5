//! What is accepted: pure functions, data in, a value or a refusal out. Both doors, the operator API and
//! ARM, ask the same ones.

pub(crate) mod arm_ids;
pub(crate) mod data_location;
pub(crate) mod groups;
pub(crate) mod identity;
pub(crate) mod tags;
