//! A server that speaks just enough: connections that a test pushes frames into, and notes of what it heard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use trunkline_kernel::Timestamp;
use trunkline_kernel::limits::LimitSet;
use trunkline_net::websocket::{self, Bounds, Event, NORMAL, Role, Socket, write_text_header};
use trunkline_tasks::Tasks;
use trunkline_web::ports::{PortFuture, VerifyBearer};
use trunkline_web::{
    Allow, ApiError, Context, Method, Operation, Principal, Reply, RequestBody, ResourceView, Routes,
};

use super::super::{Origin, listen};
use super::DEADLINE;
use crate::app::{FixedResources, TestApp, settings};
use crate::database::TestStore;

const USER: &[Allow] = &[Allow::User(&["chat"])];

const fn skype(id: &'static str, method: Method, path: &'static str) -> Operation {
    Operation {
        token_header: Some("x-skypetoken"),
        body: RequestBody::Text,
        ..Operation::own(id, method, path, USER)
    }
}

static CONFIGURATION: Operation =
    Operation::own("Configuration", Method::Get, "/chat/config/realTimeNotifications", USER);
static ALLOCATE: Operation = skype("Allocate", Method::Post, "/trouter/v4/a");
static ALLOCATE_AGAIN: Operation = skype("AllocateAgain", Method::Post, "/v4/a");
static HANDSHAKE: Operation = skype("Handshake", Method::Get, "/socket.io/1/");
static CONNECT: Operation =
    Operation::own("Connect", Method::Get, "/socket.io/1/websocket/{sid}", &[Allow::Anyone]);
static POLL: Operation = skype("Poll", Method::Get, "/socket.io/1/xhr-polling/{sid}");
static POLL_SEND: Operation = skype("PollSend", Method::Post, "/socket.io/1/xhr-polling/{sid}");
static REGISTER: Operation = skype("Register", Method::Post, "/registrar/v3/registrations");
static UNREGISTER: Operation = skype("Unregister", Method::Delete, "/registrar/v3/registrations/{epid}");

/// Any token is the same user's.
struct OneUser;

impl VerifyBearer for OneUser {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let user = || Principal::User {
            raw_id: "8:acs:r_u".into(),
            scopes: ["chat".to_owned()].into(),
            expires: Timestamp::EPOCH,
            generation: 1,
            access_key: None,
        };
        let found = token.starts_with("token").then(user);
        Box::pin(async move { Ok(found) })
    }
}

/// The frame of a delivery.
pub(super) fn delivery(id: u64) -> String {
    let body =
        json!({ "eventId": 200, "senderId": "8:acs:a", "recipientMri": "8:acs:b", "messageBody": "hällo" });
    let request = json!({
        "id": id, "method": "POST", "url": "/v4/f/trunkline/", "headers": {}, "body": body.to_string(),
    });
    format!("3:::{request}")
}

/// Frames on their way to one connection.
struct Line {
    frames: Option<mpsc::Sender<String>>,
    // Held by whoever serves the connection.
    receiver: Arc<AsyncMutex<mpsc::Receiver<String>>>,
}

#[derive(Default)]
struct Notes {
    lines: Vec<Line>,
    allocations: Vec<String>,
    registrations: Vec<String>,
    refuses_sockets: bool,
    greeting: Vec<String>,
}

/// The server.
pub(super) struct Mock {
    // Guards the notes: held for a few statements.
    notes: Mutex<Notes>,
    said: watch::Sender<Vec<String>>,
    tasks: Tasks,
}

