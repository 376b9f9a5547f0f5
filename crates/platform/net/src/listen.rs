//! Taking addresses: TCP ports and the unix socket.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tracing::warn;

use crate::NetError;

/// Connections the kernel completes before the server accepts them: a burst of a thousand clients.
const BACKLOG: u32 = 1024;
/// How often a port free on every address is looked for. Each attempt fails only if another program took
/// the port on another address, so a handful would do.
const PORT_ATTEMPTS: usize = 64;
/// The longest path in a socket address: `sun_path` has 108 bytes on Linux and 104 on macOS, one of them
/// the closing zero.
const SOCKET_PATH_BYTES: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Addresses that are taken, ready for [`crate::Server::start`].
#[derive(Debug)]
pub struct Listeners {
    pub(crate) listeners: Vec<Listener>,
    addresses: Vec<SocketAddr>,
}

#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Removes the socket's file when the listener ends.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that somebody removed already is no loss.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listeners {
    /// Takes TCP addresses. Where the port is 0, one free port is taken for all such addresses, so that
    /// `localhost` works whichever of 127.0.0.1 and `::1` a client tries first.
    ///
    /// `::1` and `[::]` are left out with a warning on a machine without IPv6, when there is another
    /// address. `[::]` alone takes IPv4 too, as Linux does by default; beside an IPv4 address it takes IPv6
    /// only.
    ///
    /// **Errors**: [`NetError::AddressInUse`], [`NetError::Bind`], [`NetError::NoAddress`].
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, NetError> {
        let mut attempts = PORT_ATTEMPTS;
        loop {
            attempts -= 1;
            match bind_all(addresses) {
                Err((NetError::AddressInUse { .. }, true)) if attempts > 0 => {}
                Err((error, _)) => return Err(error),
                Ok(listeners) => return Self::of_tcp(listeners),
            }
        }
    }

    fn of_tcp(listeners: Vec<TcpListener>) -> Result<Self, NetError> {
        if listeners.is_empty() {
            return Err(NetError::NoAddress);
        }
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<Result<_, _>>()
            .map_err(|source| NetError::Bind { address: "a listener".into(), source })?;
        Ok(Self { listeners: listeners.into_iter().map(Listener::Tcp).collect(), addresses })
    }

    /// Takes a unix socket at `path`, mode 0600; only the same user (and root) can connect.
    ///
    /// **Precondition**: the caller holds the folder's lock. Whatever is at `path` is replaced, because
    /// under that lock it can only be left over from a process that was killed.
    ///
    /// **Errors**: [`NetError::SocketPathTooLong`], [`NetError::Bind`].
    pub fn bind_unix(path: &Path) -> Result<Self, NetError> {
        let refuse = |source| NetError::Bind { address: path.display().to_string(), source };
        // Taken beside its place with the right mode and then moved there: at no moment can others connect.
        let mut beside = path.as_os_str().to_owned();
        beside.push("~");
        let beside = PathBuf::from(beside);
        let bytes = beside.as_os_str().as_bytes().len();
        if bytes > SOCKET_PATH_BYTES {
            let limit = SOCKET_PATH_BYTES - 1;
            return Err(NetError::SocketPathTooLong { path: path.to_owned(), bytes: bytes - 1, limit });
        }
        remove_left_over(&beside).map_err(refuse)?;
        let listener = StdUnixListener::bind(&beside).map_err(refuse)?;
        fs::set_permissions(&beside, Permissions::from_mode(0o600)).map_err(refuse)?;
        fs::rename(&beside, path).map_err(refuse)?;
        let file = SocketFile(path.to_owned());
        listener.set_nonblocking(true).map_err(refuse)?;
        let listener = UnixListener::from_std(listener).map_err(refuse)?;
        Ok(Self { listeners: vec![Listener::Unix(listener, file)], addresses: Vec::new() })
    }

    /// The TCP addresses with their real ports, in the order given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

fn remove_left_over(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// On failure also says whether another free port may help.
fn bind_all(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, (NetError, bool)> {
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut free_port = None;
    let is_beside_ipv4 = addresses.iter().any(SocketAddr::is_ipv4);
    for asked in addresses {
        let mut address = *asked;
        if address.port() == 0 {
            address.set_port(free_port.unwrap_or(0));
        }
        match bind_one(address, is_beside_ipv4) {
            Ok(listener) => {
                if asked.port() == 0 && free_port.is_none() {
                    free_port = listener.local_addr().ok().map(|taken| taken.port());
                }
                listeners.push(listener);
            }
            Err(error) if is_without_ipv6(address, &error) && addresses.len() > 1 => {
                warn!(%address, "this machine has no IPv6; listening without it");
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err((NetError::AddressInUse { address }, asked.port() == 0));
            }
            Err(source) => return Err((NetError::Bind { address: address.to_string(), source }, false)),
        }
    }
    Ok(listeners)
}

fn bind_one(address: SocketAddr, is_beside_ipv4: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted server takes its port although old connections are still in TIME-WAIT.
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() && is_beside_ipv4 {
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_without_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let is_unknown = matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    address.is_ipv6() && (address.ip().is_loopback() || address.ip().is_unspecified()) && is_unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopbacks(port: u16) -> [SocketAddr; 2] {
        [format!("127.0.0.1:{port}").parse().unwrap(), format!("[::1]:{port}").parse().unwrap()]
    }

    #[tokio::test]
    async fn both_loopback_addresses_get_the_same_free_port() {
        let listeners = Listeners::bind(&loopbacks(0)).unwrap();
        let ports: Vec<u16> = listeners.addresses().iter().map(SocketAddr::port).collect();
        assert_ne!(ports[0], 0);
        assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    }

    #[tokio::test]
    async fn every_address_of_both_families_can_be_taken_together() {
        let everywhere = ["0.0.0.0:0".parse().unwrap(), "[::]:0".parse().unwrap()];
        let listeners = Listeners::bind(&everywhere).unwrap();
        assert_eq!(listeners.addresses()[0].port(), listeners.addresses().last().unwrap().port());
    }

    #[tokio::test]
    async fn a_taken_address_is_named_with_what_to_do() {
        let first = Listeners::bind(&loopbacks(0)[..1]).unwrap();
        let address = first.addresses()[0];
        let error = Listeners::bind(&[address]).unwrap_err();
        assert!(matches!(error, NetError::AddressInUse { address: named } if named == address));
        assert!(error.to_string().contains("choose another port"), "{error}");
    }

    #[tokio::test]
    async fn a_foreign_address_and_an_empty_list_are_refused() {
        let foreign = "192.0.2.1:0".parse().unwrap();
        assert!(matches!(Listeners::bind(&[foreign]), Err(NetError::Bind { .. })));
        assert!(matches!(Listeners::bind(&[]), Err(NetError::NoAddress)));
    }

    #[tokio::test]
    async fn a_socket_replaces_what_a_killed_process_left_and_goes_away_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trunkline.sock");
        drop(StdUnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listeners = Listeners::bind_unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(listeners);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_long_socket_path_is_refused_with_its_length() {
        let path = Path::new("/tmp").join("x".repeat(120));
        let error = Listeners::bind_unix(&path).unwrap_err();
        assert!(error.to_string().contains("has 125 bytes"), "{error}");
    }
}
