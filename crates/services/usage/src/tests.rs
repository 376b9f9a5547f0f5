//! Every operation through the whole pipeline, and the guard in virtual time, on both engines.

mod guard;
mod harness;
mod usage_get_spend;
mod usage_list;
