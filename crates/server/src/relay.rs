//! The relay of a server: its settings, its credentials, and its door on the port of HTTPS.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use trunkline_calling::{IceServer, RelayCredentials};
use trunkline_kernel::{Clock, Entropy, ResourceId, Secret, Timestamp};
use trunkline_media::MediaPlane;
use trunkline_media::relay::{Relay, RelayConfig, RelayHandle, RelayLimits, RelayMetrics};
use trunkline_net::{Stream, TakeStream};
use trunkline_tasks::Tasks;
use trunkline_traversal::{IssueCredentials, RelayCredential};

use crate::config::Config;

/// What a relay is known by to clients; nothing until it was started, and for commands.
#[derive(Default)]
pub(crate) struct RelayDoor(OnceLock<Door>);

struct Door {
    handle: RelayHandle,
    urls: Vec<String>,
}

/// Starts the relay and opens `door`; `None` where it is off.
pub(crate) fn start(
    config: &Config,
    door: &RelayDoor,
    secret: Secret<Vec<u8>>,
    (media, metrics): (&MediaPlane, RelayMetrics),
    (clock, entropy, tasks): (&Arc<dyn Clock>, &dyn Entropy, &Tasks),
    public_origin: &str,
) -> anyhow::Result<Option<Relay>> {
    let Some(port) = config.relay.port else { return Ok(None) };
    let relay = RelayConfig {
        listen: config.media.addresses.clone(),
        port,
        realm: config.domain.clone(),
        secret,
        media: media.ports(),
        public: config.media.public_addresses.clone(),
        allowed: config.relay.allowed_networks.clone(),
        is_tcp_on: config.relay.tcp_allocations,
        limits: RelayLimits {
            allocations: config.relay.allocations_max,
            bytes_per_second: config.relay.kbps_max.saturating_mul(125),
            ..RelayLimits::default()
        },
    };
    let relay = Relay::start(relay, clock, entropy, tasks, metrics)?;
    let port = relay.addresses().first().map_or(port, SocketAddr::port);
    let urls = urls(public_origin, port, !config.tls.is_terminated_by_proxy);
    let _ = door.0.set(Door { handle: relay.handle(), urls });
    Ok(Some(relay))
}

/// Where clients find the relay: UDP first, TCP for networks without it, and TLS on the port of HTTPS for those that
/// let nothing else through.
fn urls(public_origin: &str, port: u16, has_tls: bool) -> Vec<String> {
    let authority = public_origin.split_once("://").map_or(public_origin, |(_, authority)| authority);
    let host = trunkline_web::app::without_port(authority);
    let https = authority[host.len()..].strip_prefix(':').unwrap_or("443");
    let mut urls =
        vec![format!("turn:{host}:{port}?transport=udp"), format!("turn:{host}:{port}?transport=tcp")];
    if has_tls {
        urls.push(format!("turns:{host}:{https}?transport=tcp"));
    }
    urls
}

impl IssueCredentials for RelayDoor {
    fn issue(
        &self,
        resource: ResourceId,
        who: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Option<RelayCredential> {
        let door = self.0.get()?;
        let expires = now.plus(ttl).as_seconds().try_into().unwrap_or_default();
        // The resource first, so that the relay counts for it as well.
        let credentials = door.handle.issue(&format!("{resource}.{who}"), expires);
        Some(RelayCredential {
            urls: door.urls.clone(),
            username: credentials.username,
            password: credentials.password,
        })
    }
}

impl RelayCredentials for RelayDoor {
    fn issue(&self, resource: ResourceId, who: &str, ttl: Duration, now: Timestamp) -> Vec<IceServer> {
        let issued = IssueCredentials::issue(self, resource, who, ttl, now);
        let server = |one: RelayCredential| IceServer {
            urls: one.urls,
            username: Some(one.username),
            credential: Some(one.password.expose().clone()),
        };
        issued.map(server).into_iter().collect()
    }
}

impl TakeStream for RelayDoor {
    fn wants(&self, first: u8) -> bool {
        // A request of STUN: two bits of zero, then its method (RFC 8489 §5).
        first <= 1 && self.0.get().is_some()
    }

    fn take<'t>(
        &'t self,
        stream: Box<dyn Stream>,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 't>> {
        Box::pin(async move {
            if let Some(door) = self.0.get() {
                door.handle.serve(stream, client, server).await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::urls;

    #[test]
    fn clients_find_the_relay_by_the_public_name() {
        let all = ["turn:acs.example.com:3478?transport=udp", "turn:acs.example.com:3478?transport=tcp"];
        let mut with_tls = all.to_vec();
        with_tls.push("turns:acs.example.com:443?transport=tcp");
        assert_eq!(urls("https://acs.example.com", 3_478, true), with_tls);
        assert_eq!(urls("https://acs.example.com", 3_478, false), all);
        let local = urls("https://localhost:8443", 5_000, true);
        assert_eq!(local[0], "turn:localhost:5000?transport=udp");
        assert_eq!(local[2], "turns:localhost:8443?transport=tcp");
        assert_eq!(urls("https://[::1]:8443", 5_000, true)[2], "turns:[::1]:8443?transport=tcp");
    }
}
