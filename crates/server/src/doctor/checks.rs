//! What the facts mean: one function for each thing that can be wrong.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use trunkline_kernel::Timestamp;

use super::{CertificateFacts, Check, Database, Machine, Server};
use crate::config::{Config, Profile};

/// Below it a write can fail at any moment.
const FREE_BYTES_MIN: u64 = 200 * 1024 * 1024;
/// Below it there is time to act.
const FREE_BYTES_LOW: u64 = 2 * 1024 * 1024 * 1024;
/// Every acknowledged write waits for an fsync; disks of servers take a few milliseconds.
const SYNC_SLOW: Duration = Duration::from_millis(50);
/// A file system or database whose clock differs by more confuses people who compare times.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);
/// 2026-01-01T00:00:00Z in seconds since the epoch: an earlier clock was never set, the program is younger.
const CLOCK_EARLIEST_S: i64 = 1_767_225_600;
/// Time to renew a certificate without a hurry.
const EXPIRY_SOON: Duration = Duration::from_hours(14 * 24);
/// Files besides connections: database, logs, listeners, blobs in flight.
const OPEN_FILES_BESIDES: u64 = 256;
/// What a relay takes besides a file for each allocation: clients over TCP and TLS, and both ends of relayed TCP.
const RELAY_STREAMS: u64 = 8_192 + 2 * 4_096;

/// The server on the data folder.
pub(super) fn server(server: &Server) -> Check {
    match server {
        Server::Stopped => Check::fine("server", "not running"),
        Server::Answers(status) => {
            let version = status["version"].as_str().unwrap_or("?");
            Check::fine("server", format!("running, version {version}"))
        }
        Server::Silent { pid, reason } => Check::failure(
            "server",
            format!("process {pid} holds the data folder but does not answer: {reason}"),
            format!(
                "look at its log; if another command works on the folder, wait for it; else end process {pid} and start the server again"
            ),
        ),
    }
}

/// The data folder and the disk below it.
pub(super) fn folder(config: &Config, machine: &dyn Machine) -> Vec<Check> {
    if config.ephemeral {
        return vec![Check::fine("data folder", "not used: everything is in memory")];
    }
    let folder = &config.data;
    let shown = folder.display();
    let mode = match std::fs::metadata(folder) {
        Ok(facts) if facts.is_dir() => facts.permissions().mode() & 0o777,
        Ok(_) => {
            return vec![Check::failure(
                "data folder",
                format!("{shown} is no folder"),
                "choose another with --data",
            )];
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return vec![Check::fine(
                "data folder",
                format!("{shown} does not exist yet; `trunkline serve` makes it"),
            )];
        }
        Err(error) => {
            return vec![Check::failure(
                "data folder",
                format!("{shown}: {error}"),
                "give the service user access to it",
            )];
        }
    };
    let mut checks = vec![if is_private(mode) {
        Check::fine("data folder", format!("{shown}, mode {mode:04o}"))
    } else {
        Check::warning(
            "data folder",
            format!("{shown} has mode {mode:04o}: others can look into it"),
            format!("chmod 700 {shown}"),
        )
    }];
    checks.push(free_space(folder, machine));
    checks.extend(durable_write(folder, machine));
    checks
}

/// Whether group and others may do nothing.
fn is_private(mode: u32) -> bool {
    mode.trailing_zeros() >= 6
}

fn free_space(folder: &Path, machine: &dyn Machine) -> Check {
    const SUBJECT: &str = "disk space";
    const MIB: u64 = 1024 * 1024;
    match machine.free_bytes(folder) {
        Ok(bytes) => {
            let finding = format!("{} MiB free", bytes / MIB);
            let remedy = "make room, or move the data folder to a larger disk";
            match bytes {
                ..FREE_BYTES_MIN => Check::failure(SUBJECT, finding, remedy),
                FREE_BYTES_MIN..FREE_BYTES_LOW => Check::warning(SUBJECT, finding, remedy),
                _ => Check::fine(SUBJECT, finding),
            }
        }
        Err(error) => Check::warning(SUBJECT, format!("cannot be read: {error}"), "look with df"),
    }
}

