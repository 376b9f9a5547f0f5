//! Every setting as data: key, kind, defaults, meaning.
//!
//! The reader of sources, `config show`, `config check` and `docs/configuration.md` all walk this table,
//! so a setting exists in one place.

use super::kind::{Item, Kind};

/// What a setting is when no source names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    /// The same text in both profiles; empty means unset.
    Same(&'static str),
    /// A text for each profile; empty means unset.
    Differs {
        /// In the profile `development`.
        development: &'static str,
        /// In the profile `production`.
        production: &'static str,
    },
    /// Follows from other settings; the text says how.
    Derived(&'static str),
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The dotted key in the file; `limits.requests.*` stands for any last part.
    pub(crate) key: &'static str,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// Its value when no source names it.
    pub(crate) preset: Preset,
    /// Whether its value is never shown. A secret can also come from the file that `KEY_file` names.
    pub(crate) secret: bool,
    /// What it means, in one or two sentences.
    pub(crate) doc: &'static str,
}

/// The variables of the environment that start with `TRUNKLINE_` and are no settings.
pub(crate) const OTHER_VARIABLES: &[&str] =
    &["TRUNKLINE_BIN", "TRUNKLINE_CONFIG", "TRUNKLINE_OPERATOR_TOKEN", "TRUNKLINE_TEST_POSTGRES"];

/// Short spellings: `limits = "acs"` means `limits.set = "acs"`.
pub(crate) const ALIASES: &[(&str, &str)] = &[("limits", "limits.set")];

/// Keys of earlier versions and the ones that took their place.
pub(crate) const MOVED: &[(&str, &str)] = &[("teams_exchange.issuers", "directory.issuers")];

/// What the last part of a wildcard key is written as in the table.
pub(crate) const WILDCARD: &str = ".*";

/// All settings, in the order of the documentation.
pub(crate) static SETTINGS: &[Setting] = &[
    setting(
        "profile",
        Kind::Choice(&["development", "production"]),
        Preset::Same("development"),
        "Which defaults apply. `production` also refuses every convenience of development.",
    ),
    setting(
        "data",
        Kind::Path,
        differs("trunkline-data", "/var/lib/trunkline"),
        "The data folder. Made on the first start, readable by the service user only.",
    ),
    setting(
        "public_url",
        Kind::Origin,
        Preset::Derived("https://localhost:PORT; required in production"),
        "The origin under which clients reach the server. Every absolute URL in an answer starts with it.",
    ),
    setting("domain", Kind::HostName, Preset::Same("localhost"), "A resource answers at NAME.DOMAIN."),
    setting(
        "default_resource",
        Kind::ResourceName,
        differs("dev", ""),
        "The resource that answers at a host name of no resource. Made at start if it is missing. Refused in production.",
    ),
    setting(
        "trusted_proxies",
        Kind::List(Item::Network),
        Preset::Same(""),
        "Networks whose `X-Forwarded-Host` header counts, such as 10.0.0.0/8.",
    ),
    setting(
        "ephemeral",
        Kind::Switch,
        Preset::Same("false"),
        "Keeps everything in memory; nothing survives the process. Refused in production.",
    ),
    setting(
        "test_clock",
        Kind::Switch,
        Preset::Same("false"),
        "Makes the clock settable through the admin listener. Refused in production.",
    ),
    setting(
        "http.port",
        integer(0, 65_535, "port"),
        Preset::Same("8443"),
        "The port of the API. 0 takes a free one.",
    ),
    setting(
        "http.addresses",
        Kind::List(Item::Address),
        differs("127.0.0.1, ::1", "0.0.0.0, ::"),
        "The addresses to listen on.",
    ),
    setting(
        "http.max_connections",
        integer(1, 1_000_000, "connections"),
        Preset::Same("20000"),
        "Open connections, those of chat clients included; further ones are closed at once.",
    ),
    setting(
        "http.header_timeout_s",
        integer(1, 3_600, "seconds"),
        Preset::Same("10"),
        "How long a client may take to send the headers of a request.",
    ),
    setting(
        "http.body_timeout_s",
        integer(1, 3_600, "seconds"),
        Preset::Same("60"),
        "How long a client may take to send the body of a request.",
    ),
    setting(
        "http.idle_timeout_s",
        integer(1, 86_400, "seconds"),
        Preset::Same("120"),
        "How long a connection may stay open without a request.",
    ),
    setting(
        "http.max_header_bytes",
        integer(1_024, 1_048_576, "bytes"),
        Preset::Same("32768"),
        "The largest head of a request.",
    ),
    setting(
        "http.max_body_bytes",
        integer(1_024, 1_073_741_824, "bytes"),
        Preset::Same("1048576"),
        "The largest body of a request, unless its operation allows more.",
    ),
    setting(
        "http.drain_s",
        integer(0, 3_600, "seconds"),
        Preset::Same("30"),
        "How long running requests may take to finish after SIGTERM.",
    ),
    setting(
        "tls.certificate_file",
        Kind::Path,
        Preset::Same(""),
        "The certificate chain in PEM, leaf first. Reloaded when the file changes. Without it the server signs its own.",
    ),
    setting("tls.key_file", Kind::Path, Preset::Same(""), "The private key of the certificate in PEM."),
    setting(
        "tls.host_names",
        Kind::List(Item::HostName),
        Preset::Same(""),
        "Further host names for the certificates that the server signs itself.",
    ),
    setting(
        "tls.own_authority",
        Kind::Switch,
        differs("true", "false"),
        "Whether the server may sign its own certificates when `tls.certificate_file` is not set.",
    ),
    setting(
        "tls.terminated_by_proxy",
        Kind::Switch,
        Preset::Same("false"),
        "The API speaks plain HTTP because a proxy in front of it does the TLS. Let nobody but the proxy reach the port.",
    ),
    setting(
        "cors.origins",
        Kind::List(Item::Origin),
        differs("*", ""),
        "Origins of web pages that may call the API; `*` allows all and is refused in production.",
    ),
    setting(
        "admin.address",
        Kind::Address,
        Preset::Same("127.0.0.1"),
        "The address of the admin listener (health, readiness, metrics).",
    ),
    setting(
        "admin.port",
        Kind::PortOrOff,
        differs("0", "9464"),
        "The port of the admin listener. 0 takes a free one, `off` runs without it.",
    ),
    secret(
        "database.url",
        Kind::DatabaseUrl,
        Preset::Same(""),
        "The PostgreSQL database, such as postgres://user:password@host/trunkline. Unset: SQLite in the data folder.",
    ),
    setting(
        "database.connections",
        integer(1, 1_000, "connections"),
        Preset::Same("16"),
        "Connections to PostgreSQL.",
    ),
    setting(
        "vault.master_key_file",
        Kind::Path,
        Preset::Derived("DATA/master.key"),
        "The key that seals secrets in the database. Keep a copy apart from backups: nothing can replace it.",
    ),
    setting(
        "limits.set",
        Kind::Choice(&["generous", "acs"]),
        Preset::Same("generous"),
        "The set of limits: our generous ones, or the published ones of ACS. `limits = \"acs\"` at the top of the file means the same.",
    ),
    setting(
        "limits.requests.*",
        Kind::Rate,
        Preset::Same(""),
        "The request rate of one operation, named by its operation id, as REQUESTS/SECONDS. Overrules the set.",
    ),
    setting(
        "limits.clock_skew_s",
        integer(1, 86_400, "seconds"),
        Preset::Same("900"),
        "How far the date of a signed request may be from the server's clock.",
    ),
    setting(
        "limits.page_size_max",
        integer(1, 10_000, "items"),
        Preset::Same("1000"),
        "The largest page of a list.",
    ),
    setting(
        "tokens.key_rotation_days",
        integer(1, 365, "days"),
        Preset::Same("30"),
        "How long a key signs access tokens before the next one takes over.",
    ),
    setting(
        "tokens.lifetime_default_minutes",
        integer(60, 1_440, "minutes"),
        Preset::Same("1440"),
        "How long an access token lives when the request does not say.",
    ),
    setting(
        "directory.enabled",
        Kind::Switch,
        differs("true", "false"),
        "Whether the built-in directory signs in applications and users: its token endpoint, sign-in page and keys.",
    ),
    setting(
        "directory.metadata",
        Kind::Switch,
        differs("true", "false"),
        "Whether programs on this machine get tokens of managed-identity applications without a credential, as on an Azure machine. Refused in production.",
    ),
    setting(
        "directory.issuers",
        Kind::Issuers,
        Preset::Same(""),
        "OpenID Connect issuers whose tokens are accepted: of applications, and of users for the token exchanges. See the table of keys in docs/authentication.md.",
    ),
    setting(
        "directory.applications",
        Kind::Applications,
        Preset::Same(""),
        "Applications that the built-in directory has at start; see docs/authentication.md. What operators added stays.",
    ),
    setting(
        "directory.users",
        Kind::Users,
        Preset::Same(""),
        "Users that the built-in directory has at start; see docs/authentication.md. What operators added stays.",
    ),
    setting(
        "resources.data_locations",
        Kind::List(Item::Location),
        Preset::Same(""),
        "The data locations that a resource may be created in; empty allows every name.",
    ),
    setting(
        "usage.currency",
        Kind::Currency,
        Preset::Same("EUR"),
        "The currency of prices and of the spend limit.",
    ),
    setting(
        "usage.prices.*",
        Kind::Price,
        Preset::Same(""),
        "The price of a unit of a meter, such as `identity.users = 0.001`, or of several: `\"0.004/60\"`. A meter without one costs nothing.",
    ),
    setting(
        "usage.spend_limit",
        Kind::Amount,
        Preset::Same(""),
        "What one resource may cost in a calendar month (UTC). Unset: no limit.",
    ),
    setting(
        "usage.spend_action",
        Kind::Choice(&["warn", "stop"]),
        Preset::Same("warn"),
        "What happens at the limit: `warn` says so in the log and by an event, `stop` also refuses what would cost more.",
    ),
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
        "How long connected chat clients get after SIGTERM to go to another process; a single server waits for them too. TimeoutStopSec of the systemd unit (60) must be above it.",
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
];

const fn setting(key: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Setting {
    Setting { key, kind, preset, secret: false, doc }
}

const fn secret(key: &'static str, kind: Kind, preset: Preset, doc: &'static str) -> Setting {
    Setting { key, kind, preset, secret: true, doc }
}

const fn differs(development: &'static str, production: &'static str) -> Preset {
    Preset::Differs { development, production }
}

const fn integer(min: i64, max: i64, unit: &'static str) -> Kind {
    Kind::Integer { min, max, unit }
}

/// A key that some source named, found in the table.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The setting.
    pub(crate) setting: &'static Setting,
    /// The full key: differs from the setting's for a wildcard.
    pub(crate) key: String,
    /// Whether the value is the path of a file that holds the secret.
    pub(crate) from_file: bool,
}

/// Finds a dotted key: itself, an alias, a wildcard, or `KEY_file` of a secret.
pub(crate) fn find_key(key: &str) -> Option<Known> {
    let key = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, target)| target);
    SETTINGS.iter().find_map(|setting| {
        let known = |from_file| Known { setting, key: key.to_owned(), from_file };
        match setting.key.strip_suffix(WILDCARD) {
            Some(prefix) => {
                let name = key.strip_prefix(prefix)?.strip_prefix('.')?;
                (!name.is_empty()).then(|| known(false))
            }
            None if setting.key == key => Some(known(false)),
            None if setting.secret && key.strip_suffix("_file") == Some(setting.key) => {
                Some(Known { key: setting.key.to_owned(), ..known(true) })
            }
            None => None,
        }
    })
}

/// Every key that can be written down, for the hint at a mistyped one.
pub(crate) fn list_keys() -> Vec<String> {
    let mut keys = Vec::new();
    for setting in SETTINGS {
        keys.push(setting.key.to_owned());
        if setting.secret {
            keys.push(format!("{}_file", setting.key));
        }
    }
    keys
}

/// The variable of the environment for a dotted key: `TRUNKLINE_HTTP_PORT` for `http.port`.
pub(crate) fn variable_of(key: &str) -> String {
    format!("TRUNKLINE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The dotted key of a variable; `None` for a wildcard, whose letters' case a variable cannot carry.
pub(crate) fn key_of_variable(name: &str) -> Option<String> {
    let aliases = ALIASES.iter().map(|(alias, _)| (*alias).to_owned());
    list_keys().into_iter().chain(aliases).find(|key| !key.ends_with(WILDCARD) && variable_of(key) == name)
}
