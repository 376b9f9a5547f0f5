//! System tests: whole programs under what happens to them in the field. One module per theme.

mod backups;
mod calling;
mod chat;
mod durability;
mod events;
mod lifecycle;
mod nodes;
mod operators;
mod resources;
mod support;
