//! The kinds of values: what is accepted, and how that is said.

use std::collections::BTreeMap;
use std::net::IpAddr;

use trunkline_kernel::ResourceName;
use trunkline_kernel::limits::RequestRate;
use trunkline_net::outbound::IpNetwork;

use trunkline_usage::{Amount, Price};
use trunkline_web::network::Network;

use super::tables;
use super::typed::{ApplicationSeed, Issuer, UserSeed};

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number within bounds.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
        /// What is counted.
        unit: &'static str,
    },
    /// A port, or `off`.
    PortOrOff,
    /// Any text.
    Text,
    /// A path; a relative one counts from the working folder.
    Path,
    /// Scheme, host and port of a URL.
    Origin,
    /// A host name.
    HostName,
    /// The name of an ACS resource.
    ResourceName,
    /// An IP address.
    Address,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A filter for logs.
    LogFilter,
    /// The URL of a PostgreSQL database.
    DatabaseUrl,
    /// The URL of a NATS server.
    NatsUrl,
    /// `REQUESTS/SECONDS`.
    Rate,
    /// An amount of money without its currency.
    Amount,
    /// An amount for a unit or several.
    Price,
    /// The code of a currency.
    Currency,
    /// Tables of token issuers.
    Issuers,
    /// Tables of the directory's applications.
    Applications,
    /// Tables of the directory's users.
    Users,
    /// Several of one kind; in text separated by commas.
    List(Item),
}

/// What a list is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// IP addresses.
    Address,
    /// Networks in CIDR form.
    Network,
    /// Host names.
    HostName,
    /// Origins, or `*`.
    Origin,
    /// Names of data locations.
    Location,
}

/// A value as it was written, before its kind is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    /// From the environment or a flag.
    Text(String),
    /// A string of the file.
    Quoted(String),
    /// A boolean of the file.
    Switch(bool),
    /// An integer of the file.
    Integer(i64),
    /// An array of the file.
    Array(Vec<Written>),
    /// A table of the file.
    Table(BTreeMap<String, Written>),
    /// Something that no setting takes, such as a date.
    Other(String),
}

/// A value of the right kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Explicitly none.
    Unset,
    /// Of a [`Kind::Switch`].
    Switch(bool),
    /// Of a [`Kind::Integer`] or [`Kind::PortOrOff`].
    Integer(i64),
    /// Of the textual kinds.
    Text(String),
    /// Of a [`Kind::List`].
    List(Vec<String>),
    /// Of a [`Kind::Rate`].
    Rate(RequestRate),
    /// Of a [`Kind::Amount`].
    Amount(Amount),
    /// Of a [`Kind::Price`].
    Price(Price),
    /// Of a [`Kind::Issuers`].
    Issuers(Vec<Issuer>),
    /// Of a [`Kind::Applications`].
    Applications(Vec<ApplicationSeed>),
    /// Of a [`Kind::Users`].
    Users(Vec<UserSeed>),
}