impl Mock {
    pub(super) async fn start(tasks: &Tasks) -> (Arc<Self>, Origin) {
        let mock =
            Arc::new(Self { notes: Mutex::default(), said: watch::Sender::default(), tasks: tasks.clone() });
        let routes = Routes::new()
            .add(&CONFIGURATION, &mock, |_, context| async move { Ok(configuration(&context)) })
            .add(&ALLOCATE, &mock, |mock, context| async move { Ok(mock.allocate(&context)) })
            .add(&ALLOCATE_AGAIN, &mock, |mock, context| async move { Ok(mock.allocate(&context)) })
            .add(&HANDSHAKE, &mock, |mock, _| async move { Ok(mock.handshake()) })
            .add(&CONNECT, &mock, |mock, context| async move { mock.connect(context) })
            .add(&POLL, &mock, |mock, context| async move { Ok(mock.poll(&context).await) })
            .add(&POLL_SEND, &mock, |mock, context| async move { Ok(mock.poll_send(&context)) })
            .add(&REGISTER, &mock, |mock, context| async move { Ok(mock.register(&context)) })
            .add(&UNREGISTER, &mock, |mock, context| async move { Ok(mock.unregister(&context)) });
        let app = TestApp::new(
            TestStore::ephemeral(&[]).await,
            routes,
            Arc::new(FixedResources::default()),
            vec![Arc::new(OneUser)],
            settings(LimitSet::Generous),
        );
        let origin = listen(&Arc::new(app), tasks).await;
        (mock, origin)
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame over the connection with that number.
    pub(super) async fn push(&self, connection: usize, text: &str) {
        let frames = self.notes().lines[connection].frames.clone().expect("it has not ended");
        frames.send(text.to_owned()).await.expect("somebody serves the connection");
    }

    /// Ends a connection.
    pub(super) fn end(&self, connection: usize) {
        self.notes().lines[connection].frames = None;
    }

    /// Sends a frame together with the word that a connection stands.
    pub(super) fn greet_with(&self, text: &str) {
        self.notes().greeting.push(text.to_owned());
    }

    pub(super) fn refuse_sockets(&self) {
        self.notes().refuses_sockets = true;
    }

    pub(super) fn allocations(&self) -> Vec<String> {
        self.notes().allocations.clone()
    }

    pub(super) fn registrations(&self) -> Vec<String> {
        self.notes().registrations.clone()
    }

    /// Waits until what the clients said is as `expected`.
    pub(super) async fn until(&self, expected: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut said = self.said.subscribe();
        let reached = tokio::time::timeout(DEADLINE, said.wait_for(|said| expected(said))).await;
        reached.expect("the clients say it in time").expect("the server is there").clone()
    }

    fn heard(&self, text: String) {
        self.said.send_modify(|said| said.push(text));
    }

    fn allocate(&self, context: &Context) -> Reply {
        let query: Vec<String> =
            context.query_pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let target = format!("{}?{}", context.operation.path, query.join("&"));
        self.notes().allocations.push(target);
        let origin = context.origin();
        let parameters =
            json!({ "sr": "a", "issuer": "t", "sp": "connect", "se": "99", "st": "1", "sig": "c2ln" });
        let allocation = json!({
            "socketio": format!("{origin}/"), "surl": format!("{origin}/v4/f/trunkline/"),
            "url": format!("{origin}/v4/f/trunkline/"), "ttl": "3600", "id": "guid", "ccid": "x",
            "connectparams": parameters,
        });
        Reply::json(StatusCode::OK, &allocation)
    }

    fn handshake(&self) -> Reply {
        let (frames, receiver) = mpsc::channel(64);
        let mut notes = self.notes();
        notes.lines.push(Line { frames: Some(frames), receiver: Arc::new(AsyncMutex::new(receiver)) });
        Reply::text(StatusCode::OK, format!("{}:60:65:websocket,xhr-polling", notes.lines.len() - 1))
    }

    fn line(&self, context: &Context) -> Arc<AsyncMutex<mpsc::Receiver<String>>> {
        let index: usize = context.path("sid").parse().expect("the session id is a number");
        Arc::clone(&self.notes().lines[index].receiver)
    }

    fn connect(self: Arc<Self>, mut context: Context) -> Result<Reply, ApiError> {
        if self.notes().refuses_sockets {
            return Err(ApiError::forbidden("Sockets are refused in this test."));
        }
        let headers = websocket::accept(context.headers())
            .map_err(|cause| ApiError::new(cause.status(), "UpgradeRequired", cause.to_string()))?;
        let upgrade =
            context.take_upgrade().ok_or_else(|| ApiError::forbidden("This cannot be upgraded."))?;
        let line = self.line(&context);
        let tasks = self.tasks.clone();
        tasks.spawn_quiet(async move {
            let upgraded = upgrade.await.expect("the client takes the answer");
            self.serve(TokioIo::new(upgraded), &mut *line.lock().await).await;
        });
        Ok(Reply::switching(headers))
    }

    async fn serve(&self, stream: TokioIo<hyper::upgrade::Upgraded>, frames: &mut mpsc::Receiver<String>) {
        let bounds = Bounds { frame_bytes_max: 65_536, message_bytes_max: 65_536 };
        let mut socket = Socket::new(stream, Role::Server, bounds);
        let mut answers = vec![
            "1::".to_owned(),
            "5:::{\"name\":\"trouter.connected\",\"args\":[{\"ttl\":3600}]}".to_owned(),
        ];
        answers.extend(self.notes().greeting.clone());
        loop {
            let mut out = Vec::new();
            for text in answers.drain(..) {
                write_text_header(&mut out, text.len());
                out.extend_from_slice(text.as_bytes());
            }
            if socket.write_all(&out, DEADLINE).await.is_err() {
                return;
            }
            let mut heard = Vec::new();
            let mut listen = |event: Event<'_>| {
                if let Event::Text(text) = event {
                    heard.push(text.into_owned());
                }
            };
            tokio::select! {
                frame = frames.recv() => match frame {
                    Some(text) => answers.push(text),
                    None => return socket.close(NORMAL, Duration::from_secs(1)).await,
                },
                open = socket.read_events(&mut listen) => {
                    if !matches!(open, Ok(true)) {
                        return;
                    }
                }
            }
            for text in heard {
                answers.extend(answer(&text));
                self.heard(text);
            }
        }
    }

