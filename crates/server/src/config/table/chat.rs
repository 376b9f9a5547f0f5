//! Settings: chat.

use super::{Preset, Setting, integer, setting};
use crate::config::kind::Kind;

pub(super) const CHAT: &[Setting] = &[
    setting(
        "chat.participants_max",
        integer(2, 10_000, "participants"),
        Preset::Derived("250 with `limits = \"acs\"`, else 1000"),
        "How many people a chat thread may have.",
    ),
    setting(
        "chat.receipts_max",
        integer(0, 10_000, "participants"),
        Preset::Derived("20 with `limits = \"acs\"`, else 0"),
        "In chat threads with more participants nobody is told who has read or is typing. 0: no such bound.",
    ),
    setting(
        "chat.message_bytes_max",
        integer(1_024, 262_144, "bytes"),
        Preset::Same("28672"),
        "The longest text of a chat message, in UTF-8.",
    ),
    setting(
        "chat.image_bytes_max",
        integer(1_024, 20_971_520, "bytes"),
        Preset::Same("10485760"),
        "The largest image that can be sent in a chat.",
    ),
    setting(
        "chat.image_pixels_max",
        integer(1_000, 100_000_000, "pixels"),
        Preset::Same("50000000"),
        "Width times height of the largest image; a small file can unpack to far more than its size.",
    ),
    setting(
        "chat.retention_days_max",
        integer(30, 36_500, "days"),
        Preset::Derived("90 with `limits = \"acs\"`, else 3650"),
        "The longest time after which a chat thread can be told to delete itself.",
    ),
    setting(
        "chat.resume_age_minutes",
        integer(1, 1_440, "minutes"),
        Preset::Same("60"),
        "How old a change in a chat may be that a client is told when it comes back. It reads older ones as a list.",
    ),
    setting(
        "chat.resume_changes_max",
        integer(10, 100_000, "changes"),
        Preset::Same("1000"),
        "How many missed changes a client is told when it comes back; the newest.",
    ),
    setting(
        "chat.move_s",
        integer(0, 300, "seconds"),
        Preset::Same("10"),
        "How long connected clients of chats and calls get after SIGTERM to go to another process; a single server waits for them too. TimeoutStopSec of the systemd unit (60) must be above it.",
    ),
    setting(
        "chat.connections_per_user",
        integer(1, 10_000, "connections"),
        Preset::Same("20"),
        "Connected chat clients of one user in one process; a further one closes the oldest.",
    ),
    setting(
        "chat.search",
        Kind::Switch,
        Preset::Same("true"),
        "Whether messages can be searched. Off, sending is cheaper; what was sent meanwhile is never found.",
    ),
];
