//! Janus and its video room, spoken to in JSON over a WebSocket.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_net::websocket::{Opcode, write_masked};
use trunkline_sfu::testing::Client;

use super::child;
use super::crowd::Crowd;
use super::plan::{Plan, Server};

const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu/janus";
const ROOM: u64 = 1234;
/// How long an answer may take, and the start.
const PATIENCE: Duration = Duration::from_secs(30);
/// Each a rest of the crowd later than the one before.
const SUBSCRIBE_TRIES_MAX: u32 = 20;
const STEP: Duration = Duration::from_millis(50);
/// The bit of the last frame of a message.
const FINAL: u8 = 0x80;
const HANDSHAKE: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: AAECAwQFBgcICQoLDA0ODw==\r\n\
    sec-websocket-protocol: janus-protocol\r\n\r\n";

/// A running Janus.
pub(super) struct Janus {
    child: Child,
    socket: TcpStream,
    session: u64,
    /// The publisher, once there is one.
    feed: Option<Feed>,
    transactions: u64,
    _route: Route,
    _home: TempDir,
}

/// Who publishes.
#[derive(Clone)]
struct Feed {
    id: u64,
    /// Its lines: microphone, camera, screen.
    mids: Vec<String>,
}

impl Janus {
    /// `event_loops`: threads for all clients together; `None`: one for each client, as it comes.
    pub(super) fn start(event_loops: Option<u32>) -> Result<Self> {
        let home = TempDir::new()?;
        let route = Route::add()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        configure(home.path(), &route.device, port, event_loops)?;
        let mut command = Command::new("janus");
        command.arg("-F").arg(home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = child::spawn(&mut command)?;
        let socket = connect(port)?;
        let mut janus =
            Self { child, socket, session: 0, feed: None, transactions: 0, _route: route, _home: home };
        janus.session = id(&janus.ask(json!({ "janus": "create" }))?)?;
        let handle = janus.attach()?;
        let room = json!({
            "request": "create", "room": ROOM, "publishers": 100, "bitrate": 0, "notify_joining": false,
            "videocodec": "vp8", "audiocodec": "opus",
        });
        janus.message(handle, &room, None)?;
        Ok(janus)
    }

    fn attach(&mut self) -> Result<u64> {
        let session = self.session;
        let plugin = "janus.plugin.videoroom";
        id(&self.ask(json!({ "janus": "attach", "session_id": session, "plugin": plugin }))?)
    }

    fn publish(&mut self, handle: u64, offer: &str) -> Result<String> {
        let join = json!({ "request": "join", "ptype": "publisher", "room": ROOM });
        let joined = self.message(handle, &join, None)?;
        let publish = json!({ "request": "publish" });
        let published = self.message(handle, &publish, Some(json!({ "type": "offer", "sdp": offer })))?;
        let id = joined["plugindata"]["data"]["id"].as_u64().context("publishers have a number")?;
        let mids = offer.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(str::to_owned);
        self.feed = Some(Feed { id, mids: mids.collect() });
        description(&published)
    }

    /// Subscribes to the publisher, who is there some moments after it is connected.
    fn subscribe(&mut self, crowd: &mut Crowd, handle: u64, join: &Value) -> Result<Value> {
        let mut tries = SUBSCRIBE_TRIES_MAX;
        loop {
            match self.message(handle, join, None) {
                Err(_) if tries > 0 => crowd.rest()?,
                offered => return offered,
            }
            tries -= 1;
        }
    }

    /// Sends to the plug-in; the event that answers.
    fn message(&mut self, handle: u64, body: &Value, description: Option<Value>) -> Result<Value> {
        let mut request =
            json!({ "janus": "message", "session_id": self.session, "handle_id": handle, "body": body });
        if let Some(description) = description {
            request["jsep"] = description;
        }
        self.ask(request)
    }

    /// Sends a request and waits for what is not a mere acknowledgement.
    fn ask(&mut self, mut request: Value) -> Result<Value> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        request["transaction"] = json!(transaction);
        let mut frame = Vec::new();
        write_masked(&mut frame, Opcode::Text, request.to_string().as_bytes(), [1, 2, 3, 4]);
        self.socket.write_all(&frame)?;
        loop {
            let answer = self.read().context("Janus does not answer")?;
            if answer["transaction"] != json!(transaction) || answer["janus"] == "ack" {
                continue;
            }
            let data = &answer["plugindata"]["data"];
            if answer["janus"] == "error" || data.get("error").is_some() {
                bail!("Janus refuses: {answer}");
            }
            return Ok(answer);
        }
    }

    /// One message, in as many frames as it comes in (RFC 6455 §5.2); servers do not mask them.
    fn read(&mut self) -> Result<Value> {
        let mut message = Vec::new();
        loop {
            let mut head = [0; 2];
            self.socket.read_exact(&mut head)?;
            let mut length = [0; 8];
            let count = match head[1] {
                126 => 2,
                127 => 8,
                short => {
                    length[7] = short;
                    0
                }
            };
            self.socket.read_exact(&mut length[8 - count..])?;
            let start = message.len();
            message.resize(start + usize::try_from(u64::from_be_bytes(length))?, 0);
            self.socket.read_exact(&mut message[start..])?;
            if head[0] & FINAL != 0 {
                return Ok(serde_json::from_slice(&message)?);
            }
        }
    }
}

