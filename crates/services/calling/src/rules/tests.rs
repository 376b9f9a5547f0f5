//! Tables of what happens, and histories of everything at once.

mod away;
mod going;
mod groups;
mod histories;
mod in_call;
mod lobby;
mod pairs;
mod world;
