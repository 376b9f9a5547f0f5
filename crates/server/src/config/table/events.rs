//! Settings: the delivery of events.

use super::{Preset, Setting, differs, integer, secret, setting};
use crate::config::kind::{Item, Kind};

pub(super) const EVENTS: &[Setting] = &[
    setting(
        "events.allowed_networks",
        Kind::List(Item::Network),
        differs("127.0.0.0/8, ::1/128", ""),
        "Networks that are not public (loopback, private, link-local) and that web hooks may be in all the same, such as 10.0.0.0/8.",
    ),
    setting(
        "events.allow_http",
        Kind::Switch,
        differs("true", "false"),
        "Whether web hooks may be reached by `http://`. Production takes it only together with `events.allowed_networks`.",
    ),
    setting(
        "events.history_hours",
        integer(1, 168, "hours"),
        Preset::Same("24"),
        "How long published events are kept for replay and `trunkline events listen --since`. Those that still have to be delivered stay longer.",
    ),
    setting(
        "events.history_rows_max",
        integer(1_000, 1_000_000_000, "events"),
        Preset::Same("1000000"),
        "How many published events are kept. Those that still have to be delivered stay beyond it.",
    ),
    setting(
        "events.log_days",
        integer(1, 90, "days"),
        Preset::Same("7"),
        "How long delivery attempts are kept for `trunkline events log`.",
    ),
    setting(
        "events.log_rows_max",
        integer(1_000, 1_000_000_000, "attempts"),
        Preset::Same("1000000"),
        "How many delivery attempts are kept; the oldest go first.",
    ),
    setting(
        "events.pending_max",
        integer(1_000, 1_000_000_000, "events"),
        Preset::Same("5000000"),
        "How many events may wait for one subscription; further ones are dead-lettered or dropped.",
    ),
    setting(
        "events.webhook_origin",
        Kind::HostName,
        Preset::Same("eventgrid.azure.net"),
        "The `WebHook-Request-Origin` that endpoints of the CloudEvents schema must allow. Endpoints written for Azure know this name.",
    ),
    setting(
        "events.nats.url",
        Kind::NatsUrl,
        Preset::Same(""),
        "The NATS server behind destinations of that kind. It need not be in `events.allowed_networks`.",
    ),
    setting(
        "events.nats.user",
        Kind::Text,
        Preset::Same(""),
        "The user at the NATS server, with `events.nats.password`.",
    ),
    secret("events.nats.password", Kind::Text, Preset::Same(""), "The password of `events.nats.user`."),
    secret(
        "events.nats.token",
        Kind::Text,
        Preset::Same(""),
        "A token for the NATS server, in place of user and password.",
    ),
];
