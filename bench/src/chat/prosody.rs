//! The peer: prosody, group chat with its archive on, and the XMPP that clients of it need.
//!
//! ```text
//! stream ─► SASL ANONYMOUS ─► stream ─► bind ─► presence in the room ─► messages, which the room reflects
//! ```

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use trunkline_kernel::{Clock as _, SystemClock};

/// How long it may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Clients that join at the same time.
const JOINING: usize = 16;
/// Read at once, and the longest stanza.
const READ_BYTES: usize = 64 * 1024;

/// A running prosody with a configuration and data of its own.
pub(crate) struct Prosody {
    child: Child,
    address: SocketAddr,
    _home: TempDir,
}

impl Prosody {
    /// Starts it.
    pub(crate) async fn start() -> Result<Self> {
        let home = TempDir::new()?;
        let port = StdListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = home.path().display();
        // Nothing but what group chat with an archive needs; plain text and users without passwords, so that only
        // the messages cost.
        let configuration = format!(
            "run_as_root = true\n\
             data_path = \"{folder}\"\n\
             pidfile = \"{folder}/prosody.pid\"\n\
             log = {{ warn = \"*console\" }}\n\
             modules_enabled = {{ \"saslauth\" }}\n\
             modules_disabled = {{ \"s2s\", \"tls\", \"offline\", \"http\" }}\n\
             interfaces = {{ \"127.0.0.1\" }}\n\
             c2s_ports = {{ {port} }}\n\
             c2s_require_encryption = false\n\
             storage = {{ archive = \"internal\" }}\n\
             archive_expires_after = \"never\"\n\
             VirtualHost \"localhost\"\n\
             \tauthentication = \"anonymous\"\n\
             Component \"rooms.localhost\" \"muc\"\n\
             \tmodules_enabled = {{ \"muc_mam\" }}\n\
             \tmuc_room_locking = false\n\
             \tmuc_log_by_default = true\n"
        );
        let file = home.path().join("prosody.cfg.lua");
        std::fs::write(&file, configuration)?;
        let mut command =
            Command::new(program().context("there is no prosody; it is in the Debian package `prosody`")?);
        command.arg("-F").arg("--config").arg(&file);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut prosody = Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _home: home };
        let started = SystemClock.monotonic();
        while TcpStream::connect(prosody.address).await.is_err() {
            if let Some(status) = prosody.child.try_wait()? {
                bail!("prosody ended while starting: {status}");
            }
            if SystemClock.monotonic().saturating_sub(started) > PATIENCE {
                bail!("prosody does not listen after {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(prosody)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// So many clients; `room_of` says into which room each goes.
    pub(crate) async fn crowd(
        &self,
        size: usize,
        room_of: impl Fn(usize) -> String,
    ) -> Result<Vec<Occupant>> {
        let joins = (0..size).map(|number| {
            let room = room_of(number);
            async move { self.join(&room, &format!("nick{number}")).await }
        });
        stream::iter(joins).buffered(JOINING).try_collect().await
    }

    /// A client that has joined `room` as `nick`.
    async fn join(&self, room: &str, nick: &str) -> Result<Occupant> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let room = format!("{room}@rooms.localhost").into();
        let mut occupant = Occupant { stream, room, buffer: vec![0; READ_BYTES], filled: 0 };
        let joining = occupant.enter(nick);
        tokio::time::timeout(PATIENCE, joining).await.context("nobody joined in time")??;
        Ok(occupant)
    }
}

impl Drop for Prosody {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Debian's place, which is on nobody's path but that of users.
fn program() -> Option<PathBuf> {
    ["/usr/bin/prosody", "/usr/sbin/prosody", "/usr/local/bin/prosody"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

/// Somebody in a room.
pub(crate) struct Occupant {
    stream: TcpStream,
    room: Arc<str>,
    buffer: Vec<u8>,
    filled: usize,
}

impl Occupant {
    async fn enter(&mut self, nick: &str) -> Result<()> {
        const STREAM: &str = "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
        self.say(STREAM).await?;
        self.read_past("</stream:features>").await?;
        self.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>").await?;
        self.read_past("<success").await?;
        self.say(STREAM).await?;
        self.read_past("</stream:features>").await?;
        self.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>").await?;
        self.read_past("</iq>").await?;
        let room = &self.room;
        let join = format!(
            "<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>\
             </presence>"
        );
        self.say(&join).await?;
        // The room's subject is the last thing it sends to somebody who joins.
        self.read_past("<subject").await
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(text.as_bytes()).await?)
    }

    /// Reads on until `mark` has come; what came before it is forgotten.
    async fn read_past(&mut self, mark: &str) -> Result<()> {
        loop {
            let found = find(&self.buffer[..self.filled], mark.as_bytes());
            // What may be the beginning of the mark stays.
            let used = found.map_or(self.filled.saturating_sub(mark.len()), |at| at + mark.len());
            self.buffer.copy_within(used..self.filled, 0);
            self.filled -= used;
            if found.is_some() {
                return Ok(());
            }
            let count = self.stream.read(&mut self.buffer[self.filled..]).await?;
            if count == 0 {
                bail!(
                    "prosody closed a connection; last it said {}",
                    String::from_utf8_lossy(&self.buffer[..self.filled])
                );
            }
            self.filled += count;
        }
    }

    /// Says `text` in the room and waits until the room has reflected it, which it does after it was archived.
    pub(crate) async fn tell(&mut self, id: u64, text: &str) -> Result<()> {
        self.send(id, text).await?;
        self.read_past(&format!("id='m{id}.'")).await
    }

    /// Says `text` in the room.
    pub(crate) async fn send(&mut self, id: u64, text: &str) -> Result<()> {
        let room = &self.room;
        let stanza =
            format!("<message to='{room}' type='groupchat' id='m{id}.'><body>{text}</body></message>");
        self.say(&stanza).await
    }

    /// Reads for ever; `on_message` is called for each message.
    pub(crate) async fn listen(mut self, mut on_message: impl FnMut()) {
        while self.read_past("</message>").await.is_ok() {
            on_message();
        }
    }
}

/// Where `mark` begins.
fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    while let Some(next) = bytes[from..].iter().position(|byte| *byte == first) {
        from += next;
        if bytes[from..].starts_with(mark) {
            return Some(from);
        }
        from += 1;
    }
    None
}
