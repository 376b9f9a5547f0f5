//! What the service is configured with.

use std::ops::RangeInclusive;
use std::time::Duration;

use trunkline_kernel::limits::LimitSet;

use crate::rules::retention;

/// The configuration of chat.
#[derive(Clone, Debug)]
pub struct Settings {
    /// People in a thread.
    pub participants_max: u32,
    /// In threads with more participants nobody is told who has read or types; `None` for no such bound.
    pub receipts_max: Option<u32>,
    /// The text of a message, in bytes of UTF-8.
    pub message_bytes_max: usize,
    /// An uploaded image, in bytes.
    pub image_bytes_max: usize,
    /// The pixels of an image.
    pub image_pixels_max: u64,
    /// Days after which a thread may delete itself.
    pub retention_days: RangeInclusive<u32>,
    /// How old a change may be that a client is told when it comes back.
    pub resume_age: Duration,
    /// How many changes a client is told when it comes back.
    pub resume_changes_max: u32,
    /// What clients get to move to another node before this one ends.
    pub move_time: Duration,
    /// Whether messages go into the index of words.
    pub search: bool,
    /// Connected clients of one user on one node.
    pub connections_per_user: u32,
    /// The set of limits in force.
    pub limits: LimitSet,
}

impl Settings {
    /// The values that go with a set of limits.
    pub fn of(limits: LimitSet) -> Self {
        let is_acs = limits == LimitSet::Acs;
        Self {
            // The published bounds; 1,000 is what one notification can still name.
            participants_max: if is_acs { 250 } else { 1000 },
            receipts_max: is_acs.then_some(20),
            message_bytes_max: 28 * 1024,
            image_bytes_max: 10 * 1024 * 1024,
            image_pixels_max: 50_000_000,
            retention_days: retention::days_of(limits),
            resume_age: Duration::from_hours(1),
            resume_changes_max: 1000,
            move_time: Duration::from_secs(10),
            search: true,
            connections_per_user: 20,
            limits,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(LimitSet::default())
    }
}
