//! What the system tests share with the programs they start.

pub mod durability;
pub mod lab;
