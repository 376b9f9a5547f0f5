//! Plain types that every crate shares: time, randomness, ids, identifiers, limits. No I/O.
//!
//! | module | what |
//! |---|---|
//! | [`clock`] | [`Timestamp`], [`Clock`] and the one place that reads the real clock |
//! | [`entropy`] | [`Entropy`] and the one place that draws random bytes |
//! | [`identifier`] | ACS communication identifiers and their raw-id form |
//! | [`ids`] | ids with meaning, so that two of them cannot be swapped |
//! | [`jws`] | signed tokens: ES256, RS256 and PS256 |
//! | [`limits`] | the published ACS limits and our own defaults |
//! | [`secret`] | values that never print, and their comparison in constant time |

pub mod clock;
pub mod entropy;
pub mod identifier;
pub mod ids;
pub mod jws;
pub mod limits;
pub mod secret;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use ids::{ResourceId, ResourceName};
pub use secret::Secret;