/// Waits for the server and upgrades.
fn connect(port: u16) -> Result<TcpStream> {
    let mut tries = PATIENCE.as_millis() / STEP.as_millis();
    let mut socket = loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(socket) => break socket,
            Err(_) => tries = tries.checked_sub(1).context("Janus does not start")?,
        }
        std::thread::sleep(STEP);
    };
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    socket.write_all(HANDSHAKE.as_bytes())?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        head.extend(byte);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("Janus answers {}", String::from_utf8_lossy(&head));
    }
    Ok(socket)
}

impl Server for Janus {
    fn id(&self) -> u32 {
        self.child.id()
    }

    fn join(&mut self, crowd: &mut Crowd, plan: &Plan, index: usize) -> Result<()> {
        let handle = self.attach()?;
        let config = crowd.config(index, 0, 0);
        let Some(feed) = self.feed.clone() else {
            let (mut client, offer) = Client::new(config, crowd.now());
            client.answer(&self.publish(handle, &offer)?)?;
            crowd.set(index, client);
            return Ok(());
        };
        let mid = &feed.mids[usize::from(plan.voices == 0)];
        let streams = json!([{ "feed": feed.id, "mid": mid }]);
        let join = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams });
        let offered = self.subscribe(crowd, handle, &join)?;
        let (client, answer) = Client::answering(config, &description(&offered)?, crowd.now())?;
        crowd.set(index, client);
        self.message(
            handle,
            &json!({ "request": "start" }),
            Some(json!({ "type": "answer", "sdp": answer })),
        )?;
        Ok(())
    }

    fn clients(&self) -> Ipv4Addr {
        CLIENTS
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A network that is all this machine, while it is there. Janus takes no clients from loopback addresses, and binds its
/// sockets to the device, so that only addresses of that device reach it and are reached.
struct Route {
    device: String,
}

/// Of RFC 2544, for benchmarks; a network of /16 follows.
const CLIENTS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

impl Route {
    /// **Errors**: without root, and on a machine without a network.
    fn add() -> Result<Self> {
        let listed =
            Command::new("ip").args(["-oneline", "-4", "address", "show", "scope", "global", "up"]).output();
        let listed = String::from_utf8(listed.context("iproute2 is installed")?.stdout)?;
        let device =
            listed.split_ascii_whitespace().nth(1).context("Janus needs a network device")?.to_owned();
        let route = Self { device };
        if route.change("replace")? {
            Ok(route)
        } else {
            bail!("only root can add the route for its clients")
        }
    }

    fn change(&self, verb: &str) -> Result<bool> {
        let network = format!("{CLIENTS}/16");
        let mut command = Command::new("ip");
        command.args(["route", verb, "local", &network, "dev", &self.device]).stderr(Stdio::null());
        Ok(command.status()?.success())
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        self.change("del").ok();
    }
}

fn id(answer: &Value) -> Result<u64> {
    answer["data"]["id"].as_u64().with_context(|| format!("no id in {answer}"))
}

fn description(answer: &Value) -> Result<String> {
    Ok(answer["jsep"]["sdp"].as_str().with_context(|| format!("no description in {answer}"))?.to_owned())
}

fn configure(home: &Path, device: &str, port: u16, event_loops: Option<u32>) -> Result<()> {
    let loops = event_loops.map_or(String::new(), |count| format!("event_loops = {count}"));
    let folder = home.display();
    let general = format!(
        "general: {{
    configs_folder = \"{folder}\"
    plugins_folder = \"{LIBRARIES}/plugins\"
    transports_folder = \"{LIBRARIES}/transports\"
    events_folder = \"{LIBRARIES}/events\"
    loggers_folder = \"{LIBRARIES}/loggers\"
    debug_level = 2
    session_timeout = 0
    {loops}
}}
nat: {{
    full_trickle = false
    ice_enforce_list = \"{device}\"
}}
plugins: {{ disable = \"{}\" }}
transports: {{ disable = \"{}\" }}
",
        others("plugins", "libjanus_videoroom.so")?,
        others("transports", "libjanus_websockets.so")?,
    );
    fs::write(home.join("janus.jcfg"), general)?;
    let transport =
        format!("general: {{ json = \"compact\", ws = true, ws_port = {port}, ws_ip = \"127.0.0.1\" }}\n");
    fs::write(home.join("janus.transport.websockets.jcfg"), transport)?;
    Ok(fs::write(home.join("janus.plugin.videoroom.jcfg"), "general: { }\n")?)
}

/// All libraries of a kind but one.
fn others(kind: &str, wanted: &str) -> Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new(LIBRARIES).join(kind)).context("Janus is installed")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|end| end == "so") && name != wanted {
            names.push(name);
        }
    }
    Ok(names.join(","))
}
