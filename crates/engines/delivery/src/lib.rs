//! The delivery machine: decides what is sent to which subscription and when; it does no I/O.

mod attempt;
mod hash;
mod health;
mod ladder;
mod limits;
mod machine;
mod outputs;
mod rng;
mod scan;
mod stats;
mod steady;
mod subscription;
mod types;
mod unsaved;
mod window;

pub use limits::*;
pub use machine::Machine;
pub use outputs::{
    AttemptId, AttemptRow, DeadLetter, DeadLetterId, Load, LoadId, LoadPhase, Room, Send, Write, WriteId,
};
pub use stats::{Stats, SubscriptionStats};
pub use types::{
    Answer, DeadLetterReason, DeliveryKey, Detail, DueRow, EventFacts, LastAttempt, Outcome, Phase, Policy,
    Position, SubscriptionKey,
};
