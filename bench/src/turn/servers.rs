//! The two relays: our release program, and coturn.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_kernel::{Clock as _, Secret, SystemClock};
use trunkline_turn::Credentials;

use super::callers::{self, Wish};
use crate::chat::town::{Town, Wrapping};

/// Relays that one user gets credentials for: ours lets a user have ten.
const RELAYS_OF_ONE: usize = 8;
/// How long coturn may take to start.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long credentials are good for: longer than any run.
const TTL_S: u64 = 3_600;
const TRAVERSAL: &str = "/networkTraversal/:issueRelayConfiguration?api-version=2022-03-01-preview";
const SECRET: &str = "of this run alone";

/// A relay that runs.
pub(crate) struct Relay {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) id: u32,
    credentials: Vec<Credentials>,
    // Ends with it.
    _running: Running,
}

#[expect(dead_code, reason = "held for its Drop")]
enum Running {
    Ours(Town),
    Coturn(Coturn),
}

impl Relay {
    /// Ours, in a process of its own, with credentials for so many clients.
    pub(crate) async fn ours(clients: usize) -> Result<Self> {
        let settings =
            ["relay.allowed_networks=127.0.0.0/8", "relay.kbps_max=0", "media.addresses=127.0.0.1"];
        let town = Town::found(Wrapping::Plain, &settings.map(str::to_owned))?;
        let mut http = town.place.open().await?;
        let mut credentials = Vec::new();
        let mut address = None;
        for person in town.people(clients.div_ceil(RELAYS_OF_ONE)).await? {
            let body = json!({ "id": person.id, "ttl": TTL_S }).to_string();
            let answer = http.expect(&town.as_application(TRAVERSAL, &body)?, 200).await?;
            let answer: Value = serde_json::from_slice(answer)?;
            let server = &answer["iceServers"][0];
            let text =
                |value: &Value| value.as_str().map(str::to_owned).context("a server has name and password");
            let password = Secret::new(text(&server["credential"])?);
            let issued = Credentials { username: text(&server["username"])?, password };
            credentials.extend(std::iter::repeat_n(issued, RELAYS_OF_ONE));
            address = Some(local_address(&text(&server["urls"][0])?)?);
        }
        let address = address.context("there are clients")?;
        Ok(Self { name: "ours", address, id: town.server.id(), credentials, _running: Running::Ours(town) })
    }

    /// Debian's coturn with what its own documentation says for credentials that end by themselves.
    pub(crate) fn coturn(clients: usize) -> Result<Self> {
        let coturn = Coturn::start()?;
        let secret = Secret::new(SECRET.as_bytes().to_vec());
        let expires = u64::try_from(SystemClock.now().as_seconds())? + TTL_S;
        let user = |number: usize| format!("bench.{}", number / RELAYS_OF_ONE);
        let credentials = (0..clients).map(|number| Credentials::issue(&secret, &user(number), expires));
        Ok(Self {
            name: "coturn",
            address: coturn.address,
            id: coturn.child.id(),
            credentials: credentials.collect(),
            _running: Running::Coturn(coturn),
        })
    }

    /// Credentials for so many clients; the same ones each time.
    pub(crate) fn credentials(&self, clients: usize) -> impl Iterator<Item = Credentials> {
        self.credentials.iter().take(clients).cloned()
    }

    /// So many clients with a relay each.
    pub(crate) fn callers(&self, clients: usize) -> Result<Vec<callers::Caller>> {
        let mut callers = callers::come(self.credentials(clients))?;
        callers::ask(&mut callers, self.address, |_| Wish::Relay)?;
        Ok(callers)
    }
}

/// Where a URL such as `turn:localhost:3478?transport=udp` leads to on this machine.
fn local_address(url: &str) -> Result<SocketAddr> {
    let port =
        url.split('?').next().and_then(|place| place.rsplit(':').next()).context("a URL has a port")?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port.parse()?)))
}

/// A process that ends with this value.
struct Coturn {
    child: Child,
    address: SocketAddr,
    _home: TempDir,
}

impl Coturn {
    fn start() -> Result<Self> {
        let home = TempDir::new()?;
        let port = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        let place = |name: &str| home.path().join(name).display().to_string();
        let mut command = Command::new("turnserver");
        command
            .args(["-n", "--lt-cred-mech", "--use-auth-secret", "--realm=bench", "--allow-loopback-peers"])
            .args(["--no-tls", "--no-dtls", "--no-cli", "--no-rfc5780", "--no-stdout-log", "--simple-log"])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--total-quota=0", "--user-quota=0"])
            .arg(format!("--static-auth-secret={SECRET}"))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--log-file={}", place("log")))
            .arg(format!("--pidfile={}", place("pid")))
            .arg(format!("--db={}", place("db")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child =
            command.spawn().context("cannot start turnserver; it is in the Debian package `coturn`")?;
        let mut coturn = Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _home: home };
        let started = SystemClock.monotonic();
        while !coturn.answers()? {
            if let Some(status) = coturn.child.try_wait()? {
                bail!("turnserver ended while starting: {status}");
            }
            if SystemClock.monotonic().saturating_sub(started) > PATIENCE {
                bail!("turnserver does not answer after {} s", PATIENCE.as_secs());
            }
        }
        Ok(coturn)
    }

    /// Whether it answers a Binding request within a moment.
    fn answers(&self) -> Result<bool> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let nobody = Credentials { username: String::new(), password: Secret::new(String::new()) };
        socket.send_to(&trunkline_turn::Client::new(nobody).binding(), self.address)?;
        Ok(socket.recv(&mut [0; 512]).is_ok())
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::local_address;

    #[test]
    fn the_relay_is_found_by_its_port() {
        let found = local_address("turn:localhost:5000?transport=udp").unwrap();
        assert_eq!(found, "127.0.0.1:5000".parse().unwrap());
        assert!(local_address("turn:localhost").is_err());
    }
}