impl Kind {
    /// What is allowed, in words that follow "expected".
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Integer { min, max, unit: "port" } => format!("a port from {min} to {max}"),
            Self::Integer { min, max, unit } => format!("a whole number of {unit} from {min} to {max}"),
            Self::PortOrOff => "a port from 0 to 65535, or \"off\"".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Origin => "an origin such as https://api.example.com, without a path".to_owned(),
            Self::HostName => "a host name such as example.com".to_owned(),
            Self::ResourceName => "1 to 63 characters a-z, 0-9 and -, with no - at either end".to_owned(),
            Self::Address => "an IP address".to_owned(),
            Self::Choice(words) => words.join(" or "),
            Self::LogFilter => {
                "a level (error, warn, info, debug, trace) or a filter such as info,hyper=warn".to_owned()
            }
            Self::DatabaseUrl => "a URL such as postgres://user@host/database".to_owned(),
            Self::NatsUrl => "a URL such as nats://host:4222 or tls://host:4222".to_owned(),
            Self::Rate => "REQUESTS/SECONDS such as 500/30, both at least 1".to_owned(),
            Self::Amount => "an amount such as 0.0075, at most 6 digits after the point".to_owned(),
            Self::Price => "an amount such as 0.0075, or for several units such as \"0.004/60\"".to_owned(),
            Self::Currency => "three capital letters such as EUR".to_owned(),
            Self::Issuers => "tables with `issuer`, and optionally `audiences`, `management_audiences`, `clients`, `tenants`, `jwks_url`, `role_claim` and `roles`".to_owned(),
            Self::Applications => "tables with `name`, and optionally `client_id`, `redirect_uris`, `managed_identity`, `secret_file` (or `secret`), `certificate_file`, `federated` and `roles`".to_owned(),
            Self::Users => "tables with `user_name` and `password_file` (or `password`), and optionally `display_name`, `object_id` and `roles`".to_owned(),
            Self::List(Item::Address) => "a list of IP addresses".to_owned(),
            Self::List(Item::Network) => "a list of networks such as 10.0.0.0/8".to_owned(),
            Self::List(Item::HostName) => "a list of host names".to_owned(),
            Self::List(Item::Origin) => {
                "a list of origins such as https://app.example.com, or \"*\"".to_owned()
            }
            Self::List(Item::Location) => "a list of names such as europe".to_owned(),
        }
    }

    /// Reads what was written.
    ///
    /// **Errors**: `None` when it is not of this kind; [`Kind::describe`] says what would be.
    pub(crate) fn accept(self, written: &Written) -> Option<Value> {
        match (self, written) {
            (_, Written::Text(text)) => self.accept_text(text.trim()),
            (Self::Switch, Written::Switch(on)) => Some(Value::Switch(*on)),
            (Self::Integer { .. } | Self::PortOrOff, Written::Integer(number)) => {
                self.accept_integer(*number)
            }
            (Self::Amount | Self::Price, Written::Integer(number)) => self.accept_text(&number.to_string()),
            (Self::Amount | Self::Price, Written::Other(number)) => self.accept_text(number),
            (Self::Switch | Self::Integer { .. }, _)
            | (Self::Issuers | Self::Applications | Self::Users, Written::Quoted(_)) => None,
            (Self::PortOrOff, Written::Quoted(text)) => (text == "off").then_some(Value::Unset),
            (Self::List(item), Written::Array(items)) => {
                let texts = items.iter().map(as_text).collect::<Option<Vec<_>>>()?;
                accept_list(item, texts.into_iter())
            }
            (Self::Issuers | Self::Applications | Self::Users, tables) => self.accept_tables(tables).ok(),
            (_, Written::Quoted(text)) => self.accept_text(text),
            _ => None,
        }
    }

    /// Reads the textual form that the environment, flags and defaults use; empty means unset.
    pub(crate) fn accept_text(self, text: &str) -> Option<Value> {
        if let Self::List(item) = self {
            return accept_list(item, text.split(',').map(str::trim).filter(|part| !part.is_empty()));
        }
        if text.is_empty() {
            return self.empty();
        }
        let keep = |is_valid: bool| is_valid.then(|| Value::Text(text.to_owned()));
        match self {
            Self::Switch => text.parse().ok().map(Value::Switch),
            Self::PortOrOff if text == "off" => Some(Value::Unset),
            Self::Integer { .. } | Self::PortOrOff => self.accept_integer(text.parse().ok()?),
            Self::Text | Self::Path => keep(!text.contains('\0')),
            Self::Origin => keep(is_origin(text)),
            Self::HostName => keep(is_host_name(text)),
            Self::ResourceName => text.parse::<ResourceName>().ok().map(|name| Value::Text(name.to_string())),
            Self::Address => keep(text.parse::<IpAddr>().is_ok()),
            Self::Choice(words) => keep(words.contains(&text)),
            Self::LogFilter => keep(tracing_subscriber::EnvFilter::try_new(text).is_ok()),
            Self::DatabaseUrl => keep(is_database_url(text)),
            Self::NatsUrl => keep(is_nats_url(text)),
            Self::Rate => accept_rate(text).map(Value::Rate),
            Self::Amount => text.parse().ok().map(Value::Amount),
            Self::Price => text.parse().ok().map(Value::Price),
            Self::Currency => keep(text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())),
            Self::Issuers | Self::Applications | Self::Users => {
                super::file::parse_value(text).and_then(|written| self.accept_tables(&written).ok())
            }
            Self::List(_) => None,
        }
    }

    /// Why [`Kind::accept`] refuses, in words that follow the key.
    pub(crate) fn refuse(self, written: &Written) -> String {
        match self {
            Self::Issuers | Self::Applications | Self::Users => {
                let parsed = match written {
                    Written::Text(text) => super::file::parse_value(text.trim()),
                    other => Some(other.clone()),
                };
                let reason = parsed.and_then(|tables| self.accept_tables(&tables).err());
                reason.unwrap_or_else(|| format!("expected {}", self.describe()))
            }
            // Who writes a URL with a password in it must not read it again in a log.
            Self::NatsUrl => format!("expected {}, without user and password", self.describe()),
            _ => format!("{} is not allowed; expected {}", written.shown(), self.describe()),
        }
    }

    fn accept_tables(self, written: &Written) -> Result<Value, String> {
        match self {
            Self::Applications => tables::applications(written).map(Value::Applications),
            Self::Users => tables::users(written).map(Value::Users),
            _ => tables::issuers(written).map(Value::Issuers),
        }
    }

    fn accept_integer(self, number: i64) -> Option<Value> {
        let range = match self {
            Self::Integer { min, max, .. } => min..=max,
            _ => 0..=65_535,
        };
        range.contains(&number).then_some(Value::Integer(number))
    }

    /// What an empty text means: unset, where a setting may be.
    fn empty(self) -> Option<Value> {
        match self {
            Self::Switch | Self::Integer { .. } | Self::PortOrOff | Self::Choice(_) | Self::Address => None,
            Self::Issuers => Some(Value::Issuers(Vec::new())),
            Self::Applications => Some(Value::Applications(Vec::new())),
            Self::Users => Some(Value::Users(Vec::new())),
            _ => Some(Value::Unset),
        }
    }
}