fn durable_write(folder: &Path, machine: &dyn Machine) -> Vec<Check> {
    const SUBJECT: &str = "durable writes";
    let facts = match machine.measure_sync(folder) {
        Ok(facts) => facts,
        Err(error) => {
            let remedy = "give the service user write access; if the disk is full or read-only, see dmesg";
            return vec![Check::failure(SUBJECT, format!("a file cannot be written: {error}"), remedy)];
        }
    };
    let finding = format!("{:.1} ms each", facts.duration.as_secs_f64() * 1000.0);
    let speed = if facts.duration > SYNC_SLOW {
        Check::warning(
            SUBJECT,
            finding,
            "every answer to a write waits this long; use a faster disk for the data folder",
        )
    } else {
        Check::fine(SUBJECT, finding)
    };
    vec![speed, clock("clock of the file system", facts.file_time, machine.now())]
}

/// Compares `other` with this machine's clock, and that with reason.
fn clock(subject: &str, other: Timestamp, now: Timestamp) -> Check {
    let remedy = "set the clock by NTP (timedatectl set-ntp true)";
    if now.as_seconds() < CLOCK_EARLIEST_S {
        let finding = format!("this machine's clock says {}", now.to_rfc3339());
        return Check::failure("clock", finding, remedy);
    }
    let difference = now.distance(other);
    if difference > CLOCK_DIFFERENCE {
        let finding = format!("{} s apart from this machine's", difference.as_secs());
        Check::warning(subject, finding, remedy)
    } else {
        Check::fine(subject, "agrees with this machine's")
    }
}

/// The database.
pub(super) fn database(config: &Config, database: &Database, now: Timestamp) -> Vec<Check> {
    const SUBJECT: &str = "database";
    let facts = match database {
        Database::Absent => return vec![Check::fine(SUBJECT, "none yet; `trunkline serve` makes it")],
        Database::Held => {
            return vec![Check::warning(
                SUBJECT,
                "not looked at: another process holds it",
                "see \"server\"",
            )];
        }
        Database::Broken(reason) => {
            let remedy = if config.database.url.is_some() {
                "check database.url, that PostgreSQL 15 or later runs there, and its access rules (pg_hba.conf)"
            } else {
                "if the disk is full, make room; if the file is damaged, restore a backup into a new folder"
            };
            return vec![Check::failure(SUBJECT, reason, remedy)];
        }
        Database::Known(facts) => facts,
    };
    let version = facts.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let mut checks = vec![Check::fine(SUBJECT, format!("{}{version} answers", facts.engine))];
    checks.extend(facts.clock.map(|other| clock("clock of the database", other, now)));
    checks
}

