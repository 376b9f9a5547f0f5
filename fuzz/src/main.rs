//! libFuzzer around one target: `trunkline-fuzz NAME OPTIONS…`, as `cargo xtask fuzz` starts it.
//!
//! libFuzzer has `main` and reads the options; the name comes by the environment (`TRUNKLINE_FUZZ`).

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use trunkline_fuzz::{Target, find};

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("TRUNKLINE_FUZZ").expect("`cargo xtask fuzz` sets TRUNKLINE_FUZZ");
        TARGET.get_or_init(|| find(&name).expect("`cargo xtask fuzz` knows the names"));
    },
    |bytes: &[u8]| {
        (TARGET.get().expect("set at the start").run)(bytes);
    }
);