impl Written {
    /// The value as an error message repeats it, cut to a bearable length.
    pub(crate) fn shown(&self) -> String {
        const SHOWN_CHARACTERS_MAX: usize = 120; // A line of a terminal; the file has the rest.
        let text = match self {
            Self::Text(text) | Self::Other(text) => text.clone(),
            Self::Quoted(text) => format!("\"{text}\""),
            Self::Switch(on) => on.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Array(items) => {
                format!("[{}]", items.iter().map(Self::shown).collect::<Vec<_>>().join(", "))
            }
            Self::Table(_) => "{…}".to_owned(),
        };
        match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::Switch(on) => on.fmt(formatter),
            Self::Integer(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
            Self::List(items) => items.join(", ").fmt(formatter),
            Self::Rate(rate) => write!(formatter, "{}/{}", rate.requests, rate.per.as_secs()),
            Self::Issuers(issuers) => {
                let names: Vec<_> = issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
                names.join(", ").fmt(formatter)
            }
            Self::Applications(seeds) => {
                let names: Vec<_> = seeds.iter().map(|seed| seed.name.as_str()).collect();
                names.join(", ").fmt(formatter)
            }
            Self::Users(seeds) => {
                let names: Vec<_> = seeds.iter().map(|seed| seed.user_name.as_str()).collect();
                names.join(", ").fmt(formatter)
            }
            Self::Amount(amount) => amount.fmt(formatter),
            Self::Price(price) => price.fmt(formatter),
        }
    }
}

fn as_text(written: &Written) -> Option<&str> {
    match written {
        Written::Quoted(text) => Some(text),
        _ => None,
    }
}

fn accept_list<'a>(item: Item, parts: impl Iterator<Item = &'a str>) -> Option<Value> {
    let is_valid = |part: &str| match item {
        Item::Address => part.parse::<IpAddr>().is_ok(),
        // Two crates read them, neither above the other.
        Item::Network => part.parse::<Network>().is_ok() && part.parse::<IpNetwork>().is_ok(),
        Item::HostName => is_host_name(part),
        Item::Origin => part == "*" || is_origin(part),
        Item::Location => part.len() <= 64 && !part.chars().any(char::is_control),
    };
    parts.map(|part| is_valid(part).then(|| part.to_owned())).collect::<Option<Vec<_>>>().map(Value::List)
}

fn accept_rate(text: &str) -> Option<RequestRate> {
    let (requests, seconds) = text.split_once('/')?;
    let (requests, seconds) = (requests.trim().parse().ok()?, seconds.trim().parse().ok()?);
    (requests >= 1 && seconds >= 1).then(|| RequestRate::per_seconds(requests, seconds))
}

/// Scheme `http` or `https`, a host, and nothing after an optional port.
fn is_origin(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    if let Some(rest) = authority.strip_prefix('[') {
        let Some((host, port)) = rest.split_once(']') else { return false };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return host.parse::<std::net::Ipv6Addr>().is_ok() && is_port;
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    is_host_name(host) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A host name of RFC 1123 §2.1: labels of letters, digits and `-`; an IPv4 address has that form too.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=253).contains(&text.len()) && text.split('.').all(is_label)
}

/// Scheme, host, and nothing after an optional port: credentials have settings of their own, which are secret.
fn is_nats_url(text: &str) -> bool {
    let rest = text.strip_prefix("nats://").or_else(|| text.strip_prefix("tls://"));
    rest.is_some_and(|authority| is_origin(&format!("https://{authority}")))
}

fn is_database_url(text: &str) -> bool {
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    rest.is_some_and(|rest| !rest.is_empty())
}