/// The file of the master key.
pub(super) fn master_key(config: &Config) -> Check {
    const SUBJECT: &str = "master key";
    let shown = config.master_key_file.display();
    match std::fs::metadata(&config.master_key_file) {
        Ok(facts) => {
            let mode = facts.permissions().mode() & 0o777;
            if is_private(mode) {
                Check::fine(SUBJECT, format!("{shown}, mode {mode:04o}"))
            } else {
                Check::failure(
                    SUBJECT,
                    format!("{shown} has mode {mode:04o}: others can read it"),
                    format!("chmod 600 {shown}"),
                )
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if config.data.join("trunkline.db").exists() {
                let finding = format!("{shown} is missing, and the database has secrets sealed with it");
                Check::failure(
                    SUBJECT,
                    finding,
                    format!(
                        "put the copy you kept at {shown} (mode 0600); without it nothing can open the secrets in this data folder"
                    ),
                )
            } else {
                Check::fine(SUBJECT, "none yet; `trunkline serve` makes it")
            }
        }
        Err(error) => Check::failure(SUBJECT, format!("{shown}: {error}"), "let the service user read it"),
    }
}

/// The ports of both listeners.
pub(super) fn ports(config: &Config, machine: &dyn Machine, is_running: bool) -> Vec<Check> {
    let api = config.http.addresses.iter().map(|address| SocketAddr::new(*address, config.http.port));
    let admin = config.admin.map(|admin| SocketAddr::new(admin.address, admin.port));
    let fixed = api.chain(admin).filter(|address| address.port() != 0);
    fixed.map(|address| port(address, machine.try_listen(address), is_running)).collect()
}

fn port(address: SocketAddr, outcome: std::io::Result<()>, is_running: bool) -> Check {
    let subject = format!("port {address}");
    let number = address.port();
    let Err(error) = outcome else {
        return if is_running {
            let remedy = "it was started with other settings; give doctor the same flags, or restart it";
            Check::warning(subject, "free, although the server runs", remedy)
        } else {
            Check::fine(subject, "free")
        };
    };
    match error.kind() {
        ErrorKind::AddrInUse if is_running => Check::fine(subject, "in use while the server runs"),
        ErrorKind::AddrInUse => Check::failure(
            subject,
            "in use by another program",
            format!(
                "find it with: ss -ltnp 'sport = :{number}'; end it, or choose another port with http.port or admin.port"
            ),
        ),
        ErrorKind::PermissionDenied => Check::failure(
            subject,
            "not allowed for this user",
            "ports below 1024 need CAP_NET_BIND_SERVICE; the systemd unit gives it, or choose a higher port",
        ),
        ErrorKind::AddrNotAvailable | ErrorKind::Unsupported => Check::failure(
            subject,
            "this machine does not have the address",
            "take it out of http.addresses (::1 and :: need IPv6)",
        ),
        _ => Check::failure(subject, error.to_string(), "see the message"),
    }
}

/// Certificates: there, in time, and for the right names.
pub(super) fn certificates(config: &Config, machine: &dyn Machine) -> Vec<Check> {
    const SUBJECT: &str = "certificate";
    if config.tls.is_terminated_by_proxy {
        return vec![Check::fine(SUBJECT, "that of the proxy, which is not looked at")];
    }
    let facts = match machine.certificates(config) {
        Ok(facts) => facts,
        Err(reason) => {
            return vec![Check::failure(
                SUBJECT,
                reason,
                "check tls.certificate_file and tls.key_file, or the folder tls",
            )];
        }
    };
    if facts.is_empty() {
        return vec![Check::fine(SUBJECT, "no certificate authority yet; `trunkline serve` makes it")];
    }
    let now = machine.now();
    let mut checks: Vec<_> = facts.iter().map(|facts| expiry(facts, now)).collect();
    checks.push(covered_names(config, &facts));
    if config.tls.files.is_none() && !config.data.join("tls/trust.pem").is_file() {
        let remedy = "trunkline ca show writes it again";
        checks.push(Check::warning("trust bundle", "missing: clients have nothing to trust", remedy));
    }
    checks
}

fn expiry(facts: &CertificateFacts, now: Timestamp) -> Check {
    let date = facts.not_after.to_rfc3339();
    let day = &date[..10];
    let remedy = "renew it; files are picked up within seconds, no restart is needed";
    if facts.not_after <= now {
        Check::failure(&facts.label, format!("ended on {day}"), remedy)
    } else if facts.not_after.since(now) < EXPIRY_SOON {
        Check::warning(&facts.label, format!("ends on {day}"), remedy)
    } else {
        Check::fine(&facts.label, format!("valid until {day}"))
    }
}

/// Whether the names that clients use are in the certificate, or among those we sign for.
fn covered_names(config: &Config, facts: &[CertificateFacts]) -> Check {
    const SUBJECT: &str = "host names of the certificate";
    let wanted = wanted_names(config);
    let is_signed_here = |name: &String| {
        let below = name.strip_suffix(&config.domain);
        let is_below = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        is_below || name == "localhost" || config.tls.host_names.contains(name)
    };
    let is_in_file = |name: &String| {
        facts.iter().flat_map(|facts| &facts.names).any(|pattern| matches_name(pattern, name))
    };
    let is_covered =
        |name: &String| if config.tls.files.is_some() { is_in_file(name) } else { is_signed_here(name) };
    let missing: Vec<_> = wanted.into_iter().filter(|name| !is_covered(name)).collect();
    if missing.is_empty() {
        return Check::fine(SUBJECT, "cover public_url, node.url and the resources");
    }
    let remedy = match &config.tls.files {
        Some(_) => "get a certificate for them; *.DOMAIN covers every resource",
        None => "add them to tls.host_names",
    };
    Check::failure(SUBJECT, format!("do not cover {}", missing.join(", ")), remedy)
}

/// The names clients use: those of `public_url` and `node.url`, and one of a resource.
fn wanted_names(config: &Config) -> Vec<String> {
    let resource = config.default_resource.as_ref().map_or("resource", |name| name.as_str());
    let mut names = vec![format!("{resource}.{}", config.domain)];
    names.extend(host_of(&config.public_url(config.http.port)));
    names.extend(config.node_url.as_deref().and_then(host_of));
    names
}

fn host_of(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1;
    let host = if authority.starts_with('[') {
        authority.split_once(']')?.0.trim_start_matches('[')
    } else {
        authority.split(':').next()?
    };
    Some(host.to_ascii_lowercase())
}

/// A name of a certificate against a host name (RFC 6125 §6.4.3: `*` is exactly the first label).
fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(_, tail)| tail == rest),
        None => pattern == name,
    }
}

