//! The facts of a machine that the checks ask for.

use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{Clock, Timestamp};
use trunkline_net::udp::{BatchSocket, UdpOptions};
use trunkline_net::{Authority, CertificateFiles, CertificatePair, NetError};

use crate::config::Config;

/// What a write to the disk takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyncFacts {
    /// The median time of a small write with fsync.
    pub(crate) duration: Duration,
    /// The time that the file system put on the file.
    pub(crate) file_time: Timestamp,
}

/// What sockets may buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferFacts {
    /// The most a socket may ask for to receive.
    pub(crate) receive_bytes: u64,
    /// And to send.
    pub(crate) send_bytes: u64,
    /// Whether this user may have more all the same.
    pub(crate) is_exempt: bool,
}

/// A certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// What it is, such as `certificate authority`.
    pub(crate) label: String,
    /// The names it is for; empty for an authority.
    pub(crate) names: Vec<String>,
    /// When it ends.
    pub(crate) not_after: Timestamp,
}

/// A machine: the real one, or one with faults for tests.
pub(crate) trait Machine: Send + Sync {
    /// What its clock says.
    fn now(&self) -> Timestamp;
    /// Whether somebody could listen at `address` now.
    fn try_listen(&self, address: SocketAddr) -> std::io::Result<()>;
    /// Whether somebody could take datagrams at `address` now.
    fn try_bind_udp(&self, address: SocketAddr) -> std::io::Result<()>;
    /// The addresses of its interfaces.
    fn own_addresses(&self) -> std::io::Result<Vec<IpAddr>>;
    /// The limits of the buffers of sockets; `None` where the system tells none.
    fn udp_buffers(&self) -> Option<BufferFacts>;
    /// How many threads run at once.
    fn cores(&self) -> usize;
    /// The addresses of a host name.
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
    /// Bytes that are free for this user on the file system of `folder`.
    fn free_bytes(&self, folder: &Path) -> std::io::Result<u64>;
    /// Measures small durable writes in `folder`.
    fn measure_sync(&self, folder: &Path) -> std::io::Result<SyncFacts>;
    /// How many files this process may open.
    fn open_files_max(&self) -> u64;
    /// The certificates of the configuration; the error says which cannot be used and why.
    fn certificates(&self, config: &Config) -> Result<Vec<CertificateFacts>, String>;
}

/// The machine this process runs on.
pub(crate) struct ThisMachine {
    clock: Arc<dyn Clock>,
}

impl ThisMachine {
    /// `clock` is the machine's clock.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl Machine for ThisMachine {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn try_listen(&self, address: SocketAddr) -> std::io::Result<()> {
        TcpListener::bind(address).map(drop)
    }

    fn try_bind_udp(&self, address: SocketAddr) -> std::io::Result<()> {
        BatchSocket::bind(address, UdpOptions::default()).map(drop).map_err(|error| match error {
            NetError::Bind { source, .. } => source,
            _ => ErrorKind::AddrInUse.into(),
        })
    }

    fn own_addresses(&self) -> std::io::Result<Vec<IpAddr>> {
        trunkline_net::udp::interface_addresses()
    }

    fn udp_buffers(&self) -> Option<BufferFacts> {
        let limit =
            |name| std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse().ok();
        Some(BufferFacts {
            receive_bytes: limit("rmem_max")?,
            send_bytes: limit("wmem_max")?,
            is_exempt: rustix::process::geteuid().is_root(),
        })
    }

    fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }

    fn free_bytes(&self, folder: &Path) -> std::io::Result<u64> {
        let facts = rustix::fs::statvfs(folder)?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    fn measure_sync(&self, folder: &Path) -> std::io::Result<SyncFacts> {
        const WRITES: usize = 9; // The median of nine is steady, and nine take half a second on a slow disk.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut durations = Vec::with_capacity(WRITES);
        for _ in 0..WRITES {
            let start = self.clock.monotonic();
            file.write_all(&[0; 512])?;
            file.as_file().sync_all()?;
            durations.push(self.clock.monotonic().saturating_sub(start));
        }
        durations.sort_unstable();
        let modified = file.as_file().metadata()?.modified()?;
        let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(SyncFacts { duration: durations[WRITES / 2], file_time: Timestamp::EPOCH.plus(since_epoch) })
    }

    fn open_files_max(&self) -> u64 {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
    }

    fn certificates(&self, config: &Config) -> Result<Vec<CertificateFacts>, String> {
        if let Some(files) = &config.tls.files {
            let pair = CertificatePair { chain: files.certificate.clone(), key: files.key.clone() };
            let loaded = CertificateFiles::load(vec![pair], Arc::clone(&self.clock));
            let facts = |status: trunkline_net::CertificateStatus| CertificateFacts {
                label: "certificate".to_owned(),
                names: status.names,
                not_after: status.not_after,
            };
            return Ok(loaded.map_err(|error| error.to_string())?.status().into_iter().map(facts).collect());
        }
        let folder = config.data.join("tls");
        if !folder.join("ca.pem").exists() {
            return Ok(Vec::new());
        }
        let authority =
            Authority::open_or_create(&folder, Arc::clone(&self.clock)).map_err(|error| error.to_string())?;
        let label = "certificate authority".to_owned();
        Ok(vec![CertificateFacts { label, names: Vec::new(), not_after: authority.not_after() }])
    }
}
