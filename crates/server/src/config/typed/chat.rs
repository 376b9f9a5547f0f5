//! The settings of chat and of the samples as types.

use std::path::PathBuf;
use std::time::Duration;

use super::Reader;

/// Chat; `None` follows the set of limits.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    /// People in a thread.
    pub(crate) participants_max: Option<u32>,
    /// The largest thread with receipts and typing; 0 for no bound.
    pub(crate) receipts_max: Option<u32>,
    /// The text of a message in UTF-8.
    pub(crate) message_bytes_max: usize,
    /// An uploaded image.
    pub(crate) image_bytes_max: usize,
    /// Width times height of an image.
    pub(crate) image_pixels_max: u64,
    /// The longest retention.
    pub(crate) retention_days_max: Option<u32>,
    /// How old a change may be that a returning client is told.
    pub(crate) resume_age: Duration,
    /// How many changes a returning client is told.
    pub(crate) resume_changes_max: u32,
    /// What clients get to go elsewhere when the process stops.
    pub(crate) move_time: Duration,
    /// Clients of one user in this process.
    pub(crate) connections_per_user: u32,
    /// Whether messages can be searched.
    pub(crate) search: bool,
}

/// The samples of the development profile.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    /// Built pages; `None` serves none.
    pub(crate) folder: Option<PathBuf>,
    /// The origin of the trusted service.
    pub(crate) trusted_service: Option<String>,
}

impl Reader<'_> {
    pub(super) fn chat(&self) -> Chat {
        let count = |key: &str| self.integer(key).unwrap_or_default();
        Chat {
            participants_max: self.integer("chat.participants_max"),
            receipts_max: self.integer("chat.receipts_max"),
            message_bytes_max: self.size("chat.message_bytes_max"),
            image_bytes_max: self.size("chat.image_bytes_max"),
            image_pixels_max: count("chat.image_pixels_max").into(),
            retention_days_max: self.integer("chat.retention_days_max"),
            resume_age: self.seconds("chat.resume_age_minutes", 60),
            resume_changes_max: count("chat.resume_changes_max"),
            move_time: self.seconds("chat.move_s", 1),
            connections_per_user: count("chat.connections_per_user"),
            search: self.switch("chat.search"),
        }
    }

    pub(super) fn samples(&self) -> Samples {
        Samples { folder: self.path("samples.folder"), trusted_service: self.text("samples.trusted_service") }
    }
}