    async fn poll(&self, context: &Context) -> Reply {
        if context.query("connected").is_none() {
            return Reply::text(StatusCode::OK, "1::".to_owned());
        }
        let line = self.line(context);
        let mut frames = line.lock().await;
        let mut batch = Vec::new();
        frames.recv_many(&mut batch, 8).await;
        let text = match batch.as_slice() {
            [one] => one.clone(),
            several => several
                .iter()
                .map(|text| format!("\u{fffd}{}\u{fffd}{text}", text.encode_utf16().count()))
                .collect(),
        };
        Reply::text(StatusCode::OK, text)
    }

    fn poll_send(&self, context: &Context) -> Reply {
        self.heard(String::from_utf8(context.body().to_vec()).expect("frames are text"));
        Reply::text(StatusCode::OK, "1".to_owned())
    }

    fn register(&self, context: &Context) -> Reply {
        let body = String::from_utf8(context.body().to_vec()).expect("a registration is text");
        self.notes().registrations.push(body);
        Reply::empty(StatusCode::ACCEPTED)
    }

    fn unregister(&self, context: &Context) -> Reply {
        self.notes().registrations.push(format!("DELETE {}", context.path("epid")));
        Reply::empty(StatusCode::OK)
    }
}

fn configuration(context: &Context) -> Reply {
    let origin = context.origin();
    let configuration = json!({
        "trouterServiceUrl": format!("{origin}/trouter"), "registrarServiceUrl": format!("{origin}/registrar"),
        "cloudType": "public",
    });
    Reply::json(StatusCode::OK, &configuration)
}

/// What an event with a number is answered with.
fn answer(text: &str) -> Option<String> {
    let (number, _) = text.strip_prefix("5:")?.split_once("+::")?;
    Some(format!("6:::{number}+[]"))
}