/// Name resolution of what clients on this machine use.
pub(super) fn names(config: &Config, machine: &dyn Machine) -> Vec<Check> {
    let mut names = vec!["localhost".to_owned()];
    names.extend(wanted_names(config));
    names.dedup();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| resolution(config, machine, &name)).collect()
}

fn resolution(config: &Config, machine: &dyn Machine, name: &str) -> Check {
    let subject = format!("name {name}");
    let found = machine.resolve(name).unwrap_or_default();
    if !found.is_empty() {
        let addresses: Vec<_> = found.iter().map(ToString::to_string).collect();
        return Check::fine(subject, addresses.join(", "));
    }
    if name == "localhost" || name.ends_with(".localhost") {
        let remedy = format!("add this line to /etc/hosts: 127.0.0.1 {name}");
        return Check::warning(subject, "has no address on this machine", remedy);
    }
    let remedy =
        format!("let the DNS of your clients answer for it; *.{} serves every resource", config.domain);
    match config.profile {
        Profile::Production => Check::failure(subject, "has no address", remedy),
        Profile::Development => Check::warning(subject, "has no address", remedy),
    }
}

/// The limit of open files against the configured connections.
pub(super) fn open_files(config: &Config, machine: &dyn Machine) -> Check {
    const SUBJECT: &str = "open files";
    let limit = machine.open_files_max();
    let relays = config.relay.port.map_or(0, |_| u64::from(config.relay.allocations_max) + RELAY_STREAMS);
    let streams = if config.media.tcp { config.media.peers_max as u64 } else { 0 };
    let needed = (config.http.connections_max as u64).saturating_add(OPEN_FILES_BESIDES + relays + streams);
    if limit >= needed {
        return Check::fine(SUBJECT, format!("at most {limit}, {needed} needed"));
    }
    let finding = format!(
        "at most {limit}, but http.max_connections, relay.allocations_max and media.peers_max together need {needed}"
    );
    Check::warning(
        SUBJECT,
        finding,
        format!("ulimit -n {needed}, or LimitNOFILE={needed} in the systemd unit"),
    )
}
