//! Every operation through the whole pipeline, on both engines.

mod all_operations;
mod harness;
mod operators_create;
mod operators_delete;
mod operators_list;
mod resources_create;
mod resources_delete;
mod resources_get;
mod resources_list;
mod resources_list_keys;
mod resources_regenerate_key;
