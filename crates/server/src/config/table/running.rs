//! Settings: how the program runs: samples, logs, backups, its name among others.

use super::{Preset, Setting, differs, setting};
use crate::config::kind::Kind;

pub(super) const RUNNING: &[Setting] = &[
    setting(
        "samples.folder",
        Kind::Path,
        Preset::Same(""),
        "The built sample pages (`web/dist`), served under `/samples/` with a start page at `/`. `cargo xtask run` sets it. Refused in production.",
    ),
    setting(
        "samples.trusted_service",
        Kind::Origin,
        Preset::Same(""),
        "Where the samples' trusted service listens on this machine, such as http://127.0.0.1:3000. It believes every name, so it is there for callers on this machine alone; a proxy on this machine is one. Refused in production.",
    ),
    setting("log.format", Kind::Choice(&["human", "json"]), differs("human", "json"), "How log lines look."),
    setting(
        "log.level",
        Kind::LogFilter,
        Preset::Same("info"),
        "What is logged: error, warn, info, debug, trace, or a filter such as info,trunkline_web=debug.",
    ),
    setting(
        "backup.folder",
        Kind::Path,
        Preset::Derived("DATA/backups"),
        "Where backups go whose name is not a path.",
    ),
    setting(
        "node.name",
        Kind::Text,
        Preset::Derived("the host name"),
        "The name of this process among those that share a database.",
    ),
    setting(
        "node.url",
        Kind::Origin,
        Preset::Derived("public_url"),
        "The origin under which this very process is reached where several share a database: clients in calls are sent to the process that has the call. Its host need not be a name of a resource.",
    ),
];
