//! Making a connection, request by request, with what the SDK sends and what it insists on.

use serde_json::{Value, json};
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_net::websocket::{is_accepted, request_headers};
use trunkline_tasks::Tasks;
use trunkline_web::context::encode;

use super::client::{ChatClient, ClientError, Options, Transport};
use super::connection::{Connection, Polls};
use super::frames::Session;
use super::requests::{Requests, headers};

/// The name of the application in the registration, as the SDK has it for a public cloud.
const APPLICATION: &str = "AcsWeb";
const TEMPLATE: &str = "AcsWeb_Chat_2.1";

/// The paths behind the addresses that the configuration names.
#[derive(Clone)]
pub(super) struct Services {
    allocate: String,
    pub(super) registrar: String,
}

/// An allocation, as far as the client needs it.
struct Allocated {
    parameters: String,
    path: String,
}

/// What the requests of one connection need.
struct Opening {
    options: Options,
    tasks: Tasks,
}

impl ChatClient {
    /// Makes a connection from the first request to the registration.
    pub(super) async fn open(&mut self) -> Result<Connection, ClientError> {
        // Not the client itself is lent to what follows: its old connection cannot be shared between threads.
        let opening = Opening { options: self.options.clone(), tasks: self.tasks.clone() };
        let mut requests = opening.requests();
        let token = (self.options.token)();
        let services = match &self.services {
            Some(services) => services.clone(),
            None => configuration(&mut requests, &token).await?,
        };
        self.services = Some(services.clone());
        self.attempts += 1;
        let ids =
            format!("cor_id={}&con_num=1_{}&epid={}", self.options.epid, self.attempts, self.options.epid);
        let parameters = self.parameters.clone();
        let allocated = opening.allocate(&mut requests, (&services, parameters), &ids, &token).await?;
        let query = format!(
            "{}v=v4&tc={}&timeout=40&auth=true&{ids}&dom=localhost{}&t=1",
            allocated.parameters,
            encode("{\"cv\":\"2026.1\",\"hr\":\"\",\"v\":\"0.0.0\"}"),
            self.options.extra_query,
        );
        let target = format!("/socket.io/1/?{query}");
        let answer = requests.text("GET", &target, headers(&[("x-skypetoken", &token)]), "").await?;
        let wrong = || ClientError::Wrong { what: format!("the handshake {answer}") };
        let sid = answer.split(':').next().filter(|sid| !sid.is_empty()).ok_or_else(wrong)?;
        let connection = opening.join(requests, sid, &query, &token).await?;
        self.parameters = Some(allocated.parameters);
        self.connections += 1;
        if self.options.registers {
            opening.register(&services, &allocated.path, &token).await?;
        }
        Ok(connection)
    }
}

impl Opening {
    fn requests(&self) -> Requests {
        Requests::new(self.options.origin.clone(), self.tasks.clone())
    }

    async fn allocate(
        &self,
        requests: &mut Requests,
        (services, parameters): (&Services, Option<String>),
        ids: &str,
        token: &str,
    ) -> Result<Allocated, ClientError> {
        let target = match parameters {
            Some(parameters) => format!("/v4/a?{ids}&{parameters}v=v4"),
            None => format!("{}?{ids}", services.allocate),
        };
        let sent = headers(&[("x-skypetoken", token), ("content-type", "text/plain")]);
        let answer = requests.text("POST", &target, sent, "").await?;
        let wrong =
            |what: &str| ClientError::Wrong { what: format!("the allocation has no {what}: {answer}") };
        let allocated: Value = serde_json::from_str(&answer).map_err(|_| wrong("JSON"))?;
        let pairs = allocated["connectparams"].as_object().ok_or_else(|| wrong("connectparams"))?;
        let mut parameters = String::new();
        for (name, value) in pairs {
            let value = value.as_str().filter(|value| !value.contains(['=', '&']));
            let value = value.ok_or_else(|| wrong("parameters that can stand in an address"))?;
            parameters.push_str(&format!("{name}={value}&"));
        }
        let socket = allocated["socketio"].as_str().ok_or_else(|| wrong("socketio"))?;
        if path_of(socket) != "/" {
            return Err(wrong("empty path in socketio"));
        }
        let path = allocated["surl"].as_str().ok_or_else(|| wrong("surl"))?.to_owned();
        Ok(Allocated { parameters, path })
    }

    /// Upgrades, or polls where that is asked for or refused.
    async fn join(
        &self,
        mut requests: Requests,
        sid: &str,
        query: &str,
        token: &str,
    ) -> Result<Connection, ClientError> {
        let now = SystemClock.monotonic();
        if self.options.transport == Transport::WebSocket {
            let nonce = *b"a nonce of tests";
            let target = format!("/socket.io/1/websocket/{sid}?{query}");
            let answer = requests.send("GET", &target, request_headers(nonce), "").await?;
            if is_accepted(answer.status(), answer.headers(), nonce) {
                let upgraded = hyper::upgrade::on(answer).await;
                let upgraded = upgraded.map_err(|cause| ClientError::gone("the upgrade", &cause))?;
                requests.forget();
                return Ok(Connection::web(upgraded, Session::new(true, self.options.answers, now)));
            }
        }
        let target = format!("/socket.io/1/xhr-polling/{sid}?{query}");
        let polls = Polls::new(self.options.origin.clone(), self.tasks.clone(), target, token.to_owned());
        Ok(Connection::polls(polls, Session::new(false, self.options.answers, now)))
    }

    async fn register(&self, services: &Services, path: &str, token: &str) -> Result<(), ClientError> {
        let body = json!({
            "clientDescription": {
                "appId": APPLICATION, "aesKey": "", "languageId": "en-US", "platform": "SPOOL",
                "templateKey": TEMPLATE, "platformUIVersion": "0.0.0",
            },
            "registrationId": self.options.epid,
            "nodeId": "",
            "transports": { "TROUTER": [{ "context": "", "path": path, "ttl": 3600 }] },
        });
        let target = format!("{}/v3/registrations", services.registrar);
        let sent = headers(&[("x-skypetoken", token), ("content-type", "application/json")]);
        self.requests().text("POST", &target, sent, body.to_string()).await.map(drop)
    }
}

async fn configuration(requests: &mut Requests, token: &str) -> Result<Services, ClientError> {
    let target = "/chat/config/realTimeNotifications?api-version=2024-09-01";
    let sent = headers(&[("authorization", &format!("Bearer {token}"))]);
    let answer = requests.text("GET", target, sent, "").await?;
    let configuration: Value = serde_json::from_str(&answer).unwrap_or_default();
    let path = |name: &str| {
        let found = configuration[name].as_str().filter(|address| !address.is_empty()).map(path_of);
        found.ok_or_else(|| ClientError::Wrong { what: format!("a configuration without {name}: {answer}") })
    };
    let (trouter, registrar) = (path("trouterServiceUrl")?, path("registrarServiceUrl")?);
    Ok(Services { allocate: format!("{trouter}/v4/a"), registrar: registrar.to_owned() })
}

/// The path of an absolute address.
fn path_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}
