//! The first message of a socket: a new session, or one that goes on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Notify;
use trunkline_calling_wire::client::{Hello, Resume};
use trunkline_calling_wire::envelope::CLIENT_BYTES_MAX;
use trunkline_calling_wire::server::{Bye, Limits, Resumed, Welcome};
use trunkline_calling_wire::{ClientMessage, IceServer, ServerMessage, body_of, is_id, read_head};
use trunkline_kernel::ResourceId;
use trunkline_web::ResourceView;

use super::TOO_LARGE;
use super::conversation::SecretHash;
use super::hub::{restarting, unknown_session};
use super::session::{Identity, RESUME_FOR, Session, SocketNumber, malformed};
use crate::CallingService;
use crate::actor::notices::millis;
use crate::operations::RESOURCE;
use crate::registry::Owner;
use crate::rules::Reason;

/// The version of the protocol.
const VERSION: u32 = 1;
/// How often a client asks whether the server is there.
const PING: Duration = Duration::from_secs(10);
/// How long the credentials of relays are good: longer than the longest call's media path changes.
const RELAY_FOR: Duration = Duration::from_hours(24);
/// Names of people and programs, in characters.
const NAME_CHARS_MAX: usize = 256;

/// A session on a socket.
pub(super) struct Opened {
    pub(super) session: Arc<Session>,
    pub(super) number: SocketNumber,
    pub(super) writable: Arc<Notify>,
    /// What goes out first.
    pub(super) greeting: String,
}

/// Why none is opened.
pub(super) enum Refused {
    /// Another node has the resource.
    Elsewhere(String),
    /// The client is told why.
    Bye(Bye),
}

impl From<Bye> for Refused {
    fn from(bye: Bye) -> Self {
        Self::Bye(bye)
    }
}

/// Opens or resumes a session as the first message says.
pub(super) async fn open(
    service: &Arc<CallingService>,
    resource: &Arc<ResourceView>,
    address: Option<IpAddr>,
    first: &str,
) -> Result<Opened, Refused> {
    if service.hub.is_leaving() {
        return Err(restarting().into());
    }
    if first.len() > CLIENT_BYTES_MAX {
        return Err(too_large().into());
    }
    let head = read_head(first).map_err(malformed)?;
    let kind = head.t.unwrap_or_default();
    match ClientMessage::read(&kind, first) {
        Ok(ClientMessage::Hello(hello)) => begin(service, resource, hello).await,
        Ok(ClientMessage::Resume(resume)) => go_on(service, address, resume).await.map_err(Refused::Bye),
        _ => Err(malformed("The first message is hello or resume.").into()),
    }
}

/// The goodbye to a client whose message is too large.
pub(super) fn too_large() -> Bye {
    Bye {
        code: TOO_LARGE,
        reason: format!("A message has at most {CLIENT_BYTES_MAX} bytes."),
        retry: false,
        retry_after_ms: None,
    }
}

async fn begin(
    service: &Arc<CallingService>,
    resource: &Arc<ResourceView>,
    hello: Hello,
) -> Result<Opened, Refused> {
    check(&hello)?;
    let token = service.verify(&hello.token, resource).await?;
    let own = service.registry.own(Arc::clone(resource)).await;
    match own.map_err(|_| restarting())? {
        Owner::Here => {}
        Owner::There { url } => return Err(Refused::Elsewhere(signalling_at(&url, resource.id))),
    }
    let (parts, now) = (&service.parts, service.parts.clock.monotonic());
    let secret = draw_secret(service);
    let identity = Identity {
        endpoint: service.hub.next_endpoint(),
        id: format!("s-{}", parts.entropy.uuid().simple()).into(),
        resource: Arc::clone(resource),
        user: Arc::clone(&token.token.raw_id),
        name: hello.display_name,
        agent: format!("{}/{} {}", hello.client.name, hello.client.version, hello.client.agent).into(),
        wants_rings: hello.wants.iter().any(|wanted| wanted == "ring"),
    };
    let (id, user, token_ends) = (identity.id.to_string(), identity.user.to_string(), token.expires);
    let session = Arc::new(Session::new(identity, hash(&secret), token, now));
    let (number, writable) = session.attach(now);
    let settings = &parts.settings;
    let displaced = service.hub.add(&session, settings.sessions_max, settings.sessions_per_user);
    if let Some(displaced) = displaced.map_err(Bye::from)? {
        let bye = unknown_session("Another session of the user took its place.");
        service.end_session(&displaced, bye, Some(Reason::CLOSED));
    }
    let welcome = ServerMessage::Welcome(Box::new(Welcome {
        v: VERSION,
        ice_servers: relays(service, &session),
        session: id,
        resume: secret,
        resume_for_s: RESUME_FOR.as_secs(),
        rejoin_for_s: settings.rejoin.as_secs(),
        user,
        now: millis(parts.clock.now()),
        ping_s: PING.as_secs(),
        token_ends: millis(token_ends),
        limits: Limits {
            participants: u32::try_from(settings.participants_max).unwrap_or(u32::MAX),
            message_bytes: CLIENT_BYTES_MAX,
        },
    }));
    // Whoever let go of the resource between the look above and now has not seen the session.
    if service.registry.lease(resource.id).is_none() {
        service.hub.remove(&session);
        return Err(unknown_session("The calls of the resource are on another node now.").into());
    }
    service.hub.ring_at(&session);
    Ok(Opened { session, number, writable, greeting: format!("{{{}", body_of(&welcome)) })
}

