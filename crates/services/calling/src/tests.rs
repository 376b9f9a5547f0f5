//! Tests of the service over real sockets: a file for each message or operation.

mod harness;

mod call_access;
mod call_add_remove;
mod call_hand_react;
mod call_hang_up;
mod call_hold;
mod call_join;
mod call_mute;
mod call_panic;
mod call_rejoin;
mod call_spotlight;
mod call_start;
mod call_text;
mod calls_operator;
mod deletion;
mod events;
mod hello;
mod hostile;
mod limits;
mod media_messages;
mod nodes;
mod owners;
mod reports;
mod restart;
mod resume;
mod ring;

pub(crate) use nodes::parts;