/// Whether a text can be a name. The database takes no U+0000.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_CHARS_MAX && !text.contains('\0')
}

fn check(hello: &Hello) -> Result<(), Bye> {
    if !hello.v.contains(&VERSION) {
        return Err(malformed("This server speaks version 1."));
    }
    if !is_id(&hello.device) {
        return Err(malformed("'device' has 1 to 64 characters A-Z, a-z, 0-9, _ and -."));
    }
    let texts = [&hello.display_name, &hello.client.name, &hello.client.version, &hello.client.agent];
    if !texts.into_iter().all(|text| is_name(text)) {
        return Err(malformed("A name has at most 256 characters, and none is U+0000."));
    }
    Ok(())
}

async fn go_on(
    service: &Arc<CallingService>,
    address: Option<IpAddr>,
    resume: Resume,
) -> Result<Opened, Bye> {
    let hub = &service.hub;
    let unknown = || unknown_session("There is no such session any more.");
    // No guess: after a restart everybody behind one address asks for sessions that are gone.
    let session = hub.find_by_id(&resume.session).filter(|session| !session.is_over()).ok_or_else(unknown)?;
    if !hub.may_guess(address) {
        return Err(super::session::too_many("Too many wrong secrets came from this address."));
    }
    let (next, now) = (draw_secret(service), service.parts.clock.monotonic());
    let resumed = session.resume(&hash(&resume.resume), resume.a, hash(&next), now);
    // Not even that it is there is told to whoever does not know the secret.
    let (number, writable, received) = resumed.map_err(|_| {
        hub.guessed_wrong(address);
        unknown()
    })?;
    if let Some(token) = &resume.token
        && let Err(bye) = service.renew_token(&session, token).await
    {
        session.detach(number, now);
        return Err(bye);
    }
    if session.take_loss_told() {
        service.registry.endpoint_back(session.identity.endpoint);
    }
    hub.metrics.resumed.inc();
    let message = ServerMessage::Resumed(Resumed {
        resume: next,
        resume_for_s: session.resume_for(service.parts.settings.rejoin).as_secs(),
        ice_servers: relays(service, &session),
    });
    let greeting = format!("{{\"a\":{received},{}", body_of(&message));
    Ok(Opened { session, number, writable, greeting })
}

fn relays(service: &CallingService, session: &Session) -> Vec<IceServer> {
    let (identity, parts) = (&session.identity, &service.parts);
    parts.relay.issue(identity.resource.id, &identity.user, RELAY_FOR, parts.clock.now())
}

/// Where signalling of a resource is on the node with this origin, whose host need not be a name of the resource.
fn signalling_at(origin: &str, resource: ResourceId) -> String {
    let socket = origin.strip_prefix("http").map_or_else(|| origin.to_owned(), |rest| format!("ws{rest}"));
    format!("{}/calling/signalling?{}={resource}", socket.trim_end_matches('/'), RESOURCE.name)
}

/// 256 random bits as text.
fn draw_secret(service: &CallingService) -> String {
    let mut bytes = [0; 32];
    service.parts.entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 of a secret.
pub(super) fn hash(secret: &str) -> SecretHash {
    digest(&SHA256, secret.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
